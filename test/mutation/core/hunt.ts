// Runs last: puts one mutant after the other on and runs the tests that reach it again (those of
// its mirror first, then the quickest) until one fails. What it found is written to
// HEALSTREAM_HUNT for run.mjs, which asks it all and prints it.
import { readFileSync, writeFileSync, writeSync } from 'node:fs'
import { it } from 'vitest'
import type { Point } from './instrument.ts'
import { type Trial, notes } from './setup.ts'

/** Tests asked about a mutant. */
const TRIALS_MAX = 40
/** Time that tests take (without a mutant) may add up to this for one mutant. */
const BUDGET_MS = 4_000
/** A test that takes longer is asked only where no other reaches the mutant. */
const QUICK_MS = 1_500

interface Asked {
  readonly points: readonly Point[]
  /** Mutants to hunt, by id. */
  readonly mutants: readonly number[]
}

export interface Found {
  /** By id: what was reached. */
  readonly ways: readonly number[]
  readonly killed: readonly number[]
  readonly survived: readonly number[]
  /** They matter while modules are loaded, or a test was spoilt by them: to be run afresh. */
  readonly afresh: readonly number[]
  /** Tests that fail when they are run again. */
  readonly once: readonly string[]
}

/** Runs a test again and says whether it passed. */
async function passes(trial: Trial, mutant: number): Promise<boolean> {
  notes.on = mutant
  notes.steps = 0
  notes.stepsMax = trial.steps * 20 + 1_000_000
  try {
    await trial.run()
    return true
  } catch {
    return false
  } finally {
    notes.on = -1
    notes.stepsMax = Number.POSITIVE_INFINITY
  }
}

const mirrorOf = (file: string): string => file.replace('src/', '/test/').replace('.ts', '.')

/** Tests to be asked about a point, in order. */
function trialsOf(trials: readonly Trial[], point: Point): Trial[] {
  const mirror = mirrorOf(point.file)
  const isMirror = (one: Trial): number => Number(one.file.includes(mirror))
  const near = trials
    .filter(({ reached }) => (reached[point.id] ?? 0) > 0)
    .toSorted((a, b) => isMirror(b) - isMirror(a) || a.ms - b.ms)
  const quick = near.filter((one) => one.ms <= QUICK_MS)
  if (quick.length === 0) return near.slice(0, 1)
  let ms = 0
  return quick.slice(0, TRIALS_MAX).filter((one, i) => {
    ms += one.ms
    return ms <= BUDGET_MS || i === 0
  })
}

async function hunt({ points, mutants }: Asked): Promise<Found> {
  const once: string[] = []
  const sound: Set<Trial> = new Set()
  for (const trial of notes.trials) {
    if (await passes(trial, -1)) sound.add(trial)
    else once.push(`${trial.file}: ${trial.name}`)
  }
  const [killed, survived, afresh]: [number[], number[], number[]] = [[], [], []]
  const fateOf = async (point: Point): Promise<number[]> => {
    for (const trial of trialsOf([...sound], point)) {
      if (await passes(trial, point.id)) continue
      if (await passes(trial, -1)) return killed
      sound.delete(trial)
      once.push(`${trial.file}: ${trial.name}`)
      return afresh
    }
    return (notes.outside[point.id] ?? 0) > 0 ? afresh : survived
  }
  for (const [i, id] of mutants.entries()) {
    const point = points[id]
    if (point !== undefined) (await fateOf(point)).push(id)
    if (i % 200 === 199) writeSync(2, `  ${i + 1} of ${mutants.length}, ${killed.length} found\n`)
  }
  const ways = points.map(({ id }) =>
    notes.trials.reduce((all, { reached }) => all | (reached[id] ?? 0), notes.outside[id] ?? 0),
  )
  return { ways, killed, survived, afresh, once }
}

const path = process.env['HEALSTREAM_HUNT'] ?? ''
it('hunts every mutant', async () => {
  const asked: Asked = JSON.parse(readFileSync(path, 'utf8'))
  writeFileSync(path, JSON.stringify(await hunt(asked)))
}, 7_200_000)
