// S0-55: a leak, and the sawtooth of a garbage collector.
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { Leak, LEAK } from '../../../src/core/signal/leak.ts'
import type { Verdict } from '../../../src/core/signal/verdict.ts'
import { answers, noise } from './kept.ts'
import { trend } from './oracle.ts'

const MB = 1_048_576
const EVERY_MS = 10_000
const fresh = (): Leak => new Leak()
const push = (detector: Leak, memory: number, i: number): Verdict =>
  detector.push(memory, i * EVERY_MS)
const jitter = noise(55, 2_000).map((x) => ((x - 100) / 5) * 0.3 * MB)
const trace = (count: number, memory: (i: number) => number): number[] =>
  Array.from({ length: count }, (_, i) => memory(i) + (jitter[i] ?? 0))
const firstAt = (samples: readonly number[]): number =>
  answers(fresh, samples, { push }).findIndex(({ deviates }) => deviates)

test('S0-55: 10 MB a minute is found within five minutes', () => {
  const at = firstAt(trace(60, (i) => 200 * MB + (i * 10 * MB) / 6))
  expect(at * EVERY_MS).toBeGreaterThan(0)
  expect(at * EVERY_MS).toBeLessThanOrEqual(300_000)
})

test.each([30, 60, 120, 240])('S0-55: a sawtooth of %i s is no leak', (periodS) => {
  const period = periodS / 10
  expect(firstAt(trace(360, (i) => 200 * MB + ((i % period) * 60 * MB) / period))).toBe(-1)
})

test('S0-55: nor is one longer than the window, once it was seen to fall', () => {
  const samples = trace(720, (i) => 200 * MB + ((i % 90) * 150 * MB) / 90)
  const verdicts = answers(fresh, samples, { push }).map(({ deviates }) => deviates)
  expect(verdicts.slice(90)).not.toContain(true)
})

test('S0-55: a leak under a sawtooth is found when it outgrows the peaks', () => {
  const samples = trace(720, (i) => 200 * MB + ((i % 6) * 4 * MB) / 6 + (i * 10 * MB) / 6)
  expect(firstAt(samples)).toBeGreaterThan(0)
})

test('steady memory and a single step are none', () => {
  expect(firstAt(trace(400, () => 300 * MB))).toBe(-1)
  expect(firstAt(trace(400, (i) => (i > 200 ? 400 : 300) * MB))).toBe(-1)
})

test('slope and correlation equal their definitions, through an image too', () => {
  const memories = fc.array(fc.integer({ min: 0, max: 900 }), { minLength: 12, maxLength: 50 })
  fc.assert(
    fc.property(memories, fc.nat(50), (samples, cutAt) => {
      const verdict = answers(fresh, samples, { push, cutAt }).at(-1)
      const parts = verdict?.parts ?? {}
      if (verdict?.ready !== true) return
      const points = samples.map((x, i) => [i * EVERY_MS, x] as const).slice(-LEAK.window)
      const { slope, correlation } = trend(points)
      expect(parts['slope']).toBe(slope * 60_000)
      expect(parts['correlation']).toBeCloseTo(correlation, 9)
    }),
  )
})
