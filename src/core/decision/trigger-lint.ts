// What can be said about a trigger before it runs: that it does not compile, can never be true, is
// always true, holds without a single request, or judges a rate over a handful of requests.
import { FACT_NAMES, FACTS, type FactName, type FactValues, valuesOf } from './fact-table.ts'
import { compileTrigger } from './expression.ts'
import type { Comparison, Trigger, TriggerProblem } from './trigger.ts'

export interface TriggerLint {
  /** Why it cannot come into force, or null. */
  readonly problem: TriggerProblem | null
  readonly warnings: readonly TriggerProblem[]
}

/** A healthy instance without traffic, in a healthy service without traffic. */
const IDLE: FactValues = valuesOf({
  n: 0,
  n_10s: 0,
  n_5m: 0,
  errors: 0,
  errors_10s: 0,
  errors_5m: 0,
  health: 'healthy',
  probe: 'up',
  detectors: [],
  self_evident: false,
  transitions: 0,
  lifecycle: 'ready',
  link: 'online',
  service: 'service',
  instance: 'instance',
  zone: 'zone',
  incarnation: 1,
  service_n: 0,
  service_n_10s: 0,
  service_n_5m: 0,
  service_instances: 3,
  service_healthy: 3,
  version: '1.0',
  zone_sick_share: 0,
  version_sick_share: 0,
})

/** Numbers that are left for a fact; an open end does not belong to it. */
class Interval {
  private low: number
  private high: number
  private lowOpen = false
  private highOpen = false

  constructor([low, high]: readonly [number, number]) {
    this.low = low
    this.high = high
  }

  cut(op: Comparison['op'], at: number): void {
    const atLeast = op === '>' || op === '>=' || op === '=='
    const atMost = op === '<' || op === '<=' || op === '=='
    if (atLeast && (at > this.low || (at === this.low && op === '>'))) {
      this.low = at
      this.lowOpen = op === '>'
    }
    if (atMost && (at < this.high || (at === this.high && op === '<'))) {
      this.high = at
      this.highOpen = op === '<'
    }
  }

  get isEmpty(): boolean {
    return this.low > this.high || (this.low === this.high && (this.lowOpen || this.highOpen))
  }
}

const OPPOSITE = { '<': '>=', '<=': '>', '>': '<=', '>=': '<', '==': '!=', '!=': '==' } as const

/** Whether no value in the range of the fact satisfies the comparison. */
function isImpossible({ fact, op, literal }: Comparison): boolean {
  const { range, values } = FACTS[fact]
  if (values !== undefined) return op === '==' && !values.includes(String(literal))
  if (range === undefined || typeof literal !== 'number' || op === '!=') return false
  const left = new Interval(range)
  left.cut(op, literal)
  return left.isEmpty
}

function isCertain({ fact, op, literal }: Comparison): boolean {
  return FACTS[fact].unknown === undefined && isImpossible({ fact, op: OPPOSITE[op], literal })
}

function impossibleTogether(comparisons: readonly Comparison[]): FactName | null {
  return (
    FACT_NAMES.find((name) => {
      const { range } = FACTS[name]
      const own = comparisons.filter(({ fact, op }) => fact === name && op !== '!=')
      if (range === undefined || own.length < 2) return false
      const left = new Interval(range)
      for (const { op, literal } of own) if (typeof literal === 'number') left.cut(op, literal)
      return left.isEmpty
    }) ?? null
  )
}

function rangeText(name: FactName): string {
  const { range, values } = FACTS[name]
  if (values !== undefined) return `${name} is one of ${values.join(', ')}`
  return range === undefined ? name : `${name} lies between ${range[0]} and ${range[1]}`
}

function warningsOf(trigger: Trigger): TriggerProblem[] {
  const found: TriggerProblem[] = [...trigger.notes]
  const say = (part: string, message: string, hint: string | null): void => {
    const start = Math.max(0, trigger.text.indexOf(part))
    found.push({ message, start, end: Math.min(trigger.text.length, start + part.length), hint })
  }
  const comparisons: Comparison[] = []
  for (const { text, comparison } of trigger.clauses) {
    if (comparison === null) continue
    comparisons.push(comparison)
    const hint = rangeText(comparison.fact)
    if (isImpossible(comparison)) say(text, 'can never be true', hint)
    else if (isCertain(comparison)) say(text, 'is always true', hint)
  }
  const torn = impossibleTogether(comparisons)
  if (torn !== null) say(trigger.text, `its clauses about ${torn} can never be true together`, null)
  if (trigger.clauses.every((clause) => clause.holds(IDLE))) {
    const hint = 'missing telemetry is no reason to act; ask for a finding, a verdict or a rate'
    say(trigger.text, 'holds for a healthy instance without a single request', hint)
  }
  const read = new Set(trigger.clauses.flatMap(({ facts }) => facts))
  const sampled = [...read].find((name) => FACTS[name].sampled === true)
  const counted = (['n', 'errors', 'service_n'] as const).some((name) => read.has(name))
  if (sampled !== undefined && !counted) {
    const hint = `add a clause such as ${sampled.startsWith('service_') ? 'service_n' : 'n'} >= 20`
    say(sampled, `${sampled} is judged even over a single request`, hint)
  }
  return found
}

export function lintTrigger(text: string): TriggerLint {
  const compiled = compileTrigger(text)
  if (!compiled.ok) return { problem: compiled.problem, warnings: [] }
  return { problem: null, warnings: warningsOf(compiled.trigger) }
}
