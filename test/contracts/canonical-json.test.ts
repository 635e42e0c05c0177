// RFC 8785: key order by UTF-16 code units, numbers as ECMAScript writes them, no room for two
// texts of one value.
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { canonicalJson } from '../../src/contracts/canonical-json.ts'

test('the example of RFC 8785, section 3.2.3', () => {
  const keys = { '\u20ac': 1, '\r': 2, '\ufb33': 3, '1': 4, '\ud83d\ude00': 5, '\u0080': 6, ö: 7 }
  expect(canonicalJson(keys)).toBe('{"\\r":2,"1":4,"\u0080":6,"ö":7,"€":1,"😀":5,"\ufb33":3}')
})

test('numbers, nesting, absent fields', () => {
  const numbers = '[333333333.3333333,1e+30,4.5,0.002,1e-27,0]'
  expect(canonicalJson([333333333.3333333, 1e30, 4.5, 2e-3, 1e-27, -0])).toBe(numbers)
  expect(canonicalJson({ b: [{ d: null, c: true }], a: undefined })).toBe(
    '{"b":[{"c":true,"d":null}]}',
  )
})

test.each([NaN, Infinity, '\ud800', undefined, () => 1, 1n])('refused: %s', (value) => {
  expect(() => canonicalJson(value)).toThrow(RangeError)
})

test('reads back as the same value, whatever the order of its keys', () => {
  const texts = fc.string({ unit: 'grapheme', maxLength: 8 })
  fc.assert(
    fc.property(fc.dictionary(texts, fc.jsonValue({ stringUnit: 'grapheme' })), (value) => {
      const text = canonicalJson(value)
      expect(JSON.parse(text)).toEqual(JSON.parse(JSON.stringify(value)))
      const turned = Object.fromEntries(Object.entries(value).reverse())
      expect(canonicalJson(turned)).toBe(text)
    }),
  )
})
