// Longer tables keep what they had and are empty behind it.
import { expect, test } from 'vitest'
import { grownBytes, grownDoubles, grownInts } from '../../../src/core/kernel/grow.ts'

test('grown tables', () => {
  expect([...grownBytes(Uint8Array.of(1, 255), 4)]).toEqual([1, 255, 0, 0])
  expect([...grownInts(Int32Array.of(-1), 2)]).toEqual([-1, 0])
  expect([...grownDoubles(Float64Array.of(0.5), 2)]).toEqual([0.5, 0])
})
