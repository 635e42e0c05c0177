// Splitting at the top-level conjunction: strings, comments and brackets are left whole.
import { expect, test } from 'vitest'
import { splitConjunction } from '../../../src/core/decision/clause-split.ts'

test.each([
  ['a', ['a']],
  ['a && b', ['a', 'b']],
  ['(a && b) && (c)', ['a', 'b', 'c']],
  ['((a && (b || c)))', ['a', 'b || c']],
  ['a && b || c', ['a && b || c']],
  ['a && (b ? c : d)', ['a', 'b ? c : d']],
  ['a && b ? c : d', ['a && b ? c : d']],
  ['(a) && x == "&& (" && b', ['a', 'x == "&& ("', 'b']],
  [`x == 'it\\'s && ' && b`, [`x == 'it\\'s && '`, 'b']],
  [String.raw`x == r"\" && b`, [String.raw`x == r"\"`, 'b']],
  ['x == """a" && b""" && c', ['x == """a" && b"""', 'c']],
  ['a // && b\n && c', ['a // && b', 'c']],
  ['d.exists(x, x && y) && b', ['d.exists(x, x && y)', 'b']],
  ['(a) || (b)', ['(a) || (b)']],
])('%s', (text, clauses) => {
  expect(splitConjunction(text)).toEqual(clauses)
})
