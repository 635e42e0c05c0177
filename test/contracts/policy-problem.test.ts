// Problems in words: values are shown short and on one line.
import { expect, test } from 'vitest'
import { documentProblems, show } from '../../src/contracts/policy-problem.ts'

test('values are shown short, on one line, escaped', () => {
  expect(show(undefined)).toBe('nothing')
  expect(show('a\nb\u001b[31m')).toBe('"a\\nb\\u001b[31m"')
  expect(show('x'.repeat(100))).toHaveLength(61)
  expect(show({ a: [1] })).toBe('{"a":[1]}')
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
