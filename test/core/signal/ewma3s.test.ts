// S1-35: mean + 3σ of the window before, twice in a row.
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { Ewma3s } from '../../../src/core/signal/ewma3s.ts'
import { isFull } from '../../support/full.ts'
import { answers, noise, share } from './kept.ts'
import { ewma3s, figures } from './oracle.ts'

const push = (detector: Ewma3s, x: number): boolean => detector.push(x).deviates
const fresh = (): Ewma3s => new Ewma3s()
const STEADY = Array.from({ length: 30 }, (_, i) => 100 + (i % 3))

test('S1-35: one spike is no alarm, two in a row are one at the second', () => {
  expect(answers(fresh, [...STEADY, 200, 100, 101], { push })).not.toContain(true)
  const two = answers(fresh, [...STEADY, 200, 200, 100], { push })
  expect(two.slice(-3)).toEqual([false, true, false])
})

test('it looks at one side only', () => {
  expect(answers(fresh, [...STEADY, 1, 1, 1], { push })).not.toContain(true)
})

test('S1-35: Gaussian noise alarms in less than 0.01 % of its points', () => {
  const points = isFull ? 1_000_000 : 100_000
  expect(share(answers(fresh, noise(35, points), { push }))).toBeLessThan(0.0001)
})

test('S1-35: the same as by its definition, through an image too', () => {
  const spiky = fc.array(fc.oneof(fc.integer({ min: 90, max: 110 }), fc.constant(400)), {
    maxLength: 150,
  })
  fc.assert(
    fc.property(spiky, fc.nat(150), (samples, cutAt) => {
      const small = (): Ewma3s => new Ewma3s({ window: 20 })
      expect(answers(small, samples, { push, cutAt })).toEqual(ewma3s(samples, 20))
    }),
  )
})

test('nothing is judged before 11 samples', () => {
  const verdicts = answers(fresh, [...Array.from({ length: 11 }, () => 1), 9, 9], {
    push: (detector, x) => detector.push(x),
  })
  expect(verdicts.slice(0, 11).every(({ ready, deviates }) => !ready && !deviates)).toBe(true)
  expect(verdicts.at(-1)).toMatchObject({ ready: true, deviates: true, parts: { run: 2 } })
})

test('with the sample included ten points could never exceed 3σ', () => {
  const z = (count: number): number => {
    const samples = [...Array.from({ length: count - 1 }, () => 0), 1]
    const { mean, sigma } = figures(samples)
    return (1 - mean) / sigma
  }
  expect(z(10)).toBeLessThanOrEqual(3)
  expect(z(11)).toBeGreaterThan(3)
})

test('a least σ keeps what never varied from alarming at the first breath', () => {
  const flat = [...Array.from({ length: 20 }, () => 1), 1.01, 1.01]
  expect(answers(fresh, flat, { push })).toContain(true)
  expect(answers(() => new Ewma3s({ sigmaMin: 0.05 }), flat, { push })).not.toContain(true)
})
