// The share of traffic: every stage with every health, the steps up and the falls down, and what a
// balancer that draws by weight makes of it.
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { DETECTOR_DEFAULTS } from '../../../src/contracts/limits.ts'
import { instanceId, serviceId } from '../../../src/contracts/ids.ts'
import type { Health } from '../../../src/contracts/records.ts'
import {
  type Climb,
  climb,
  climbOf,
  NO_CLIMB,
  PROBE_PERIODS_MS,
  probedMs,
  type Traffic,
  TRAFFIC_DIAGRAM,
  TRAFFIC_PERCENT,
  TRAFFIC_TABLE,
  type TrafficInput,
} from '../../../src/core/health/traffic.ts'
import { foldSignal, newVital } from '../../../src/core/health/vital.ts'
import { mayGo } from '../../../src/core/kernel/machine.ts'
import { PROFILES } from '../../../src/runtime/agent/probe.ts'
import { probe } from '../../support/records.ts'

const HEALTHS: readonly Health[] = ['unknown', 'healthy', 'unstable', 'unhealthy']
const STAGES: readonly Traffic[] = ['none', 'reduced', 'returning', 'full']
const { slowStartMs, recoverMs } = DETECTOR_DEFAULTS

function input(health: Health, words: Partial<TrafficInput> = {}): TrafficInput {
  const routable = health !== 'unhealthy'
  return { health, routable, probedMs: null, slowStartMs, recoverMs, ...words }
}

/** Of each stage by health: at once, and when its stay is over. */
const EXPECTED: Readonly<Record<Traffic, Readonly<Record<Health, readonly [Traffic, Traffic]>>>> = {
  none: {
    unknown: ['reduced', 'reduced'],
    healthy: ['reduced', 'reduced'],
    unstable: ['reduced', 'reduced'],
    unhealthy: ['none', 'none'],
  },
  reduced: {
    unknown: ['reduced', 'reduced'],
    healthy: ['returning', 'returning'],
    unstable: ['reduced', 'reduced'],
    unhealthy: ['none', 'none'],
  },
  returning: {
    unknown: ['reduced', 'reduced'],
    healthy: ['returning', 'full'],
    unstable: ['reduced', 'reduced'],
    unhealthy: ['none', 'none'],
  },
  full: {
    unknown: ['reduced', 'reduced'],
    healthy: ['full', 'full'],
    unstable: ['reduced', 'reduced'],
    unhealthy: ['none', 'none'],
  },
}

describe.each(STAGES)('S0-24: from %s', (traffic) => {
  test.each(HEALTHS)('with %s', (health) => {
    const from: Climb = { traffic, sinceMs: 1_000, slow: traffic === 'none' }
    const later = 1_000 + recoverMs
    const found = [1_000, later].map((nowMs) => climb(from, input(health), nowMs).climb.traffic)
    expect(found).toEqual(EXPECTED[traffic][health])
    const { nextMs } = climb(from, input(health), 1_000)
    if (nextMs !== null) expect(nextMs).toBeGreaterThan(1_000)
  })
})

test('S0-47: one that had none comes back over the slow start, each step when it is told', () => {
  const first = climb(NO_CLIMB, input('healthy'), 5_000)
  expect(first).toEqual({
    climb: { traffic: 'reduced', sinceMs: 5_000, slow: true },
    nextMs: 20_000,
  })
  const second = climb(first.climb, input('healthy'), 20_000)
  expect(second).toMatchObject({ climb: { traffic: 'returning' }, nextMs: 35_000 })
  expect(climb(second.climb, input('healthy'), 34_999).climb.traffic).toBe('returning')
  expect(climb(second.climb, input('healthy'), 35_000)).toEqual({
    climb: { traffic: 'full', sinceMs: 35_000, slow: false },
    nextMs: null,
  })
  const atOnce = climb(NO_CLIMB, input('healthy', { slowStartMs: 0 }), 5_000)
  expect(atOnce.climb.traffic).toBe('full')
})

test('S4-25: one that was out gets nothing before its good probes, nor against guards', () => {
  const out: Climb = { traffic: 'none', sinceMs: 1_000, slow: true }
  expect(climb(out, input('unstable', { probedMs: 2_200 }), 2_000)).toEqual({
    climb: out,
    nextMs: 2_200,
  })
  expect(climb(out, input('unstable', { probedMs: 2_200 }), 2_200).climb.traffic).toBe('reduced')
  // Nobody waits for probes who has never been out.
  expect(climb(NO_CLIMB, input('healthy', { probedMs: 9e9 }), 1).climb.traffic).toBe('reduced')
  const held = climb({ ...out, traffic: 'full' }, input('healthy', { routable: false }), 3_000)
  expect(held.climb.traffic).toBe('none')
})

test('S4-25: good probes count from the verdict, by the period of the profile', () => {
  const at = { service: serviceId('shop'), instance: instanceId('shop-1') }
  const vital = newVital(at, 1, 0)
  expect(probedMs(vital, DETECTOR_DEFAULTS)).toBeNull()
  const fold = (verdict: 'up' | 'down', atMs: number): void => {
    const place = { topic: 'signals', partition: 0, offset: 1 }
    foldSignal(vital, probe({ atMs, verdict }), { sinceMs: atMs, place })
  }
  fold('down', 1_000)
  expect(probedMs(vital, DETECTOR_DEFAULTS)).toBeNull()
  fold('up', 2_000)
  fold('up', 2_900)
  expect(probedMs(vital, DETECTOR_DEFAULTS)).toBe(2_200)
  expect(probedMs(vital, { ...DETECTOR_DEFAULTS, probesGoodMin: 11 })).toBe(3_000)
})

test('the periods are those of the agents', () => {
  const periods = Object.values(PROFILES).map(({ name, periodMs }) => [name, periodMs])
  expect(Object.fromEntries(periods)).toEqual(PROBE_PERIODS_MS)
})

test('whatever happens: down at once, up one step at a time and never before its time', () => {
  const happening = fc.record({
    health: fc.constantFrom(...HEALTHS),
    guarded: fc.boolean(),
    afterMs: fc.integer({ min: 0, max: 20_000 }),
  })
  fc.assert(
    fc.property(fc.array(happening, { maxLength: 40 }), (all) => {
      let at = NO_CLIMB
      let nowMs = 1_000
      let dueMs: number | null = null
      for (const { health, guarded, afterMs } of all) {
        nowMs += afterMs
        const routable = health !== 'unhealthy' && !guarded
        const { climb: next, nextMs } = climb(at, input(health, { routable }), nowMs)
        const [before, after] = [TRAFFIC_PERCENT[at.traffic], TRAFFIC_PERCENT[next.traffic]]
        if (after !== before) expect(mayGo(TRAFFIC_TABLE, at.traffic, next.traffic)).toBe(true)
        if (!routable) expect(after).toBe(0)
        else if (health !== 'healthy') expect(after).toBeLessThanOrEqual(30)
        if (after === 100 && before !== 100) expect(nowMs).toBeGreaterThanOrEqual(dueMs ?? 0)
        at = next
        dueMs = nextMs
      }
    }),
  )
})

test('S0-23: a balancer that draws by weight gives 100, 30 ± 3 and 0 % of the normal share', () => {
  const stages: readonly Traffic[] = ['full', 'reduced', 'none', 'full']
  const weights = stages.map((stage) => TRAFFIC_PERCENT[stage])
  const sum = weights.reduce((a, b) => a + b, 0)
  const drawn = stages.map(() => 0)
  let seed = 1
  const draws = 100_000
  for (let i = 0; i < draws; i++) {
    seed = (Math.imul(seed, 1_664_525) + 1_013_904_223) >>> 0
    let left = (seed / 2 ** 32) * sum
    const at = weights.findIndex((weight) => (left -= weight) < 0)
    drawn[at] = (drawn[at] ?? 0) + 1
  }
  const full = ((drawn[0] ?? 0) + (drawn[3] ?? 0)) / 2
  expect(((drawn[1] ?? 0) / full) * 100).toBeGreaterThan(27)
  expect(((drawn[1] ?? 0) / full) * 100).toBeLessThan(33)
  expect(drawn[2]).toBe(0)
})

test('one told before there were steps goes on as it was', () => {
  expect([100, 60, 30, 0].map((weight) => climbOf(weight, 7))).toEqual([
    { traffic: 'full', sinceMs: 7, slow: false },
    { traffic: 'reduced', sinceMs: 7, slow: false },
    { traffic: 'reduced', sinceMs: 7, slow: false },
    { traffic: 'none', sinceMs: 7, slow: true },
  ])
})

test('the picture is that of the table', () => {
  expect(TRAFFIC_DIAGRAM.split('\n')).toEqual([
    'stateDiagram-v2',
    '  [*] --> none',
    '  none --> reduced',
    '  reduced --> none',
    '  reduced --> returning',
    '  returning --> none',
    '  returning --> reduced',
    '  returning --> full',
    '  full --> none',
    '  full --> reduced',
  ])
})
