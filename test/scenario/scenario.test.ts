// Every script in this folder against its golden output; UPDATE_GOLDEN=1 writes the outputs anew. A
// script also says what must be acted on, or that nothing may be, and that holds whatever the
// golden output says. The second run of each goes over an image after every step.
import { writeFileSync } from 'node:fs'
import { beforeAll, describe, expect, test } from 'vitest'
import type { Serde } from '../../src/adapters/serde/serde.ts'
import { START_MS, testSerde } from '../support/core-driver.ts'
import { forgetfulCore } from '../support/forgetful.ts'
import { Narrator, since } from './narrate.ts'
import { parseScript, type Script } from '../../src/roles/scenario/script.ts'
import { HERE, named, readScript, readText, run, scripts } from './scripts.ts'
import type { World } from './world.ts'

const GOLDEN = '.golden.txt'

let serde: Serde
beforeAll(async () => {
  serde = await testSerde()
})

function golden(script: Script, world: World): string {
  const narrator = new Narrator(script.tells)
  const lines = script.lines
    .filter(({ atMs }) => atMs > 0)
    .map(({ atMs, text }) => ({ atMs: START_MS + atMs, text: `>         ${text}` }))
  for (const output of world.driver.written) {
    const text = narrator.line(output)
    if (text !== null) lines.push({ atMs: output.atMs, text })
  }
  lines.push(...narrator.counted())
  lines.sort((a, b) => a.atMs - b.atMs)
  const told = lines.map(({ atMs, text }) => `${since(atMs)} ${text}`)
  const commands = world.driver.bodies('commands').length
  return [`# ${script.title}`, ...told, `commands: ${commands}`, ''].join('\n')
}

describe.each(scripts)('%s', (name) => {
  test('acts as it must, the same every time, and as told', () => {
    const script = readScript(name)
    const world = run(script, serde)
    const again = run(script, serde, { core: forgetfulCore })
    expect(again.driver.digest()).toBe(world.driver.digest())
    expect(again.driver.written).toEqual(world.driver.written)
    expect(again.driver.steps).toBe(world.driver.steps)

    const targets = world.driver.bodies('commands').map(({ target }) => String(target.instance))
    expect([...new Set(targets)].sort()).toEqual([...(script.mustAct ?? [])].sort())

    const text = golden(script, world)
    if (process.env['UPDATE_GOLDEN'] === '1') writeFileSync(HERE + name + GOLDEN, text)
    expect(text).toBe(readText(name + GOLDEN))
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
