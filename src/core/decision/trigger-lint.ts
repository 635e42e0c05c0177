// What can be said about a trigger before it runs: that it does not compile, can never be true, is
// always true, holds without a single request, or judges a rate over a handful of requests.
import { FACTS, type FactName, type FactValues, valuesOf } from './fact-table.ts'
import { compilePolicy, spanOf, type Triggering } from './compile-policy.ts'
import { compileTrigger } from './expression.ts'
import { cut, isEmptySpan, regionOf, spanOfRange, tornFact } from './region.ts'
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

/** A healthy instance that serves, in a healthy service. */
const BUSY: FactValues = valuesOf({
  ...IDLE,
  ...served(''),
  ...served('_10s'),
  ...served('_5m'),
  cpu: 0.2,
  memory_mib: 200,
  rtt_ms: 1,
  loss: 0,
  error_logs: 0,
  task_success: 1,
  breaker: 'closed',
  score: 100,
})

function served(window: '' | '_10s' | '_5m'): Partial<FactValues> {
  return {
    [`success_rate${window}`]: 1,
    [`error_rate${window}`]: 0,
    [`p99_ms${window}`]: 20,
    [`n${window}`]: 1_000,
    [`errors${window}`]: 0,
    [`service_success_rate${window}`]: 1,
    [`service_error_rate${window}`]: 0,
    [`service_p99_ms${window}`]: 20,
    [`service_n${window}`]: 3_000,
  }
}

const OPPOSITE = { '<': '>=', '<=': '>', '>': '<=', '>=': '<', '==': '!=', '!=': '==' } as const

/** Whether no value in the range of the fact satisfies the comparison. */
function isImpossible({ fact, op, literal }: Comparison): boolean {
  const { range, values } = FACTS[fact]
  if (values !== undefined) return op === '==' && !values.includes(String(literal))
  if (range === undefined || typeof literal !== 'number' || op === '!=') return false
  return isEmptySpan(cut(spanOfRange(range), op, literal))
}

function isCertain({ fact, op, literal }: Comparison): boolean {
  return FACTS[fact].unknown === undefined && isImpossible({ fact, op: OPPOSITE[op], literal })
}

/** A fact about which several clauses can never agree. */
function impossibleTogether(trigger: Trigger): FactName | null {
  const torn = tornFact(regionOf(trigger.clauses))
  const own = trigger.clauses.filter(({ comparison }) => comparison?.fact === torn)
  return own.length < 2 ? null : torn
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
  for (const { text, comparison } of trigger.clauses) {
    if (comparison === null) continue
    const hint = rangeText(comparison.fact)
    if (isImpossible(comparison)) say(text, 'can never be true', hint)
    else if (isCertain(comparison)) say(text, 'is always true', hint)
  }
  const torn = impossibleTogether(trigger)
  if (torn !== null) say(trigger.text, `its clauses about ${torn} can never be true together`, null)
  // Of several conditions all of them together are asked.
  if (trigger.over === null) found.push(...alwaysOf(trigger))
  const read = new Set(trigger.clauses.flatMap(({ facts }) => facts))
  const sampled = [...read].find((name) => FACTS[name].sampled === true)
  const counted = (['n', 'errors', 'service_n'] as const).some((name) => read.has(name))
  if (sampled !== undefined && !counted) {
    const hint = `add a clause such as ${sampled.startsWith('service_') ? 'service_n' : 'n'} >= 20`
    say(sampled, `${sampled} is judged even over a single request`, hint)
  }
  return found
}

/** Whether the trigger holds for somebody who is well. */
function alwaysOf({ clauses, text, over }: Trigger): readonly TriggerProblem[] {
  const holds = (values: FactValues): boolean => {
    const truths = clauses.map((clause) => clause.holds(values))
    return over?.how === 'any' ? truths.includes(true) : !truths.includes(false)
  }
  const at = { start: 0, end: text.length }
  if (holds(IDLE)) {
    const hint = 'missing telemetry is no reason to act; ask for a finding, a verdict or a rate'
    return [{ ...at, message: 'holds for a healthy instance without a single request', hint }]
  }
  if (!holds(BUSY)) return []
  const hint = 'whoever serves well matches; ask for something that is wrong'
  return [{ ...at, message: 'holds for a healthy instance that serves without an error', hint }]
}

export function lintTrigger(text: string): TriggerLint {
  const compiled = compileTrigger(text)
  if (!compiled.ok) return { problem: compiled.problem, warnings: [] }
  return { problem: null, warnings: warningsOf(compiled.trigger) }
}

/** As `lintTrigger`; what is said of one of several conditions names it. */
export function lintPolicy(policy: Triggering): TriggerLint {
  const compiled = compilePolicy(policy)
  if (!compiled.ok) return { problem: compiled.problem, warnings: [] }
  const { trigger } = compiled
  if (trigger.over === null) return { problem: null, warnings: warningsOf(trigger) }
  const each = trigger.clauses.flatMap((one, clause) => {
    const notes = trigger.notes.filter((note) => note.clause === clause)
    const parts = compileTrigger(one.text, spanOf(policy))
    const clauses = parts.ok ? parts.trigger.clauses : [one]
    const own = warningsOf({ ...trigger, text: one.text, clauses, notes, over: ONE_OF_MANY })
    return own.map((problem) => ({ ...problem, clause }))
  })
  return { problem: null, warnings: [...each, ...alwaysOf(trigger).map(first)] }
}

const ONE_OF_MANY = { how: 'all', withinMs: 0 } as const
const first = (problem: TriggerProblem): TriggerProblem => ({ ...problem, end: 0, clause: 0 })
