// What every client of a log is made of: requests with a time limit over a transport,
// ended at once by close(), and the one place where Kafka's error names become LogErrors.
import { setMaxListeners } from 'node:events'
import { after } from '../../runtime/clock.ts'
import { LogError } from '../../runtime/log-error.ts'
import type { Clock, TopicPartition } from '../../runtime/ports.ts'
import type { Crc32c } from '../../runtime/record-batch.ts'
import { Backoff } from './backoff.ts'
import { type ErrorCode, type Failure, isRetriable, meaningOf } from './error-codes.ts'
import {
  type Api,
  type CallLimits,
  type RequestOf,
  type ResponseOf,
  type Transport,
  wholeMs,
} from './protocol.ts'
import { Trails } from './reader-trail.ts'
import { CONFIRM_MS, type KnownTopics, TopicCache } from './topic-cache.ts'

export interface Connection {
  readonly transport: Transport
  readonly clock: Clock
  readonly crc32c: Crc32c
  /** Told once, when the client that was made of it is closed. */
  readonly onClosed?: () => void
  /** Of topics, shared with other clients; default: nothing, shared with nobody. */
  readonly known?: KnownTopics
  /** Of readers, shared with other clients; default: with nobody. */
  readonly trails?: Trails
}

/** Longest wait for the answer to a request that the broker answers at once. */
export const REQUEST_TIMEOUT_MS = 1_000
/** Longest single attempt where a broker has to wait for its disk or for its replicas. */
const ATTEMPT_MS: Readonly<Partial<Record<Api, number>>> = {
  produce: 2_500,
  endTxn: 2_000,
  addPartitionsToTxn: 2_000,
  initProducerId: 2_500,
  createTopics: 10_000,
  deleteTopics: 10_000,
  deleteRecords: 5_000,
}
/** An attempt leaves time for another one, but is not made shorter than this for it. */
const SHORTEST_ATTEMPT_MS = 500
const FIRST_BACKOFF_MS = 5
const LAST_BACKOFF_MS = 200
/** CONCURRENT_TRANSACTIONS passes within milliseconds, or else not soon. */
const FIRST_CONCURRENT_MS = 2
const PROMPT_CONCURRENT = 8
/** Answers that say for certain that nothing was done; after any other it may have been. */
const UNTOUCHED: ReadonlySet<ErrorCode> = new Set<Failure>([
  'CONCURRENT_TRANSACTIONS',
  'COORDINATOR_LOAD_IN_PROGRESS',
  'UNKNOWN_TOPIC_OR_PARTITION',
])

/** Made once: an abort without a reason makes an error with a stack each time. */
const UNANSWERED = new LogError('CLOSED', 'the request is over')

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
  readonly trails: Trails
  readonly #transport: Transport
  readonly #onClosed: (() => void) | undefined
  readonly #closing = new AbortController()

  constructor(connection: Connection) {
    this.#onClosed = connection.onClosed
    this.clock = connection.clock
    this.crc32c = connection.crc32c
    this.trails = connection.trails ?? new Trails()
    this.#transport = connection.transport
    // One listener per request under way is as meant, and there may be more than ten.
    setMaxListeners(0, this.#closing.signal)
    this.topics = new TopicCache(
      {
        clock: this.clock,
        describe: async (names, timeoutMs) =>
          (await this.call('describeTopics', { names }, { timeoutMs })).topics,
        sleep: (ms) => this.sleep(ms),
      },
      connection.known,
    )
  }

  get isClosed(): boolean {
    return this.#closing.signal.aborted
  }

  /** Errors: `CLOSED`. */
  throwIfClosed(): void {
    this.#closing.signal.throwIfAborted()
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
    this.throwIfClosed()
    limits.signal?.throwIfAborted()
    const stop = new AbortController()
    let fail: (error: unknown) => void = () => undefined
    const limit = new Promise<never>((_resolve, reject) => {
      fail = reject
    })
    const forward = (event: Event): void => {
      fail(event.target instanceof AbortSignal ? event.target.reason : undefined)
    }
    const sources = [this.#closing.signal, ...(limits.signal === undefined ? [] : [limits.signal])]
    for (const source of sources) source.addEventListener('abort', forward, { once: true })
    const cancel = after(this.clock, limits.timeoutMs, () => {
      fail(new LogError('UNAVAILABLE', `no answer to ${api} for ${wholeMs(limits)} ms`))
    })
    try {
      return await Promise.race([
        this.#send(api, request, { timeoutMs: limits.timeoutMs, signal: stop.signal }),
        limit,
      ])
    } catch (error) {
      stop.abort(UNANSWERED)
      throw error
    } finally {
      cancel()
      for (const source of sources) source.removeEventListener('abort', forward)
    }
  }

  /**
   * Asks until there is an answer that is not to be asked again. Errors: `UNAVAILABLE` when the
   * deadline (monotonic) passes; `CLOSED`.
   */
  async ask<K extends Failing>(
    api: K,
    request: RequestOf<K>,
    deadlineMs: number,
  ): Promise<Asked<ResponseOf<K>>> {
    const startMs = this.clock.monotonicMs()
    const backoff = new Backoff(FIRST_BACKOFF_MS, LAST_BACKOFF_MS)
    let isRepeated = false
    for (let concurrent = 0; ; ) {
      const asked = await this.attempt(api, request, deadlineMs)
      const { error } = asked.answer
      isRepeated ||= asked.isRepeated
      const nowMs = this.clock.monotonicMs()
      if (!isAskedAgain(error, nowMs - startMs)) return { answer: asked.answer, isRepeated }
      if (nowMs >= deadlineMs)
        throw new LogError('UNAVAILABLE', `the log answered ${error} to ${api} up to the deadline`)
      isRepeated ||= !UNTOUCHED.has(error)
      const isPrompt = error === 'CONCURRENT_TRANSACTIONS' && concurrent++ < PROMPT_CONCURRENT
      const pauseMs = isPrompt ? FIRST_CONCURRENT_MS : backoff.next()
      await this.sleep(Math.min(pauseMs, deadlineMs - nowMs))
    }
  }

  /** Asks until there is any answer. Errors: as `ask`. */
  async attempt<K extends Api>(
    api: K,
    request: RequestOf<K>,
    deadlineMs: number,
  ): Promise<Asked<ResponseOf<K>>> {
    const backoff = new Backoff(FIRST_BACKOFF_MS, LAST_BACKOFF_MS)
    let cause: LogError | null = null
    for (let isRepeated = false; ; isRepeated = true) {
      const timeoutMs = this.attemptMs(api, deadlineMs)
      if (timeoutMs <= 0) {
        const why = cause === null ? '' : `: ${cause.message}`
        throw new LogError('UNAVAILABLE', `no answer to ${api} before the deadline${why}`, {
          cause,
        })
      }
      try {
        return { answer: await this.call(api, request, { timeoutMs }), isRepeated }
      } catch (error) {
        if (!isUnavailable(error)) throw error
        cause = error
      }
      const leftMs = Math.max(0, deadlineMs - this.clock.monotonicMs())
      await this.sleep(Math.min(backoff.next(), leftMs))
    }
  }

  /** Time for the next attempt at a request that has until `deadlineMs`; ≤ 0: none is left. */
  attemptMs(api: Api, deadlineMs: number): number {
    const leftMs = deadlineMs - this.clock.monotonicMs()
    const longestMs = ATTEMPT_MS[api] ?? REQUEST_TIMEOUT_MS
    return Math.min(longestMs, leftMs, Math.max(SHORTEST_ATTEMPT_MS, Math.ceil(leftMs / 2)))
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

function isAskedAgain(error: ErrorCode, elapsedMs: number): boolean {
  if (error === 'UNKNOWN_TOPIC_OR_PARTITION') return elapsedMs < CONFIRM_MS
  return isRetriable(error)
}

export function isUnavailable(error: unknown): error is LogError {
  return error instanceof LogError && error.code === 'UNAVAILABLE'
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
