// Names come from services and people; whatever they hold, a terminal only ever gets text.
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { printableJson, printableLines } from '../../src/cli/printable.ts'
import { printable } from '../../src/contracts/printable.ts'

/** Spelled out a second time, as what a terminal or a reader could obey. */
function isHarmful(code: number): boolean {
  const control = code < 0x20 || (code >= 0x7f && code < 0xa0)
  const turning = [0x200e, 0x200f, 0x061c, 0xfeff].includes(code)
  return (
    control || turning || (code >= 0x202a && code <= 0x202e) || (code >= 0x2066 && code <= 0x2069)
  )
}
const harmful = (text: string) => Array.from(text).some((c) => isHarmful(c.codePointAt(0) ?? 0))

const nasty = fc.string({
  unit: fc.oneof(
    fc.constantFrom('\u001B', '\n', '\r', '\u009B', '\u202E', '\u0007', '\u2066', '\u007F'),
    fc.string({ minLength: 1, maxLength: 1, unit: 'grapheme' }),
  ),
})

test('no control character and no change of direction gets through', () => {
  fc.assert(fc.property(nasty, (text) => !harmful(printable(text))))
})

test('harmless text stays as it is', () => {
  expect(printable('stock-2 · größer 東京 🙂 "quoted" \\n')).toBe(
    'stock-2 · größer 東京 🙂 "quoted" \\n',
  )
})

test('JSON is harmless and still the same value', () => {
  fc.assert(
    fc.property(nasty, nasty, (key, value) => {
      const text = printableJson({ [key]: value }, 0)
      expect(harmful(text)).toBe(false)
      expect(JSON.parse(text)).toEqual({ [key]: value })
    }),
  )
  expect(printableJson({ a: [1] }, 2)).toBe('{\n  "a": [\n    1\n  ]\n}')
})

test('an escape sequence is shown, line ends inside a line too', () => {
  expect(printable('a\u001B[2Jb\r\nc')).toBe('a\\u001b[2Jb\\r\\nc')
  expect(printableLines('a\r\nb\n')).toEqual(['a\\r', 'b'])
})
