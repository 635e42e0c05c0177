// The search for a record that the core cannot take (DESIGN.md section 5, poison).
//
// The core throws: the process lives and knows the ranges of the step, so the next run steps their
// records one by one; the one that throws is journalled as `skip` in the same transaction as the
// steps before it.
// The process dies: nobody is left to say anything, so each fence entry counts how often the task
// was taken at these positions. From the third time on the first record is named in the fence entry
// and tried alone. Only when the same record was tried so and died SUSPECT_DEATHS times is it
// passed over untried: a worker killed from outside at a bad moment must not cost a record.
import type { FenceEntry, InputPosition } from '../contracts/journal.ts'
import { topicName } from '../contracts/topics.ts'
import type { LogPort } from './ports.ts'
import type { Restored, TaskSpec } from './replay.ts'
import { type CheckedSlice, Stepper } from './stepper.ts'

/** From this attempt on records are stepped singly. */
export const CAREFUL_FROM_ATTEMPT = 3
/** Deaths of one named record after which it is skipped untried. */
export const SUSPECT_DEATHS = 5
/** Records stepped singly before the search is over. */
export const CAREFUL_RECORDS = 10_000

/** Why a life begins: given by the group, after an error of the log, after the core threw. */
export type LifeCause = 'assigned' | 'log' | 'core'

/** Attempt number of the life that begins now. */
export function attemptOf(
  { lastFence, movedSinceFence }: Pick<Restored, 'lastFence' | 'movedSinceFence'>,
  cause: LifeCause,
): number {
  if (lastFence === null || movedSinceFence) return 1
  // An error of the log says nothing about the records.
  return cause === 'log' ? lastFence.attempt : lastFence.attempt + 1
}

/** Fence entries at one place after which its next life waits, and for how long at most. */
const HOLD_BACK_AFTER = { suspect: CAREFUL_FROM_ATTEMPT, none: 12 }
const FIRST_HOLD_MS = 250
const LAST_HOLD_MS = 30_000

/**
 * Pause before a life, ms: none for the first ones at a place, then twice as long each time. Where
 * no record waits many lives may end from outside before anything was to be committed.
 */
export function pauseBefore(attempt: number, hasSuspect: boolean): number {
  const over = attempt - (hasSuspect ? HOLD_BACK_AFTER.suspect : HOLD_BACK_AFTER.none)
  return over <= 0 ? 0 : Math.min(FIRST_HOLD_MS * 2 ** (over - 1), LAST_HOLD_MS)
}

export interface Suspect {
  readonly input: number
  readonly position: InputPosition
  /** The record as a slice of its own, for its dead letter. */
  readonly slice: CheckedSlice
}

/** The first record in the order of inputs that waits behind the positions; null for none. */
export async function findSuspect(
  log: LogPort,
  prefix: string,
  { spec, positions }: { readonly spec: TaskSpec; readonly positions: readonly number[] },
): Promise<Suspect | null> {
  const stepper = new Stepper(spec.inputs, positions)
  const reader = log.reader({ isolation: 'read_committed' })
  try {
    for (const [input, at] of spec.inputs.entries()) {
      const place = { topic: topicName(at.topic, prefix), partition: at.partition }
      reader.assign(place, positions[input] ?? 0)
      // The first poll of a new assignment reports it at once, empty or not; markers may need more.
      for (let caughtUp = false; !caughtUp; ) {
        for (const fetched of await reader.poll(0)) {
          stepper.take(input, fetched)
          caughtUp = fetched.caughtUp
        }
        const slice = stepper.single(input)
        if (slice !== null) {
          const position = { ...at, offset: slice.to - 1 }
          return { input, position, slice }
        }
      }
      reader.unassign(place)
    }
    return null
  } finally {
    await reader.close()
  }
}

/** How often the suspect of the last life was named, with the one of this life included. */
export function isSameSuspect(lastFence: FenceEntry | null, position: InputPosition): boolean {
  const last = lastFence?.suspect
  return (
    last !== null &&
    last !== undefined &&
    last.topic === position.topic &&
    last.partition === position.partition &&
    last.offset === position.offset
  )
}

/** The named record has been tried alone often enough. */
export function isProven(
  attempt: number,
  lastFence: FenceEntry | null,
  at: InputPosition,
): boolean {
  return attempt >= CAREFUL_FROM_ATTEMPT + SUSPECT_DEATHS && isSameSuspect(lastFence, at)
}
