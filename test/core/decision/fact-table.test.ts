// The table of facts: every name is usable in a trigger with the type it says.
import { expect, test } from 'vitest'
import { compileTrigger } from '../../../src/core/decision/expression.ts'
import { FACT_NAMES, FACTS, isFact } from '../../../src/core/decision/fact-table.ts'

const ASK = {
  double: (name: string) => `${name} + 1 > 2`,
  string: (name: string) => `${name} == "x"`,
  bool: (name: string) => `${name} == true`,
  'list<string>': (name: string) => `"x" in ${name}`,
}

test.each(FACT_NAMES)('%s', (name) => {
  const { type, values, range } = FACTS[name]
  expect(compileTrigger(ASK[type](name))).toMatchObject({ ok: true })
  expect(values === undefined || type === 'string').toBe(true)
  expect(range === undefined || type === 'double').toBe(true)
})

test('names of the language itself are no facts', () => {
  for (const name of ['toString', '__proto__', 'size', 'now']) expect(isFact(name)).toBe(false)
})
