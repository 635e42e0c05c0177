// S1-36: z-scores of several dimensions, joined.
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { type JointVerdict, JointScore, Z_MAX } from '../../../src/core/signal/joint-score.ts'
import { answers, noise, share } from './kept.ts'
import { figures } from './oracle.ts'

const push = (detector: JointScore, sample: readonly number[]): JointVerdict =>
  detector.push(sample)
const fresh = (): JointScore => new JointScore({ dimensions: 3 })
const calm = noise(36, 3 * 200)
const rows = Array.from({ length: 200 }, (_, i) => calm.slice(3 * i, 3 * i + 3))
const at = (z: number, column: number): number => {
  const { mean, sigma } = figures(rows.slice(-100).map((row) => row[column] ?? 0))
  return mean + z * sigma
}

test('S1-36: three dimensions at 2σ together deviate, one of them alone does not', () => {
  const joint = [at(2, 0), at(2, 1), at(2, 2)]
  const twice = answers(fresh, [...rows, joint, joint.map((x) => x + 1)], { push })
  expect(twice.slice(-2).map(({ deviates }) => deviates)).toEqual([false, true])
  const single = [at(2, 0), at(0, 1), at(0, 2)]
  expect(answers(fresh, [...rows, single, single], { push }).at(-1)?.deviates).toBe(false)
})

test('S1-36: each contribution is told', () => {
  const verdict = answers(fresh, [...rows, [at(2, 0), at(1, 1), at(-1, 2)]], { push }).at(-1)
  expect(verdict?.z[0]).toBeCloseTo(2, 9)
  expect(verdict?.z[1]).toBeCloseTo(1, 9)
  expect(verdict?.z[2]).toBe(0)
  expect(verdict?.max).toBeCloseTo(2, 9)
  expect(verdict?.value).toBeCloseTo(1, 9)
})

test('S1-36: the unit of a dimension does not matter', () => {
  const inSeconds = rows.map(([a = 0, b = 0, c = 0]) => [a / 1_024, b, 1_024 * c])
  const milli = answers(fresh, rows, { push })
  expect(answers(fresh, inSeconds, { push }).map(({ z }) => z)).toEqual(milli.map(({ z }) => z))
})

test('S1-36: without variation nothing is infinite or no number', () => {
  const flat = Array.from({ length: 50 }, () => [1, 0, 5])
  const verdict = answers(fresh, [...flat, [1, 1, 5]], { push }).at(-1)
  expect(verdict?.z).toEqual([0, Z_MAX, 0])
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.nat(2), fc.nat(2), fc.constant(Number.NaN))), (samples) => {
      for (const { z, value } of answers(fresh, samples, { push })) {
        expect([...z, value].every((x) => x >= 0 && x <= Z_MAX)).toBe(true)
      }
    }),
  )
})

test('goes on through an image; Gaussian noise: less than 1 %', () => {
  const all = noise(37, 3 * 10_000)
  const many = Array.from({ length: 10_000 }, (_, i) => all.slice(3 * i, 3 * i + 3))
  const whole = answers(fresh, many, { push })
  expect(share(whole.map(({ deviates }) => deviates))).toBeLessThan(0.01)
  const few = many.slice(0, 300)
  expect(answers(fresh, few, { push, cutAt: 120 })).toEqual(answers(fresh, few, { push }))
})
