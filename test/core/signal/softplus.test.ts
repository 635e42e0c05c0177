// ln(1 + e^-x) in plain arithmetic.
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { softplus } from '../../../src/core/signal/softplus.ts'

test('agrees with the mathematics of the engine', () => {
  fc.assert(
    fc.property(fc.double({ min: 0, max: 690, noNaN: true }), (x) => {
      const expected = Math.log1p(Math.exp(-x))
      expect(Math.abs(softplus(x) - expected)).toBeLessThanOrEqual(1e-11 * expected)
    }),
  )
})

test('at the ends', () => {
  expect(softplus(0)).toBeCloseTo(Math.LN2, 14)
  expect(softplus(1_000)).toBe(0)
  expect(() => softplus(-1)).toThrow('from 0')
})
