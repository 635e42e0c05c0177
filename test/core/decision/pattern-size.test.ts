// A trigger with `a{1000}` three hundred times was compiled to a program of 300,000 steps before it
// was found too large: every task stood still for a second, on one record of hs.policies.
import fc from 'fast-check'
import { RE2JS } from 're2js'
import { expect, test } from 'vitest'
import { compileTrigger } from '../../../src/core/decision/expression.ts'
import { writtenOut } from '../../../src/core/decision/pattern-size.ts'

test.each([
  ['', 0],
  ['abc', 3],
  ['a{3}', 3],
  ['a{3,}', 3],
  ['a{2,5}b', 6],
  ['(ab){3}', 6],
  ['(?:a(?i:b{2})){4}', 12],
  ['(?P<name>ab)c', 3],
  ['[{9}]{2}', 2],
  ['\\{9}', 3],
  ['\\p{Greek}{3}', 3],
  ['(a{100}){11}', 1_100],
  ['[]a]{2}x*y+', 6],
  ['(?:a|bc){3}', 9],
])('%s: %i', (pattern, size) => {
  expect(writtenOut(pattern)).toBe(size)
})

const piece: fc.Arbitrary<string> = fc.letrec<{ piece: string }>((tie) => ({
  piece: fc.oneof(
    { maxDepth: 3 },
    fc.constantFrom('a', 'xy', '[a-z]', '\\d', '.', 'a|b'),
    fc.tuple(tie('piece'), tie('piece')).map(([a, b]) => a + b),
    fc.tuple(tie('piece'), fc.integer({ min: 2, max: 9 })).map(([a, n]) => `(?:${a}){${n}}`),
    fc.tuple(tie('piece'), fc.constantFrom('*', '+', '?')).map(([a, m]) => `(${a})${m}`),
  ),
})).piece

// RE2 makes one class of `a|b`.
test('never far from what RE2 makes of it', () => {
  fc.assert(
    fc.property(piece, (pattern) => {
      const size = RE2JS.compile(pattern).programSize()
      expect(writtenOut(pattern)).toBeLessThanOrEqual(3 * size + 10)
      expect(4 * writtenOut(pattern) + 10).toBeGreaterThanOrEqual(size)
    }),
  )
})

test('what would be huge is refused without being compiled', () => {
  for (const pattern of ['a{1000}'.repeat(500), '(a{31}){32}'.repeat(300)]) {
    const startMs = performance.now()
    const compiled = compileTrigger(`service.matches("${pattern}")`)
    expect(performance.now() - startMs).toBeLessThan(500)
    expect(compiled).toMatchObject({
      ok: false,
      problem: { message: expect.stringMatching(/^the pattern is too large [(]\d+ steps[)]$/) },
    })
  }
})
