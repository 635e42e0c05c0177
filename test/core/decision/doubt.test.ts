// Reasons to doubt ourselves: each counts once, together no more than the bound.
import { expect, test } from 'vitest'
import { GUARD_DEFAULTS } from '../../../src/contracts/limits.ts'
import {
  doubtOf,
  loadRhythm,
  newRhythm,
  notePromise,
  noteStep,
  saveRhythm,
  STALL_KEPT_MS,
} from '../../../src/core/decision/doubt.ts'
import { ImageReader, ImageWriter } from '../../../src/core/kernel/image.ts'
import { CarefulWorld } from './careful-world.ts'
import { finding, instance } from './world.ts'

const pulse = { as_of_ms: 0, reporters_expected: 4, reporters_seen: 4, blind: false }
const at = { pulse, nowMs: 100_000, factorMax: 4 }
const SURE = { lagMs: 100, skewed: false }

test('nothing to doubt', () => {
  expect(doubtOf(newRhythm(), SURE, at)).toEqual({ factor: 1, why: [] })
})

test.each([
  [{ lagMs: 2_000, skewed: false }, pulse, ['reading is 2 s late']],
  [{ lagMs: null, skewed: false }, pulse, ['nothing was read yet']],
  [{ ...SURE, skewed: true }, pulse, ['a clock of an agent is not believed']],
  [SURE, { ...pulse, reporters_seen: 3 }, ['1 of 4 agents are missing']],
])('%j', (doubts, seen, why) => {
  expect(doubtOf(newRhythm(), doubts, { ...at, pulse: seen })).toEqual({ factor: 2, why })
})

test('a step that comes late is remembered for a while; one that is behind says nothing', () => {
  const rhythm = newRhythm()
  notePromise(rhythm, 90_000, false)
  noteStep(rhythm, 93_000, true)
  expect(doubtOf(rhythm, SURE, at).factor).toBe(1)
  notePromise(rhythm, 90_000, false)
  noteStep(rhythm, 91_999, false)
  expect(doubtOf(rhythm, SURE, at).factor).toBe(1)
  noteStep(rhythm, 93_000, false)
  expect(doubtOf(rhythm, SURE, at).why).toEqual(['it stood still for 3 s, 7 s ago'])
  const later = { ...at, nowMs: 93_000 + STALL_KEPT_MS }
  expect(doubtOf(rhythm, SURE, later).factor).toBe(1)
  const to = new ImageWriter()
  saveRhythm(rhythm, to)
  expect(loadRhythm(new ImageReader(to.pieces()[0] ?? new Uint8Array(0)))).toEqual(rhythm)
})

test('never more than the bound', () => {
  const rhythm = { promisedMs: null, stallMs: 5_000, stalledAtMs: 99_000 }
  const all = { ...at, pulse: { ...pulse, reporters_seen: 1 } }
  expect(doubtOf(rhythm, { lagMs: 9_000, skewed: true }, all).factor).toBe(4)
  expect(GUARD_DEFAULTS.doubtFactorMax).toBe(4)
})

test('inferred evidence stands longer, and the event says why', () => {
  const world = new CarefulWorld()
  world.begin()
  const slow = finding({ detector: 'latency_p99', class: 'inferred', sinceMs: world.nowMs })
  const [a, b] = [instance('a', { health: 'unhealthy', findings: [slow] }), instance('b')]
  world.step([instance('a'), b])
  const doubts = { lagMs: 3_000, skewed: false }
  world.step([a, b], { afterMs: 2_000, doubts })
  expect(world.last.summary).toContain(
    'refused by guard settle: stands for 2 s, limit 3 s, 2 times as long: reading is 3 s late',
  )
  world.step([a, b], { afterMs: 999, doubts })
  expect(world.commands).toHaveLength(0)
  world.step([a, b], { afterMs: 1, doubts })
  expect(world.commands).toHaveLength(1)
})

test('behind, no promise is held against it; without a pulse nobody is missing', () => {
  const rhythm = newRhythm()
  notePromise(rhythm, 90_000, false)
  notePromise(rhythm, 90_000, true)
  noteStep(rhythm, 99_000, false)
  expect(doubtOf(rhythm, SURE, at)).toEqual({ factor: 1, why: [] })
  expect(doubtOf(rhythm, SURE, { ...at, pulse: null })).toEqual({ factor: 1, why: [] })
})
