// The output of a run of a script in virtual time, as the golden files hold it.
import { readFileSync, writeFileSync } from 'node:fs'
import { expect } from 'vitest'
import type { Serde } from '../../src/adapters/serde/serde.ts'
import type { Script } from '../../src/roles/scenario/script.ts'
import { START_MS } from '../support/core-driver.ts'
import { forgetfulCore } from '../support/forgetful.ts'
import { Narrator, since } from './narrate.ts'
import { run } from './scripts.ts'
import type { World } from './world.ts'

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

/**
 * It acts as it must, the same over an image after every step, and as the file says;
 * UPDATE_GOLDEN=1 writes the file anew.
 */
export function expectAsTold(script: Script, serde: Serde, file: string): void {
  const world = run(script, serde)
  const again = run(script, serde, { core: forgetfulCore })
  expect(again.driver.digest()).toBe(world.driver.digest())
  expect(again.driver.written).toEqual(world.driver.written)
  expect(again.driver.steps).toBe(world.driver.steps)

  const targets = world.driver.bodies('commands').map(({ target }) => String(target.instance))
  expect([...new Set(targets)].sort()).toEqual([...(script.mustAct ?? [])].sort())

  const text = golden(script, world)
  if (process.env['UPDATE_GOLDEN'] === '1') writeFileSync(file, text)
  expect(text).toBe(readFileSync(file, 'utf8'))
}
