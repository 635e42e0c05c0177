// Errors of a log, named by what happened; reaction.ts says what to do about each, in one place.

export type LogErrorCode =
  /** Nothing answered, nothing was sent; may be tried again. */
  | 'UNAVAILABLE'
  /** A commit or a send has no definite answer within its deadline: it may have happened. */
  | 'IN_DOUBT'
  /** The transaction is definitely gone (timed out, aborted by the coordinator). */
  | 'ABORTED'
  /** Another writer took the transactional id. */
  | 'FENCED'
  /** The group no longer knows this member. */
  | 'MEMBER_LOST'
  /** The batch is larger than the topic takes; nothing was written. */
  | 'TOO_LARGE'
  /** The log refused a time stamp; nothing was written. */
  | 'TIMESTAMP_REFUSED'
  /** A stored batch does not match its checksum. */
  | 'CORRUPT'
  /** Retention or a truncation passed the position. */
  | 'POSITION_LOST'
  | 'TOPIC_GONE'
  | 'NOT_AUTHORIZED'
  /** Used after close(). */
  | 'CLOSED'
  /** A request the log cannot make sense of: a defect of ours. */
  | 'INVALID_REQUEST'

export class LogError extends Error {
  override readonly name = 'LogError'
  readonly code: LogErrorCode
  /** The partition it is about, where it is about one. */
  readonly at: { readonly topic: string; readonly partition: number } | null

  constructor(
    code: LogErrorCode,
    message: string,
    options: { cause?: unknown; at?: { topic: string; partition: number } } = {},
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause })
    this.code = code
    this.at = options.at ?? null
  }
}
