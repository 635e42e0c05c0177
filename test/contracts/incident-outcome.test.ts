// Every incident ends in one word, and only ends have one (S0-56).
import { expect, test } from 'vitest'
import { outcomeOf } from '../../src/contracts/incident-outcome.ts'
import { anEnd } from '../roles/notifier/records.ts'

test.each([
  ['recovered', {}, 'healed'],
  ['recovered', { outcome: 'healed_after_escalation' }, 'healed_after_escalation'],
  ['recovered', { outcome: 'a word of a later version' }, 'healed'],
  ['escalated', {}, 'escalated'],
  ['failed', {}, 'left'],
  ['detected', {}, null],
  ['acted', { outcome: 'healed' }, null],
] as const)('%s %j: %s', (event, facts, outcome) => {
  expect(outcomeOf(anEnd('i1', { event, facts }))).toBe(outcome)
})
