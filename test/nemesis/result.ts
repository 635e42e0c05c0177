// What is kept of a run: one JSON line, and the rows of docs/reliability.md out of such lines.
import { appendFileSync, existsSync, mkdirSync, readFileSync } from 'node:fs'
import { dirname } from 'node:path'
import type { Verdict } from './checker/check.ts'
import type { Violation } from './checker/violation.ts'
import type { Happened } from './faults.ts'
import { type Gap, type GapFigures, gapFigures, STUCK_MS } from './gaps.ts'
import { demandOf } from './plan.ts'

/**
 * `clean`: nothing was violated and enough happened. `void`: nothing was violated, but too little
 * happened for that to mean anything. `failed`: a check found something, or the run broke.
 */
export type Outcome = 'clean' | 'void' | 'failed'

export interface Result {
  readonly seed: number
  readonly minutes: number
  readonly workers: number
  readonly commit: string
  /** Changes that were not committed: such a run proves nothing about the commit. */
  readonly dirty: boolean
  readonly kafka: string
  readonly startedAt: string
  readonly outcome: Outcome
  /** Why it is void or failed. */
  readonly reasons: readonly string[]
  readonly faults: Readonly<Record<string, number>>
  readonly missed: readonly string[]
  readonly inDoubt: number
  readonly counts: Verdict['counts']
  readonly gaps: readonly GapFigures[]
  /** Longest time any partition stood, with or without a fault. */
  readonly longestGapMs: number
  readonly violations: readonly Violation[]
  readonly notes: readonly string[]
}

export interface Facts {
  readonly seed: number
  readonly minutes: number
  readonly workers: number
  readonly kafka: string
  readonly startedAt: string
  readonly happened: readonly Happened[]
  readonly gaps: readonly Gap[]
  readonly inDoubt: number
  readonly verdict: Verdict
  /** What went wrong around the checks: not drained, not running again. */
  readonly problems: readonly string[]
  readonly notes: readonly string[]
  readonly source: { readonly commit: string; readonly dirty: boolean }
}

const KEPT_VIOLATIONS = 20

export function resultOf(facts: Facts): Result {
  const { verdict, happened, problems, minutes, inDoubt, gaps } = facts
  const done = happened.filter(({ missed }) => missed === null)
  const faults: Record<string, number> = {}
  for (const { kind } of done) faults[kind] = (faults[kind] ?? 0) + 1
  const failures = [...problems, ...summary(verdict.violations)]
  for (const { id, kind, stuck, worstMs } of gaps) {
    if (stuck.length > 0) failures.push(`${kind} (${id}): ${stuck.join(' ')} never moved again`)
    if (worstMs > STUCK_MS) failures.push(`${kind} (${id}): no commit for ${worstMs} ms`)
  }
  const { inputs, commands } = verdict.counts
  const lacks = lacking({ minutes, faults, inDoubt, inputs, commands })
  const outcome = failures.length > 0 ? 'failed' : lacks.length > 0 ? 'void' : 'clean'
  return {
    seed: facts.seed,
    minutes,
    workers: facts.workers,
    ...facts.source,
    kafka: facts.kafka,
    startedAt: facts.startedAt,
    outcome,
    reasons: [...failures, ...lacks],
    faults,
    missed: happened.flatMap(({ kind, missed }) => (missed === null ? [] : [`${kind}: ${missed}`])),
    inDoubt,
    counts: verdict.counts,
    gaps: gapFigures(gaps),
    longestGapMs: Math.max(0, ...verdict.commitTimes.map(longest)),
    violations: verdict.violations.slice(0, KEPT_VIOLATIONS),
    notes: facts.notes,
  }
}

function longest(times: readonly number[]): number {
  return times.reduce((most, atMs, i) => Math.max(most, atMs - (times[i - 1] ?? atMs)), 0)
}

function summary(violations: readonly Violation[]): string[] {
  const byCheck = new Map<string, number>()
  for (const { check } of violations) byCheck.set(check, (byCheck.get(check) ?? 0) + 1)
  return [...byCheck].map(([check, count]) => `${check}: ${count}`)
}

/** What is missing for the run to count. */
export function lacking(had: {
  readonly minutes: number
  readonly faults: Readonly<Record<string, number>>
  readonly inDoubt: number
  readonly inputs: number
  readonly commands: number
}): readonly string[] {
  const demand = demandOf(had.minutes)
  const kinds = Object.keys(had.faults).length
  const faults = Object.values(had.faults).reduce((sum, count) => sum + count, 0)
  const lacks = [
    ['inputs', had.inputs, demand.inputs],
    ['faults', faults, demand.faults],
    ['kinds of faults', kinds, demand.kinds],
    ['commits in doubt', had.inDoubt, demand.inDoubt],
    ['commands', had.commands, demand.commands],
  ] as const
  return lacks.flatMap(([what, is, due]) => (is < due ? [`${is} ${what}, ${due} are due`] : []))
}

export function appendResult(file: string, result: Result): void {
  mkdirSync(dirname(file), { recursive: true })
  appendFileSync(file, `${JSON.stringify(result)}\n`)
}

export function readResults(file: string): readonly Result[] {
  if (!existsSync(file)) return []
  const lines = readFileSync(file, 'utf8').split('\n')
  return lines.filter((line) => line !== '').map((line): Result => JSON.parse(line))
}

/**
 * The rows, newest last. `isStale`: the engine or the adapter changed since that commit, so that
 * what was clean says nothing any more.
 */
export function resultTable(
  results: readonly Result[],
  isStale: (commit: string) => boolean,
): readonly string[] {
  const head = ['seed', 'minutes', 'faults (kinds)', 'inputs', 'commits', 'in doubt']
  const columns = [...head, 'commands', 'longest gap', 'result', 'commit']
  const row = (cells: readonly (string | number)[]): string => `| ${cells.join(' | ')} |`
  return [
    row(columns),
    row(columns.map(() => '---')),
    ...results.map((result) => {
      const { seed, minutes, faults, counts, inDoubt, longestGapMs, commit, dirty } = result
      const total = Object.values(faults).reduce((sum, count) => sum + count, 0)
      const old = dirty ? 'void (not committed)' : 'void (changed since)'
      const isOld = result.outcome === 'clean' && (dirty || isStale(commit))
      return row([
        seed,
        minutes,
        `${total} (${Object.keys(faults).length})`,
        counts.inputs,
        counts.commits,
        inDoubt,
        counts.commands,
        `${(longestGapMs / 1_000).toFixed(1)} s`,
        isOld ? old : result.outcome,
        commit.slice(0, 10),
      ])
    }),
  ]
}
