// Record batches made of values, as a reader would hand them out.
import type { Fetched, RecordBatch } from '../../src/runtime/ports.ts'
import { openBatch, readBatchHeader } from '../../src/runtime/record-batch.ts'
import { encodeBatch } from '../../src/runtime/record-batch-encode.ts'
import { crc32c } from '../../src/adapters/client/crc32c.ts'

export interface ToyPlace {
  readonly topic: string
  readonly partition: number
  readonly offset: number
}

const NO_PRODUCER = { transactional: false, producerId: -1, producerEpoch: -1, baseSequence: -1 }

/** A batch at an offset; its stored time stamps are those of the records. */
export function toyBatch(
  { topic, partition, offset }: ToyPlace,
  values: readonly string[],
  timestampMs: number = 1_000,
): RecordBatch {
  const records = values.map((value) => ({
    topic,
    partition,
    key: Buffer.from('k'),
    value: Buffer.from(value),
    headers: [{ key: 'h', value: Buffer.from('v') }],
    timestampMs,
  }))
  const bytes = Buffer.from(encodeBatch(records, NO_PRODUCER, crc32c))
  // The base offset lies outside of what the checksum covers, as brokers set it.
  bytes.writeBigInt64BE(BigInt(offset), 0)
  const header = readBatchHeader(bytes)
  if (header === null) throw new Error('no whole batch')
  return openBatch({ topic, partition }, bytes, header)
}

export function toyFetched(
  batches: readonly RecordBatch[],
  range: ToyPlace & { readonly to: number; readonly caughtUp?: boolean },
): Fetched {
  const { topic, partition, offset, to } = range
  return {
    topic,
    partition,
    from: offset,
    to,
    batches,
    gap: null,
    endOffset: to,
    logStartOffset: 0,
    caughtUp: range.caughtUp ?? true,
    heldBack: false,
    sentMs: 0,
  }
}
