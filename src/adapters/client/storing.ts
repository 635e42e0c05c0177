// One batch on its way into its partition: asked again with the same sequence numbers until the log
// says that it has it, that it does not want it, or until the time is up. What is known at the end
// is told as it is:
//
//   stored    the log has it; where is not known when it only says "a duplicate"; and whether an
//             earlier attempt had no answer, so that a copy may still be on its way
//   refused   with Kafka's name of the reason
//   silent    time is up without either
//
// and for the last two whether it may be stored all the same, an attempt without definite answer.
import { LogError } from '../../runtime/log-error.ts'
import type { Appended } from '../../runtime/ports.ts'
import { appendedFrom, type OutgoingBatch } from './batching.ts'
import { Backoff } from './backoff.ts'
import { type ErrorCode, type Failure, isRetriable } from './error-codes.ts'
import type { ProduceGate } from './produce-gate.ts'
import { isUnavailable, refusal, type Session } from './session.ts'
import { CONFIRM_MS } from './topic-cache.ts'

export type Stored =
  | { readonly kind: 'stored'; readonly appended: Appended | null; readonly isRepeated: boolean }
  | { readonly kind: 'refused'; readonly error: Failure; readonly mayBeStored: boolean }
  | { readonly kind: 'silent'; readonly cause: LogError | null; readonly mayBeStored: boolean }

const FIRST_BACKOFF_MS = 5
const LAST_BACKOFF_MS = 200
/**
 * Answers that say for certain that this attempt stored nothing. Not among them: the answers of a
 * leader that took the batch and then lost its place, its disk, or sight of its replicas.
 */
const NOT_STORED: ReadonlySet<ErrorCode> = new Set<Failure>([
  'CONCURRENT_TRANSACTIONS',
  'COORDINATOR_LOAD_IN_PROGRESS',
  'COORDINATOR_NOT_AVAILABLE',
  'CORRUPT_MESSAGE',
  'LEADER_NOT_AVAILABLE',
  'NOT_ENOUGH_REPLICAS',
  'THROTTLING_QUOTA_EXCEEDED',
  'UNKNOWN_TOPIC_OR_PARTITION',
])

/** Errors: as Session.call, but for `UNAVAILABLE`. */
export async function store(
  session: Session,
  gate: ProduceGate,
  { batch, deadlineMs }: { readonly batch: OutgoingBatch; readonly deadlineMs: number },
): Promise<Stored> {
  const startMs = session.clock.monotonicMs()
  const backoff = new Backoff(FIRST_BACKOFF_MS, LAST_BACKOFF_MS)
  let cause: LogError | null = null
  let mayBeStored = false
  for (;;) {
    const timeoutMs = session.attemptMs('produce', deadlineMs)
    if (timeoutMs <= 0) return { kind: 'silent', cause, mayBeStored }
    try {
      const answer = await gate.send(batch, timeoutMs)
      const { error } = answer
      if (error === 'NONE')
        return {
          kind: 'stored',
          appended: appendedFrom(answer, batch.recordCount),
          isRepeated: mayBeStored,
        }
      if (error === 'DUPLICATE_SEQUENCE_NUMBER')
        return { kind: 'stored', appended: null, isRepeated: mayBeStored }
      if (error === 'UNKNOWN_TOPIC_OR_PARTITION' || error === 'MESSAGE_TOO_LARGE')
        session.topics.forget(batch.topic)
      if (!isAskedAgain(error, session.clock.monotonicMs() - startMs))
        return { kind: 'refused', error, mayBeStored }
      mayBeStored ||= !NOT_STORED.has(error)
      cause = refusal('produce', error, { topic: batch.topic, partition: batch.partition })
    } catch (error) {
      if (!isUnavailable(error)) {
        if (!mayBeStored || session.isClosed || !(error instanceof LogError)) throw error
        // This attempt was refused, but not the one before it that had no answer.
        return { kind: 'silent', cause: error, mayBeStored }
      }
      mayBeStored = true
      cause = error
    }
    const leftMs = Math.max(0, deadlineMs - session.clock.monotonicMs())
    await session.sleep(Math.min(backoff.next(), leftMs))
  }
}

/** A batch that was spoiled on the way is whole here. */
function isAskedAgain(error: Failure, elapsedMs: number): boolean {
  if (error === 'UNKNOWN_TOPIC_OR_PARTITION') return elapsedMs < CONFIRM_MS
  return isRetriable(error) || error === 'CORRUPT_MESSAGE'
}
