// Each rule that is taken away makes its stored seed fail, and the same seed passes with the rule.
// What nobody misses is no rule, or the simulation does not look.
import { describe, expect, test } from 'vitest'
import { createSerde } from '../../src/adapters/serde/serde.ts'
import { simulate } from '../../src/roles/simulate/simulation.ts'
import { MUTANTS } from './mutants.ts'
import { runSeeds } from './mutate.ts'

const FOR_MS = 120_000

describe.each(MUTANTS)('$name: $story', ({ seed, edits, load = [] }) => {
  test('is found', async () => {
    const found = await runSeeds([...load, ...edits], { first: seed, count: 1 })
    expect(found.seed).toBe(seed)
    // A mutant that cannot even be run proves nothing.
    expect(found.problem).not.toMatch(/the simulation stopped|SyntaxError|ReferenceError/)
  })
})

const plain = MUTANTS.filter(({ load }) => load === undefined)

test.each([...new Set(plain.map(({ seed }) => seed))])('seed %i passes as it is', async (seed) => {
  const { problems } = await simulate({ seed, forMs: FOR_MS, serde: await createSerde() })
  expect(problems).toEqual([])
})

test.each(MUTANTS.filter(({ load }) => load !== undefined))(
  'the load of $name is borne with the rule',
  async ({ seed, load = [] }) => {
    expect(await runSeeds(load, { first: seed, count: 1 })).toEqual({ seed: null, problem: null })
  },
)
