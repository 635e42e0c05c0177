// One decision about a service where many of its instances fell sick together, and nothing under an
// older behaviour.
import { expect, test } from 'vitest'
import type { InstanceFacts } from '../../../src/core/kernel/facts.ts'
import { CarefulWorld } from './careful-world.ts'
import { crashed, finding, instance, LOOSE } from './world.ts'

const NAMES = Array.from({ length: 10 }, (_, i) => `i${i}`)
const some = (sick: number, version = '2.1'): InstanceFacts[] =>
  NAMES.map((name, i) => {
    const at = { appVersion: i < 6 ? version : '2.0' }
    return i < sick
      ? crashed(name, { ...at, findings: [finding({ sinceMs: 1 })] })
      : instance(name, at)
  })

/** F70: 60 % of the instances sick at once. */
test('60 % sick at once: one incident names what they share, no instance is acted on', () => {
  const world = new CarefulWorld()
  world.begin(LOOSE)
  world.step(some(0))
  world.step(some(6), { afterMs: 1_000 })
  expect(world.commands).toEqual([])
  const cause = world.events.find(({ instance: one }) => one === null)
  expect(cause?.summary).toBe(
    'common cause: 6 of 10 instances of shop fell sick together, sharing version 2.1',
  )
  expect(cause?.evidence.map(({ detector, value, limit }) => [detector, value, limit])).toEqual([
    ['common_cause', 6, 10],
  ])
  world.step(some(6), { afterMs: 5_000 })
  const last = world.events.findLast(({ instance: one }) => one === null)
  expect([last?.event, last?.incident_id]).toEqual(['escalated', cause?.incident_id])
  for (let i = 0; i < 5; i++) world.step(some(6), { afterMs: 60_000 })
  expect(world.commands).toEqual([])
  const refused = world.events.filter(({ event }) => event === 'refused')
  expect(new Set(refused.map(({ guards }) => guards.find(({ passed }) => !passed)?.guard))).toEqual(
    new Set(['zone']),
  )
  const asked = refused[0]?.guards.find(({ guard }) => guard === 'common_cause')
  expect([asked?.passed, asked?.value]).toEqual([
    false,
    '6 of 10 of the service fell sick together, sharing version 2.1',
  ])
})

test('one of ten alone is healed as ever; more that come are evidence of the same', () => {
  const world = new CarefulWorld()
  world.begin(LOOSE)
  world.step(some(0))
  world.step(some(1), { afterMs: 1_000 })
  expect(world.commands).toHaveLength(1)
  const later = new CarefulWorld()
  later.begin(LOOSE)
  later.step(some(0))
  // Two of six share the version, but they are two of ten; then three of ten are too many anyway.
  later.step(some(2), { afterMs: 1_000 })
  later.step(some(3), { afterMs: 1_000 })
  const whole = later.events.filter(({ instance: one }) => one === null)
  expect(whole.map(({ event }) => event)).toEqual(['detected', 'evidence'])
})

test('an older behaviour knows none of it', () => {
  const world = new CarefulWorld()
  world.state.behaviour = 2
  world.begin({ cooldownMs: 0, serviceIntervalMs: 0, outShareMax: 1, routableShareMin: 0 })
  world.step(some(0))
  world.step(some(6), { afterMs: 1_000 })
  expect(world.commands.length).toBeGreaterThan(1)
  expect(world.state.care.crowds.size).toBe(0)
})
