// Kafka's record batch v2, reading side: header, checksum, and a walk that makes no object per
// record (one RecordView is moved over the batch). Every length is checked against the bytes that
// are there; what does not fit ends in a LogError `CORRUPT`. Layout: Kafka documentation, "Message
// format: Record Batch".
import type { LogRecord, RecordHeader, RecordView, RecordVisitor } from '../contracts/record.ts'
import { LogError } from './log-error.ts'
import type { RecordBatch, TopicPartition } from './ports.ts'
import { ByteCursor } from './varint.ts'

/** CRC-32C (Castagnoli) over the bytes, unsigned. Handed in: the runtime knows no vendor. */
export type Crc32c = (bytes: Uint8Array) => number

/** Positions of the fields in a batch, in bytes from its start. */
export const FIELD = {
  baseOffset: 0,
  length: 8,
  leaderEpoch: 12,
  magic: 16,
  crc: 17,
  attributes: 21,
  lastOffsetDelta: 23,
  baseTimestamp: 27,
  maxTimestamp: 35,
  producerId: 43,
  producerEpoch: 51,
  baseSequence: 53,
  recordCount: 57,
  records: 61,
} as const

/** Bits of the attributes field. */
export const ATTRIBUTE = {
  compression: 0x07,
  appendTime: 0x08,
  transactional: 0x10,
  control: 0x20,
} as const

/**
 * Most headers of one record that are ever made into objects; a record with more is refused by
 * `headersOf`.
 */
export const MAX_HEADERS = 256

/**
 * length, attributes, time delta, offset delta, key length, value length, header count: one byte
 * each at least.
 */
const MIN_RECORD_BYTES = 7

/** Fields of a batch. `start` and `end` are its place in the buffer it was read from. */
export interface BatchHeader {
  readonly start: number
  readonly end: number
  readonly baseOffset: number
  readonly lastOffset: number
  /** Of the leader that took it; -1: not known. */
  readonly leaderEpoch: number
  readonly crc: number
  /** 0 none, 1 gzip, 2 snappy, 3 lz4, 4 zstd. */
  readonly compression: number
  /** The time stamps are the log's append time, held in `maxTimestampMs`. */
  readonly appendTime: boolean
  readonly transactional: boolean
  /** Commit or abort marker. */
  readonly control: boolean
  readonly baseTimestampMs: number
  readonly maxTimestampMs: number
  /** -1 for a producer without idempotence. */
  readonly producerId: number
  readonly producerEpoch: number
  readonly baseSequence: number
  readonly recordCount: number
}

function corrupt(what: string): LogError {
  return new LogError('CORRUPT', what)
}

/** Signed 64-bit big-endian as a double. */
function int64(view: DataView, at: number): number {
  return view.getInt32(at) * 4_294_967_296 + view.getUint32(at + 4)
}

/**
 * Reads the header of the batch at `start`. null: the bytes end before the batch does (a fetch may
 * cut the last one).
 * Errors: `CORRUPT` when the fields contradict each other or the format is not v2.
 */
export function readBatchHeader(
  bytes: Uint8Array,
  start: number = 0,
  limit: number = bytes.length,
): BatchHeader | null {
  if (limit - start < FIELD.magic + 1) return null
  const view = new DataView(bytes.buffer, bytes.byteOffset + start, limit - start)
  const length = view.getInt32(FIELD.length)
  const magic = view.getInt8(FIELD.magic)
  if (magic !== 2) throw corrupt(`record batch of format ${magic}, only 2 is read`)
  const size = FIELD.leaderEpoch + length
  if (size < FIELD.records)
    throw corrupt(`record batch of ${length} bytes is shorter than its header`)
  if (size > limit - start) return null
  const header = parseFields(view, start, size)
  checkFields(header)
  return header
}

function parseFields(view: DataView, start: number, size: number): BatchHeader {
  const baseOffset = int64(view, FIELD.baseOffset)
  const attributes = view.getInt16(FIELD.attributes)
  return {
    start,
    end: start + size,
    baseOffset,
    lastOffset: baseOffset + view.getInt32(FIELD.lastOffsetDelta),
    leaderEpoch: view.getInt32(FIELD.leaderEpoch),
    crc: view.getUint32(FIELD.crc),
    compression: attributes & ATTRIBUTE.compression,
    appendTime: (attributes & ATTRIBUTE.appendTime) !== 0,
    transactional: (attributes & ATTRIBUTE.transactional) !== 0,
    control: (attributes & ATTRIBUTE.control) !== 0,
    baseTimestampMs: int64(view, FIELD.baseTimestamp),
    maxTimestampMs: int64(view, FIELD.maxTimestamp),
    producerId: int64(view, FIELD.producerId),
    producerEpoch: view.getInt16(FIELD.producerEpoch),
    baseSequence: view.getInt32(FIELD.baseSequence),
    recordCount: view.getInt32(FIELD.recordCount),
  }
}

function checkFields(header: BatchHeader): void {
  const { baseOffset, lastOffset, recordCount } = header
  if (!Number.isSafeInteger(baseOffset) || baseOffset < 0) throw corrupt('negative batch offset')
  if (lastOffset < baseOffset || !Number.isSafeInteger(lastOffset))
    throw corrupt('last offset of a batch lies before its first')
  if (recordCount < 0 || recordCount > lastOffset - baseOffset + 1)
    throw corrupt(`batch of ${lastOffset - baseOffset + 1} offsets claims ${recordCount} records`)
  const room = header.end - header.start - FIELD.records
  if (header.compression === 0 && recordCount * MIN_RECORD_BYTES > room)
    throw corrupt(`batch of ${room} bytes claims ${recordCount} records`)
}

/** Errors: `CORRUPT` when the stored checksum is not that of the bytes. */
export function verifyCrc(bytes: Uint8Array, header: BatchHeader, crc32c: Crc32c): void {
  const actual = crc32c(bytes.subarray(header.start + FIELD.attributes, header.end))
  if (actual !== header.crc)
    throw corrupt(
      `checksum of the batch at offset ${header.baseOffset} is ${actual}, stored ${header.crc}`,
    )
}

/** What a control batch says; null for types that came after us. */
export function controlType(bytes: Uint8Array, header: BatchHeader): 'commit' | 'abort' | null {
  let type: number | null = null
  walkRecords(header, new ByteCursor(bytes, header.start + FIELD.records, header.end), (view) => {
    const at = view.keyStart
    if (view.keyEnd - at < 4) throw corrupt('control record without a type')
    type = ((view.buffer[at + 2] ?? 0) << 8) | (view.buffer[at + 3] ?? 0)
  })
  return type === 0 ? 'abort' : type === 1 ? 'commit' : null
}

const CODECS = ['none', 'gzip', 'snappy', 'lz4', 'zstd']

/**
 * The batch as the port shows it. `records`: the decompressed records of a compressed batch, or why
 * there are none. The bytes must stay as they are for as long as the batch is used.
 */
export function openBatch(
  at: TopicPartition,
  bytes: Uint8Array,
  header: BatchHeader,
  records: Uint8Array | string | null = null,
): RecordBatch {
  const visit = (visitor: RecordVisitor, fromOffset: number): void =>
    walkRecords(header, cursorOver(bytes, header, records), visitor, fromOffset)
  return {
    topic: at.topic,
    partition: at.partition,
    baseOffset: header.baseOffset,
    lastOffset: header.lastOffset,
    recordCount: header.recordCount,
    crc: header.crc,
    maxTimestampMs: header.maxTimestampMs,
    bytes: bytes.subarray(header.start, header.end),
    visit(visitor: RecordVisitor, fromOffset: number = 0): void {
      visit(visitor, fromOffset)
    },
    unreadable(): string | null {
      try {
        visit(() => undefined, Infinity)
        return null
      } catch (error) {
        if (error instanceof LogError && error.code === 'CORRUPT') return error.message
        throw error
      }
    },
  }
}

function cursorOver(
  bytes: Uint8Array,
  header: BatchHeader,
  records: Uint8Array | string | null,
): ByteCursor {
  if (typeof records === 'string') throw corrupt(records)
  if (records !== null) return new ByteCursor(records, 0, records.length)
  if (header.compression === 0)
    return new ByteCursor(bytes, header.start + FIELD.records, header.end)
  const codec = CODECS[header.compression] ?? `codec ${header.compression}`
  throw corrupt(
    `the batch at offset ${header.baseOffset} is compressed with ${codec}; ` +
      'set compression.type=uncompressed on the topic',
  )
}

/**
 * Walks every record of a batch; records before the first bad one have been shown when `CORRUPT` is
 * thrown. Offsets must grow and stay inside the batch, lengths must add up exactly.
 */
export function walkRecords(
  header: BatchHeader,
  cursor: ByteCursor,
  visitor: RecordVisitor,
  fromOffset: number = 0,
): void {
  const { baseOffset, recordCount } = header
  const end = cursor.end
  const fromDelta = fromOffset - baseOffset
  const lastDelta = header.lastOffset - baseOffset
  const view = emptyView(cursor.buffer)
  let previous = -1
  for (let i = 0; i < recordCount; i++) {
    const length = cursor.varint()
    if (length < MIN_RECORD_BYTES - 1 || length > end - cursor.at)
      throw corrupt(`record ${i} of the batch at offset ${baseOffset} claims ${length} bytes`)
    cursor.end = cursor.at + length
    cursor.at++
    const timeDelta = cursor.varlong()
    const delta = cursor.varint()
    if (delta <= previous || delta > lastDelta)
      throw corrupt(`record ${i} of the batch at offset ${baseOffset} is out of order`)
    previous = delta
    view.offset = baseOffset + delta
    view.timestampMs = header.appendTime
      ? header.maxTimestampMs
      : header.baseTimestampMs + timeDelta
    readContents(cursor, view)
    if (cursor.at !== cursor.end)
      throw corrupt(`record at offset ${view.offset} is longer than its contents`)
    cursor.end = end
    if (delta >= fromDelta) visitor(view)
  }
  if (cursor.at !== end) throw corrupt(`bytes behind the last record of the batch at ${baseOffset}`)
}

function emptyView(buffer: Uint8Array): RecordView {
  return {
    buffer,
    offset: 0,
    timestampMs: 0,
    keyStart: -1,
    keyEnd: -1,
    valueStart: -1,
    valueEnd: -1,
    headersStart: -1,
    headerCount: 0,
  }
}

/** Key, value and headers of the record under the cursor; headers are walked over, not made. */
function readContents(cursor: ByteCursor, view: RecordView): void {
  const keyLength = cursor.varint()
  if (keyLength === -1) {
    view.keyStart = -1
    view.keyEnd = -1
  } else {
    view.keyStart = cursor.skip(keyLength)
    view.keyEnd = cursor.at
  }
  const valueLength = cursor.varint()
  if (valueLength === -1) {
    view.valueStart = -1
    view.valueEnd = -1
  } else {
    view.valueStart = cursor.skip(valueLength)
    view.valueEnd = cursor.at
  }
  const count = cursor.varint()
  if (count < 0 || count * 2 > cursor.end - cursor.at)
    throw corrupt(`record claims ${count} headers`)
  view.headerCount = count
  view.headersStart = cursor.at
  for (let i = 0; i < count; i++) {
    cursor.skip(cursor.varint())
    const length = cursor.varint()
    if (length !== -1) cursor.skip(length)
  }
}

const utf8 = new TextDecoder('utf-8', { ignoreBOM: true })

/**
 * Headers of the record under a view, in order, duplicates included; values are copies.
 * Errors: `CORRUPT` for more than MAX_HEADERS (nothing healstream reads carries that many).
 */
export function headersOf(view: RecordView): readonly RecordHeader[] {
  if (view.headerCount === 0) return []
  if (view.headerCount < 0 || view.headerCount > MAX_HEADERS)
    throw corrupt(`record at offset ${view.offset} has ${view.headerCount} headers`)
  const cursor = new ByteCursor(view.buffer, view.headersStart, view.buffer.length)
  const headers: RecordHeader[] = []
  for (let i = 0; i < view.headerCount; i++) {
    const keyStart = cursor.skip(cursor.varint())
    const key = utf8.decode(view.buffer.subarray(keyStart, cursor.at))
    const length = cursor.varint()
    const valueStart = length === -1 ? -1 : cursor.skip(length)
    headers.push({ key, value: copied(view.buffer, valueStart, cursor.at) })
  }
  return headers
}

/** The bytes between two positions of a view, copied; null where they start at -1. */
function copied(buffer: Uint8Array, start: number, end: number): Uint8Array | null {
  // Not `slice`: on a Buffer that would share the memory.
  return start < 0 ? null : new Uint8Array(buffer.subarray(start, end))
}

/**
 * Copies every record with offset ≥ `fromOffset` out of its batch. Errors: as `visit` and
 * `headersOf`.
 */
export function copyRecords(batch: RecordBatch, fromOffset: number = 0): readonly LogRecord[] {
  const records: LogRecord[] = []
  batch.visit((view) => {
    records.push({
      topic: batch.topic,
      partition: batch.partition,
      offset: view.offset,
      timestampMs: view.timestampMs,
      key: copied(view.buffer, view.keyStart, view.keyEnd),
      value: copied(view.buffer, view.valueStart, view.valueEnd),
      headers: headersOf(view),
    })
  }, fromOffset)
  return records
}
