// The documents in force: one version per kind and name, taken from records of hs.policies. A
// record that is older, repeated or wrong changes nothing; a wrong one is told about.
import { policyName } from '../../contracts/ids.ts'
import { DETECTOR_DEFAULTS, GUARD_DEFAULTS } from '../../contracts/limits.ts'
import type { DetectorLimits, GuardLimits } from '../../contracts/limits.ts'
import { limitOfJudgement } from '../../contracts/guard-set.ts'
import type { AlertPolicy } from '../../contracts/alert-policy.ts'
import { fieldOfJudgement, type HealPolicy } from '../../contracts/heal-policy.ts'
import { gatesOf } from '../../contracts/plan.ts'
import type { DetectorSet } from '../../contracts/detector-set.ts'
import { type DetectorSettings, merged } from '../../contracts/detector-settings.ts'
import type { GuardSet } from '../../contracts/guard-set.ts'
import { parsePolicy, type PolicyDocument } from '../../contracts/policy.ts'
import { selects } from '../../contracts/policy-fields.ts'
import type { PolicyRecord, PolicyRef } from '../../contracts/records.ts'
import { decodeUtf8, encodeUtf8, utf8Size } from '../../contracts/utf8.ts'
import { AssertionError } from '../kernel/assert.ts'
import { BEHAVIOUR_JUDGEMENT, BEHAVIOUR_LATEST } from '../kernel/behaviour.ts'
import { hex } from '../kernel/canonical.ts'
import type { ImageReader, ImageWriter } from '../kernel/image.ts'
import { sortedKeys } from '../kernel/order.ts'
import { compilePolicy } from './compile-policy.ts'
import { compileTrigger } from './expression.ts'
import { FACTS } from './fact-table.ts'
import { planProblem } from './plan-lint.ts'
import type { Trigger } from './trigger.ts'

/** A larger document does not come into force. */
export const DOCUMENT_BYTES_MAX = 262_144

/** A heal policy ready to be asked. */
export interface ReadyPolicy {
  readonly policy: HealPolicy
  readonly ref: PolicyRef
  readonly trigger: Trigger
  /** Of its plan, by their text. */
  readonly gates: ReadonlyMap<string, Trigger>
}

export interface AlertPolicyInForce {
  readonly policy: AlertPolicy
  readonly ref: PolicyRef
}

interface Held {
  readonly version: number
  readonly sha256: string
  /** null: taken out of force; the version stays, so that an older record does not come back. */
  readonly document: PolicyDocument | null
  /** The document as it was written; empty: taken out of force. */
  readonly source: Uint8Array
  readonly ready: ReadyPolicy | null
}

export interface Documents {
  /** By kind and name. */
  readonly held: Map<string, Held>
  /** Resolved limits by service, emptied with every change. */
  readonly detectors: Map<string, DetectorLimits>
  readonly guards: Map<string, GuardLimits>
  /** Heal policies in force, in order of name; null = to be made anew. */
  policies: readonly ReadyPolicy[] | null
  /** Names of those whose plan is of a service as a whole; null = to be made anew. */
  whole: ReadonlySet<string> | null
}

export function newDocuments(): Documents {
  return { held: new Map(), detectors: new Map(), guards: new Map(), policies: null, whole: null }
}

const KINDS = { HealPolicy: true, DetectorSet: true, GuardSet: true, AlertPolicy: true } as const

/** What a record did: nothing (old, or of another kind), changed something, or was refused. */
export type DocumentChange =
  | { readonly done: 'ignored' }
  | { readonly done: 'changed' }
  | { readonly done: 'refused'; readonly problem: string; readonly inForce: number | null }

/** What a document is taken by: the hash of its record, and the behaviour in force. */
export interface TakenBy {
  readonly sha256: (bytes: Uint8Array) => Uint8Array
  readonly behaviour: number
}

export function applyDocument(
  documents: Documents,
  record: PolicyRecord,
  by: TakenBy,
): DocumentChange {
  if (!Object.hasOwn(KINDS, record.kind)) return { done: 'ignored' }
  if (record.kind === 'AlertPolicy' && by.behaviour < BEHAVIOUR_JUDGEMENT)
    return { done: 'ignored' }
  const key = `${record.kind}/${record.name}`
  const before = documents.held.get(key)
  if (before !== undefined && record.version <= before.version) return { done: 'ignored' }
  const taken = take(record, by)
  if (typeof taken === 'string') {
    const inForce = before?.document === undefined ? null : before.version
    return { done: 'refused', problem: taken, inForce }
  }
  documents.held.set(key, taken)
  documents.detectors.clear()
  documents.guards.clear()
  documents.policies = null
  documents.whole = null
  return { done: 'changed' }
}

const TAKEN_OUT = { sha256: '', document: null, source: new Uint8Array(0), ready: null }

type Written = Pick<PolicyRecord, 'kind' | 'name' | 'version' | 'deleted' | 'document' | 'sha256'>

/** The document of a record, or why it cannot come into force. */
function take(record: Written, { sha256, behaviour }: TakenBy): Held | string {
  const { version, name, kind } = record
  if (!Number.isSafeInteger(version) || version < 1)
    return `version ${version} is not a count from 1`
  if (record.deleted) return { version, ...TAKEN_OUT }
  const size = utf8Size(record.document)
  if (size > DOCUMENT_BYTES_MAX) return `${size} bytes, at most ${DOCUMENT_BYTES_MAX} are allowed`
  const source = encodeUtf8(record.document)
  const digest = hex(sha256(source))
  if (digest !== record.sha256) return `its SHA-256 is ${digest}, the record says ${record.sha256}`
  let value: unknown
  try {
    value = JSON.parse(record.document)
  } catch {
    return 'it is not JSON'
  }
  const parsed = parsePolicy(value, name)
  if (!parsed.ok) {
    const [first] = parsed.problems
    const field = [...(first?.path ?? []), ...(first?.key === null ? [] : [first?.key])].join('.')
    return `${field}: found ${first?.found}, expected ${first?.expected}`
  }
  const { document } = parsed
  if (document.kind !== kind || document.name !== name) {
    return `it is ${document.kind} "${document.name}", the record says ${kind} "${name}"`
  }
  const held = { version, sha256: digest, document, source }
  if (document.kind === 'GuardSet' && behaviour < BEHAVIOUR_JUDGEMENT) {
    const limit = limitOfJudgement(document)
    if (limit !== null) return `spec.${limit}: behaviour ${behaviour} does not know it`
  }
  const isNew = document.kind === 'DetectorSet' && Object.keys(document.detectors).length > 0
  if (isNew && behaviour < BEHAVIOUR_JUDGEMENT) {
    return `spec.detectors: behaviour ${behaviour} does not know it`
  }
  if (document.kind !== 'HealPolicy') return { ...held, ready: null }
  const field = behaviour < BEHAVIOUR_JUDGEMENT ? fieldOfJudgement(document) : null
  if (field !== null) return `spec.${field}: behaviour ${behaviour} does not know it`
  const compiled = compilePolicy(document)
  if (!compiled.ok) return `spec.trigger: ${compiled.problem.message}`
  const fact = behaviour < BEHAVIOUR_JUDGEMENT ? newFactOf(compiled.trigger) : null
  if (fact !== null) return `spec.trigger: there is no fact "${fact}"`
  const problem = planProblem(document.plan)
  if (problem !== null) return `${problem.field} ${problem.text}: ${problem.message}`
  const gates = new Map<string, Trigger>()
  for (const text of gatesOf(document.plan)) {
    const gate = compileTrigger(text)
    if (gate.ok) gates.set(text, gate.trigger)
  }
  const ref: PolicyRef = { name, version, sha256: digest }
  return { ...held, ready: { policy: document, ref, trigger: compiled.trigger, gates } }
}

/** A fact that the trigger reads and behaviours before judgement do not know, or null. */
function newFactOf({ clauses }: Trigger): string | null {
  const facts = clauses.flatMap((clause) => clause.facts)
  return facts.find((fact) => FACTS[fact].isNew === true) ?? null
}

/** Alert policies in force, in order of name. */
export function alertPoliciesInForce(documents: Documents): readonly AlertPolicyInForce[] {
  return sortedKeys(documents.held).flatMap((key) => {
    const held = documents.held.get(key)
    const document = held?.document ?? null
    if (held === undefined || document?.kind !== 'AlertPolicy') return []
    const { version, sha256 } = held
    return [{ policy: document, ref: { name: document.name, version, sha256 } }]
  })
}

/** Heal policies in force, in order of name. */
export function policiesInForce(documents: Documents): readonly ReadyPolicy[] {
  documents.policies ??= sortedKeys(documents.held).flatMap((key) => {
    const ready = documents.held.get(key)?.ready ?? null
    return ready === null ? [] : [ready]
  })
  return documents.policies
}

/** The policy as it was when the plan began; null when it is not in force any more. */
export function policyAt({ held }: Documents, { name, version }: PolicyRef): ReadyPolicy | null {
  const found = held.get(`HealPolicy/${name}`)
  return found?.version === version ? found.ready : null
}

/** Names of the policies whose plan is of a service as a whole. */
export function wholePolicies(documents: Documents): ReadonlySet<string> {
  documents.whole ??= new Set(
    policiesInForce(documents).flatMap(({ policy, ref }) => {
      return policy.plan.target === 'service' ? [ref.name] : []
    }),
  )
  return documents.whole
}

/** Heal policies in force that select the service, in order of name. */
export function policiesOf(documents: Documents, service: string): readonly ReadyPolicy[] {
  const all = policiesInForce(documents)
  if (all.length === 0) return all
  return all.filter(({ policy }) => selects(policy.services, service))
}

/**
 * Limits of a service: the defaults, then every set for all services (`*`), then every set that
 * names it, each group in order of name; the later one wins.
 */
function resolve<L extends object>(
  documents: Documents,
  kind: 'DetectorSet' | 'GuardSet',
  { service, defaults }: { service: string; defaults: L },
): L {
  const limits = { ...defaults }
  for (const set of setsOf(documents, service))
    if (set.kind === kind) Object.assign(limits, set.limits)
  return limits
}

/** Detector and guard sets of a service, those that name it last. */
function setsOf(documents: Documents, service: string): readonly (DetectorSet | GuardSet)[] {
  const sets = sortedKeys(documents.held).flatMap((key) => {
    const document = documents.held.get(key)?.document ?? null
    const isSet = document?.kind === 'DetectorSet' || document?.kind === 'GuardSet'
    return isSet && selects(document.services, service) ? [document] : []
  })
  const named = sets.filter(({ services }) => services.includes(service))
  return [...sets.filter(({ services }) => !services.includes(service)), ...named]
}

/** Settings of the named detectors for a service, resolved as its limits are. */
export function detectorSettingsOf(documents: Documents, service: string): DetectorSettings {
  const sets = setsOf(documents, service)
  return merged(sets.flatMap((set) => (set.kind === 'DetectorSet' ? [set.detectors] : [])))
}

export function detectorLimitsOf(documents: Documents, service: string): DetectorLimits {
  const held = documents.detectors.get(service)
  if (held !== undefined) return held
  const limits = resolve(documents, 'DetectorSet', { service, defaults: DETECTOR_DEFAULTS })
  documents.detectors.set(service, limits)
  return limits
}

export function guardLimitsOf(documents: Documents, service: string): GuardLimits {
  const held = documents.guards.get(service)
  if (held !== undefined) return held
  const limits = resolve(documents, 'GuardSet', { service, defaults: GUARD_DEFAULTS })
  documents.guards.set(service, limits)
  return limits
}

/** Sources with their versions and hashes; everything else follows from them. */
export function saveDocuments(documents: Documents, to: ImageWriter): void {
  to.int(documents.held.size)
  for (const [key, { version, sha256, source, document }] of documents.held) {
    to.text(key)
      .int(version)
      .flag(document !== null)
    if (document !== null) to.text(document.kind).text(document.name).text(sha256).blob(source)
  }
}

/** Errors: AssertionError for a document that is none. */
export function loadDocuments(
  from: ImageReader,
  sha256: (bytes: Uint8Array) => Uint8Array,
): Documents {
  const documents = newDocuments()
  for (let left = from.count(); left > 0; left--) {
    const key = from.text()
    const version = from.int()
    documents.held.set(
      key,
      from.flag() ? loadHeld(version, from, sha256) : { version, ...TAKEN_OUT },
    )
  }
  return documents
}

function loadHeld(
  version: number,
  from: ImageReader,
  sha256: (bytes: Uint8Array) => Uint8Array,
): Held {
  const written = {
    version,
    kind: from.oneOf(KINDS),
    name: policyName(from.text()),
    sha256: from.text(),
    document: decodeUtf8(from.blob()),
    deleted: false,
  }
  // It came into force once; what was in force then does not matter any more.
  const held = take(written, { sha256, behaviour: BEHAVIOUR_LATEST })
  if (typeof held !== 'string') return held
  throw new AssertionError(`${written.kind} ${written.name} of the image: ${held}`)
}
