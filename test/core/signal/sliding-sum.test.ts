// Sums over a sliding window of buckets.
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { SlidingSum } from '../../../src/core/signal/sliding-sum.ts'
import { restored } from './kept.ts'

const fresh = (): SlidingSum => new SlidingSum({ bucketMs: 100, buckets: 10 })

test('equals its definition for late, early and missing values', () => {
  const moves = fc.array(fc.tuple(fc.integer({ min: -1_500, max: 1_500 }), fc.nat(9)), {
    maxLength: 60,
  })
  fc.assert(
    fc.property(moves, (all) => {
      let sum = fresh()
      let newest = -1
      let atMs = 5_000
      const kept: (readonly [bucket: number, value: number])[] = []
      all.forEach(([gapMs, value], i) => {
        atMs = Math.max(0, atMs + gapMs)
        const bucket = Math.floor(atMs / 100)
        newest = Math.max(newest, bucket)
        if (bucket > newest - 10) kept.push([bucket, value])
        sum.add(value, atMs)
        if (i === 9) sum = restored(sum, fresh)
        const held = kept.filter(([held]) => held > newest - 10)
        expect(sum.newest).toBe(newest)
        expect(sum.sum()).toBe(held.reduce((all, [, one]) => all + one, 0))
        const some = held.filter(([held]) => held >= newest - 3 && held < newest)
        expect(sum.between(newest - 3, newest)).toBe(some.reduce((all, [, one]) => all + one, 0))
      })
    }),
  )
})

test('time alone empties it', () => {
  const sum = fresh()
  sum.add(3, 1_000)
  sum.advance(1_999)
  expect(sum.sum()).toBe(3)
  sum.advance(2_000)
  expect(sum.sum()).toBe(0)
})
