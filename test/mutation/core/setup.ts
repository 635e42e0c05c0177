// What instrumented sources call: as they are when no mutant is on. It notes what every test
// reaches, so that hunt.ts can run those tests again that reach a mutant. With HEALSTREAM_MUTANT
// one mutant is on from the start (for what runs while modules are loaded).
import { writeSync } from 'node:fs'
import fc from 'fast-check'
import { afterEach, beforeEach } from 'vitest'
import { getFn } from 'vitest/suite'

/** 1: reached, or true; 2: false. */
type Ways = Uint8Array

export interface Trial {
  readonly file: string
  readonly name: string
  readonly run: () => unknown
  readonly reached: Ways
  /** Steps without any mutant. */
  readonly steps: number
  readonly ms: number
}

export interface Notes {
  /** The mutant that is on, or -1. */
  on: number
  steps: number
  stepsMax: number
  /** What is reached now. */
  reached: Ways
  /** What is reached outside of every test: while modules are loaded. */
  readonly outside: Ways
  readonly trials: Trial[]
}

const POINTS_MAX = 1 << 16
/** Steps of a whole file after which a mutant is taken to run for ever. */
const STEPS_MAX = 300_000_000

const shared: { hsNotes?: Notes } = Object.assign(globalThis)
shared.hsNotes ??= fresh()
export const notes: Notes = shared.hsNotes

function fresh(): Notes {
  const on = Number(process.env['HEALSTREAM_MUTANT'] ?? -1)
  const outside = new Uint8Array(POINTS_MAX)
  const stepsMax = on < 0 ? Number.POSITIVE_INFINITY : STEPS_MAX
  const made: Notes = { on, steps: 0, stepsMax, reached: outside, outside, trials: [] }
  Object.assign(globalThis, { __hs: helpersOf(made) })
  return made
}

type Value = never
function helpersOf(all: Notes): object {
  const reach = (id: number, way: number = 1): boolean => {
    all.steps += 1
    if (all.steps > all.stepsMax) throw new Error('the mutant runs for ever')
    all.reached[id] = (all.reached[id] ?? 0) | way
    return id === all.on
  }
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
  return {
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
}

fc.configureGlobal({ ...fc.readConfigureGlobal(), endOnFailure: true, numRuns: 25 })

let startedAt = 0
beforeEach(() => {
  notes.reached = new Uint8Array(POINTS_MAX)
  notes.steps = 0
  startedAt = performance.now()
})

afterEach(({ task }) => {
  const { reached, steps } = notes
  notes.reached = notes.outside
  if (task.result?.state === 'fail') return
  const ms = performance.now() - startedAt
  const file = task.file.filepath
  if (ms > 3_000 && !file.endsWith('hunt.ts'))
    writeSync(2, `  slow: ${file} ${task.name} ${Math.round(ms)} ms\n`)
  notes.trials.push({ file, name: task.name, run: getFn(task), reached, steps, ms })
})
