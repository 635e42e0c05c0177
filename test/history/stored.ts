// A recorded history: what the journals of a cluster hold and the input batches that their steps
// name, as the log had them, byte for byte. And a log that has just that to read.
import { readFileSync, writeFileSync } from 'node:fs'
import { gunzipSync, gzipSync } from 'node:zlib'
import type {
  Fetched,
  LogPort,
  LogReader,
  RecordBatch,
  TopicPartition,
} from '../../src/runtime/ports.ts'
import { openBatch, readBatchHeader } from '../../src/runtime/record-batch.ts'

/** One partition, from its beginning. */
export interface StoredPartition extends TopicPartition {
  readonly end: number
  /** Base64 of each batch that a read_committed reader sees. */
  readonly batches: readonly string[]
}

export interface StoredHistory {
  /** What the journals were begun with; they may go on to others. */
  readonly behaviour: number
  /** How it was made: seed and simulated time, ms. */
  readonly seed: number
  readonly forMs: number
  readonly clusterId: string
  readonly prefix: string
  readonly partitions: number
  readonly log: readonly StoredPartition[]
}

export function saveHistory(path: string, history: StoredHistory): number {
  const bytes = gzipSync(JSON.stringify(history), { level: 9 })
  // Never over another: a history is kept as it was recorded.
  writeFileSync(path, bytes, { flag: 'wx' })
  return bytes.length
}

export function loadHistory(path: string): StoredHistory {
  const history: StoredHistory = JSON.parse(gunzipSync(readFileSync(path)).toString())
  return history
}

const keyOf = ({ topic, partition }: TopicPartition): string => `${topic}/${partition}`

/** Reads what is stored; nothing else of a log is there. */
export function storedLog(history: StoredHistory): LogPort {
  const held = new Map(
    history.log.map((part) => [keyOf(part), { end: part.end, batches: part.batches.map(opened) }]),
  )
  function opened(this: void, text: string): RecordBatch {
    const bytes = new Uint8Array(Buffer.from(text, 'base64'))
    const header = readBatchHeader(bytes)
    if (header === null) throw new Error('a batch is cut off')
    return openBatch({ topic: '', partition: 0 }, bytes, header)
  }
  const unused = (): never => {
    throw new Error('a history is only read')
  }
  return {
    name: 'memory',
    clusterId: () => Promise.resolve(history.clusterId),
    reader: () => new StoredReader(held),
    writer: unused,
    producer: unused,
    join: unused,
    admin: () => ({
      createTopics: unused,
      describeTopics: unused,
      deleteRecords: unused,
      deleteTopics: unused,
      positions: unused,
      savePositions: unused,
      offsets: (places, at) =>
        Promise.resolve(
          places.map((place) => (at === 'latest' ? (held.get(keyOf(place))?.end ?? 0) : 0)),
        ),
      close: () => Promise.resolve(),
    }),
    close: () => Promise.resolve(),
  }
}

interface Held {
  readonly end: number
  readonly batches: readonly RecordBatch[]
}

class StoredReader implements LogReader {
  readonly #held: ReadonlyMap<string, Held>
  readonly #positions = new Map<string, { at: TopicPartition; offset: number }>()

  constructor(held: ReadonlyMap<string, Held>) {
    this.#held = held
  }

  assign(at: TopicPartition, position: number | 'earliest' | 'latest'): void {
    const end = this.#held.get(keyOf(at))?.end ?? 0
    const offset = position === 'earliest' ? 0 : position === 'latest' ? end : position
    this.#positions.set(keyOf(at), { at, offset })
  }

  unassign(at: TopicPartition): void {
    this.#positions.delete(keyOf(at))
  }

  poll(): Promise<readonly Fetched[]> {
    const fetched = [...this.#positions].map(([key, held]): Fetched => {
      const { end, batches } = this.#held.get(key) ?? { end: 0, batches: [] }
      const { at, offset: from } = held
      held.offset = Math.max(from, end)
      return {
        ...at,
        from,
        to: held.offset,
        batches: batches
          .filter(({ lastOffset }) => lastOffset >= from)
          .map((batch) => ({ ...batch, ...at })),
        gap: null,
        endOffset: end,
        logStartOffset: 0,
        caughtUp: true,
        heldBack: false,
        sentMs: 0,
      }
    })
    return Promise.resolve(fetched)
  }

  position(at: TopicPartition): number | null {
    return this.#positions.get(keyOf(at))?.offset ?? null
  }

  close(): Promise<void> {
    return Promise.resolve()
  }
}
