// Record batches as no honest client makes them, byte by byte: broken, bloated, or well-formed and
// still nothing that can be used. Kafka documentation, "Message format: Record Batch".
import { gzipSync } from 'node:zlib'
import { crc32c } from '../../src/adapters/client/crc32c.ts'
import { FIELD } from '../../src/runtime/record-batch.ts'

/** A record, any part of which may be nonsense. */
export interface RawRecord {
  readonly key?: Uint8Array | null
  readonly value?: Uint8Array | null
  readonly headers?: readonly (readonly [string | Uint8Array, Uint8Array | null])[]
  /** Default: its place in the batch. */
  readonly offsetDelta?: number
  /** Added to the length it claims. */
  readonly lengthLie?: number
  /** Instead of the number of headers there are. */
  readonly headerCount?: number
}

export interface RawBatch {
  readonly magic?: number
  readonly attributes?: number
  /** Default: the number of records less one. */
  readonly lastOffsetDelta?: number
  readonly recordCount?: number
  readonly producerId?: number
}

/** The attribute's numbers of the codecs. */
export const CODECS = { gzip: 1, snappy: 2, lz4: 3, zstd: 4 } as const

function varint(value: number): Buffer {
  const bytes: number[] = []
  let rest = ((value << 1) ^ (value >> 31)) >>> 0
  for (; rest >= 128; rest >>>= 7) bytes.push((rest % 128) | 128)
  return Buffer.from([...bytes, rest])
}

function field(bytes: Uint8Array | null): Buffer {
  return bytes === null ? varint(-1) : Buffer.concat([varint(bytes.length), bytes])
}

function rawRecord(record: RawRecord, place: number): Buffer {
  const { key = null, value = null, headers = [], offsetDelta = place } = record
  const parts = [Buffer.from([0]), varint(0), varint(offsetDelta), field(key), field(value)]
  parts.push(varint(record.headerCount ?? headers.length))
  for (const [name, content] of headers) parts.push(field(Buffer.from(name)), field(content))
  const body = Buffer.concat(parts)
  return Buffer.concat([varint(body.length + (record.lengthLie ?? 0)), body])
}

export function rawRecords(records: readonly RawRecord[]): Buffer {
  return Buffer.concat(records.map(rawRecord))
}

/** A batch around any bytes, with the right length and checksum. */
export function batchAround(contents: Uint8Array, count: number, fields: RawBatch = {}): Buffer {
  const bytes = Buffer.concat([Buffer.alloc(FIELD.records), contents])
  const now = BigInt(Date.now())
  bytes.writeInt32BE(bytes.length - FIELD.leaderEpoch, FIELD.length)
  bytes.writeInt32BE(-1, FIELD.leaderEpoch)
  bytes.writeInt8(fields.magic ?? 2, FIELD.magic)
  bytes.writeInt16BE(fields.attributes ?? 0, FIELD.attributes)
  bytes.writeInt32BE(fields.lastOffsetDelta ?? count - 1, FIELD.lastOffsetDelta)
  bytes.writeBigInt64BE(now, FIELD.baseTimestamp)
  bytes.writeBigInt64BE(now, FIELD.maxTimestamp)
  bytes.writeBigInt64BE(BigInt(fields.producerId ?? -1), FIELD.producerId)
  bytes.writeInt16BE(-1, FIELD.producerEpoch)
  bytes.writeInt32BE(-1, FIELD.baseSequence)
  bytes.writeInt32BE(fields.recordCount ?? count, FIELD.recordCount)
  return sealed(bytes)
}

/** With the checksum of what is there now. */
export function sealed(bytes: Buffer): Buffer {
  bytes.writeUInt32BE(crc32c(bytes.subarray(FIELD.attributes)), FIELD.crc)
  return bytes
}

export function rawBatch(records: readonly RawRecord[], fields: RawBatch = {}): Buffer {
  return batchAround(rawRecords(records), records.length, fields)
}

/** Compressed by the codec of Node's own. */
export function gzipBatch(records: readonly RawRecord[]): Buffer {
  const attributes = CODECS.gzip
  return batchAround(gzipSync(rawRecords(records)), records.length, { attributes })
}

/** One record whose value is so many zeros, a thousandth of that on the wire. */
export function bomb(bytes: number): Buffer {
  return gzipBatch([{ key: Buffer.from('bomb'), value: Buffer.alloc(bytes) }])
}

/** One bit of what lies at `at` is the other way round; the checksum is as it was. */
export function flipped(batch: Uint8Array, at: number): Buffer {
  const bytes = Buffer.from(batch)
  bytes[at] = (bytes[at] ?? 0) ^ 0x10
  return bytes
}

/** Message set of a client before 0.11 (magic 0 and 1), one message in it. */
export function oldMessage(magic: 0 | 1, key: Uint8Array, value: Uint8Array): Buffer {
  const sized = (bytes: Uint8Array): Buffer => {
    const length = Buffer.alloc(4)
    length.writeInt32BE(bytes.length)
    return Buffer.concat([length, bytes])
  }
  const time = Buffer.alloc(magic === 0 ? 0 : 8)
  if (magic === 1) time.writeBigInt64BE(BigInt(Date.now()))
  const body = Buffer.concat([Buffer.from([magic, 0]), time, sized(key), sized(value)])
  const crc = Buffer.alloc(4)
  crc.writeUInt32BE(crc32(body))
  return Buffer.concat([Buffer.alloc(8), sized(Buffer.concat([crc, body]))])
}

/** IEEE, as in gzip: read from what gzip writes at its end. */
function crc32(bytes: Uint8Array): number {
  return gzipSync(bytes).readUInt32LE(gzipSync(bytes).length - 8)
}
