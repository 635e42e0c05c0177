// S3-11: how regular heartbeats come.
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { ARRIVAL, Arrival } from '../../../src/core/signal/arrival.ts'
import { answers } from './kept.ts'
import { figures, phi } from './oracle.ts'

const fresh = (): Arrival => new Arrival()
const beats = (count: number): number[] => Array.from({ length: count }, (_, i) => 1_000 * i)

test('S3-11: a stop of the world of 2 s deviates, and is not death', () => {
  const trace = beats(30)
  const resumed = [...trace, 29_000 + 3_000, 33_000]
  const verdicts = answers(fresh, resumed, { push: (detector, atMs) => detector.push(atMs) })
  expect(verdicts.map(({ deviates }) => deviates).indexOf(true)).toBe(30)
  expect(verdicts[31]?.deviates).toBe(false)
  const detector = fresh()
  for (const atMs of trace) detector.push(atMs)
  expect(detector.isSuspicious(29_000 + 3_000)).toBe(false)
  expect(detector.isSuspicious(29_000 + 8_000)).toBe(true)
})

test('S3-11: mean, σ and phi equal the trace, through an image too', () => {
  const gaps = fc.array(fc.integer({ min: 500, max: 1_500 }), { minLength: 6, maxLength: 140 })
  fc.assert(
    fc.property(gaps, fc.nat(140), fc.integer({ min: 0, max: 9_000 }), (all, cutAt, silentMs) => {
      let atMs = 0
      const trace = [0, ...all.map((gap) => (atMs += gap))]
      const detector = fresh()
      const verdicts = answers(fresh, trace, { push: (one, at) => one.push(at), cutAt })
      for (const at of trace) detector.push(at)
      const { mean, sigma } = figures(all.slice(-ARRIVAL.window))
      expect(detector.spread()).toEqual({ mean, sigma: Math.max(sigma, ARRIVAL.sigmaMinMs) })
      expect(verdicts.at(-1)).toEqual(answers(fresh, trace, { push: (o, a) => o.push(a) }).at(-1))
      const y = (silentMs - mean - ARRIVAL.pauseMs) / Math.max(sigma, ARRIVAL.sigmaMinMs)
      const expected = phi(y)
      if (Number.isFinite(expected) && expected > 1e-9) {
        expect(detector.phi(atMs + silentMs) / expected).toBeCloseTo(1, 5)
      }
    }),
  )
})

test('the moment of suspicion is the first at which phi reaches its limit', () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 100, max: 9_000 }), { minLength: 6 }), (gaps) => {
      const detector = fresh()
      let atMs = 0
      for (const gap of gaps) detector.push((atMs += gap))
      const suspectMs = detector.suspectAtMs() ?? 0
      expect(detector.isSuspicious(suspectMs)).toBe(true)
      expect(detector.isSuspicious(suspectMs - 2)).toBe(false)
    }),
  )
})

test('too few intervals say nothing; beats out of order and at once are passed over', () => {
  const detector = fresh()
  expect(detector.suspectAtMs()).toBeNull()
  for (const atMs of [0, 1_000, 500, 1_000]) detector.push(atMs)
  expect(detector.phi(1e9)).toBe(0)
  expect(detector.spread().mean).toBe(1_000)
})
