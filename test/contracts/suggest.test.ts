// Did you mean: near words are found, far ones are not.
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { didYouMean, editDistance, nearest } from '../../src/contracts/suggest.ts'

describe('nearest', () => {
  const known = ['restart_instance', 'error_rate', 'success_rate', 'n']
  test.each([
    ['restart_instnace', 'restart_instance'],
    ['eror_rate', 'error_rate'],
    ['errorRate', 'error_rate'],
    ['ERROR-RATE', 'error_rate'],
    ['zone', null],
    ['x', null],
    ['', null],
    ['toString', null],
  ])('%s → %s', (word, expected) => {
    expect(nearest(word, known)).toBe(expected)
  })

  test('as a question', () => {
    expect(didYouMean('eror_rate', known)).toBe('did you mean "error_rate"?')
    expect(didYouMean('qqqqqq', known)).toBeNull()
  })
})

describe('edit distance', () => {
  test('a swap of neighbours counts once', () => {
    expect(editDistance('abcd', 'abdc')).toBe(1)
    expect(editDistance('', 'abc')).toBe(3)
  })

  test('is symmetric, zero only for equal texts, at most the longer length', () => {
    const text = fc.string({ maxLength: 12 })
    fc.assert(
      fc.property(text, text, (a, b) => {
        const distance = editDistance(a, b)
        expect(distance).toBe(editDistance(b, a))
        expect(distance === 0).toBe(a === b)
        expect(distance).toBeLessThanOrEqual(Math.max(a.length, b.length))
      }),
    )
  })
})
