// A log that answers as if something had happened to what it holds: records changed or gone, a
// partition that ends earlier than it did. Only reading and the ends of partitions are touched.
import type { RecordView } from '../../src/contracts/record.ts'
import type {
  Fetched,
  LogAdmin,
  LogPort,
  LogReader,
  RecordBatch,
  TopicPartition,
} from '../../src/runtime/ports.ts'

export interface Tamper {
  /** The value as it shall look; null: the record is not there. */
  readonly value?: (topic: string, value: Buffer, offset: number) => Buffer | null
  /** Where a partition ends; null: where it does. */
  readonly end?: (topic: string) => number | null
  /** Before a poll of a reader that has these topics. */
  readonly beforePoll?: (topics: readonly string[]) => Promise<void>
}

export function tamperedLog(inner: LogPort, tamper: Tamper): LogPort {
  return {
    name: inner.name,
    clusterId: () => inner.clusterId(),
    reader: (options) => tamperedReader(inner.reader(options), tamper),
    writer: (options) => inner.writer(options),
    producer: (options) => inner.producer(options),
    join: (options) => inner.join(options),
    admin: () => tamperedAdmin(inner.admin(), tamper),
    close: () => inner.close(),
  }
}

function tamperedAdmin(inner: LogAdmin, { end }: Tamper): LogAdmin {
  return {
    createTopics: (topics) => inner.createTopics(topics),
    describeTopics: (names) => inner.describeTopics(names),
    deleteRecords: (at, before) => inner.deleteRecords(at, before),
    deleteTopics: (names) => inner.deleteTopics(names),
    positions: (group, at) => inner.positions(group, at),
    savePositions: (group, positions) => inner.savePositions(group, positions),
    close: () => inner.close(),
    offsets: async (partitions, at, isolation) => {
      const found = await inner.offsets(partitions, at, isolation)
      return found.map((offset, i) => {
        const limit = end?.(partitions[i]?.topic ?? '') ?? null
        return limit === null ? offset : Math.min(offset, limit)
      })
    },
  }
}

function tamperedReader(inner: LogReader, tamper: Tamper): LogReader {
  const topics = new Set<string>()
  return {
    assign: (at: TopicPartition, position) => {
      topics.add(at.topic)
      inner.assign(at, position)
    },
    unassign: (at) => {
      topics.delete(at.topic)
      inner.unassign(at)
    },
    position: (at) => inner.position(at),
    close: () => inner.close(),
    poll: async (maxWaitMs, signal) => {
      await tamper.beforePoll?.([...topics])
      const fetched = await inner.poll(maxWaitMs, signal)
      return fetched.map((one): Fetched => {
        const limit = tamper.end?.(one.topic) ?? Infinity
        const batches = one.batches.filter(({ baseOffset }) => baseOffset < limit)
        return { ...one, batches: batches.map((batch) => tamperedBatch(batch, tamper)) }
      })
    },
  }
}

function tamperedBatch(batch: RecordBatch, { value: alter }: Tamper): RecordBatch {
  if (alter === undefined) return batch
  const { topic, partition, baseOffset, lastOffset, recordCount, crc, maxTimestampMs, bytes } =
    batch
  const facts = { baseOffset, lastOffset, recordCount, crc, maxTimestampMs, bytes }
  return {
    topic,
    partition,
    ...facts,
    unreadable: () => batch.unreadable(),
    visit: (visitor, from) =>
      batch.visit((view) => {
        const old = Buffer.from(view.buffer.subarray(view.valueStart, view.valueEnd))
        const value = alter(topic, old, view.offset)
        if (value === null) return
        const changed: RecordView = {
          ...view,
          buffer: value,
          offset: view.offset,
          timestampMs: view.timestampMs,
          keyStart: -1,
          keyEnd: -1,
          valueStart: 0,
          valueEnd: value.length,
          headersStart: 0,
          headerCount: 0,
        }
        visitor(changed)
      }, from),
  }
}
