// S0-51: median and MAD.
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { MedianMad } from '../../../src/core/signal/median-mad.ts'
import { answers, noise, share } from './kept.ts'
import { robustDistance } from './oracle.ts'

const push = (detector: MedianMad, x: number): boolean => detector.push(x).deviates

test('S0-51: the same as by its definition, through an image too', () => {
  const spiky = fc.array(
    fc.oneof({ weight: 5, arbitrary: fc.integer({ min: 5, max: 9 }) }, fc.integer({ max: 90 })),
    { maxLength: 90 },
  )
  fc.assert(
    fc.property(spiky, fc.nat(90), (samples, cutAt) => {
      const made = (): MedianMad => new MedianMad({ window: 20 })
      const isFar = samples.map((x, i) => {
        const before = samples.slice(Math.max(0, i - 20), i)
        return before.length >= 11 && robustDistance(before, x) > 3.5
      })
      const twice = isFar.map((far, i) => far && isFar[i - 1] === true)
      expect(answers(made, samples, { push, cutAt })).toEqual(twice)
    }),
  )
})

test('four outliers in ten leave the limit where it was, unlike mean and σ', () => {
  const samples = Array.from({ length: 60 }, (_, i) => (i % 5 < 2 ? 1_000 : 100 + (i % 7)))
  const detector = new MedianMad()
  for (const x of samples) detector.push(x)
  expect(detector.push(1_000).limit).toBeLessThan(300)
})

test('both sides, where it is asked for', () => {
  const made = (): MedianMad => new MedianMad({ sides: 'both' })
  const calm = Array.from({ length: 30 }, (_, i) => 100 + (i % 5))
  expect(answers(made, [...calm, 1, 1], { push }).at(-1)).toBe(true)
  expect(answers(() => new MedianMad(), [...calm, 1, 1], { push }).at(-1)).toBe(false)
})

test('Gaussian noise: less than 1 %', () => {
  expect(share(answers(() => new MedianMad(), noise(51, 20_000), { push }))).toBeLessThan(0.01)
})
