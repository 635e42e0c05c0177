// Documents of hs.policies: HealPolicy (when to do what), DetectorSet and GuardSet (limits by
// service), and the bare JSON of S0-41. Parsing gives plain values in milliseconds or problems with
// a path; `config/policy-file.ts` turns a path into file, line and column. The JSON Schema of each
// kind is published from here.
import * as z from 'zod'
import { DURATION_PATTERN, parseDuration } from './duration.ts'
import { idProblem, policyName } from './ids.ts'
import type { PolicyName } from './ids.ts'
import { DETECTOR_DEFAULTS, GUARD_DEFAULTS } from './limits.ts'
import type { DetectorLimits, GuardLimits } from './limits.ts'
import { type DocumentProblem, documentProblems } from './policy-problem.ts'
import type { Mode } from './records.ts'

export const POLICY_API_VERSION = 'healstream.io/v1'
export const POLICY_KINDS = ['HealPolicy', 'DetectorSet', 'GuardSet'] as const
export type DocumentKind = (typeof POLICY_KINDS)[number]

/** What a policy can ask for. `restart_service` is an old name of `restart_instance`. */
export const POLICY_ACTIONS = ['restart_instance'] as const
export type PolicyAction = (typeof POLICY_ACTIONS)[number]
const ACTION_ALIASES: Readonly<Record<string, PolicyAction>> = {
  restart_service: 'restart_instance',
}

/** The only span a window is kept over so far (DESIGN.md section 7). */
export const WINDOW_MS = 60_000
/** Changes of health are counted over this span. */
const FLAP_SPAN_MS = GUARD_DEFAULTS.flapSpanMs
const DURATION_MAX_MS = 7 * 86_400_000

interface Common {
  readonly name: PolicyName
  readonly labels: Readonly<Record<string, string>>
  /** Exact names, or `*` for every service; empty selects nothing. */
  readonly services: readonly string[]
}

export interface HealPolicy extends Common {
  readonly kind: 'HealPolicy'
  readonly mode: Mode
  readonly trigger: string
  /**
   * `sustained`: true without a break for `forMs`; `window`: true once over the window of `forMs`.
   */
  readonly evaluationMode: 'sustained' | 'window'
  readonly forMs: number
  readonly action: PolicyAction
  /** null = the guards' default. */
  readonly cooldownMs: number | null
  readonly expiryMs: number | null
  readonly verifyMs: number | null
}

export interface DetectorSet extends Common {
  readonly kind: 'DetectorSet'
  readonly limits: Partial<DetectorLimits>
}

export interface GuardSet extends Common {
  readonly kind: 'GuardSet'
  readonly limits: Partial<GuardLimits>
}

export type PolicyDocument = HealPolicy | DetectorSet | GuardSet

export type ParsedPolicy =
  | { readonly ok: true; readonly document: PolicyDocument }
  | { readonly ok: false; readonly problems: readonly DocumentProblem[] }

/** Whether `service` is among the selected ones. */
export function selects(services: readonly string[], service: string): boolean {
  return services.includes('*') || services.includes(service)
}

const A_DURATION = 'a duration such as 5m, 90s or 250ms'
const durationMs = (scale: number = 1): z.ZodType<number, string> =>
  z
    .string(A_DURATION)
    .regex(DURATION_PATTERN, A_DURATION)
    .transform((text) => parseDuration(text) ?? 0)
    .refine((ms) => ms <= DURATION_MAX_MS, 'at most 7d')
    .transform((ms) => ms * scale)

const duration = durationMs()
/** A limit in milliseconds (or `scale` parts of one), as a number or as a duration. */
const time = (scale: number): z.ZodType<number, number | string> =>
  z.union([
    z
      .number()
      .int()
      .min(0)
      .max(DURATION_MAX_MS * scale),
    durationMs(scale),
  ])
const ms = time(1)
const us = time(1_000)
const share = z.number().min(0).max(1)
const count = z.number().int().min(1).max(1_000_000_000)

const id = z.string().superRefine((text, context) => {
  const problem = idProblem(text)
  if (problem !== null) context.addIssue(`an id, but this one ${problem}`)
})
const labels = z.record(id, z.string().max(256)).default({})
const metadata = z.strictObject({ name: id, labels })
const services = z.array(id).max(256)
const match = z.strictObject({ services })
const mode = z.enum(['observe', 'dry_run', 'canary', 'enforce'])
const evaluationMode = z.enum(['sustained', 'window'])
const action = z.enum([...POLICY_ACTIONS, 'restart_service'])
const apiVersion = z.literal(POLICY_API_VERSION)
const trigger = z.string().min(1).max(4_096)

const healSpec = z
  .strictObject({
    match: match.default({ services: [] }),
    mode: mode.default('observe'),
    trigger,
    for: duration.optional(),
    evaluationWindow: duration.optional(),
    evaluationMode: evaluationMode.default('sustained'),
    action,
    cooldown: duration.optional(),
    expiry: duration.optional(),
    verify: duration.optional(),
  })
  .superRefine((spec, context) => {
    if (spec.for !== undefined && spec.evaluationWindow !== undefined) {
      const message = 'one of `for` and `evaluationWindow`, they are the same'
      context.addIssue({ code: 'custom', path: ['for'], message })
    }
    checkWindow(spec.evaluationMode, spec.evaluationWindow ?? spec.for, (message) => {
      const path = [spec.evaluationWindow === undefined ? 'evaluationMode' : 'evaluationWindow']
      context.addIssue({ code: 'custom', path, message })
    })
  })

function checkWindow(
  how: 'sustained' | 'window',
  spanMs: number | undefined,
  report: (message: string) => void,
): void {
  if (how === 'window' && spanMs !== WINDOW_MS) {
    report('a window of 60s: other spans are not kept yet, use evaluationMode sustained for them')
  }
}

const healPolicy = z.strictObject({
  apiVersion,
  kind: z.literal('HealPolicy'),
  metadata,
  spec: healSpec,
})

/** S0-41 as it stands there; the three optional fields are ours. */
const bare = z
  .strictObject({
    name: id.optional(),
    services: services.default(['*']),
    mode: mode.default('observe'),
    trigger,
    evaluation_window: duration.optional(),
    evaluation_mode: evaluationMode.default('sustained'),
    action,
    cooldown_period: duration.optional(),
  })
  .superRefine((spec, context) => {
    checkWindow(spec.evaluation_mode, spec.evaluation_window, (message) => {
      context.addIssue({ code: 'custom', path: ['evaluation_window'], message })
    })
  })

const detectorLimits = {
  successRateMin: share.optional(),
  successRateRecovered: share.optional(),
  latencyP99MaxUs: us.optional(),
  latencyP99RecoveredUs: us.optional(),
  samplesMin: count.optional(),
  consecutiveFailuresMax: count.optional(),
  silenceAfterMs: ms.optional(),
  settleMs: ms.optional(),
  dwellMs: ms.optional(),
}
const guardLimits = {
  cooldownMs: ms.optional(),
  cooldownMaxMs: ms.optional(),
  outShareMax: share.optional(),
  routableShareMin: share.optional(),
  groupMin: count.optional(),
  serviceIntervalMs: ms.optional(),
  perMinute: count.optional(),
  blindMissingMin: count.optional(),
  blindShareMax: share.optional(),
  blindAfterMs: ms.optional(),
  warmUpMs: ms.optional(),
  flapTransitions: count.optional(),
  flapSpanMs: ms
    .refine((span) => span === FLAP_SPAN_MS, '10m: changes are counted over no other span yet')
    .optional(),
  ineffectiveMax: count.optional(),
  ineffectiveSpanMs: ms.optional(),
  commandExpiryMs: ms.optional(),
  verifyMs: ms.optional(),
}

const detectorSet = z.strictObject({
  apiVersion,
  kind: z.literal('DetectorSet'),
  metadata,
  spec: z.strictObject({ match, ...detectorLimits }).superRefine((spec, context) => {
    const whole = { ...DETECTOR_DEFAULTS, ...given(spec) }
    const swapped = [
      whole.successRateRecovered < whole.successRateMin
        ? (['successRateRecovered', 'at least successRateMin'] as const)
        : null,
      whole.latencyP99RecoveredUs > whole.latencyP99MaxUs
        ? (['latencyP99RecoveredUs', 'at most latencyP99MaxUs'] as const)
        : null,
    ]
    for (const pair of swapped) {
      if (pair === null) continue
      const message = `${pair[1]}, the defaults counted in`
      context.addIssue({ code: 'custom', path: [pair[0]], message })
    }
  }),
})
const guardSet = z.strictObject({
  apiVersion,
  kind: z.literal('GuardSet'),
  metadata,
  spec: z.strictObject({ match, ...guardLimits }),
})

const SCHEMAS = { HealPolicy: healPolicy, DetectorSet: detectorSet, GuardSet: guardSet }

/** The fields that are there. */
function given<T extends object>(fields: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  const kept: { [K in keyof T]?: Exclude<T[K], undefined> } = {}
  for (const key in fields) {
    const value = fields[key]
    if (isGiven(value)) kept[key] = value
  }
  return kept
}

function isGiven<T>(value: T): value is Exclude<T, undefined> {
  return value !== undefined
}

function toHeal(spec: z.output<typeof healSpec>, head: Omit<Common, 'services'>): HealPolicy {
  return {
    kind: 'HealPolicy',
    ...head,
    services: spec.match.services,
    mode: spec.mode,
    trigger: spec.trigger,
    evaluationMode: spec.evaluationMode,
    forMs: spec.evaluationWindow ?? spec.for ?? 0,
    action: canonicalAction(spec.action),
    cooldownMs: spec.cooldown ?? null,
    expiryMs: spec.expiry ?? null,
    verifyMs: spec.verify ?? null,
  }
}

function canonicalAction(name: PolicyAction | 'restart_service'): PolicyAction {
  return ACTION_ALIASES[name] ?? 'restart_instance'
}

function parseBare(value: unknown, defaultName: string): ParsedPolicy {
  const parsed = bare.safeParse(value)
  if (!parsed.success) return refused(parsed.error.issues, value, bare)
  const spec = parsed.data
  const document = toHeal(
    {
      match: { services: spec.services },
      mode: spec.mode,
      trigger: spec.trigger,
      evaluationWindow: spec.evaluation_window,
      evaluationMode: spec.evaluation_mode,
      action: spec.action,
      cooldown: spec.cooldown_period,
    },
    { name: policyName(spec.name ?? defaultName), labels: {} },
  )
  return { ok: true, document }
}

function refused(
  issues: readonly z.core.$ZodIssue[],
  value: unknown,
  schema: z.ZodType,
): ParsedPolicy {
  return { ok: false, problems: documentProblems(issues, value, toJsonSchema(schema)) }
}

function toJsonSchema(schema: z.ZodType): unknown {
  return z.toJSONSchema(schema, { io: 'input' })
}

/** JSON Schema (2020-12) of a kind, for editors. */
export function policyJsonSchema(kind: DocumentKind): unknown {
  return toJsonSchema(SCHEMAS[kind])
}

function fieldOf(value: unknown, key: string): unknown {
  return typeof value === 'object' && value !== null && Object.hasOwn(value, key)
    ? Reflect.get(value, key)
    : undefined
}

/**
 * One document. `defaultName` names a bare one without a name. The trigger is text here; the core
 * compiles it.
 */
export function parsePolicy(value: unknown, defaultName: string = 'heal-policy'): ParsedPolicy {
  const kind = fieldOf(value, 'kind')
  if (kind === undefined && fieldOf(value, 'trigger') !== undefined) {
    return parseBare(value, defaultName)
  }
  if (kind === 'HealPolicy') {
    const parsed = healPolicy.safeParse(value)
    if (!parsed.success) return refused(parsed.error.issues, value, healPolicy)
    const head = { ...parsed.data.metadata, name: policyName(parsed.data.metadata.name) }
    return { ok: true, document: toHeal(parsed.data.spec, head) }
  }
  if (kind === 'DetectorSet') {
    const parsed = detectorSet.safeParse(value)
    if (!parsed.success) return refused(parsed.error.issues, value, detectorSet)
    const { match: selector, ...limits } = parsed.data.spec
    return {
      ok: true,
      document: { kind, ...common(parsed.data), ...selector, limits: given(limits) },
    }
  }
  if (kind === 'GuardSet') {
    const parsed = guardSet.safeParse(value)
    if (!parsed.success) return refused(parsed.error.issues, value, guardSet)
    const { match: selector, ...limits } = parsed.data.spec
    return {
      ok: true,
      document: { kind, ...common(parsed.data), ...selector, limits: given(limits) },
    }
  }
  const head = z.looseObject({ apiVersion, kind: z.enum(POLICY_KINDS) })
  const parsed = head.safeParse(value)
  return refused(parsed.error?.issues ?? [], value, head)
}

function common(data: { metadata: z.output<typeof metadata> }): Omit<Common, 'services'> {
  return { name: policyName(data.metadata.name), labels: data.metadata.labels }
}
