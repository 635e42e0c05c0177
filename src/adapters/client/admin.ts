// Topics and offsets, asked again for as long as brokers say that they are only not able to now.
import { LogError } from '../../runtime/log-error.ts'
import type {
  Isolation,
  LogAdmin,
  TopicDescription,
  TopicPartition,
  TopicSetup,
} from '../../runtime/ports.ts'
import { Backoff } from './backoff.ts'
import { type ErrorCode, isRetriable } from './error-codes.ts'
import type { Api, GroupPosition, RequestOf, ResponseOf } from './protocol.ts'
import { type Connection, expectNone, isUnavailable, refusal, Session } from './session.ts'
import { CONFIRM_MS } from './topic-cache.ts'

const DEADLINE_MS = 5_000
/** Of one attempt at a question: its way, or who had the answer, may be gone. */
const ATTEMPT_MS = 1_500
const CHANGE_ATTEMPT_MS = 10_000
const SHORTEST_ATTEMPT_MS = 500
/** Between two attempts of which the first had no answer. */
const PAUSE_MS = 50
/** The controller makes or removes many partitions, and every broker has to hear of it. */
const CHANGE_DEADLINE_MS = 30_000

/** How an answer is read: what kept single parts of the request from being carried out. */
type ErrorsOf<K extends Api> = (answer: ResponseOf<K>) => readonly ErrorCode[]

export class Admin implements LogAdmin {
  readonly #session: Session

  constructor(connection: Connection) {
    this.#session = new Session(connection)
  }

  async clusterId(): Promise<string> {
    return (await this.#ask('describeCluster', {}, () => [])).clusterId
  }

  async createTopics(topics: readonly TopicSetup[]): Promise<void> {
    const deadlineMs = this.#session.clock.monotonicMs() + CHANGE_DEADLINE_MS
    const { errors } = await this.#askUntil(deadlineMs, 'createTopics', { topics }, (a) => a.errors)
    for (const [i, error] of errors.entries()) {
      if (error === 'NONE' || error === 'TOPIC_ALREADY_EXISTS') continue
      const cause = refusal('createTopics', error)
      throw new LogError(cause.code, `${cause.message} ${topics[i]?.topic ?? ''}`, { cause })
    }
    await this.#untilLed(
      topics.filter((_, i) => errors[i] === 'NONE'),
      deadlineMs,
    )
  }

  async describeTopics(names: readonly string[]): Promise<readonly (TopicDescription | null)[]> {
    return (await this.#ask('describeTopics', { names }, () => [])).topics
  }

  async offsets(
    partitions: readonly TopicPartition[],
    at: 'earliest' | 'latest' | { readonly timestampMs: number },
    isolation: Isolation,
  ): Promise<readonly number[]> {
    const request = { partitions, at, isolation }
    const answer = await this.#ask('listOffsets', request, (a) => a.partitions.map((p) => p.error))
    if (answer.partitions.length !== partitions.length)
      throw new LogError('INVALID_REQUEST', 'an offset is missing in the answer to listOffsets')
    return answer.partitions.map(({ error, offset }, i) => {
      expectNone('listOffsets', error, partitions[i])
      return offset
    })
  }

  async deleteRecords({ topic, partition }: TopicPartition, beforeOffset: number): Promise<void> {
    const at = { topic, partition }
    const request = { topic, partition, beforeOffset }
    const { error } = await this.#ask('deleteRecords', request, (answer) => [answer.error])
    expectNone('deleteRecords', error, at)
  }

  async deleteTopics(names: readonly string[]): Promise<void> {
    const deadlineMs = this.#session.clock.monotonicMs() + CHANGE_DEADLINE_MS
    const { errors } = await this.#askUntil(deadlineMs, 'deleteTopics', { names }, (a) => a.errors)
    for (const error of errors)
      if (error !== 'UNKNOWN_TOPIC_OR_PARTITION') expectNone('deleteTopics', error)
  }

  async positions(
    group: string,
    partitions: readonly TopicPartition[],
  ): Promise<readonly (number | null)[]> {
    const answer = await this.#ask('fetchOffsets', { group, partitions }, errorsOf)
    expectNone('fetchOffsets', answer.error)
    if (answer.partitions.length !== partitions.length)
      throw new LogError('INVALID_REQUEST', 'a position is missing in the answer to fetchOffsets')
    return answer.partitions.map(({ error, offset }, i) => {
      expectNone('fetchOffsets', error, partitions[i])
      return offset < 0 ? null : offset
    })
  }

  async savePositions(group: string, positions: readonly GroupPosition[]): Promise<void> {
    if (positions.length === 0) return
    const answer = await this.#ask('commitOffsets', { group, positions }, errorsOf)
    expectNone('commitOffsets', answer.error)
    for (const [i, { error }] of answer.partitions.entries())
      expectNone('commitOffsets', error, positions[i])
  }

  close(): Promise<void> {
    this.#session.close()
    return Promise.resolve()
  }

  /** A topic that was created can be used when its partitions have leaders. */
  async #untilLed(topics: readonly TopicSetup[], deadlineMs: number): Promise<void> {
    const partitions = topics.flatMap(({ topic, partitions: count }) =>
      Array.from({ length: count }, (_, partition) => ({ topic, partition })),
    )
    if (partitions.length === 0) return
    await this.#askUntil(deadlineMs, 'locate', { partitions }, (answer) =>
      // Not known yet is as good as not led yet.
      answer.partitions.map(({ error }) => (error === 'NONE' ? error : 'LEADER_NOT_AVAILABLE')),
    )
  }

  #ask<K extends Api>(api: K, request: RequestOf<K>, errors: ErrorsOf<K>): Promise<ResponseOf<K>> {
    const deadlineMs = this.#session.clock.monotonicMs() + DEADLINE_MS
    return this.#askUntil(deadlineMs, api, request, errors)
  }

  /** A question is asked again where its answer may be lost; a change is not made twice. */
  async #attempt<K extends Api>(
    api: K,
    request: RequestOf<K>,
    deadlineMs: number,
  ): Promise<ResponseOf<K>> {
    const { clock } = this.#session
    const longestMs = CHANGES.has(api) ? CHANGE_ATTEMPT_MS : ATTEMPT_MS
    for (;;) {
      const leftMs = deadlineMs - clock.monotonicMs()
      try {
        return await this.#session.call(api, request, { timeoutMs: Math.min(leftMs, longestMs) })
      } catch (error) {
        const isLast = CHANGES.has(api) || deadlineMs - clock.monotonicMs() < SHORTEST_ATTEMPT_MS
        if (!isUnavailable(error) || isLast) throw error
      }
      await this.#session.sleep(PAUSE_MS)
    }
  }

  /** Errors: `UNAVAILABLE` without any answer; the last answer is returned whatever it says. */
  async #askUntil<K extends Api>(
    deadlineMs: number,
    api: K,
    request: RequestOf<K>,
    errors: ErrorsOf<K>,
  ): Promise<ResponseOf<K>> {
    const { clock } = this.#session
    const startMs = clock.monotonicMs()
    const backoff = new Backoff(20, 500)
    for (;;) {
      const answer = await this.#attempt(api, request, deadlineMs)
      const nowMs = clock.monotonicMs()
      const found = errors(answer)
      if (!found.some((error) => isAskedAgain(api, error, nowMs - startMs))) return answer
      const pauseMs = backoff.next()
      if (nowMs + pauseMs >= deadlineMs) return answer
      await this.#session.sleep(pauseMs)
    }
  }
}

function errorsOf({
  error,
  partitions,
}: ResponseOf<'commitOffsets' | 'fetchOffsets'>): readonly ErrorCode[] {
  return [error, ...partitions.map((partition) => partition.error)]
}

/** These are told whether a topic exists, and do not wait for it. */
const CHANGES: ReadonlySet<Api> = new Set<Api>(['createTopics', 'deleteTopics'])

function isAskedAgain(api: Api, error: ErrorCode, elapsedMs: number): boolean {
  if (error === 'UNKNOWN_TOPIC_OR_PARTITION') return !CHANGES.has(api) && elapsedMs < CONFIRM_MS
  return isRetriable(error)
}
