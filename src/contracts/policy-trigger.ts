// How the trigger of a HealPolicy is written: one condition, or several that have to come true
// within a while (S0-54); the windows a figure can be taken over; the rung of the ladder by policy
// and service.
import * as z from 'zod'
import { duration, id, share } from './policy-fields.ts'
import type { Mode } from './records.ts'

/** The windows that are kept, milliseconds (DESIGN.md section 7). */
export const WINDOWS_MS = [10_000, 60_000, 300_000] as const
/** The window that judges. */
export const JUDGED_WINDOW_MS = 60_000
/** S0-54: two events so far apart still belong together, unless the policy says otherwise. */
export const WITHIN_DEFAULT_MS = 30_000
export const CLAUSES_MAX = 8
const TRIGGER_CHARACTERS_MAX = 4_096
const WITHIN_MAX_MS = 3_600_000

/**
 * Conditions over time. `all`: each has come true, in any order, within the while; `sequence`: in
 * the order in which they stand; `any`: one of them has.
 */
export const COMPOSITIONS = ['all', 'any', 'sequence'] as const
export type Composition = (typeof COMPOSITIONS)[number]

export interface Composite {
  readonly how: Composition
  /** Conditions in CEL. */
  readonly clauses: readonly string[]
  readonly withinMs: number
}

const condition = z.string().min(1).max(TRIGGER_CHARACTERS_MAX)
const clauses = z
  .array(z.strictObject({ when: condition }))
  .min(1)
  .max(CLAUSES_MAX)

const composite = z
  .strictObject({
    all: clauses.optional(),
    any: clauses.optional(),
    sequence: clauses.optional(),
    within: duration.optional(),
  })
  .superRefine((trigger, context) => {
    if (COMPOSITIONS.filter((how) => trigger[how] !== undefined).length !== 1) {
      context.addIssue({ code: 'custom', message: 'exactly one of all, any and sequence' })
    }
    const { within = WITHIN_DEFAULT_MS } = trigger
    if (within < 1 || within > WITHIN_MAX_MS) {
      context.addIssue({ code: 'custom', path: ['within'], message: 'from 1ms to 1h' })
    }
  })

interface Written {
  readonly all?: readonly { when: string }[] | undefined
  readonly any?: readonly { when: string }[] | undefined
  readonly sequence?: readonly { when: string }[] | undefined
  /** Milliseconds. */
  readonly within?: number | undefined
}

/** A condition in CEL, or several over time. */
export const trigger: z.ZodType<string | Written> = z.union(
  [condition, composite],
  'a condition in CEL, or {all: [{when: …}, …], within: 30s}',
)
/** As in the bare JSON of S0-41: one condition. */
export const plainTrigger: z.ZodString = condition

export interface TriggerText {
  /** The condition; of several, all of them as one text for people. */
  readonly trigger: string
  /** null: one condition. */
  readonly composite: Composite | null
}

const BETWEEN: Readonly<Record<Composition, string>> = {
  all: ' and ',
  any: ' or ',
  sequence: ' then ',
}

export function triggerText(written: string | Written): TriggerText {
  if (typeof written === 'string') return { trigger: written, composite: null }
  const how = COMPOSITIONS.find((name) => written[name] !== undefined) ?? 'all'
  const parts = (written[how] ?? []).map(({ when }) => when)
  const { within: withinMs = WITHIN_DEFAULT_MS } = written
  const text = parts.map((part) => `(${part})`).join(BETWEEN[how])
  return { trigger: text, composite: { how, clauses: parts, withinMs } }
}

export const mode: z.ZodEnum<{ [M in Mode]: M }> = z.enum([
  'observe',
  'dry_run',
  'canary',
  'enforce',
])
/** By service: another rung than the policy's own. */
export const modes: z.ZodRecord<typeof id, typeof mode> = z.record(id, mode)
/** Share of the instances of a service on which a canary acts. */
export const canaryShare: typeof share = share

/** How far a policy goes at a service. */
export function modeOf(
  policy: { readonly mode: Mode; readonly modes: Readonly<Record<string, Mode>> },
  service: string,
): Mode {
  return Object.hasOwn(policy.modes, service) ? (policy.modes[service] ?? policy.mode) : policy.mode
}

/** Errors, in words, of a window that is not kept; null: it is. */
export function windowProblem(
  how: 'sustained' | 'window',
  spanMs: number | undefined,
): string | null {
  if (how === 'sustained' || WINDOWS_MS.some((kept) => kept === spanMs)) return null
  return 'a window of 10s, 60s or 5m: no other is kept, use evaluationMode sustained for them'
}
