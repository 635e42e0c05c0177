// Every script in this folder against its golden output; UPDATE_GOLDEN=1 writes the outputs anew. A
// script also says what must be acted on, or that nothing may be, and that holds whatever the
// golden output says. The second run of each goes over an image after every step.
import { beforeAll, describe, expect, test } from 'vitest'
import type { Serde } from '../../src/adapters/serde/serde.ts'
import { parseScript } from '../../src/roles/scenario/script.ts'
import { testSerde } from '../support/core-driver.ts'
import { expectAsTold } from './golden.ts'
import { HERE, named, readScript, scripts } from './scripts.ts'

const GOLDEN = '.golden.txt'

let serde: Serde
beforeAll(async () => {
  serde = await testSerde()
})

describe.each(scripts)('%s', (name) => {
  test('acts as it must, the same every time, and as told', () => {
    expectAsTold(readScript(name), serde, HERE + name + GOLDEN)
  })
})

test('there are enough scripts, of both kinds, and every golden output has its script', () => {
  const musts = scripts.map((name) => readScript(name).mustAct)
  expect(musts.filter((must) => must !== null).length).toBeGreaterThanOrEqual(5)
  expect(musts.filter((must) => must === null).length).toBeGreaterThanOrEqual(5)
  expect(named(GOLDEN)).toEqual(scripts)
})

test('a line that is not understood is named', () => {
  expect(() => parseScript('# x\nmust-not-act\nat 3s shop-1 dances\nend at 5s')).toThrow(
    'line 3 is not understood',
  )
  expect(() => parseScript('# x\nend at 5s')).toThrow('must-act')
})
