// Which policies match an instance: the trigger has to hold without a break for as long as the
// policy says, in log time, over one incarnation and one version of the policy (S0-41).
import { selects } from '../../contracts/policy-fields.ts'
import type { Clause } from '../../contracts/records.ts'
import { viewKey } from '../../contracts/view-key.ts'
import { plain, SENTENCE_MAX } from '../incident/sentence.ts'
import type { InstanceFacts } from '../kernel/facts.ts'
import type { ImageReader, ImageWriter } from '../kernel/image.ts'
import type { ReadyPolicy } from './documents.ts'
import type { FactValues } from './fact-table.ts'
import { isInService } from './group.ts'
import type { Trigger } from './trigger.ts'

/** Since when a trigger has held on a target. */
export interface Streak {
  readonly version: number
  readonly incarnation: number
  readonly sinceMs: number
  /** Step at which it was last confirmed; what is not confirmed has ended. */
  stepSeq: number
}

/** By policy and target. */
export type Streaks = Map<string, Streak>

export interface Match {
  readonly ready: ReadyPolicy
  readonly sinceMs: number
  readonly clauses: readonly Clause[]
}

/** What the policies say of an instance at one step. */
export interface Matching {
  /** Triggers that have held long enough, in order of policy name. */
  readonly matches: readonly Match[]
  /** Names of the policies whose trigger holds, long enough or not. */
  readonly triggered: ReadonlySet<string>
  /** Log time at which the next trigger will have held long enough, or null. */
  readonly dueMs: number | null
}

export const NO_MATCH: Matching = { matches: [], triggered: new Set(), dueMs: null }

/** A figure as people read it: at most four decimals. */
export function figure(value: number): string {
  return Number.isFinite(value) ? String(Math.round(value * 10_000) / 10_000) : String(value)
}

/** The clauses with the values they saw. */
export function clausesOf(trigger: Trigger, values: FactValues): readonly Clause[] {
  return trigger.clauses.map((clause) => {
    const seen = clause.facts.map((name) => {
      const value = values[name]
      if (value === null) return `${name} unknown`
      const text = typeof value === 'number' ? figure(value) : String(value)
      return `${name} = ${plain(text)}`
    })
    const value = plain(seen.join(', '), SENTENCE_MAX)
    return { text: plain(clause.text, SENTENCE_MAX), value, holds: clause.holds(values) }
  })
}

export interface MatchAt {
  readonly nowMs: number
  readonly stepSeq: number
}

export function matchPolicies(
  streaks: Streaks,
  policies: readonly ReadyPolicy[],
  subject: { facts: InstanceFacts; values: FactValues },
  { nowMs, stepSeq }: MatchAt,
): Matching {
  const { facts, values } = subject
  if (!isInService(facts)) return NO_MATCH
  const matches: Match[] = []
  const triggered = new Set<string>()
  let dueMs: number | null = null
  for (const ready of policies) {
    const { policy, trigger } = ready
    if (!selects(policy.services, facts.service)) continue
    if (!trigger.clauses.every((clause) => clause.holds(values))) continue
    triggered.add(ready.ref.name)
    const sinceMs = confirm(streaks, { ready, facts }, { nowMs, stepSeq })
    const matchMs = policy.evaluationMode === 'window' ? nowMs : sinceMs + policy.forMs
    if (nowMs < matchMs) dueMs = Math.min(dueMs ?? matchMs, matchMs)
    else matches.push({ ready, sinceMs, clauses: clausesOf(trigger, values) })
  }
  return { matches, triggered, dueMs }
}

/** Goes on with the streak, or begins one. Returns its beginning. */
function confirm(
  streaks: Streaks,
  { ready, facts }: { ready: ReadyPolicy; facts: InstanceFacts },
  { nowMs, stepSeq }: MatchAt,
): number {
  const key = `${viewKey(ready.ref.name, null)}/${facts.key}`
  const held = streaks.get(key)
  const goesOn =
    held !== undefined &&
    held.version === ready.ref.version &&
    held.incarnation === facts.incarnation
  if (goesOn) {
    held.stepSeq = stepSeq
    return held.sinceMs
  }
  const { incarnation } = facts
  streaks.set(key, { version: ready.ref.version, incarnation, sinceMs: nowMs, stepSeq })
  return nowMs
}

/** Ends every streak that this step did not confirm. */
export function endStreaks(streaks: Streaks, stepSeq: number): void {
  for (const [key, streak] of streaks) if (streak.stepSeq !== stepSeq) streaks.delete(key)
}

export function saveStreaks(streaks: Streaks, to: ImageWriter): void {
  to.int(streaks.size)
  for (const [key, { version, incarnation, sinceMs, stepSeq }] of streaks) {
    to.text(key).int(version).number(incarnation).number(sinceMs).int(stepSeq)
  }
}

export function loadStreaks(from: ImageReader): Streaks {
  return new Map(from.list(() => [from.text(), loadStreak(from)]))
}

function loadStreak(from: ImageReader): Streak {
  return {
    version: from.int(),
    incarnation: from.number(),
    sinceMs: from.number(),
    stepSeq: from.int(),
  }
}
