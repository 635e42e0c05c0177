// From records in any order to batches: by partition, in order, no larger than the topic takes.
import type { OutgoingRecord } from '../../contracts/record.ts'
import { LogError } from '../../runtime/log-error.ts'
import type { Appended, TopicPartition } from '../../runtime/ports.ts'
import { type BatchFields, encodeBatch, maxRecordBytes } from '../../runtime/record-batch-encode.ts'
import { type ProducedPartition, type ProducerIdentity, partitionKey } from './protocol.ts'
import type { Session } from './session.ts'

/** Room for the batch's own header. */
const HEADER_BYTES = 61
const SEQUENCE_SPAN = 2 ** 31

export interface PartitionRecords extends TopicPartition {
  readonly records: OutgoingRecord[]
}

/** A batch ready to be sent. */
export interface OutgoingBatch extends TopicPartition {
  readonly batch: Uint8Array
  readonly recordCount: number
}

/** In the order in which partitions first appear. */
export function byPartition(records: readonly OutgoingRecord[]): PartitionRecords[] {
  const groups = new Map<string, PartitionRecords>()
  for (const record of records) {
    const key = partitionKey(record)
    let group = groups.get(key)
    if (group === undefined) {
      group = { topic: record.topic, partition: record.partition, records: [] }
      groups.set(key, group)
    }
    group.records.push(record)
  }
  return [...groups.values()]
}

/**
 * Encodes one partition's records; the sequence numbers start at `sequence`.
 * Errors: `TOO_LARGE` when one record alone is larger than the topic takes, `TOPIC_GONE`,
 * `INVALID_REQUEST`.
 */
export async function encodePartition(
  session: Session,
  part: PartitionRecords,
  producer: ProducerIdentity & { readonly transactional: boolean; readonly sequence: number },
): Promise<OutgoingBatch[]> {
  const { maxMessageBytes } = await session.topics.get(part.topic)
  const batches: OutgoingBatch[] = []
  let sequence = producer.sequence
  for (const records of split(part.records, maxMessageBytes)) {
    const fields: BatchFields = {
      transactional: producer.transactional,
      producerId: producer.producerId,
      producerEpoch: producer.producerEpoch,
      baseSequence: sequence,
    }
    const batch = encodeBatch(records, fields, session.crc32c)
    if (batch.length > maxMessageBytes)
      throw new LogError(
        'TOO_LARGE',
        `a record of ${batch.length} bytes, ${part.topic} takes ${maxMessageBytes}`,
        { at: part },
      )
    const { topic, partition } = part
    batches.push({ topic, partition, batch, recordCount: records.length })
    sequence = nextSequence(sequence, records.length)
  }
  return batches
}

export function nextSequence(sequence: number, count: number): number {
  return (sequence + count) % SEQUENCE_SPAN
}

function* split(
  records: readonly OutgoingRecord[],
  maxBytes: number,
): Generator<readonly OutgoingRecord[]> {
  let chunk: OutgoingRecord[] = []
  let size = HEADER_BYTES
  for (const record of records) {
    const bytes = maxRecordBytes(record)
    if (chunk.length > 0 && size + bytes > maxBytes) {
      yield chunk
      chunk = []
      size = HEADER_BYTES
    }
    chunk.push(record)
    size += bytes
  }
  if (chunk.length > 0) yield chunk
}

export function appendedFrom(answer: ProducedPartition, recordCount: number): Appended {
  return {
    topic: answer.topic,
    partition: answer.partition,
    baseOffset: answer.baseOffset,
    lastOffset: answer.baseOffset + recordCount - 1,
    appendMs: answer.appendMs,
  }
}
