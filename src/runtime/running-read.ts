// What was read for a running task: into its inputs and its time, or why not; and out of them one
// by one while a record that cannot be taken is searched for.
import { HsError } from '../contracts/failure.ts'
import { topicKind } from '../contracts/topics.ts'
import type { LogTime } from './log-time.ts'
import type { Fetched } from './ports.ts'
import type { Careful } from './run-options.ts'
import type { CheckedSlice, Stepper } from './stepper.ts'

/**
 * 'astray': it does not go on where the last one ended. 'stranger': of no input. An HsError
 * HS_INPUT_CHANGED (returned, not thrown) where offsets are missing.
 */
export function takeFetched(
  stepper: Stepper,
  time: LogTime,
  news: { readonly prefix: string; readonly fetched: Fetched; readonly monotonicMs: number },
): 'taken' | 'astray' | 'stranger' | HsError {
  const { topic, partition, gap, batches, caughtUp, heldBack, sentMs } = news.fetched
  const index = stepper.indexOf(topicKind(topic, news.prefix), partition)
  if (index < 0) return 'stranger'
  if (gap !== null)
    return new HsError(
      'HS_INPUT_CHANGED',
      `${topic}-${partition}: offsets ${gap.from} to ${gap.to} are missing`,
    )
  if (!stepper.take(index, news.fetched)) return 'astray'
  const maxAppendMs = batches.reduce((max, batch) => Math.max(max, batch.maxTimestampMs), 0)
  time.read(index, { caughtUp, heldBack, maxAppendMs, sentMs }, news.monotonicMs)
  return 'taken'
}

/** The next record as a slice of its own, and how the search goes on; null: it is over. */
export function singly(
  stepper: Stepper,
  careful: Careful,
): { readonly slices: readonly CheckedSlice[]; readonly next: Careful | null } {
  const slice = stepper.single(careful.suspect?.input ?? null)
  if (slice === null) return { slices: [], next: careful }
  const positions = stepper.positions()
  const left = careful.left - 1
  const passed = careful.until?.every((to, i) => (positions[i] ?? 0) >= to) ?? false
  return {
    slices: [slice],
    next: passed || left === 0 ? null : { ...careful, suspect: null, left },
  }
}

export function recordsOf(slices: readonly CheckedSlice[]): number {
  return slices.reduce((sum, slice) => sum + slice.records, 0)
}
