// What every client of a log is made of: requests with a time limit over a transport,
// ended at once by close(), and the one place where Kafka's error names become LogErrors.
import { setMaxListeners } from 'node:events'
import { LogError } from '../../runtime/log-error.ts'
import type { Clock, TopicPartition } from '../../runtime/ports.ts'
import type { Crc32c } from '../../runtime/record-batch.ts'
import { type ErrorCode, type Failure, meaningOf } from './error-codes.ts'
import type { Api, CallLimits, RequestOf, ResponseOf, Transport } from './protocol.ts'
import { TopicCache } from './topic-cache.ts'

export interface Connection {
  readonly transport: Transport
  readonly clock: Clock
  readonly crc32c: Crc32c
  /** Told once, when the client that was made of it is closed. */
  readonly onClosed?: () => void
}

/** Longest wait for the answer to a request that the broker answers at once. */
export const REQUEST_TIMEOUT_MS = 1_000
/**
 * Pause before a request is repeated after CONCURRENT_TRANSACTIONS: it passes within milliseconds.
 */
const CONCURRENT_PAUSE_MS = 2
const FIRST_BACKOFF_MS = 5
const LAST_BACKOFF_MS = 200

type Failing = { [K in Api]: ResponseOf<K> extends { readonly error: ErrorCode } ? K : never }[Api]

/**
 * An answer, and whether an earlier attempt had none: the request may have been carried out twice,
 * or late.
 */
export interface Asked<T> {
  readonly answer: T
  readonly isRepeated: boolean
}

export class Session {
  readonly clock: Clock
  readonly crc32c: Crc32c
  readonly topics: TopicCache
  readonly #transport: Transport
  readonly #onClosed: (() => void) | undefined
  readonly #closing = new AbortController()

  constructor(connection: Connection) {
    this.#onClosed = connection.onClosed
    this.clock = connection.clock
    this.crc32c = connection.crc32c
    this.#transport = connection.transport
    // One listener per request under way is as meant, and there may be more than ten.
    setMaxListeners(0, this.#closing.signal)
    this.topics = new TopicCache((names) =>
      this.call('describeTopics', { names }, { timeoutMs: REQUEST_TIMEOUT_MS }),
    )
  }

  get isClosed(): boolean {
    return this.#closing.signal.aborted
  }

  /** Everything under way rejects with `CLOSED`, now and from now on. */
  close(): void {
    if (this.isClosed) return
    this.#closing.abort(new LogError('CLOSED', 'used after close()'))
    this.#onClosed?.()
  }

  sleep(ms: number): Promise<void> {
    return this.clock.sleep(ms, this.#closing.signal)
  }

  /**
   * One attempt. Errors: `UNAVAILABLE` without an answer in time, `CLOSED`, or the signal's reason.
   */
  async call<K extends Api>(
    api: K,
    request: RequestOf<K>,
    limits: CallLimits,
  ): Promise<ResponseOf<K>> {
    this.#closing.signal.throwIfAborted()
    limits.signal?.throwIfAborted()
    const stop = new AbortController()
    const forward = (event: Event): void => {
      stop.abort(event.target instanceof AbortSignal ? event.target.reason : undefined)
    }
    const sources = [this.#closing.signal, ...(limits.signal === undefined ? [] : [limits.signal])]
    for (const source of sources) source.addEventListener('abort', forward, { once: true })
    const limit = this.clock.sleep(limits.timeoutMs, stop.signal).then((): never => {
      throw new LogError('UNAVAILABLE', `no answer to ${api} for ${limits.timeoutMs} ms`)
    })
    try {
      return await Promise.race([
        this.#send(api, request, { timeoutMs: limits.timeoutMs, signal: stop.signal }),
        limit,
      ])
    } finally {
      for (const source of sources) source.removeEventListener('abort', forward)
      stop.abort()
    }
  }

  /**
   * Asks until there is an answer other than CONCURRENT_TRANSACTIONS. Errors: `UNAVAILABLE` when
   * the deadline (monotonic) passes; `CLOSED`.
   */
  async ask<K extends Failing>(
    api: K,
    request: RequestOf<K>,
    deadlineMs: number,
  ): Promise<Asked<ResponseOf<K>>> {
    let isRepeated = false
    for (;;) {
      const asked = await this.attempt(api, request, deadlineMs)
      isRepeated ||= asked.isRepeated
      if (asked.answer.error !== 'CONCURRENT_TRANSACTIONS')
        return { answer: asked.answer, isRepeated }
      await this.sleep(CONCURRENT_PAUSE_MS)
    }
  }

  /** Asks until there is any answer. Errors: as `ask`. */
  async attempt<K extends Api>(
    api: K,
    request: RequestOf<K>,
    deadlineMs: number,
  ): Promise<Asked<ResponseOf<K>>> {
    let backoffMs = FIRST_BACKOFF_MS
    for (let isRepeated = false; ; isRepeated = true) {
      const leftMs = deadlineMs - this.clock.monotonicMs()
      if (leftMs <= 0) throw new LogError('UNAVAILABLE', `no answer to ${api} before the deadline`)
      try {
        const timeoutMs = Math.min(REQUEST_TIMEOUT_MS, leftMs)
        return { answer: await this.call(api, request, { timeoutMs }), isRepeated }
      } catch (error) {
        if (!(error instanceof LogError) || error.code !== 'UNAVAILABLE') throw error
      }
      await this.sleep(Math.min(backoffMs, Math.max(0, deadlineMs - this.clock.monotonicMs())))
      backoffMs = Math.min(2 * backoffMs, LAST_BACKOFF_MS)
    }
  }

  async #send<K extends Api>(
    api: K,
    request: RequestOf<K>,
    limits: CallLimits,
  ): Promise<ResponseOf<K>> {
    try {
      return await this.#transport(api, request, limits)
    } catch (cause) {
      if (cause instanceof LogError) throw cause
      throw new LogError('UNAVAILABLE', `${api} could not be carried`, { cause })
    }
  }
}

/** What an error answer means to a caller of the port. */
export function refusal(api: Api, error: Failure, at?: TopicPartition): LogError {
  const place = at === undefined ? '' : ` for ${at.topic}/${at.partition}`
  const message = `the log answered ${error} to ${api}${place}`
  return new LogError(meaningOf(error), message, at === undefined ? {} : { at })
}

/** Throws unless the answer is NONE. */
export function expectNone(api: Api, error: ErrorCode, at?: TopicPartition): void {
  if (error !== 'NONE') throw refusal(api, error, at)
}
