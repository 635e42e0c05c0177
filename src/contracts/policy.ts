// Documents of hs.policies: HealPolicy (when to do what), DetectorSet and GuardSet (limits by
// service), AlertPolicy (whom to tell what), and the bare JSON of S0-41; one file per kind. Parsing
// gives plain values in milliseconds or problems with a path; `config/policy-file.ts` turns a path
// into file, line and column. The JSON Schema of each kind is published from here.
import * as z from 'zod'
import { ALERT_POLICY, type AlertPolicy } from './alert-policy.ts'
import { DETECTOR_SET, type DetectorSet } from './detector-set.ts'
import { GUARD_SET, type GuardSet } from './guard-set.ts'
import { BARE_POLICY, HEAL_POLICY, type HealPolicy } from './heal-policy.ts'
import { apiVersion, type Kind, type Parsed } from './policy-fields.ts'
import { documentProblems } from './policy-problem.ts'

export const POLICY_KINDS = ['HealPolicy', 'DetectorSet', 'GuardSet', 'AlertPolicy'] as const
export type DocumentKind = (typeof POLICY_KINDS)[number]

export type PolicyDocument = HealPolicy | DetectorSet | GuardSet | AlertPolicy
export type ParsedPolicy = Parsed<PolicyDocument>

const KINDS: Readonly<Record<DocumentKind, Kind<PolicyDocument>>> = {
  HealPolicy: HEAL_POLICY,
  DetectorSet: DETECTOR_SET,
  GuardSet: GUARD_SET,
  AlertPolicy: ALERT_POLICY,
}

/** What every document has, whatever else is wrong with it. */
const HEAD = z.looseObject({ apiVersion, kind: z.enum(POLICY_KINDS) })

/** JSON Schema (2020-12) of a kind, for editors. */
export function policyJsonSchema(kind: DocumentKind): unknown {
  return KINDS[kind].jsonSchema()
}

/**
 * One document. `defaultName` names a bare one without a name. The trigger is text here; the core
 * compiles it.
 */
export function parsePolicy(value: unknown, defaultName: string = 'heal-policy'): ParsedPolicy {
  const kind = fieldOf(value, 'kind')
  if (kind === undefined && fieldOf(value, 'trigger') !== undefined) {
    return BARE_POLICY.parse(value, defaultName)
  }
  const known = POLICY_KINDS.find((name) => name === kind)
  if (known !== undefined) return KINDS[known].parse(value, defaultName)
  const issues = HEAD.safeParse(value).error?.issues ?? []
  const problems = documentProblems(issues, value, z.toJSONSchema(HEAD, { io: 'input' }))
  return { ok: false, problems }
}

function fieldOf(value: unknown, key: string): unknown {
  return typeof value === 'object' && value !== null && Object.hasOwn(value, key)
    ? Reflect.get(value, key)
    : undefined
}
