// S0-36: loss above 15 %, sustained.
import { expect, test } from 'vitest'
import { Loss } from '../../../src/core/signal/loss.ts'
import { restored } from './kept.ts'

/** One probe each 100 ms, `lost` of each 20; when it deviates first, ms, or null. */
function first(lost: (i: number) => boolean, count: number = 200): number | null {
  let detector = new Loss()
  for (let i = 0; i < count; i++) {
    if (i === 33) detector = restored(detector, () => new Loss())
    if (detector.push(1, lost(i) ? 1 : 0, 100 * i).deviates) return 100 * i
  }
  return null
}

test('S0-36: 10 % is none, 25 % is one within 3 s', () => {
  expect(first((i) => i % 10 === 9)).toBeNull()
  const atMs = first((i) => i >= 40 && i % 4 === 0)
  expect(atMs).toBeGreaterThanOrEqual(5_000)
  expect(atMs).toBeLessThanOrEqual(7_000)
})

test('S0-36: exactly 15 % is not above 15 %', () => {
  expect(first((i) => i % 20 < 3)).toBeNull()
})

test('S0-36: a burst that is not sustained is none', () => {
  const detector = new Loss()
  let deviates = false
  for (let i = 0; i < 100; i++) {
    // Four of twenty, for as long as the window holds them all: 0.5 s above, then gone.
    const isLost = i >= 40 && i < 44
    const few = i >= 45 ? 3 : 1
    deviates ||= detector.push(few, isLost ? 1 : 0, 100 * i).deviates
  }
  expect(deviates).toBe(false)
})

test('too few probes say nothing', () => {
  const detector = new Loss()
  expect(detector.push(9, 9, 0)).toMatchObject({ ready: false, deviates: false })
})
