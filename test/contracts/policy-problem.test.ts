// Problems in words: values are shown short and on one line.
import { expect, test } from 'vitest'
import { documentProblems, show } from '../../src/contracts/policy-problem.ts'

test('values are shown short, on one line, escaped', () => {
  expect(show(undefined)).toBe('nothing')
  expect(show('a\nb\u001b[31m')).toBe('"a\\nb\\u001b[31m"')
  expect(show('x'.repeat(100))).toHaveLength(61)
  expect(show({ a: [1] })).toBe('{"a":[1]}')
})

// A document of 10,000 brackets, which JSON.parse takes, once filled the stack when it was to be
// shown: the record went to the poison search.
test('what is nested deeply is shown by its beginning, and costs no stack', () => {
  const deep = (levels: number): unknown => JSON.parse('['.repeat(levels) + ']'.repeat(levels))
  expect(show(deep(100_000))).toBe(`${'['.repeat(60)}…`)
  for (const levels of [29, 30, 31, 59, 60, 61, 62, 200]) {
    const text = JSON.stringify(deep(levels))
    expect(show(deep(levels))).toBe(text.length > 60 ? `${text.slice(0, 60)}…` : text)
  }
  expect(show(JSON.parse('{"__proto__":{"a":1},"2":3}'))).toBe('{"2":3,"__proto__":{"a":1}}')
})

test('several unknown keys are several problems, each with its suggestion', () => {
  const schema = { properties: { a: { properties: { name: {}, mode: {} } } } }
  const issue = {
    code: 'unrecognized_keys' as const,
    keys: ['nmae', 'zzzzzz'],
    path: ['a'],
    message: '',
    input: {},
  }
  expect(documentProblems([issue], {}, schema)).toEqual([
    {
      path: ['a'],
      key: 'nmae',
      found: '"nmae"',
      expected: 'one of name, mode',
      hint: 'did you mean "name"?',
    },
    { path: ['a'], key: 'zzzzzz', found: '"zzzzzz"', expected: 'one of name, mode', hint: null },
  ])
})
