// Medians.
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { medianOf } from '../../../src/core/signal/order-statistics.ts'
import { median } from './oracle.ts'

test('of the first so many values', () => {
  const values = fc.array(fc.double({ noNaN: true, min: -1e9, max: 1e9 }), { minLength: 1 })
  fc.assert(
    fc.property(values, (all) => {
      const table = new Float64Array([...all, -1e300, 1e300])
      expect(medianOf(table, all.length)).toBe(median(all))
    }),
  )
})

test('of nothing there is none', () => expect(medianOf(new Float64Array(2), 0)).toBeNaN())
