// Advice on triggers: comparisons of one fact with literals are checked against an oracle that
// tries values.
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { lintPolicy, lintTrigger } from '../../../src/core/decision/trigger-lint.ts'

const messages = (text: string): string[] =>
  lintTrigger(text).warnings.map(({ message }) => message)

test('a trigger that does not compile has a problem and no advice', () => {
  expect(lintTrigger('eror_rate > 1')).toMatchObject({
    problem: { start: 0, end: 9 },
    warnings: [],
  })
})

test('facts that may be unknown are never "always true"', () => {
  const always = 'is always true'
  expect(messages('error_rate >= 0 && n > 5')).not.toContain(always)
  expect(messages('n >= 0 && error_rate > 0.1')).toEqual(['is always true'])
})

test('never true: exactly when no value of the range satisfies all comparisons', () => {
  const op = fc.constantFrom('<', '<=', '>', '>=', '==')
  const value = fc.constantFrom(-1, 0, 0.25, 0.5, 1, 2)
  const apply = (o: string, a: number, b: number): boolean =>
    o === '<' ? a < b : o === '<=' ? a <= b : o === '>' ? a > b : o === '>=' ? a >= b : a === b
  const tried = Array.from({ length: 1_001 }, (_, i) => i / 1_000)
  fc.assert(
    fc.property(fc.array(fc.tuple(op, value), { minLength: 1, maxLength: 3 }), (parts) => {
      const text = parts.map(([o, v]) => `error_rate ${o} ${v}`).join(' && ')
      const possible = tried.some((a) => parts.every(([o, v]) => apply(o, a, v)))
      const never = messages(text).some((message) => message.includes('can never be true'))
      expect(never).toBe(!possible)
    }),
  )
})

test.each([
  ['link == "offline" && link == "online"', 'its clauses about link can never be true together'],
  ['health != "healthy" && health == "healthy"', 'its clauses about health can never be true'],
  ['n > 5 && errors / n > 0.5', 'divides by n, which can be 0'],
  ['p99_ms / 0 > 1', 'divides by 0'],
  ['n >= 20', 'holds for a healthy instance that serves without an error'],
  ['n >= 0', 'holds for a healthy instance without a single request'],
])('F55: %s: %s', (text, said) => {
  expect(messages(text).join('; ')).toContain(said)
})

test('several conditions over time: each by itself, then all of them together', () => {
  const over = (how: 'all' | 'any', ...clauses: readonly string[]): unknown =>
    lintPolicy({
      trigger: clauses.join(),
      composite: { how, clauses, withinMs: 30_000 },
      evaluationMode: 'sustained',
      forMs: 0,
    }).warnings.map(({ message, clause }) => [clause, message])
  expect(over('all', 'link == "offline"', 'probe == "down"')).toEqual([])
  expect(over('all', 'link == "offline"', 'probe == "down" && probe == "up"')).toEqual([
    [1, 'its clauses about probe can never be true together'],
  ])
  expect(over('any', 'link == "offline"', 'probe == "up"')).toEqual([
    [0, 'holds for a healthy instance without a single request'],
  ])
})
