// The table of facts: every name is usable in a trigger with the type it says.
import { expect, test } from 'vitest'
import { compileTrigger } from '../../../src/core/decision/expression.ts'
import { FACT_NAMES, FACTS, isFact, overWindow } from '../../../src/core/decision/fact-table.ts'

const ASK = {
  double: (name: string) => `${name} + 1 > 2`,
  string: (name: string) => `${name} == "x"`,
  bool: (name: string) => `${name} == true`,
  'list<string>': (name: string) => `"x" in ${name}`,
  'map<string, double>': (name: string) => `${name}["x"] > 2`,
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

test('S0-41: a figure has a fact for every window, everything else is what it is', () => {
  expect([10_000, 60_000, 300_000].map((ms) => overWindow('error_rate', ms))).toEqual([
    'error_rate_10s',
    'error_rate',
    'error_rate_5m',
  ])
  expect(overWindow('health', 10_000)).toBe('health')
  expect(FACTS.service_n_5m.text).toBe('requests of the whole service in the last 5 min')
  expect(FACTS.service_error_rate_10s.text).toBe('error_rate of the whole service, last 10 s')
})
