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

interface EncodedHeader {
  readonly key: Uint8Array
  readonly value: Uint8Array | null
}

interface Draft {
  readonly source: BatchRecord
  readonly headers: readonly EncodedHeader[]
  readonly timeDelta: number
  readonly offsetDelta: number
  readonly size: number
}

const NO_HEADERS: readonly EncodedHeader[] = []

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
  const drafts = records.map((record, i) => draft(record, first.timestampMs, baseOffset, i))
  let size = FIELD.records
  let maxTimestampMs = -1
  let lastDelta = 0
  for (const entry of drafts) {
    size += varintSize(entry.size) + entry.size
    maxTimestampMs = Math.max(maxTimestampMs, entry.source.timestampMs)
    lastDelta = entry.offsetDelta
  }
  const bytes = new Uint8Array(size)
  let at: number = FIELD.records
  for (const entry of drafts) at = writeRecord(bytes, at, entry)
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

function draft(record: BatchRecord, baseTimeMs: number, baseOffset: number, index: number): Draft {
  const time = record.timestampMs
  if (!Number.isSafeInteger(time) || time < -1 || time > MAX_TIMESTAMP_MS)
    throw new LogError('INVALID_REQUEST', `${time} is not a time stamp in milliseconds`)
  const headers =
    record.headers === undefined || record.headers.length === 0
      ? NO_HEADERS
      : record.headers.map(({ key, value }) => ({ key: utf8.encode(key), value }))
  if (headers.length > MAX_HEADERS)
    throw new LogError('INVALID_REQUEST', `${headers.length} headers, at most ${MAX_HEADERS}`)
  const timeDelta = time - baseTimeMs
  const offsetDelta = record.offset === undefined ? index : record.offset - baseOffset
  let size = 1 + varintSize(timeDelta) + varintSize(offsetDelta) + varintSize(headers.length)
  size += fieldSize(record.key) + fieldSize(record.value)
  for (const header of headers) size += fieldSize(header.key) + fieldSize(header.value)
  return { source: record, headers, timeDelta, offsetDelta, size }
}

function fieldSize(bytes: Uint8Array | null): number {
  return bytes === null ? varintSize(-1) : varintSize(bytes.length) + bytes.length
}

function writeRecord(into: Uint8Array, start: number, entry: Draft): number {
  let at = writeVarint(into, start, entry.size)
  into[at++] = 0
  at = writeVarint(into, at, entry.timeDelta)
  at = writeVarint(into, at, entry.offsetDelta)
  at = writeField(into, at, entry.source.key)
  at = writeField(into, at, entry.source.value)
  at = writeVarint(into, at, entry.headers.length)
  for (const header of entry.headers) {
    at = writeField(into, at, header.key)
    at = writeField(into, at, header.value)
  }
  return at
}

function writeField(into: Uint8Array, start: number, bytes: Uint8Array | null): number {
  if (bytes === null) return writeVarint(into, start, -1)
  const at = writeVarint(into, start, bytes.length)
  into.set(bytes, at)
  return at + bytes.length
}
