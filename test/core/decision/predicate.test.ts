// Plain functions against the library: the same condition asked both ways, over known and unknown
// facts. A conditional expression is always the library's, so `c ? true : false` is what it says.
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { compileTrigger } from '../../../src/core/decision/expression.ts'
import { type FactValues, valuesOf } from '../../../src/core/decision/fact-table.ts'
import { predicateOf } from '../../../src/core/decision/predicate.ts'

const RUNS = Number(process.env['HEALSTREAM_TEST_RUNS'] ?? '') || 1_000

function ask(text: string, values: FactValues): boolean | undefined {
  const compiled = compileTrigger(text)
  if (!compiled.ok) throw new Error(`${text}: ${compiled.problem.message}`)
  const { clauses } = compiled.trigger
  expect(clauses).toHaveLength(1)
  return clauses[0]?.ask(values)
}

const numbers = fc.letrec<{ number: string }>((tie) => ({
  number: fc.oneof(
    { maxDepth: 3, withCrossShrink: true },
    fc.constantFrom(
      'n',
      'error_rate',
      'p99_ms',
      'service_n',
      '0',
      '1',
      '0.5',
      '2.5',
      '-1',
      '1e308',
    ),
    fc
      .tuple(tie('number'), fc.constantFrom('+', '-', '*', '/'), tie('number'))
      .map(([a, op, b]) => `(${a} ${op} ${b})`),
    tie('number').map((a) => `-(${a})`),
  ),
})).number

const texts = fc.constantFrom('health', 'probe', 'zone', '"down"', '"up"', '"z1"', '""')
const conditions = fc.letrec<{ bool: string }>((tie) => ({
  bool: fc.oneof(
    { maxDepth: 4, withCrossShrink: true },
    fc
      .tuple(numbers, fc.constantFrom('<', '<=', '>', '>=', '==', '!='), numbers)
      .map(([a, op, b]) => `(${a} ${op} ${b})`),
    fc.tuple(texts, fc.constantFrom('==', '!='), texts).map(([a, op, b]) => `(${a} ${op} ${b})`),
    fc.tuple(texts, fc.constantFrom('detectors', '["z1", "up"]')).map(([a, l]) => `(${a} in ${l})`),
    fc.constantFrom('self_evident', 'true', 'false', '(self_evident == true)'),
    tie('bool').map((a) => `!${a}`),
    fc
      .tuple(tie('bool'), fc.constantFrom('&&', '||'), tie('bool'))
      .map(([a, op, b]) => `(${a} ${op} ${b})`),
  ),
})).bool

const number = fc.constantFrom(null, 0, 0.5, 1, 2.5, 1e308, -1)
const text = fc.constantFrom(null, 'up', 'down', 'z1', 'x'.repeat(257))
const facts = fc
  .record({
    n: number,
    error_rate: number,
    p99_ms: number,
    service_n: number,
    health: text,
    probe: text,
    zone: text,
    detectors: fc.constantFrom(
      [],
      ['z1'],
      ['down', 'up'],
      Array.from({ length: 70 }, () => 'x'),
    ),
    self_evident: fc.constantFrom(null, true, false),
  })
  .map((some) => valuesOf(some))

describe('plain functions and the library', () => {
  test('say the same', () => {
    fc.assert(
      fc.property(conditions, facts, (condition, values) => {
        const slow = ask(`${condition} ? true : false`, values)
        // The library says false for what is none, this undefined: neither holds.
        expect(ask(`(${condition}) == true`, values) ?? false).toBe(slow ?? false)
      }),
      { numRuns: RUNS },
    )
  })
})

test('a whole 0 has no sign, a double 0 has one', () => {
  // Once: n / -(0) was minus infinity here, and infinity in the library.
  const values = valuesOf({ n: 1 })
  expect([ask('n / -(0) > 1', values), ask('n / -(0.0) > 1', values)]).toEqual([true, false])
  expect(ask('(n / -(0) > 1) ? true : false', values)).toBe(true)
})

test('what only the library does is left to it', () => {
  const named = (): null => null
  const node = (op: string, ...args: unknown[]): { op: string; args: unknown } => ({ op, args })
  const one = { op: 'value', args: 1n }
  expect(predicateOf(node('+', one, one), named)).toBeNull()
  expect(predicateOf(node('<', node('/', one, one), one), named)).toBeNull()
  expect(predicateOf(node('?:', one, one, one), named)).toBeNull()
  expect(predicateOf({ op: 'value', args: 2n ** 60n }, named)).toBeNull()
  expect(predicateOf(node('<', { op: 'value', args: 2n ** 60n }, one), named)).toBeNull()
  expect(predicateOf({ op: 'id', args: 'n' }, named)).toBeNull()
  expect(predicateOf(node('<', one), named)).toBeNull()
})
