// Gates never shut out a policy whose clauses all hold, whatever they are; and they do shut out.
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { compileTrigger } from '../../../src/core/decision/expression.ts'
import { valuesOf } from '../../../src/core/decision/fact-table.ts'
import { Gates } from '../../../src/core/decision/gates.ts'
import type { CompiledClause } from '../../../src/core/decision/trigger.ts'

function clauses(text: string): readonly CompiledClause[] {
  const compiled = compileTrigger(text)
  if (!compiled.ok) throw new Error(`${text}: ${compiled.problem.message}`)
  return compiled.trigger.clauses
}

const number = fc.constantFrom('0', '0.5', '1', '2', '20')
const clause = fc.oneof(
  fc
    .tuple(
      fc.constantFrom('n', 'error_rate', 'p99_ms'),
      fc.constantFrom('<', '<=', '>', '>=', '==', '!='),
      number,
    )
    .map((parts) => parts.join(' ')),
  fc
    .tuple(number, fc.constantFrom('<', '>='), fc.constantFrom('n', 'p99_ms'))
    .map((parts) => parts.join(' ')),
  fc.constantFrom('health == "unhealthy"', 'health == "healthy"', 'health != "healthy"'),
  fc.constantFrom('"silence" in detectors', '!("silence" in detectors)', 'n > 1 || p99_ms > 2'),
)
const triggers = fc.array(clause, { minLength: 1, maxLength: 3 }).map((parts) => parts.join(' && '))
const value = fc.constantFrom(null, 0, 0.5, 1, 2, 20)
const facts = fc.record({
  n: value,
  error_rate: value,
  p99_ms: value,
  health: fc.constantFrom('healthy', 'unhealthy', null),
  detectors: fc.constantFrom([], ['silence'], ['probe_down', 'silence', 'silence']),
})

test('every policy that holds is behind an open gate, once and in order', () => {
  fc.assert(
    fc.property(fc.array(triggers, { maxLength: 12 }), facts, (texts, some) => {
      const values = valuesOf(some)
      const policies = texts.map(clauses)
      const open = [...new Gates(policies).open(values)]
      expect(open).toEqual([...new Set(open)].toSorted((a, b) => a - b))
      const holding = policies.flatMap((all, i) =>
        all.every((one) => one.holds(values)) ? [i] : [],
      )
      expect(open).toEqual(expect.arrayContaining(holding))
    }),
  )
})

test('a calm instance passes none of many, and what has no gate is always asked', () => {
  const many = Array.from({ length: 100 }, (_, i) => clauses(`n >= 20 && p99_ms > ${100 + i}`))
  const gates = new Gates([...many, null, clauses('n > 1 || p99_ms > 2')])
  const at = (p99: number): readonly number[] => [...gates.open(valuesOf({ n: 50, p99_ms: p99 }))]
  expect(at(100)).toEqual([100, 101])
  expect(at(102)).toEqual([0, 1, 100, 101])
})

/** Which of the policies are asked at such values, `!` for those that have no gate. */
const asked = (
  texts: readonly string[],
  some: Parameters<typeof valuesOf>[0],
): readonly number[] => [...new Gates(texts.map(clauses)).open(valuesOf(some))]

test('each comparison is a gate that opens exactly where it is true', () => {
  const texts = ['p99_ms > 10', 'p99_ms >= 10', 'p99_ms < 10', 'p99_ms <= 10']
  expect(asked(texts, { p99_ms: 9 })).toEqual([2, 3])
  expect(asked(texts, { p99_ms: 10 })).toEqual([1, 3])
  expect(asked(texts, { p99_ms: 11 })).toEqual([0, 1])
  expect(asked(texts, { p99_ms: null })).toEqual([])
})

test('an equation of texts is one, of numbers none; what differs is none', () => {
  expect(asked(['health == "unhealthy"'], { health: 'healthy' })).toEqual([])
  expect(asked(['n == 3'], { n: 4 })).toEqual([0])
  expect(asked(['health != "healthy"'], { health: 'healthy' })).toEqual([0])
  expect(asked(['health < "i"'], { health: 'zzz' })).toEqual([0])
})

test('the gate is the clause that is most seldom true: a text before a number, no amount', () => {
  const seldom = (text: string, open: object, shut: object): void => {
    expect(asked([text], open)).toEqual([0])
    expect(asked([text], shut)).toEqual([])
  }
  seldom('n > 5 && p99_ms > 10', { n: 0, p99_ms: 11 }, { n: 9, p99_ms: 1 })
  seldom(
    'p99_ms > 10 && health == "unhealthy"',
    { p99_ms: 1, health: 'unhealthy' },
    { p99_ms: 11, health: 'healthy' },
  )
  seldom(
    'health == "healthy" && p99_ms > 10',
    { p99_ms: 11, health: 'unhealthy' },
    { p99_ms: 1, health: 'healthy' },
  )
  seldom('"silence" in detectors && n > 1', { detectors: ['silence'] }, { n: 9, detectors: [] })
  // Where there is nothing better, an amount.
  seldom('n > 5', { n: 6 }, { n: 5 })
  for (const fact of ['errors', 'service_n', 'n_5m', 'incarnation'])
    seldom(`${fact} > 0 && p99_ms > 1`, { [fact]: 0, p99_ms: 2 }, { [fact]: 9, p99_ms: 1 })
})
