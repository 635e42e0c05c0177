// The scripts of this folder, and a run of one: shared by the tests that drive them.
import { readdirSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import type { Serde } from '../../src/adapters/serde/serde.ts'
import { BEHAVIOUR_LATEST } from '../../src/core/kernel/behaviour.ts'
import type { DriverOptions } from '../support/core-driver.ts'
import { parseScript, type Script } from '../../src/roles/scenario/script.ts'
import { World } from './world.ts'

export const HERE: string = fileURLToPath(new URL('.', import.meta.url))
const SCRIPT = '.scenario.txt'

/** Files of this folder that end so, without the end, in order. */
export function named(end: string): readonly string[] {
  return readdirSync(HERE)
    .filter((file) => file.endsWith(end))
    .map((file) => file.slice(0, -end.length))
    .sort()
}

export const scripts: readonly string[] = named(SCRIPT)

export function readText(file: string): string {
  return readFileSync(`${HERE}${file}`, 'utf8')
}

export function readScript(name: string): Script {
  return parseScript(readText(name + SCRIPT))
}

/** The world at the end of the script. */
export function run(script: Script, serde: Serde, options: DriverOptions = {}): World {
  const behaviour = Math.max(BEHAVIOUR_LATEST, script.behaviour)
  const world = new World(serde, { behaviour, ...options })
  for (const { atMs, act } of script.lines) world.in(atMs, () => act(world))
  world.runUntil(script.endMs)
  return world
}
