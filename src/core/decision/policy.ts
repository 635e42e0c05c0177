// Which policies match an instance: the trigger has to hold without a break for as long as the
// policy says, in log time, over one incarnation and one version of the policy (S0-41); or its
// conditions have to come true within a while (S0-54).
import { formatDuration } from '../../contracts/duration.ts'
import type { Clause } from '../../contracts/records.ts'
import { viewKey } from '../../contracts/view-key.ts'
import { plain, SENTENCE_MAX } from '../incident/sentence.ts'
import type { InstanceFacts, ServiceFacts } from '../kernel/facts.ts'
import type { ImageReader, ImageWriter } from '../kernel/image.ts'
import type { ReadyPolicy } from './documents.ts'
import { FACTS, type FactValue, type FactValues, isMetrics, isTexts } from './fact-table.ts'
import { InstanceValues, ServiceValues } from './fact-values.ts'
import { Gates } from './gates.ts'
import { isInService } from './group.ts'
import { compose, type Composed, forgetOnsets, type Onsets } from './onsets.ts'
import type { CompiledClause, Over, Trigger } from './trigger.ts'

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

function shown(value: FactValue): string {
  if (typeof value === 'number') return figure(value)
  if (isTexts(value)) return value.join(',')
  if (!isMetrics(value)) return String(value)
  return [...value].map(([name, one]) => `${name} ${figure(one)}`).join(', ')
}

/** The clauses with the values they saw. */
export function clausesOf(trigger: Trigger, values: FactValues): readonly Clause[] {
  return trigger.clauses.map((clause) => {
    const seen = clause.facts.map((name) => {
      const value = values[name]
      return value === null ? `${name} unknown` : `${name} = ${plain(shown(value))}`
    })
    const value = plain(seen.join(', '), SENTENCE_MAX)
    return { text: plain(clause.text, SENTENCE_MAX), value, holds: clause.holds(values) }
  })
}

export interface MatchAt {
  readonly nowMs: number
  readonly stepSeq: number
}

/** What matching remembers of the past. */
export interface Memory {
  readonly streaks: Streaks
  readonly onsets: Onsets
}

/** A policy as it is asked: what the service alone answers, then what each instance answers. */
interface Planned {
  readonly ready: ReadyPolicy
  /** Clauses that say the same of every instance of the service. */
  readonly common: readonly CompiledClause[]
  readonly own: readonly CompiledClause[]
}

/** The policies that select a service, in order of name. */
export interface Program {
  readonly planned: readonly Planned[]
  readonly gates: Gates
  /** What they read of the service's figures: nothing, each instance's, or also the service's. */
  readonly reads: 'nothing' | 'own' | 'service'
}

export function programOf(policies: readonly ReadyPolicy[]): Program {
  const scopes = new Set(
    policies.flatMap(({ trigger }) =>
      trigger.clauses.flatMap(({ facts }) => facts.map((fact) => FACTS[fact].scope)),
    ),
  )
  const isOfService = scopes.has('service') || scopes.has('group')
  const reads = isOfService ? 'service' : scopes.has('window') ? 'own' : 'nothing'
  const planned = policies.map(plan)
  // Conditions over time are always asked: each of them is remembered by itself.
  const gates = new Gates(
    planned.map(({ ready, own }) => (ready.trigger.over === null ? own : null)),
  )
  return { planned, gates, reads }
}

function plan(ready: ReadyPolicy): Planned {
  const { clauses, over } = ready.trigger
  if (over !== null) return { ready, common: [], own: clauses }
  const common = clauses.filter(isCommon)
  return { ready, common, own: clauses.filter((clause) => !common.includes(clause)) }
}

const isCommon = ({ facts }: CompiledClause): boolean =>
  facts.length > 0 && facts.every((fact) => FACTS[fact].scope === 'service')

/**
 * The policies of a service at one step. What the service alone answers is asked once; of the rest
 * only those are asked that it leaves open.
 */
export class Matcher {
  private readonly values: ServiceValues
  private readonly program: Program
  /** Policies for which the service says yes. */
  private readonly open: readonly boolean[]
  private readonly at: MatchAt

  constructor(program: Program, service: ServiceFacts, at: MatchAt) {
    this.at = at
    this.values = new ServiceValues(service)
    const { planned } = program
    const isOneAsked = planned.some(({ common }) => common.length > 0)
    const [first] = service.instances
    this.program = program
    this.open =
      isOneAsked && first !== undefined
        ? planned.map(({ common }) => all(common, new InstanceValues(first, this.values)))
        : []
  }

  match(memory: Memory, facts: InstanceFacts): Matching {
    if (!isInService(facts)) {
      if (memory.onsets.size > 0) forgetOnsets(memory.onsets, facts.key)
      return NO_MATCH
    }
    let found: Found | null = null
    const values = new InstanceValues(facts, this.values)
    const { planned, gates } = this.program
    for (const at of gates.open(values)) {
      const asked = planned[at]
      if (asked === undefined || this.open[at] === false) continue
      const { ready, own } = asked
      const { over } = ready.trigger
      const composed = over === null ? null : this.compose(memory, { ready, facts, values, over })
      if (over === null ? !all(own, values) : composed?.holds !== true) continue
      found ??= { matches: [], triggered: new Set(), dueMs: null }
      this.add(found, memory.streaks, { ready, facts, values, composed })
    }
    return found ?? NO_MATCH
  }

  private compose({ onsets }: Memory, { ready, facts, values, over }: Asked): Composed | null {
    const { name, version } = ready.ref
    const truths = ready.trigger.clauses.map((clause) => clause.holds(values))
    const of = { policy: name, version, key: facts.key, incarnation: facts.incarnation }
    return compose(onsets, of, { truths, nowMs: this.at.nowMs, over })
  }

  private add(found: Found, streaks: Streaks, triggered: Triggered): void {
    const { ready, facts, values, composed } = triggered
    const { policy, ref, trigger } = ready
    const { nowMs } = this.at
    found.triggered.add(ref.name)
    const sinceMs = confirm(streaks, { ready, facts }, this.at)
    const matchMs = policy.evaluationMode === 'window' ? nowMs : sinceMs + policy.forMs
    if (nowMs < matchMs) {
      found.dueMs = Math.min(found.dueMs ?? matchMs, matchMs)
      return
    }
    const clauses = clausesOf(trigger, values)
    const told = composed === null ? clauses : overTime(clauses, composed, nowMs)
    found.matches.push({ ready, sinceMs, clauses: told })
  }
}

interface Asked {
  readonly ready: ReadyPolicy
  readonly facts: InstanceFacts
  readonly values: FactValues
  readonly over: Over
}

interface Triggered extends Omit<Asked, 'over'> {
  readonly composed: Composed | null
}

interface Found {
  readonly matches: Match[]
  readonly triggered: Set<string>
  dueMs: number | null
}

function all(clauses: readonly CompiledClause[], values: FactValues): boolean {
  for (const clause of clauses) if (!clause.holds(values)) return false
  return true
}

/** Clauses of a composite: true is what counts, with the time since it became true. */
function overTime(
  clauses: readonly Clause[],
  { counts, onset }: Composed,
  nowMs: number,
): readonly Clause[] {
  return clauses.map((clause, i) => {
    const atMs = onset.atMs[i] ?? null
    const since = atMs === null ? '' : `, true since ${formatDuration(nowMs - atMs)}`
    const value = plain(`${clause.value}${since}`, SENTENCE_MAX)
    return { ...clause, value, holds: counts[i] === true }
  })
}

/** `key`: of the instance. */
export function streakKey(policy: string, key: string): string {
  return `${viewKey(policy, null)}/${key}`
}

/** Goes on with the streak, or begins one. Returns its beginning. */
function confirm(
  streaks: Streaks,
  { ready, facts }: { ready: ReadyPolicy; facts: InstanceFacts },
  { nowMs, stepSeq }: MatchAt,
): number {
  const key = streakKey(ready.ref.name, facts.key)
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
