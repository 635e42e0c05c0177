// Relative to peers, and where that goes blind.
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { judgePeer, peersLimit } from '../../../src/core/signal/peers.ts'
import { figures } from './oracle.ts'

/** Most of n peers that may be equally bad and are still all found. */
function found(n: number): number {
  const counts = Array.from({ length: n - 1 }, (_, k) => k + 1)
  return counts.filter((bad) => {
    const values = Array.from({ length: n }, (_, i) => (i < bad ? 100 : 0))
    return judgePeer(100, peersLimit(values)).deviates
  }).length
}

test('the σ rule finds as many as its model says: blind above 21.7 % of equally bad peers', () => {
  expect([4, 5, 10, 20, 100].map(found)).toEqual([0, 1, 2, 4, 21])
})

test('equals its definition', () => {
  const values = fc.array(fc.double({ min: 0, max: 1e6, noNaN: true }), { minLength: 5 })
  fc.assert(
    fc.property(values, (all) => {
      const { mean, sigma } = figures(all)
      expect(peersLimit(all).limit).toBeCloseTo(mean + 1.9 * sigma, 4)
    }),
  )
})

test('few peers and small differences say nothing', () => {
  expect(peersLimit([0, 0, 0, 9]).limit).toBe(Number.POSITIVE_INFINITY)
  expect(peersLimit([]).limit).toBe(Number.POSITIVE_INFINITY)
  expect(peersLimit([1, 1, 1, 1, 2], { differenceMin: 5 }).limit).toBeGreaterThan(6)
})
