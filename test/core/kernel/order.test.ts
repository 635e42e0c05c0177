// One order for everything that leaves the core: by code units, never by locale.
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { compareText, sortedKeys } from '../../../src/core/kernel/order.ts'

test('text is ordered by code units', () => {
  expect(['b', 'a', 'B', 'ä', 'z', '10', '9'].toSorted(compareText)).toEqual([
    '10',
    '9',
    'B',
    'a',
    'b',
    'z',
    'ä',
  ])
})

test('a total order: antisymmetric, transitive, equal only to itself', () => {
  fc.assert(
    fc.property(fc.string(), fc.string(), fc.string(), (a, b, c) => {
      expect(Math.sign(compareText(a, b))).toBe(Math.sign(-compareText(b, a)) + 0)
      expect(compareText(a, b) === 0).toBe(a === b)
      if (compareText(a, b) <= 0 && compareText(b, c) <= 0)
        expect(compareText(a, c)).toBeLessThanOrEqual(0)
    }),
  )
})

test('keys of a map come in order, however they were set', () => {
  expect(
    sortedKeys(
      new Map([
        ['b', 1],
        ['a', 2],
        ['C', 3],
      ]),
    ),
  ).toEqual(['C', 'a', 'b'])
})
