// The core is pure (docs/DESIGN.md law 2), and no regular expression is built from text.
import { describe, expect, test } from 'vitest'
import { builtExpressions, impurities } from './purity.ts'
import { CORE_FILES, lines, planted, SRC_FILES } from './tree.ts'

describe('planted', () => {
  test.each([
    'const a = Date.now()',
    'const a = new Date()',
    'const a = Math.random()',
    'const a = Math.exp(b)',
    'const a = Math.log2(b)',
    'const a = b ** c',
    'a **= c',
    'async function f() {}',
    'const f = async () => 1',
    "const a = import('./b.ts')",
    'const a = b.toLocaleString()',
    "const a = b.localeCompare('c')",
    'const a = new Intl.Collator()',
    'const a = b.sort()',
    'const a = b.toSorted()',
    'const a = new WeakRef(b)',
    "const a = globalThis['Date']",
  ])('%s', (text) => {
    expect(impurities(planted(text))).not.toEqual([])
  })

  test('what is fine', () => {
    const fine = [
      'const a = Math.floor(b) + Math.sqrt(c) + 2 ** 10',
      'const a = b.sort((x, y) => x - y)',
      'const a = { Date: 1 }.Date',
      '// Date and Intl in a comment',
    ]
    for (const text of fine) expect(lines(impurities(planted(text))), text).toEqual([])
  })

  test('a built expression', () => {
    expect(builtExpressions(planted('const a = new RegExp(b)'))).toHaveLength(1)
    expect(builtExpressions(planted('const a = RegExp(`^${b}$`)'))).toHaveLength(1)
    expect(builtExpressions(planted('const a = /x/.test(b)'))).toEqual([])
  })
})

test('the core is pure', () => {
  expect(CORE_FILES.length).toBeGreaterThan(0)
  expect(lines(CORE_FILES.flatMap(impurities))).toEqual([])
})

test('no regular expression is built from text', () => {
  expect(lines(SRC_FILES.flatMap(builtExpressions))).toEqual([])
})
