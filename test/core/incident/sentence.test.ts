// Text of others: one line, bounded, well-formed.
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { PART_MAX, plain, SENTENCE_MAX } from '../../../src/core/incident/sentence.ts'

test('control characters and line ends become one blank, long text is cut', () => {
  expect(plain('a\r\n\tb\u2028c\u0007')).toBe('a b c')
  expect(plain('x'.repeat(300))).toHaveLength(PART_MAX)
  expect(plain('abcdef', 4)).toBe('abc…')
})

test('what just fits is not cut; a part is 256 long at most, a sentence 1,000', () => {
  expect(plain('abcd', 4)).toBe('abcd')
  expect(plain('x'.repeat(256))).toBe('x'.repeat(256))
  expect([PART_MAX, SENTENCE_MAX]).toEqual([256, 1_000])
})

test('a cut through a pair of surrogates leaves no half: it reads back the same', () => {
  // A half pair is written to Avro as U+FFFD; the event read back would then hash to something else
  // than the core put into its chain.
  fc.assert(
    fc.property(fc.string({ unit: 'binary', maxLength: 20 }), fc.nat(12), (text, max) => {
      const line = plain(text, max + 1)
      expect(new TextDecoder().decode(new TextEncoder().encode(line))).toBe(line)
      expect(line.length).toBeLessThanOrEqual(max + 1)
      expect(line).not.toMatch(/[\p{Cc}\p{Zl}\p{Zp}]/u)
    }),
  )
  expect(plain('a😀😀', 3)).toBe('a\ufffd…')
})
