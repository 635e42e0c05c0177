// The reader: one long-poll fetch for all assigned partitions, positions kept here, batches shown
// as they are stored. The first poll after assign() asks without waiting and reports the partition
// even when it is empty, so that a caller learns at once where the end is.
import { LogError } from '../../runtime/log-error.ts'
import type {
  Fetched,
  LogReader,
  ReadOptions,
  StartPosition,
  TopicPartition,
} from '../../runtime/ports.ts'
import { selectBatches } from '../../runtime/record-batch-select.ts'
import { type FetchedPartition, partitionKey } from './protocol.ts'
import { type Connection, expectNone, REQUEST_TIMEOUT_MS, Session } from './session.ts'

const DEFAULT_MAX_BYTES = 1_048_576

interface Assignment extends TopicPartition {
  start: StartPosition
  /** Next offset, or null until `start` was resolved. */
  position: number | null
  reported: boolean
}

export class Reader implements LogReader {
  readonly #session: Session
  readonly #options: ReadOptions
  readonly #assigned = new Map<string, Assignment>()
  #polling = false

  constructor(connection: Connection, options: ReadOptions) {
    this.#session = new Session(connection)
    this.#options = options
  }

  assign({ topic, partition }: TopicPartition, start: StartPosition): void {
    const isOffset = typeof start === 'number'
    if (isOffset && (!Number.isSafeInteger(start) || start < 0))
      throw new LogError('INVALID_REQUEST', `${start} is not an offset`)
    const position = isOffset ? start : null
    const entry: Assignment = { topic, partition, start, position, reported: false }
    this.#assigned.set(partitionKey(entry), entry)
  }

  unassign(at: TopicPartition): void {
    this.#assigned.delete(partitionKey(at))
  }

  position(at: TopicPartition): number | null {
    return this.#assigned.get(partitionKey(at))?.position ?? null
  }

  async poll(maxWaitMs: number, signal?: AbortSignal): Promise<readonly Fetched[]> {
    if (this.#polling) throw new LogError('INVALID_REQUEST', 'one poll at a time')
    this.#polling = true
    try {
      return await this.#poll(maxWaitMs, signal)
    } finally {
      this.#polling = false
    }
  }

  close(): Promise<void> {
    this.#session.close()
    return Promise.resolve()
  }

  async #poll(maxWaitMs: number, signal: AbortSignal | undefined): Promise<readonly Fetched[]> {
    await this.#resolveStarts(signal)
    const asked = [...this.#assigned.values()].filter((entry) => entry.position !== null)
    const waitMs = asked.some((entry) => !entry.reported) ? 0 : Math.max(0, maxWaitMs)
    const sentMs = this.#session.clock.monotonicMs()
    const { partitions } = await this.#session.call(
      'fetch',
      {
        node: 0,
        isolation: this.#options.isolation,
        maxWaitMs: waitMs,
        partitions: asked.map(({ topic, partition, position }) => ({
          topic,
          partition,
          offset: position ?? 0,
          maxBytes: this.#options.maxBytesPerPartition ?? DEFAULT_MAX_BYTES,
        })),
      },
      { timeoutMs: waitMs + REQUEST_TIMEOUT_MS, signal },
    )
    const selected: { entry: Assignment; fetched: Fetched }[] = []
    for (const answer of partitions) {
      const entry = this.#assigned.get(partitionKey(answer))
      // Taken away or moved while the request was under way.
      if (entry === undefined || !asked.includes(entry) || entry.position === null) continue
      selected.push({ entry, fetched: await this.#select(answer, entry.position, sentMs) })
    }
    return this.#advance(selected)
  }

  /** Positions move only when all partitions of the answer could be read. */
  #advance(selected: readonly { entry: Assignment; fetched: Fetched }[]): readonly Fetched[] {
    const news: Fetched[] = []
    for (const { entry, fetched } of selected) {
      if (this.#assigned.get(partitionKey(entry)) !== entry) continue
      news.push(fetched)
      entry.position = fetched.to
      entry.reported = true
    }
    return news
  }

  async #select(answer: FetchedPartition, from: number, sentMs: number): Promise<Fetched> {
    const { topic, partition, error } = answer
    const at = { topic, partition }
    if (error === 'OFFSET_OUT_OF_RANGE') {
      this.#session.topics.forget(topic)
      const range = `${answer.logStartOffset} to ${answer.endOffset}`
      const message = `position ${from} of ${topic}/${partition} is outside of ${range}`
      throw new LogError('POSITION_LOST', message, { at })
    }
    if (error === 'UNKNOWN_TOPIC_OR_PARTITION') this.#session.topics.forget(topic)
    expectNone('fetch', error, at)
    const { compacted } = await this.#session.topics.get(topic)
    return selectBatches({ ...answer, sentMs }, { from, compacted, crc32c: this.#session.crc32c })
  }

  async #resolveStarts(signal: AbortSignal | undefined): Promise<void> {
    for (const start of ['earliest', 'latest'] as const) {
      const entries = [...this.#assigned.values()].filter(
        (entry) => entry.start === start && entry.position === null,
      )
      if (entries.length === 0) continue
      const { partitions } = await this.#session.call(
        'listOffsets',
        { isolation: this.#options.isolation, at: start, partitions: entries },
        { timeoutMs: REQUEST_TIMEOUT_MS, signal },
      )
      for (const [i, entry] of entries.entries()) {
        const answer = partitions[i]
        if (answer === undefined) throw new LogError('INVALID_REQUEST', 'an offset is missing')
        expectNone('listOffsets', answer.error, { topic: entry.topic, partition: entry.partition })
        entry.position = answer.offset
      }
    }
  }
}
