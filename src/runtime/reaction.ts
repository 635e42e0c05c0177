// What is done about an error: one table for every log, with the reason beside each line (DESIGN.md
// section 5, Errors). Callers only know the five reactions.
import { HsError } from '../contracts/failure.ts'
import { LogError, type LogErrorCode } from './log-error.ts'

export type Reaction =
  /** The same again after a pause; nothing happened. */
  | 'retry'
  /**
   * Drop all that is not committed, renew the writer while it is ours, restore from the journal.
   */
  | 'drop-and-restore'
  /** Somebody else may own it: let go, and take it only when the group gives it again. */
  | 'close-and-rejoin'
  /** Going on could decide wrongly, and trying again cannot help: stop the task, call a person. */
  | 'stop'
  /** The core cannot take its input: search for the record, skip it, keep its bytes. */
  | 'poison'

/**
 * Thrown around everything the core throws, so that it is never mistaken for an error of the log.
 */
export class PoisonError extends Error {
  override readonly name = 'PoisonError'
}

/** What a reaction means for the task, in a sentence; docs/operations.md has a section for each. */
export const REACTIONS: Readonly<Record<Reaction, string>> = {
  retry: 'the same is asked again after a pause; the task keeps its state',
  'drop-and-restore':
    'what is not committed is dropped, the writer has a new epoch, the state is restored',
  'close-and-rejoin': 'the task is let go and taken again only in a newer generation of its group',
  stop: 'the task stands until a person has acted; the other tasks of the worker go on',
  poison: 'the record is searched for, skipped, journalled and kept as a dead letter',
}

export const LOG_REACTIONS: Readonly<Record<LogErrorCode, Reaction>> = {
  // Nothing was sent or nothing happened: the brokers may be back in a moment.
  UNAVAILABLE: 'retry',
  // The transaction may be committed or not: only the journal, read after a new epoch, can say.
  IN_DOUBT: 'drop-and-restore',
  // It is certainly not committed, but the steps in it are part of the state in memory.
  ABORTED: 'drop-and-restore',
  // A newer owner exists. Fencing back would make two workers fence each other for ever.
  FENCED: 'close-and-rejoin',
  // The group gave the task to somebody else, or will.
  MEMBER_LOST: 'close-and-rejoin',
  // The same steps would give the same batch again.
  TOO_LARGE: 'stop',
  // The log's clock and the step's time are apart by more than the log takes; same steps, same
  // time.
  TIMESTAMP_REFUSED: 'stop',
  // Stored bytes are damaged: neither skipping nor guessing is ours to decide.
  CORRUPT: 'stop',
  // Records were deleted before they were used; a person writes a gap or restores them.
  POSITION_LOST: 'stop',
  TOPIC_GONE: 'stop',
  NOT_AUTHORIZED: 'stop',
  // Only we close what we use: a defect of ours, or we are closing anyway.
  CLOSED: 'stop',
  // A request the log cannot make sense of: a defect of ours.
  INVALID_REQUEST: 'stop',
}

/** A commit that failed has used the writer up, so there "again" means from the journal. */
export function reactionTo(error: unknown, during: 'read' | 'fence' | 'commit'): Reaction {
  if (error instanceof PoisonError) return 'poison'
  if (!(error instanceof LogError)) return 'stop'
  const reaction = LOG_REACTIONS[error.code]
  return reaction === 'retry' && during === 'commit' ? 'drop-and-restore' : reaction
}

/** Of a commit: whether it happened is written in the journal, and nowhere else. */
export function isInDoubt(error: unknown): boolean {
  return error instanceof LogError && error.code === 'IN_DOUBT'
}

/** The error as a person should see it. */
export function forPeople(error: unknown): HsError {
  if (error instanceof HsError) return error
  if (error instanceof LogError)
    return new HsError('HS_LOG', `${error.code}: ${error.message}`, { cause: error })
  const text = error instanceof Error ? `${error.name}: ${error.message}` : String(error)
  return new HsError('HS_INTERNAL', text, { cause: error })
}
