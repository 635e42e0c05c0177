// Escaped text cannot act on a terminal, and plain text is left alone.
import fc from 'fast-check'
import { expect, it } from 'vitest'
import { printable } from '../../src/contracts/printable.ts'

it.each([
  ['plain, größer, 服务, 𝕏, "quoted" \\ slash', 'plain, größer, 服务, 𝕏, "quoted" \\ slash'],
  ['a\nb\r\tc', 'a\\nb\\r\\tc'],
  ['\u001b[2J\u0007\u007f\u0085', '\\u001b[2J\\u0007\\u007f\\u0085'],
  ['\u202e\u2066\u200f\u061c\ufeff\u2028', '\\u202e\\u2066\\u200f\\u061c\\ufeff\\u2028'],
  ['half \ud800', 'half \\ud800'],
])('shows %j', (text, shown) => {
  expect(printable(text)).toBe(shown)
})

it('leaves nothing that acts', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (text) => {
      expect(printable(text)).not.toMatch(/[\p{Cc}\p{Cs}\u2028-\u202e\u2066-\u2069]/u)
    }),
    { numRuns: 2_000 },
  )
})
