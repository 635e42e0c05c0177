// How long partitions stood still because of a fault: from the fault (or the last commit before it,
// whichever is later) to the next commit, by the brokers' own times in the journals.
import type { Happened } from './faults.ts'
import { groupBy } from './group-by.ts'
import type { FaultKind } from './plan.ts'

/** After the end of a fault, how long its consequences are looked for. */
const AFTER_MS = 12_000
/** Between commits of a partition that is well. */
const COMMIT_MS = 2_000
/** Another fault this long before is not over yet. */
const BEFORE_MS = 8_000

/** Whoever stands for longer than this after a fault has failed, on however busy a machine. */
export const STUCK_MS = 60_000

export interface Gap {
  readonly id: number
  readonly kind: FaultKind
  /** Of the partition that stood longest. */
  readonly worstMs: number
  /** No other fault near it, so that the gap is its own. */
  readonly alone: boolean
  /** Partitions that did not move again while it was looked at. */
  readonly stuck: readonly number[]
}

export interface GapFigures {
  readonly kind: FaultKind
  readonly count: number
  readonly p50Ms: number
  /** The largest: there are fewer than a hundred. */
  readonly p99Ms: number
}

/**
 * `commitTimes`: by partition, ascending. `quietFromMs`: from then on nothing was sent any more, so
 * that nobody had to commit.
 */
export function gapsOf(
  happened: readonly Happened[],
  commitTimes: readonly (readonly number[])[],
  quietFromMs: number,
): readonly Gap[] {
  const faults = happened.filter(({ missed }) => missed === null)
  return faults.map((fault) => {
    const { id, kind, startMs, endMs } = fault
    const later = faults.filter((other) => other.id !== id && other.startMs >= startMs)
    const nextMs = Math.min(...later.map((other) => other.startMs), endMs + AFTER_MS)
    const untilMs = Math.min(Math.max(nextMs, endMs), quietFromMs - COMMIT_MS)
    // The last commit before the next fault begins what that one costs.
    const othersMs = nextMs >= endMs ? nextMs - COMMIT_MS : Infinity
    const alone = faults.every(
      (other) =>
        other.id === id || other.endMs + BEFORE_MS < startMs || other.startMs >= endMs + 4_000,
    )
    const gaps = commitTimes.map((times) => longestGapMs(times, { startMs, untilMs, othersMs }))
    const stuck = gaps.flatMap((gap, p) => (gap === null ? [p] : []))
    return { id, kind, worstMs: Math.max(0, ...gaps.map((gap) => gap ?? 0)), alone, stuck }
  })
}

interface Span {
  readonly startMs: number
  readonly untilMs: number
  /** What begins from here on and ends behind `untilMs` is not counted. */
  readonly othersMs: number
}

/** Longest time without a commit that begins before `untilMs`; null: none came any more. */
function longestGapMs(
  times: readonly number[],
  { startMs, untilMs, othersMs }: Span,
): number | null {
  let most = 0
  let before = startMs
  for (const atMs of times) {
    if (atMs <= startMs) continue
    if (before < othersMs || atMs <= untilMs) most = Math.max(most, atMs - before)
    before = atMs
    if (atMs >= untilMs) return most
  }
  return null
}

/** By kind, of faults that were alone. */
export function gapFigures(gaps: readonly Gap[]): readonly GapFigures[] {
  const own = gaps.filter(({ alone, stuck }) => alone && stuck.length === 0)
  return [...groupBy(own, ({ kind }) => kind).values()].flatMap((all): GapFigures[] => {
    const [first] = all
    if (first === undefined) return []
    const { kind } = first
    const sorted = all.map(({ worstMs }) => worstMs).toSorted((a, b) => a - b)
    const p50Ms = sorted[Math.floor((sorted.length - 1) / 2)] ?? 0
    return [{ kind, count: sorted.length, p50Ms, p99Ms: sorted.at(-1) ?? 0 }]
  })
}
