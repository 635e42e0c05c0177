// From records in any order to batches: by partition, in order, no larger than the topic takes.
import type { OutgoingRecord } from '../../contracts/record.ts'
import { LogError } from '../../runtime/log-error.ts'
import type { Appended, TopicPartition } from '../../runtime/ports.ts'
import type { Crc32c } from '../../runtime/record-batch.ts'
import { type BatchFields, encodeBatch, maxRecordBytes } from '../../runtime/record-batch-encode.ts'
import { type ProducedPartition, type ProducerIdentity, partitionKey } from './protocol.ts'

/** Room for the batch's own header. */
const HEADER_BYTES = 61
const SEQUENCE_SPAN = 2 ** 31

export interface PartitionRecords extends TopicPartition {
  readonly records: readonly OutgoingRecord[]
}

/** A batch ready to be sent. */
export interface OutgoingBatch extends TopicPartition {
  readonly batch: Uint8Array
  readonly recordCount: number
}

/** In the order in which partitions first appear. */
export function byPartition(records: readonly OutgoingRecord[]): PartitionRecords[] {
  const groups = new Map<string, TopicPartition & { readonly records: OutgoingRecord[] }>()
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

export interface EncodeOptions extends ProducerIdentity {
  readonly transactional: boolean
  /** Of the first record. */
  readonly sequence: number
  readonly maxMessageBytes: number
  readonly crc32c: Crc32c
}

/**
 * Encodes one partition's records.
 * Errors: `TOO_LARGE` when one record alone is larger than the topic takes, `INVALID_REQUEST`.
 */
export function encodePartition(part: PartitionRecords, options: EncodeOptions): OutgoingBatch[] {
  const { maxMessageBytes } = options
  const batches: OutgoingBatch[] = []
  let { sequence } = options
  for (const records of split(part.records, maxMessageBytes)) {
    const fields: BatchFields = {
      transactional: options.transactional,
      producerId: options.producerId,
      producerEpoch: options.producerEpoch,
      baseSequence: sequence,
    }
    const batch = encodeBatch(records, fields, options.crc32c)
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
