// Oracle: JSON.parse. What it refuses is refused; what is taken is equal; what is refused although
// it would parse falls under one of the written rules.
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { readJson } from '../../src/contracts/strict-json.ts'

const LIMITS = { bytesMax: 65_536, depthMax: 32 }
const OUR_RULES =
  /twice|reserved key|half a surrogate|levels|more than|byte order mark|^-?\d[\d.e+…-]*$/

const read = (input: string | Uint8Array): unknown => {
  const result = readJson(input, LIMITS)
  return result.ok ? result.value : result.problem
}

const found = (input: string | Uint8Array): string => {
  const result = readJson(input, LIMITS)
  return result.ok ? 'taken' : result.problem.found
}

function compare(text: string): void {
  const result = readJson(text, LIMITS)
  let parsed: unknown
  try {
    parsed = JSON.parse(text)
  } catch {
    expect(result.ok, `taken: ${text}`).toBe(false)
    return
  }
  if (result.ok) expect(result.value).toEqual(parsed)
  else expect(result.problem.found, `refused: ${text}`).toMatch(OUR_RULES)
}

describe('readJson', () => {
  it('reads any JSON as JSON.parse does', () => {
    const json = fc.json({ maxDepth: 6 })
    fc.assert(fc.property(json, compare), { numRuns: 3_000 })
  })

  it('agrees on damaged JSON', () => {
    const damage = fc.tuple(
      fc.json({ maxDepth: 3 }),
      fc.nat(200),
      fc.constantFrom('"', '\\', '{', '}', '[', ']', ',', ':', '0', '-', '.', 'e', '\u0001', ' '),
      fc.boolean(),
    )
    fc.assert(
      fc.property(damage, ([text, place, mark, replace]) => {
        const at = place % (text.length + 1)
        compare(text.slice(0, at) + mark + text.slice(replace ? at + 1 : at))
      }),
      { numRuns: 10_000 },
    )
  })

  it.each([
    ['an empty text', '', 'the end of the text'],
    ['only space', ' \n', 'the end of the text'],
    ['two values', '1 2', '"2"'],
    ['NaN', '{"t":NaN}', '"NaN"'],
    ['Infinity', '[-Infinity]', '"-Infinity"'],
    ['a number too large', '[1e400]', '1e400'],
    ['an integer beyond 2^53', '[9007199254740993]', '9007199254740993'],
    ['a negative one', '[-9007199254740993]', '-9007199254740993'],
    ['a leading zero', '[01]', '"01"'],
    ['a lone minus', '[-]', '"-"'],
    ['hexadecimal', '[0x10]', '"0x10"'],
    ['a comma at the end', '[1,]', '"]"'],
    ['a key without quotes', '{a:1}', '"a"'],
    ['single quotes', "{'a':1}", '"\'"'],
    ['a comment', '/* x */ 1', '"/"'],
    ['a key twice', '{"a":1,"b":{"a":1},"a":2}', 'the key twice'],
    ['a key twice by escape', '{"a":1,"\\u0061":2}', 'the key twice'],
    ['__proto__', '{"__proto__":{"x":1}}', 'a reserved key'],
    ['__proto__ by escape', '{"\\u005f_proto__":1}', 'a reserved key'],
    ['constructor deep inside', '[{"a":{"constructor":1}}]', 'a reserved key'],
    ['half a surrogate pair', '"\\ud800"', 'half a surrogate pair'],
    ['a control character', '"a\u0000"', 'a control character in a text'],
    ['an unknown escape', '"\\x41"', 'an unknown escape'],
    ['a text without end', '"abc', 'text without an end'],
    ['a byte order mark', '\ufeff{}', 'a byte order mark'],
    ['33 levels', `${'['.repeat(33)}${']'.repeat(33)}`, 'more than 32 levels'],
    ['a million levels', '['.repeat(65_000), 'more than 32 levels'],
    ['a text over the limit', `"${'x'.repeat(65_536)}"`, 'more than 65536 bytes'],
  ])('refuses %s', (_, text, what) => {
    expect(found(text)).toBe(what)
  })

  it('takes what is just within the limits', () => {
    expect(found(`${'['.repeat(32)}${']'.repeat(32)}`)).toBe('taken')
    expect(found(`"${'x'.repeat(65_534)}"`)).toBe('taken')
    expect(read('[9007199254740991,-9007199254740991,1e308,0.1,-0]')).toEqual([
      9007199254740991, -9007199254740991, 1e308, 0.1, -0,
    ])
  })

  it('refuses bytes that are not UTF-8 and reads those that are', () => {
    expect(found(Uint8Array.of(0x22, 0xff, 0x22))).toBe('bytes that are not UTF-8')
    expect(read(new TextEncoder().encode('{"ä":"𝕏"}'))).toEqual({ ä: '𝕏' })
  })

  it('names the place', () => {
    expect(read('{\n  "a": [1, {"b": 1e999}]\n}')).toMatchObject({
      path: 'a[1].b',
      line: 2,
      column: 18,
    })
  })

  it('makes no prototype visible', () => {
    const value = read('{"toString":1,"hasOwnProperty":2,"valueOf":{}}')
    expect(Object.keys(value as object)).toEqual(['toString', 'hasOwnProperty', 'valueOf'])
  })
})
