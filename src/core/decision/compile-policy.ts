// The trigger of a policy, ready to run: one condition, clause by clause, or several conditions
// over time (S0-54), with figures over the window that the policy names (S0-41).
import type { HealPolicy } from '../../contracts/heal-policy.ts'
import { JUDGED_WINDOW_MS } from '../../contracts/policy-trigger.ts'
import { checkText, compileTrigger, COST_MAX } from './expression.ts'
import type { Compiled, CompiledClause, TriggerProblem } from './trigger.ts'

export type Triggering = Pick<HealPolicy, 'trigger' | 'composite' | 'evaluationMode' | 'forMs'>

/** The window that the figures of the policy are taken over, milliseconds. */
export function spanOf({ evaluationMode, forMs }: Triggering): number {
  return evaluationMode === 'window' ? forMs : JUDGED_WINDOW_MS
}

/** As `compileTrigger`; the cost of all conditions together is bounded as that of one. */
export function compilePolicy(policy: Triggering): Compiled {
  const { trigger: text, composite } = policy
  const spanMs = spanOf(policy)
  if (composite === null) return compileTrigger(text, spanMs)
  const { how, withinMs } = composite
  const clauses: CompiledClause[] = []
  const notes: TriggerProblem[] = []
  let cost = 0
  for (const [clause, when] of composite.clauses.entries()) {
    const checked = checkText(when, spanMs)
    if (!checked.ok) return { ok: false, problem: { ...checked.problem, clause } }
    clauses.push(checked.clause)
    notes.push(...checked.notes.map((note) => ({ ...note, clause })))
    cost += checked.cost
  }
  if (cost > COST_MAX) {
    const message = `could take ${cost} steps together, at most ${COST_MAX} are allowed`
    return { ok: false, problem: { message, start: 0, end: 0, hint: null, clause: 0 } }
  }
  return { ok: true, trigger: { text, clauses, over: { how, withinMs }, cost, notes } }
}
