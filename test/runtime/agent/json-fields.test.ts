// Fields of foreign objects: the wrong kind is named, never repeated.
import { expect, test } from 'vitest'
import {
  count,
  integer,
  nullableText,
  object,
  text,
} from '../../../src/runtime/agent/json-fields.ts'

test('what is not an object is refused', () => {
  for (const value of [null, [], 'x', 1, undefined]) expect(() => object(value)).toThrow(RangeError)
})

test('an inherited field is not there', () => {
  const o = object(JSON.parse('{"__proto__":{"port":1}}'))
  expect(() => integer(o, 'port')).toThrow('port is not a whole number')
  expect(() => text(o, 'toString')).toThrow('toString is not a text')
})

test('numbers are whole, bounded and safe', () => {
  const o = object({ a: 1.5, b: 2 ** 53, c: -1, d: 7, e: '7', f: Number.NaN })
  for (const key of ['a', 'b', 'e', 'f']) expect(() => integer(o, key)).toThrow(RangeError)
  expect(() => count(o, 'c', 10)).toThrow('c is not between 0 and 10')
  expect(() => count(o, 'd', 6)).toThrow(RangeError)
  expect(count(o, 'd', 7)).toBe(7)
})

test('null is told from missing', () => {
  expect(nullableText(object({ a: null }), 'a')).toBeNull()
  expect(() => nullableText(object({}), 'a')).toThrow(RangeError)
})
