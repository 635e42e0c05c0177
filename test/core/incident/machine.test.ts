// S2-46 as a table: its picture, and that nothing else is possible.
import { expect, test } from 'vitest'
import { INCIDENT_DIAGRAM, INCIDENT_TABLE } from '../../../src/core/incident/machine.ts'
import { go } from '../../../src/core/kernel/machine.ts'

test('the picture', () => {
  expect(INCIDENT_DIAGRAM).toBe(`stateDiagram-v2
  [*] --> detected
  detected --> matched
  detected --> escalated
  detected --> recovered
  detected --> failed
  matched --> isolating
  matched --> repairing
  matched --> escalated
  matched --> recovered
  matched --> failed
  isolating --> repairing
  isolating --> verifying
  isolating --> matched
  isolating --> escalated
  isolating --> failed
  repairing --> verifying
  repairing --> matched
  repairing --> escalated
  repairing --> recovered
  repairing --> failed
  verifying --> matched
  verifying --> escalated
  verifying --> recovered
  verifying --> failed
  escalated --> matched
  escalated --> recovered
  escalated --> failed`)
})

test('nothing leaves an end, and a repair is not skipped', () => {
  expect(() => go(INCIDENT_TABLE, 'recovered', 'matched')).toThrow('no transition')
  expect(() => go(INCIDENT_TABLE, 'detected', 'repairing')).toThrow('no transition')
  expect(() => go(INCIDENT_TABLE, 'escalated', 'repairing')).toThrow('no transition')
})
