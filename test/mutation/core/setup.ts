// What instrumented sources call: as they are when no mutant is on. HEALSTREAM_MUTANT names the one
// that is, HEALSTREAM_REACHED the folder for what a test file has reached.
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterAll, expect } from 'vitest'

const on = Number(process.env['HEALSTREAM_MUTANT'] ?? -1)
const folder = process.env['HEALSTREAM_REACHED']
/** Steps of a file after which a mutant is taken to run for ever. */
const STEPS_MAX = 300_000_000

/** By id: 1 reached or true, 2 false. */
const reached = new Map<number, number>()
let steps = 0

function reach(id: number, way: number = 1): boolean {
  steps += 1
  if (folder !== undefined) reached.set(id, (reached.get(id) ?? 0) | way)
  else if (on >= 0 && steps > STEPS_MAX) throw new Error('the mutant runs for ever')
  return id === on
}

type Value = never
const OPERATORS: Readonly<Record<string, (a: Value, b: Value) => unknown>> = {
  '<': (a, b) => a < b,
  '<=': (a, b) => a <= b,
  '>': (a, b) => a > b,
  '>=': (a, b) => a >= b,
  '===': (a, b) => a === b,
  '!==': (a, b) => a !== b,
  '+': (a, b) => a + b,
  '-': (a, b) => a - b,
  '*': (a, b) => a * b,
  '/': (a, b) => a / b,
}

const helpers = {
  reach: (id: number): void => void reach(id),
  runs: (id: number): boolean => !reach(id),
  not: (id: number, value: unknown): unknown => (reach(id) ? value : !value),
  number: (id: number, value: number): number => (reach(id) ? value + 1 : value),
  flag: (id: number, value: boolean): boolean => (reach(id) ? !value : value),
  name: (id: number, name: string, other: string): string => (reach(id) ? other : name),
  and(id: number, left: unknown, right: () => unknown): unknown {
    return reach(id, left ? 1 : 2) ? left || right() : left && right()
  },
  or(id: number, left: unknown, right: () => unknown): unknown {
    return reach(id, left ? 1 : 2) ? left && right() : left || right()
  },
  condition(always: number, never: number, value: unknown): unknown {
    if (reach(always, value ? 1 : 2)) return true
    return reach(never) ? false : value
  },
  operator(mutants: [number, string][], operator: string, a: Value, b: Value): unknown {
    const mutant = mutants.find(([id]) => reach(id))
    return OPERATORS[mutant?.[1] ?? operator]?.(a, b)
  },
}
Object.assign(globalThis, { __hs: helpers })

// A mutant need not be made small, only found.
fc.configureGlobal({ ...fc.readConfigureGlobal(), endOnFailure: true, numRuns: 50 })

afterAll(() => {
  if (folder === undefined) return
  const file = expect.getState().testPath ?? ''
  const name = `${file.replaceAll('/', '_')}.json`
  writeFileSync(join(folder, name), JSON.stringify({ file, reached: [...reached] }))
})
