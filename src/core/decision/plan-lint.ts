// What can only be told of a plan by who knows the facts: whether its gates are conditions, and
// whether what it scales by is a number (S0-50).
import type { Plan } from '../../contracts/plan.ts'
import { didYouMean } from '../../contracts/suggest.ts'
import { compileTrigger } from './expression.ts'
import { FACT_NAMES, FACTS } from './fact-table.ts'

/** In front of the name of a metric of one's own. */
export const OWN_METRIC = 'metrics.'

export interface PlanProblem {
  readonly rung: number
  readonly step: number
  readonly field: 'gate' | 'metric'
  /** The text that is wrong, and where in it. */
  readonly text: string
  readonly start: number
  readonly end: number
  readonly message: string
  readonly hint: string | null
}

const NUMBERS: readonly string[] = FACT_NAMES.filter((name) => FACTS[name].type === 'double')

/** Why no number has this name, or null. */
export function metricProblem(name: string): { message: string; hint: string | null } | null {
  if (NUMBERS.includes(name)) return null
  if (name.startsWith(OWN_METRIC) && name.length > OWN_METRIC.length) return null
  const known: readonly string[] = FACT_NAMES
  const message = known.includes(name) ? 'is no number' : 'is no fact'
  const own = `a metric of your own is ${OWN_METRIC}${name}`
  return { message, hint: didYouMean(name, NUMBERS) ?? (message === 'is no fact' ? own : null) }
}

/** The first thing that is wrong, or null. */
export function planProblem({ rungs }: Plan): PlanProblem | null {
  for (const [rung, { steps }] of rungs.entries()) {
    for (const [step, { gate, actions }] of steps.entries()) {
      const at = { rung, step }
      const compiled = gate === null ? null : compileTrigger(gate)
      if (gate !== null && compiled?.ok === false) {
        const { message, start, end, hint } = compiled.problem
        return { ...at, field: 'gate', text: gate, start, end, message, hint }
      }
      for (const { action, args } of actions) {
        const text = action === 'scale' ? (args['metric'] ?? '') : null
        const problem = text === null ? null : metricProblem(text)
        if (text === null || problem === null) continue
        return { ...at, field: 'metric', text, start: 0, end: text.length, ...problem }
      }
    }
  }
  return null
}
