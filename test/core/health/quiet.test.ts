// The short way of judging says no to whatever the full way could find something in.
import { expect, test } from 'vitest'
import { instanceId, serviceId } from '../../../src/contracts/ids.ts'
import { DETECTOR_DEFAULTS } from '../../../src/contracts/limits.ts'
import { areEnough, areGood, isCalm } from '../../../src/core/health/quiet.ts'
import {
  BEHAVIOUR_JUDGEMENT,
  BEHAVIOUR_LATEST,
  BEHAVIOUR_WINDOWS,
} from '../../../src/core/kernel/behaviour.ts'
import { newVital, type Vital } from '../../../src/core/health/vital.ts'

const LATEST = BEHAVIOUR_LATEST
const PLACE = { topic: 'signals', partition: 0, offset: 1 }
const SINCE = { sinceMs: 1, place: PLACE }

function vital(some: Partial<Vital> = {}): Vital {
  const at = { service: serviceId('shop'), instance: instanceId('shop-1') }
  return Object.assign(newVital(at, 1, 0), { health: 'healthy', ...some })
}

test('calm is who is healthy and has nothing against it', () => {
  expect(isCalm(vital(), 'unknown', LATEST)).toBe(true)
  expect(isCalm(vital(), 'unstable', LATEST)).toBe(false)
  expect(isCalm(vital({ health: 'unstable' }), 'unknown', LATEST)).toBe(false)
  expect(isCalm(vital({ refused: SINCE }), 'unknown', LATEST)).toBe(false)
  expect(isCalm(vital({ exited: { ...SINCE, how: 'code 1' } }), 'unknown', LATEST)).toBe(false)
  expect(isCalm(vital({ calmSinceMs: 5 }), 'unknown', LATEST)).toBe(false)
})

test('who has changed of late is calm from the whole of judgement on', () => {
  expect(isCalm(vital({ flipsMs: [5] }), 'unknown', BEHAVIOUR_WINDOWS)).toBe(false)
  expect(isCalm(vital({ flipsMs: [5] }), 'unknown', BEHAVIOUR_JUDGEMENT)).toBe(true)
})

test('calm is who is not known yet, and who waits for more', () => {
  const unknown = vital({ health: 'unknown' })
  const probe = { atMs: 1, local: false, failures: 0, reason: '', profile: 'fast', ...SINCE }
  expect(isCalm(unknown, 'unknown', LATEST)).toBe(true)
  expect(
    isCalm(vital({ health: 'unknown', probe: { ...probe, verdict: 'up' } }), 'unknown', LATEST),
  ).toBe(false)
  expect(
    isCalm(vital({ health: 'unknown', probe: { ...probe, verdict: 'down' } }), 'unknown', LATEST),
  ).toBe(false)
  expect(areGood(unknown, { n: 19, errors: 19, p99Us: 1 }, DETECTOR_DEFAULTS)).toBe(true)
  expect(areGood(unknown, { n: 20, errors: 0, p99Us: 1 }, DETECTOR_DEFAULTS)).toBe(false)
})

test.each([
  ['few', { n: 19, errors: 19, p99Us: 9_000_000 }, true],
  ['good', { n: 100, errors: 4, p99Us: 999_999 }, true],
  ['at the limit of success', { n: 100, errors: 5, p99Us: 1 }, false],
  ['at the limit of latency', { n: 100, errors: 0, p99Us: 1_000_000 }, false],
])('counts that are %s', (_, glance, good) => {
  expect(areGood(vital(), glance, DETECTOR_DEFAULTS)).toBe(good)
  expect(areEnough(glance, DETECTOR_DEFAULTS)).toBe(good)
})

test('failures in a row are not good, however few the requests', () => {
  const failing = vital({ failures: { ...SINCE, count: 5 } })
  expect(areGood(failing, { n: 5, errors: 5, p99Us: 1 }, DETECTOR_DEFAULTS)).toBe(false)
})
