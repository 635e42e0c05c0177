// Conditions over time (S0-54): when each condition of a composite became true on an instance. A
// condition counts from its onset for as long as it holds, and at least for the while of the
// policy; those that count belong together when their onsets lie within that while. Two conditions
// that came true 31 s apart never match a policy of 30 s, however long both go on.
//   all       every condition counts, and the onsets lie within the while
//   sequence  the same, and each onset is not before the one of the condition before it
//   any       one condition counts
import type { ImageReader, ImageWriter } from '../kernel/image.ts'
import type { Over } from './trigger.ts'

/** One policy at one instance, condition by condition. */
export interface Onset {
  /** Of the policy. */
  readonly version: number
  readonly incarnation: number
  /** Log time at which the condition became true last; null: never yet. */
  readonly atMs: (number | null)[]
  /** Whether it held when it was last asked. */
  readonly held: boolean[]
}

/** By policy and instance; of those of whom some condition counts. */
export type Onsets = Map<string, Map<string, Onset>>

export interface OnsetOf {
  readonly policy: string
  readonly version: number
  /** `viewKey` of service and instance. */
  readonly key: string
  readonly incarnation: number
}

export interface Composed {
  readonly holds: boolean
  /** Which conditions count. */
  readonly counts: readonly boolean[]
  readonly onset: Onset
}

/** Takes in what the conditions say now. null: none of them counts. */
export function compose(
  onsets: Onsets,
  of: OnsetOf,
  now: { readonly truths: readonly boolean[]; readonly nowMs: number; readonly over: Over },
): Composed | null {
  const { truths, nowMs, over } = now
  const table = onsets.get(of.policy)
  const before = table?.get(of.key)
  const goesOn = before?.version === of.version && before.incarnation === of.incarnation
  if (!truths.includes(true) && (before === undefined || !goesOn)) {
    if (before !== undefined) forget(onsets, of.policy, of.key)
    return null
  }
  const onset = before !== undefined && goesOn ? before : begin(onsets, of, truths.length)
  const counts = truths.map((is, i) => {
    if (is && onset.held[i] !== true) onset.atMs[i] = nowMs
    onset.held[i] = is
    const atMs = onset.atMs[i] ?? null
    return is || (atMs !== null && nowMs - atMs <= over.withinMs)
  })
  if (counts.includes(true)) return { holds: belong(onset, counts, over), counts, onset }
  forget(onsets, of.policy, of.key)
  return null
}

function begin(onsets: Onsets, of: OnsetOf, conditions: number): Onset {
  const { version, incarnation } = of
  const atMs = Array.from({ length: conditions }, () => null)
  const onset = { version, incarnation, atMs, held: atMs.map(() => false) }
  let table = onsets.get(of.policy)
  if (table === undefined) {
    table = new Map()
    onsets.set(of.policy, table)
  }
  table.set(of.key, onset)
  return onset
}

function belong({ atMs }: Onset, counts: readonly boolean[], { how, withinMs }: Over): boolean {
  if (how === 'any') return true
  if (counts.includes(false)) return false
  const times = atMs.map((ms) => ms ?? 0)
  if (Math.max(...times) - Math.min(...times) > withinMs) return false
  return how === 'all' || times.every((ms, i) => i === 0 || ms >= (times[i - 1] ?? 0))
}

function forget(onsets: Onsets, policy: string, key: string): void {
  const table = onsets.get(policy)
  table?.delete(key)
  if (table?.size === 0) onsets.delete(policy)
}

/** The instance has left, or is not in service. */
export function forgetOnsets(onsets: Onsets, key: string): void {
  for (const policy of onsets.keys()) forget(onsets, policy, key)
}

/** Of policies that are not in force any more, nothing is kept. */
export function keepOnsets(onsets: Onsets, isInForce: (policy: string) => boolean): void {
  for (const policy of onsets.keys()) if (!isInForce(policy)) onsets.delete(policy)
}

export function saveOnsets(onsets: Onsets, to: ImageWriter): void {
  to.int(onsets.size)
  for (const [policy, table] of onsets) {
    to.text(policy).int(table.size)
    for (const [key, { version, incarnation, atMs, held }] of table) {
      to.text(key).int(version).number(incarnation).int(atMs.length)
      for (const [i, ms] of atMs.entries()) to.numberOrNull(ms).flag(held[i] === true)
    }
  }
}

export function loadOnsets(from: ImageReader): Onsets {
  return new Map(
    from.list(() => [from.text(), new Map(from.list(() => [from.text(), loadOnset(from)]))]),
  )
}

function loadOnset(from: ImageReader): Onset {
  const version = from.int()
  const incarnation = from.number()
  const conditions = from.list(() => ({ ms: from.numberOrNull(), is: from.flag() }))
  return {
    version,
    incarnation,
    atMs: conditions.map(({ ms }) => ms),
    held: conditions.map(({ is }) => is),
  }
}
