// How an incident ended, as others than healstream want to know it: one word per incident and
// moment, derived from the audit (S0-56).
import type { IncidentEvent } from './records.ts'

/**
 * `healed`: well again without a person. `escalated`: left to a person. `healed_after_escalation`:
 * well again after that. `left`: its instance left the registry before it was seen to recover.
 */
export const OUTCOMES = ['healed', 'escalated', 'healed_after_escalation', 'left'] as const
export type OutcomeWord = (typeof OUTCOMES)[number]

/** Name of the fact of an event that says it. */
export const OUTCOME_FACT = 'outcome'

/** The outcome an event of hs.incidents tells of, or null. */
export function outcomeOf({ event, facts }: IncidentEvent): OutcomeWord | null {
  const told = facts[OUTCOME_FACT]
  const word = OUTCOMES.find((one) => one === told)
  if (event === 'recovered') return word ?? 'healed'
  if (event === 'escalated') return 'escalated'
  return event === 'failed' ? 'left' : null
}
