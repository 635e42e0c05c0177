// Canonical bytes: equal values give equal bytes, different values different ones, and what has no
// canonical form is refused, because digests of outputs and states stand on it.
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { canonical, CanonicalWriter, hex } from '../../../src/core/kernel/canonical.ts'

const same = (a: unknown, b: unknown): boolean => hex(canonical(a)) === hex(canonical(b))

const values = fc.letrec((tie) => ({
  value: fc.oneof(
    { maxDepth: 4 },
    fc.constant(null),
    fc.boolean(),
    fc.double({ noNaN: true }),
    fc.string({ unit: 'binary' }),
    fc.uint8Array({ maxLength: 20 }),
    fc.array(tie('value'), { maxLength: 4 }),
    fc.dictionary(fc.string(), tie('value'), { maxKeys: 4, noNullPrototype: true }),
  ),
})).value

/**
 * A form that keeps apart what must be kept apart, made by other means than the code under test.
 */
function described(value: unknown): string {
  if (value instanceof Uint8Array) return `b[${[...value].join()}]`
  if (Array.isArray(value)) return `l[${value.map(described).join()}]`
  if (typeof value === 'number') return `n${Object.is(value, -0) ? 0 : value}`
  if (typeof value !== 'object' || value === null) return `${typeof value}${JSON.stringify(value)}`
  const keys = Object.keys(value).toSorted((a, b) => (a < b ? -1 : a > b ? 1 : 0))
  const found = new Map(Object.entries(value))
  return `o{${keys.map((key) => `${JSON.stringify(key)}:${described(found.get(key))}`).join()}}`
}

test('two values have the same bytes just when they are the same value', () => {
  fc.assert(
    fc.property(values, values, (a, b) => {
      expect(same(a, b)).toBe(described(a) === described(b))
      expect(same(a, structuredClone(a))).toBe(true)
    }),
  )
})

test('the order in which keys were set leaves no trace, in objects and in maps', () => {
  expect(same({ a: 1, b: 2 }, { b: 2, a: 1 })).toBe(true)
  const there: Iterable<[string, number]> = Object.entries({ a: 1, b: 2 })
  const back: Iterable<[string, number]> = Object.entries({ b: 2, a: 1 })
  expect(same(new Map(there), new Map(back))).toBe(true)
  expect(same(new Map([['a', 1]]), { a: 1 })).toBe(true)
  expect(same({ a: 1, gone: undefined }, { a: 1 })).toBe(true)
})

test('the two zeros are one', () => {
  expect(same(0, -0)).toBe(true)
})

test('what has no canonical form is refused', () => {
  expect(() => canonical(Number.NaN)).toThrow('NaN')
  expect(() => canonical(undefined)).toThrow('undefined')
  expect(() => canonical(() => 1)).toThrow('function')
  expect(() => canonical(1n)).toThrow('bigint')
})

test('neighbours do not run into each other', () => {
  const joined = (...parts: readonly string[]): string => {
    const writer = new CanonicalWriter()
    for (const part of parts) writer.text(part)
    return hex(writer.done())
  }
  expect(joined('ab', 'c')).not.toBe(joined('a', 'bc'))
  expect(same(['ab', 'c'], ['a', 'bc'])).toBe(false)
})

test('hex keeps leading zeros', () => {
  expect(hex(Uint8Array.of(0, 1, 15, 16, 255))).toBe('00010f10ff')
})
