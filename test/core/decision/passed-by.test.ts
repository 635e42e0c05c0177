// Documents that came before the behaviour that knows them: passed by, not kept, and in force once
// they are published again in the version they have (docs/operations.md, Upgrades).
import { expect, test } from 'vitest'
import { BEHAVIOUR_JUDGEMENT, BEHAVIOUR_WINDOWS } from '../../../src/core/kernel/behaviour.ts'
import { alertPoliciesInForce, policiesInForce } from '../../../src/core/decision/documents.ts'
import { evolvePolicy } from '../../../src/core/decision/healing.ts'
import { RESTART, World } from './world.ts'

test('a behaviour that does not know a document passes it by; again, it is in force', () => {
  const world = new World(1_000_000, BEHAVIOUR_WINDOWS)
  const { documents } = world.state
  const rules = [{ alert: 'busy', expr: 'requests > 4' }]
  const alerts = world.document('AlertPolicy', 'busy', { match: { services: ['*'] }, rules })
  const steps = { ...RESTART, modes: { shop: 'canary' } }
  const heal = world.document('HealPolicy', 'heal', steps)
  const inForce = (): readonly string[] =>
    [...alertPoliciesInForce(documents), ...policiesInForce(documents)].map(({ ref }) => {
      return `${ref.name} ${ref.version}`
    })
  expect(inForce()).toEqual([])
  // Nothing of it is kept: a task restored from an image of before goes on alike.
  expect(documents.held.size).toBe(0)
  world.state.behaviour = BEHAVIOUR_JUDGEMENT
  expect(inForce()).toEqual([])
  for (const record of [alerts, heal, alerts]) evolvePolicy(world.state, record, world.nowMs)
  expect(inForce()).toEqual([`busy ${alerts.version}`, `heal ${heal.version}`])
})
