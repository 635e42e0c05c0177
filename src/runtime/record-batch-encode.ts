// Kafka's record batch v2, writing side: records to bytes, transaction markers, and what a broker
// fills in on arrival.
// Layout: Kafka documentation, "Message format: Record Batch".
import type { RecordHeader } from '../contracts/record.ts'
import { LogError } from './log-error.ts'
import { ATTRIBUTE, type Crc32c, FIELD, MAX_HEADERS } from './record-batch.ts'
import { varintSize, writeVarint } from './varint.ts'

/**
 * A record to be encoded. `offset`: absolute; default: the place in the list behind `baseOffset`.
 */
export interface BatchRecord {
  readonly key: Uint8Array | null
  readonly value: Uint8Array | null
  readonly headers?: readonly RecordHeader[]
  readonly timestampMs: number
  readonly offset?: number
}

/** Fields of the batch; what is left out is zero, or -1 for the producer's. */
export interface BatchFields {
  readonly baseOffset?: number
  /** Default: the offset of the last record. */
  readonly lastOffset?: number
  /** Sets the append-time bit and the batch's time. */
  readonly appendTimeMs?: number
  readonly transactional?: boolean
  readonly control?: boolean
  readonly producerId?: number
  readonly producerEpoch?: number
  readonly baseSequence?: number
}

/** Largest time stamp that survives as delta: 2^51 ms, the year 73,000. */
const MAX_TIMESTAMP_MS = 2 ** 51
const utf8 = new TextEncoder()

/** Names of headers as bytes: there are few, and each is on every record. */
const names = new Map<string, Uint8Array>()
const MOST_NAMES = 256

function nameBytes(name: string): Uint8Array {
  const known = names.get(name)
  if (known !== undefined) return known
  const bytes = utf8.encode(name)
  if (names.size < MOST_NAMES && name.length <= 64) names.set(name, bytes)
  return bytes
}

/**
 * Bytes a record takes in a batch, at most; for splitting. Header names count three bytes a
 * character.
 */
export function maxRecordBytes(record: BatchRecord): number {
  let size = 36 + (record.key?.length ?? 0) + (record.value?.length ?? 0)
  for (const header of record.headers ?? [])
    size += 10 + 3 * header.key.length + (header.value?.length ?? 0)
  return size
}

/**
 * Encodes one uncompressed batch. Errors: `INVALID_REQUEST` for no records, a time stamp that is
 * not a whole number of milliseconds ≥ -1, or more than MAX_HEADERS headers.
 */
export function encodeBatch(
  records: readonly BatchRecord[],
  fields: BatchFields,
  crc32c: Crc32c,
): Uint8Array {
  const first = records[0]
  if (first === undefined) throw new LogError('INVALID_REQUEST', 'a batch needs a record')
  const baseOffset = fields.baseOffset ?? 0
  const sizes = new Int32Array(records.length)
  let size: number = FIELD.records
  let maxTimestampMs = -1
  let lastDelta = 0
  for (const [i, record] of records.entries()) {
    lastDelta = offsetDelta(record, baseOffset, i)
    const own = recordSize(record, record.timestampMs - first.timestampMs, lastDelta)
    sizes[i] = own
    size += varintSize(own) + own
    maxTimestampMs = Math.max(maxTimestampMs, record.timestampMs)
  }
  const bytes = new Uint8Array(size)
  let at: number = FIELD.records
  for (const [i, record] of records.entries()) {
    at = writeVarint(bytes, at, sizes[i] ?? 0)
    bytes[at++] = 0
    at = writeVarint(bytes, at, record.timestampMs - first.timestampMs)
    at = writeVarint(bytes, at, offsetDelta(record, baseOffset, i))
    at = writeContents(bytes, at, record)
  }
  const view = new DataView(bytes.buffer)
  view.setInt32(FIELD.length, size - FIELD.leaderEpoch)
  view.setInt8(FIELD.magic, 2)
  view.setInt16(FIELD.attributes, attributesOf(fields))
  view.setInt32(
    FIELD.lastOffsetDelta,
    fields.lastOffset === undefined ? lastDelta : fields.lastOffset - baseOffset,
  )
  setInt64(view, FIELD.baseOffset, baseOffset)
  setInt64(view, FIELD.baseTimestamp, first.timestampMs)
  setInt64(view, FIELD.maxTimestamp, fields.appendTimeMs ?? maxTimestampMs)
  setInt64(view, FIELD.producerId, fields.producerId ?? -1)
  view.setInt16(FIELD.producerEpoch, fields.producerEpoch ?? -1)
  view.setInt32(FIELD.baseSequence, fields.baseSequence ?? -1)
  view.setInt32(FIELD.recordCount, records.length)
  view.setUint32(FIELD.crc, crc32c(bytes.subarray(FIELD.attributes)))
  return bytes
}

/** A commit or abort marker of a transaction; it takes one offset. */
export function encodeMarker(
  type: 'commit' | 'abort',
  fields: { readonly producerId: number; readonly producerEpoch: number; readonly nowMs: number },
  crc32c: Crc32c,
): Uint8Array {
  const key = Uint8Array.of(0, 0, 0, type === 'commit' ? 1 : 0)
  // Version 0 and the coordinator's epoch, which nobody here reads.
  const value = new Uint8Array(6)
  return encodeBatch(
    [{ key, value, timestampMs: fields.nowMs }],
    {
      transactional: true,
      control: true,
      producerId: fields.producerId,
      producerEpoch: fields.producerEpoch,
    },
    crc32c,
  )
}

/**
 * What a broker fills in when it takes a batch: its offset and, with append time, its time. Changes
 * `bytes`.
 */
export function stampBatch(
  bytes: Uint8Array,
  stamp: { readonly baseOffset: number; readonly appendTimeMs: number | null },
  crc32c: Crc32c,
): void {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  setInt64(view, FIELD.baseOffset, stamp.baseOffset)
  if (stamp.appendTimeMs === null) return
  setInt64(view, FIELD.maxTimestamp, stamp.appendTimeMs)
  view.setInt16(FIELD.attributes, view.getInt16(FIELD.attributes) | ATTRIBUTE.appendTime)
  view.setUint32(FIELD.crc, crc32c(bytes.subarray(FIELD.attributes)))
}

function attributesOf(fields: BatchFields): number {
  return (
    (fields.appendTimeMs === undefined ? 0 : ATTRIBUTE.appendTime) |
    (fields.transactional === true ? ATTRIBUTE.transactional : 0) |
    (fields.control === true ? ATTRIBUTE.control : 0)
  )
}

function setInt64(view: DataView, at: number, value: number): void {
  view.setInt32(at, Math.floor(value / 4_294_967_296))
  view.setUint32(at + 4, value >>> 0)
}

function offsetDelta({ offset }: BatchRecord, baseOffset: number, index: number): number {
  return offset === undefined ? index : offset - baseOffset
}

/** Bytes behind the record's length. Errors: `INVALID_REQUEST` for what no batch can hold. */
function recordSize(record: BatchRecord, timeDelta: number, delta: number): number {
  const { timestampMs, headers = [] } = record
  if (!Number.isSafeInteger(timestampMs) || timestampMs < -1 || timestampMs > MAX_TIMESTAMP_MS)
    throw new LogError('INVALID_REQUEST', `${timestampMs} is not a time stamp in milliseconds`)
  if (headers.length > MAX_HEADERS)
    throw new LogError('INVALID_REQUEST', `${headers.length} headers, at most ${MAX_HEADERS}`)
  let size = 1 + varintSize(timeDelta) + varintSize(delta) + varintSize(headers.length)
  size += fieldSize(record.key) + fieldSize(record.value)
  for (const { key, value } of headers) size += fieldSize(nameBytes(key)) + fieldSize(value)
  return size
}

function fieldSize(bytes: Uint8Array | null): number {
  return bytes === null ? varintSize(-1) : varintSize(bytes.length) + bytes.length
}

function writeContents(into: Uint8Array, start: number, record: BatchRecord): number {
  const { headers = [] } = record
  let at = writeField(into, start, record.key)
  at = writeField(into, at, record.value)
  at = writeVarint(into, at, headers.length)
  for (const { key, value } of headers) {
    at = writeField(into, at, nameBytes(key))
    at = writeField(into, at, value)
  }
  return at
}

function writeField(into: Uint8Array, start: number, bytes: Uint8Array | null): number {
  if (bytes === null) return writeVarint(into, start, -1)
  const { length } = bytes
  const at = writeVarint(into, start, length)
  // A call costs more than copying a few bytes.
  if (length > 24) into.set(bytes, at)
  else for (let i = 0; i < length; i++) into[at + i] = bytes[i] ?? 0
  return at + length
}
