// S3-19 in causal form, with the hard limits of S0-22.
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { ADAPTIVE, Adaptive, type AdaptiveOptions } from '../../../src/core/signal/adaptive.ts'
import { answers, noise, share } from './kept.ts'
import { band } from './oracle.ts'

const push = (detector: Adaptive, x: number): boolean => detector.push(x).deviates
const made = (options: Partial<AdaptiveOptions> = {}) => {
  return (): Adaptive => new Adaptive(options)
}
const STEADY = noise(1, 200)

test('S3-19: until something deviates it is the plain causal band', () => {
  const samples = fc.array(fc.integer({ min: 0, max: 1_000 }), { minLength: 12, maxLength: 80 })
  fc.assert(
    fc.property(samples, fc.nat(80), (all, cutAt) => {
      const streamed = answers(made({ driftFactor: null }), all, { push, cutAt })
      const offline = band(all, ADAPTIVE)
      const first = offline.indexOf(true)
      const end = first < 0 ? all.length : first + 1
      expect(streamed.slice(0, end)).toEqual(offline.slice(0, end))
    }),
  )
})

test('S3-19: appending samples never alters an earlier verdict', () => {
  const wild = fc.array(fc.double({ min: 0, max: 1e4, noNaN: true }), { maxLength: 120 })
  fc.assert(
    fc.property(wild, wild, (all, more) => {
      const longer = answers(made(), [...all, ...more], { push })
      expect(longer.slice(0, all.length)).toEqual(answers(made(), all, { push }))
    }),
  )
})

test.each([1, 2, 3, 4, 5, 6])('S3-19: Gaussian noise, seed %i: less than 1 %%', (seed) => {
  const samples = noise(seed, 20_000)
  expect(share(answers(made(), samples, { push }))).toBeLessThan(0.01)
  const twice = made({ factor: 2, inRow: 2 })
  expect(share(answers(twice, samples, { push }))).toBeLessThan(0.01)
})

test('a fault does not teach that bad is normal', () => {
  const detector = made()()
  for (const x of STEADY) detector.push(x)
  const before = detector.push(100).parts['mean']
  for (let i = 0; i < 20; i++) expect(detector.push(200).deviates).toBe(true)
  expect(detector.push(100)).toMatchObject({ deviates: false })
  expect(detector.push(100).parts['mean']).toBeCloseTo(before ?? 0, -1)
})

test('a level that stands is learnt after a bounded time', () => {
  const level = noise(7, 200).map((x) => x + 60)
  const flagged = answers(made({ driftFactor: null }), [...STEADY, ...level], { push })
  const after = flagged.slice(STEADY.length)
  expect(share(after.slice(0, 25))).toBe(1)
  expect(share(after.slice(60))).toBeLessThan(0.05)
})

test('a level that flickers is learnt too', () => {
  const level = noise(8, 400).map((x, i) => (i % 2 === 0 ? x + 60 : x - 60))
  const flagged = answers(made({ driftFactor: null }), [...STEADY, ...level], { push })
  expect(share(flagged.slice(-200))).toBeLessThan(0.05)
})

test('S0-22: above the ceiling nothing is ever learnt', () => {
  const level = Array.from({ length: 500 }, () => 300)
  const flagged = answers(made({ ceiling: 250 }), [...STEADY, ...level], { push })
  expect(share(flagged.slice(STEADY.length))).toBe(1)
})

test('S0-22: below the floor nothing deviates upwards', () => {
  const options = { floor: 500, sides: 'above' } as const
  const samples = [...STEADY, ...Array.from({ length: 50 }, () => 450)]
  expect(answers(made(options), samples, { push })).not.toContain(true)
})

/** Samples of two hours, one each 10 s, with 5 % noise: from 100 to 300 in even steps. */
const drift = noise(9, 720).map((x, i) => x * (1 + (2 * i) / 720))

test('S0-22: a slow drift to three times the latency still alarms', () => {
  const calm = noise(10, 2_000)
  const without = answers(made({ driftFactor: null, sides: 'above' }), [...calm, ...drift], {
    push,
  })
  expect(share(without.slice(-100))).toBeLessThan(0.1)
  const slowMean = answers(made({ sides: 'above' }), [...calm, ...drift], { push })
  expect(share(slowMean.slice(-100))).toBe(1)
  const ceiling = made({ ceiling: 250, driftFactor: null, sides: 'above' })
  expect(share(answers(ceiling, [...calm, ...drift], { push }).slice(-100))).toBeGreaterThan(0.9)
})

test('S0-22: a daily load five times as high at noon never alarms twice in a row', () => {
  // Latency follows the load: 100 ms at night, 180 ms at noon, with 5 % noise.
  const days = noise(11, 3 * 8_640).map((x, i) => {
    return x * (1.4 - 0.4 * Math.cos((2 * Math.PI * i) / 8_640))
  })
  const flagged = answers(made({ sides: 'above', factor: 4, inRow: 3 }), days, { push })
  expect(flagged).not.toContain(true)
})
