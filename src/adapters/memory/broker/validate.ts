// What a broker checks of a client's batch before it looks at the producer (after Kafka's
// LogValidator).
import { LogError } from '../../../runtime/log-error.ts'
import {
  type BatchHeader,
  type Crc32c,
  FIELD,
  MAX_HEADERS,
  verifyCrc,
  walkRecords,
} from '../../../runtime/record-batch.ts'
import { ByteCursor } from '../../../runtime/varint.ts'
import type { Failure } from '../../client/error-codes.ts'
import { wholeHeader } from './compaction.ts'
import type { TopicConfig } from './topic-config.ts'

export type Refusal = { readonly error: Failure }
export type Validation = { readonly error: 'NONE'; readonly header: BatchHeader } | Refusal

interface Surroundings {
  readonly nowMs: number
  readonly crc32c: Crc32c
}

export function validateBatch(
  batch: Uint8Array,
  config: TopicConfig,
  { nowMs, crc32c }: Surroundings,
): Validation {
  if (batch.length > config.maxMessageBytes) return { error: 'MESSAGE_TOO_LARGE' }
  try {
    const header = wholeHeader(batch)
    verifyCrc(batch, header, crc32c)
    const error = checkHeader(header)
    return error ?? checkRecords(batch, header, config, nowMs) ?? { error: 'NONE', header }
  } catch (error) {
    if (error instanceof LogError && error.code === 'CORRUPT') return { error: 'CORRUPT_MESSAGE' }
    throw error
  }
}

function checkHeader(header: BatchHeader): Refusal | null {
  if (header.compression !== 0) return { error: 'UNSUPPORTED_COMPRESSION_TYPE' }
  if (header.control || header.appendTime) return { error: 'INVALID_RECORD' }
  const offsets = header.lastOffset - header.baseOffset + 1
  if (header.recordCount < 1 || header.recordCount !== offsets) return { error: 'INVALID_RECORD' }
  if (header.producerId >= 0 && (header.baseSequence < 0 || header.producerEpoch < 0))
    return { error: 'INVALID_RECORD' }
  if (header.transactional && header.producerId < 0) return { error: 'INVALID_RECORD' }
  return null
}

function checkRecords(
  batch: Uint8Array,
  header: BatchHeader,
  config: TopicConfig,
  nowMs: number,
): Refusal | null {
  let error: Refusal | null = null
  const cursor = new ByteCursor(batch, FIELD.records, header.end)
  walkRecords(header, cursor, (view) => {
    if (config.compact && view.keyStart < 0) error ??= { error: 'INVALID_RECORD' }
    // Kafka takes any number; here nobody could read the record back.
    if (view.headerCount > MAX_HEADERS) error ??= { error: 'INVALID_RECORD' }
    if (!config.appendTime && view.timestampMs - nowMs > config.maxAheadMs)
      error ??= { error: 'INVALID_TIMESTAMP' }
  })
  return error
}
