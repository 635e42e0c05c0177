// The scenarios that ship with the program, in virtual time: each acts as it must and as its golden
// file tells. The demo plays them in real time (test/demo/scenario.test.ts).
import { readdirSync } from 'node:fs'
import { beforeAll, expect, test } from 'vitest'
import type { Serde } from '../../src/adapters/serde/serde.ts'
import {
  scenarioLines,
  scenarioNamed,
  scenarios,
  SCENARIOS,
} from '../../src/roles/scenario/catalog.ts'
import { testSerde } from '../support/core-driver.ts'
import { expectAsTold } from './golden.ts'

const GOLDEN = '.golden.txt'
const all = scenarios()

let serde: Serde
beforeAll(async () => {
  serde = await testSerde()
})

test.each(all)('$name acts as it must, and as told', ({ name, script }) => {
  expectAsTold(script, serde, SCENARIOS + name + GOLDEN)
})

test('ten, half of which must be left alone, each short enough to be watched', () => {
  expect(all).toHaveLength(10)
  expect(all.filter(({ script }) => script.mustAct === null)).toHaveLength(5)
  for (const { script } of all) expect(script.endMs).toBeLessThanOrEqual(45_000)
  const golden = readdirSync(SCENARIOS).filter((file) => file.endsWith(GOLDEN))
  expect(golden).toEqual(all.map(({ name }) => name + GOLDEN))
})

test('a name there is no scenario of is answered with those there are', () => {
  expect(scenarioNamed('crash').script.mustAct).toEqual(['shop-2'])
  const wrong = (): unknown => scenarioNamed('../crash\u001B[2J')
  expect(wrong).toThrow('there is no scenario ../crash')
  expect(wrong).not.toThrow('\u001B')
  expect(wrong).toThrow(scenarioLines()[9])
})
