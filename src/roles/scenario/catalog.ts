// The scenarios that ship with the program, by name: scripts of examples/scenarios.
import { readdirSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { HsError } from '../../contracts/failure.ts'
import { printable } from '../../contracts/printable.ts'
import { parseScript, type Script } from './script.ts'

export interface Scenario {
  readonly name: string
  readonly script: Script
}

export const SCENARIOS: string = fileURLToPath(
  new URL('../../../examples/scenarios/', import.meta.url),
)
const END = '.scenario.txt'

/** All of them, in order of name. */
export function scenarios(): readonly Scenario[] {
  const names = readdirSync(SCENARIOS).filter((file) => file.endsWith(END))
  return names.sort().map((file) => {
    const script = parseScript(readFileSync(SCENARIOS + file, 'utf8'))
    return { name: file.slice(0, -END.length), script }
  })
}

/** A line for each: its name, what has to come of it, what it is about. */
export function scenarioLines(all: readonly Scenario[] = scenarios()): readonly string[] {
  const width = Math.max(...all.map(({ name }) => name.length))
  return all.map(({ name, script: { mustAct, title } }) => {
    return `${name.padEnd(width)}  ${mustAct === null ? 'leave alone' : 'act        '}  ${title}`
  })
}

/** Errors: HS_USAGE for a name that there is no scenario of; it lists them. */
export function scenarioNamed(name: string): Scenario {
  const all = scenarios()
  const found = all.find((one) => one.name === name)
  if (found !== undefined) return found
  const lines = [`there is no scenario ${printable(name)}; there are:`, ...scenarioLines(all)]
  const fix = 'Take one of these names; `--scenario list` prints them.'
  throw new HsError('HS_USAGE', lines.join('\n'), { fix })
}
