// The search for a record that the core cannot take (DESIGN.md section 5, poison).
//
// The core throws: the process lives and knows the ranges of the step, so the next run steps their
// records one by one; the one that throws is journalled as `skip` in the same transaction as the
// steps before it.
// The process dies: nobody is left to say anything, so each fence entry counts how often the task
// was taken while a record waited at an input that had not moved since the fence before, whatever
// else was journalled in between. From the third time on that record is named in the fence entry
// and tried alone. Only when the same record was tried so and died SUSPECT_DEATHS times is it
// passed over untried: a worker killed from outside at a bad moment must not cost a record.
import type { InputPosition } from '../contracts/journal.ts'
import { topicKind, topicName } from '../contracts/topics.ts'
import type { LogPort } from './ports.ts'
import type { Restored, TaskSpec } from './replay.ts'
import { type CheckedSlice, Stepper } from './stepper.ts'

/** From this attempt on records are stepped singly. */
export const CAREFUL_FROM_ATTEMPT = 3
/** Deaths of one named record after which it is skipped untried. */
export const SUSPECT_DEATHS = 5
/** One poll while it is looked for what waits. */
const SUSPECT_POLL_MS = 250
/** Records stepped singly before the search is over. */
export const CAREFUL_RECORDS = 10_000
/**
 * The same where each is committed by itself, which takes tens of milliseconds: a task with a
 * backlog must not crawl because its workers were killed from outside. Each such life leaves so
 * many behind it, so what kills is come to all the same.
 */
export const CAREFUL_COMMITS = 256

/** Why a life begins: given by the group, after an error of the log, after the core threw. */
export type LifeCause = 'assigned' | 'log' | 'core'

/**
 * What waits where the last life began: the record that its fence entry names; another one, at an
 * input that stood still; nothing.
 */
export type Waiting = 'named' | 'other' | null

/** Attempt number of the life that begins now. */
export function attemptOf(
  { lastFence, movedSinceFence }: Pick<Restored, 'lastFence' | 'movedSinceFence'>,
  cause: LifeCause,
  waiting: Waiting,
): number {
  if (lastFence === null || (movedSinceFence && waiting === null)) return 1
  // An error of the log says nothing about the records.
  const more = cause === 'log' ? 0 : 1
  // A name is counted for itself: a record may not pay for the deaths of another.
  if (waiting === 'other') return Math.min(lastFence.attempt, CAREFUL_FROM_ATTEMPT - 1) + more
  return lastFence.attempt + more
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

export interface Opening {
  readonly attempt: number
  /** What is tried alone in this life. */
  readonly suspect: Suspect | null
  /** It has been tried alone often enough, and is skipped. */
  readonly isProven: boolean
}

/**
 * How the life begins that was restored to this. A life may have journalled much and been killed
 * by a record all the same, again and again, where that lies in an input that other ones outrun:
 * so lives are counted as long as some input stands still and a record waits there.
 */
export async function opening(
  log: LogPort,
  prefix: string,
  life: { readonly spec: TaskSpec; readonly restored: Restored; readonly cause: LifeCause },
): Promise<Opening> {
  const { restored, cause, spec } = life
  const { lastFence, movedSinceFence, positions } = restored
  const unread = attemptOf(restored, cause, movedSinceFence ? null : 'named')
  const isEarly = !movedSinceFence && unread < CAREFUL_FROM_ATTEMPT
  // Of a core that threw more is known than where it began.
  if (lastFence === null || isEarly || cause === 'core')
    return { attempt: unread, suspect: null, isProven: false }
  const named = namedInput(spec, restored)
  const inputs = named === null ? standing(spec, restored) : [named]
  const suspect = await findSuspect(log, prefix, { spec, positions, inputs })
  const isNamed = suspect !== null && samePosition(lastFence.suspect, suspect.position)
  const waiting = suspect === null ? null : isNamed ? 'named' : 'other'
  const attempt = attemptOf(restored, cause, waiting)
  const isCareful = attempt >= CAREFUL_FROM_ATTEMPT
  const proven = isNamed && attempt >= CAREFUL_FROM_ATTEMPT + SUSPECT_DEATHS
  return { attempt, suspect: isCareful ? suspect : null, isProven: proven }
}

/** Where the record lies that the last fence entry names; null: nowhere, or it is passed. */
function namedInput({ inputs }: TaskSpec, { lastFence, positions }: Restored): number | null {
  const named = lastFence?.suspect ?? null
  if (named === null) return null
  const index = inputs.findIndex((i) => i.topic === named.topic && i.partition === named.partition)
  return index >= 0 && (positions[index] ?? 0) <= named.offset ? index : null
}

/** Inputs of which nothing was used since the last fence. */
function standing({ inputs }: TaskSpec, { lastFence, positions }: Restored): readonly number[] {
  const before = lastFence?.positions ?? []
  return inputs.flatMap((input, i) =>
    before.some((at) => samePosition(at, { ...input, offset: positions[i] ?? 0 })) ? [i] : [],
  )
}

/** The first record, in the order of these inputs, that waits behind the positions. */
async function findSuspect(
  log: LogPort,
  prefix: string,
  at: {
    readonly spec: TaskSpec
    readonly positions: readonly number[]
    readonly inputs: readonly number[]
  },
): Promise<Suspect | null> {
  const { spec, positions } = at
  const stepper = new Stepper(spec.inputs, positions)
  const reader = log.reader({ isolation: 'read_committed' })
  const unknown = new Set(at.inputs)
  try {
    for (const [input, { topic: kind, partition }] of spec.inputs.entries()) {
      const topic = topicName(kind, prefix)
      if (unknown.has(input)) reader.assign({ topic, partition }, positions[input] ?? 0)
    }
    // What is newly assigned is reported at once, empty or not; markers may need more.
    while (unknown.size > 0) {
      for (const fetched of await reader.poll(SUSPECT_POLL_MS)) {
        const input = stepper.indexOf(topicKind(fetched.topic, prefix), fetched.partition)
        stepper.take(input, fetched)
        if (fetched.caughtUp || fetched.batches.length > 0) unknown.delete(input)
      }
    }
    for (const [input, { topic, partition }] of spec.inputs.entries()) {
      const slice = at.inputs.includes(input) ? stepper.single(input) : null
      if (slice === null) continue
      return { input, position: { topic, partition, offset: slice.to - 1 }, slice }
    }
    return null
  } finally {
    await reader.close()
  }
}

function samePosition(a: InputPosition | null, b: InputPosition): boolean {
  return a?.topic === b.topic && a.partition === b.partition && a.offset === b.offset
}
