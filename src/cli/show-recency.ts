// How old an answer is, in one line for people: `as of 12:00:01, from redis`, or by how much it is
// stale and why.
import { printable } from '../contracts/printable.ts'
import type { ViewRecency } from '../roles/projector/view-recency.ts'
import { clockTime, duration } from './table.ts'

/** A projector that follows the log asks for what is new at least once a second. */
const STALE_MS = 5_000

export function isStale({ staleMs, problem }: ViewRecency): boolean {
  return problem !== null || staleMs === null || staleMs > STALE_MS
}

export function recencyLine(recency: ViewRecency): string {
  const { source, asOfMs, staleMs, problem } = recency
  const why = problem === null ? '' : ` (${printable(problem)})`
  if (asOfMs === null || staleMs === null) return `not read whole yet${why}`
  const age = staleMs > STALE_MS ? `, stale by ${duration(staleMs)}` : ''
  return `as of ${clockTime(asOfMs)}, from ${printable(source)}${age}${why}`
}
