// Regions of triggers against an oracle that tries values.
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { compileTrigger } from '../../../src/core/decision/expression.ts'
import { type FactValues, valuesOf } from '../../../src/core/decision/fact-table.ts'
import {
  holdsWithin,
  partingFact,
  type Region,
  regionOf,
  tornFact,
} from '../../../src/core/decision/region.ts'
import type { CompiledClause } from '../../../src/core/decision/trigger.ts'

function clausesOf(text: string): readonly CompiledClause[] {
  const compiled = compileTrigger(text)
  if (!compiled.ok) throw new Error(`${text}: ${compiled.problem.message}`)
  return compiled.trigger.clauses
}
const region = (text: string): Region => regionOf(clausesOf(text))

const clause = fc.oneof(
  fc
    .tuple(
      fc.constantFrom('error_rate', 'task_success'),
      fc.constantFrom('<', '<=', '>', '>=', '=='),
      fc.constantFrom('0', '0.5', '1'),
    )
    .map((parts) => parts.join(' ')),
  fc
    .tuple(
      fc.constant('link'),
      fc.constantFrom('==', '!='),
      fc.constantFrom('"online"', '"offline"'),
    )
    .map((parts) => parts.join(' ')),
)
const triggers = fc.array(clause, { minLength: 1, maxLength: 4 }).map((parts) => parts.join(' && '))

const NUMBERS = [0, 0.25, 0.5, 0.75, 1]
const WORLD: readonly FactValues[] = NUMBERS.flatMap((error_rate) =>
  NUMBERS.flatMap((task_success) =>
    ['unknown', 'online', 'offline'].map((link) => valuesOf({ error_rate, task_success, link })),
  ),
)
const holds = (text: string): readonly boolean[] => {
  const clauses = clausesOf(text)
  return WORLD.map((values) => clauses.every((one) => one.holds(values)))
}

test('torn: exactly when nothing satisfies it', () => {
  fc.assert(
    fc.property(triggers, (text) => {
      expect(tornFact(region(text)) !== null).toBe(!holds(text).includes(true))
    }),
  )
})

test('parting: exactly when nothing satisfies both', () => {
  fc.assert(
    fc.property(triggers, triggers, (a, b) => {
      fc.pre(holds(a).includes(true) && holds(b).includes(true))
      const both = holds(`${a} && ${b}`).includes(true)
      expect(partingFact(region(a), region(b), () => true) !== null).toBe(!both)
      expect(partingFact(region(a), region(b), () => false)).toBeNull()
    }),
  )
})

test('within: whenever it is said, what satisfies the one satisfies the other', () => {
  let said = 0
  fc.assert(
    fc.property(triggers, triggers, (a, b) => {
      fc.pre(holds(a).includes(true))
      if (!holdsWithin(region(a), region(b))) return
      said += 1
      const outer = holds(b)
      expect(holds(a).every((is, i) => !is || outer[i] === true)).toBe(true)
    }),
    { numRuns: 1_000 },
  )
  expect(said).toBeGreaterThan(20)
})

test('what is no comparison is told apart by its text', () => {
  const plain = region('error_rate > 0.5')
  const more = region('error_rate > 0.6 && !("silence" in detectors)')
  expect([holdsWithin(more, plain), holdsWithin(plain, more)]).toEqual([true, false])
})

test('what differs from a number, and an order of texts, rule nothing out', () => {
  for (const text of ['error_rate != 0.5', 'error_rate != 0.5 && error_rate == 0.5', 'link < "p"'])
    expect(tornFact(region(text))).toBeNull()
})
