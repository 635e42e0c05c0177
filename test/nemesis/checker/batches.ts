// Record batches v2 decoded by the checker itself, from Kafka's documentation alone: checksum, who
// wrote it, marker or records; and which transactions were committed, by following the markers and
// not by what a broker says about aborted ones.
import assert from 'node:assert/strict'
import { gunzipSync } from 'node:zlib'
import type { RecordView, RecordVisitor } from '../../../src/contracts/record.ts'

const HEAD_BYTES = 61
const CRC_FROM = 21
const APPEND_TIME = 0x08
const TRANSACTIONAL = 0x10
const CONTROL = 0x20

export interface Batch {
  readonly base: number
  readonly last: number
  /** As stored; equal to that of the bytes unless `damaged`. */
  readonly crc: number
  readonly damaged: boolean
  readonly transactional: boolean
  readonly producerId: number
  readonly producerEpoch: number
  readonly count: number
  /** Largest time stamp; of the append where the topic says so. */
  readonly maxMs: number
  /** Of control batches: how the transaction of its producer ended. */
  readonly marker: 'commit' | 'abort' | null
  /** Whole, as stored. */
  readonly bytes: Buffer
}

/** `open`: no marker has come yet. */
export type Fate = 'plain' | 'committed' | 'aborted' | 'open'

export interface Settled {
  readonly batch: Batch
  readonly fate: Fate
  /** When its marker was written; of plain ones their own time. */
  readonly endedMs: number
}

const CRC_TABLE: Uint32Array = Uint32Array.from({ length: 256 }, (_, byte) => {
  let crc = byte
  for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0x82f63b78 : crc >>> 1
  return crc >>> 0
})

/** CRC-32C (Castagnoli). */
export function crc32c(bytes: Uint8Array): number {
  let crc = 0xffffffff
  for (const byte of bytes) crc = (CRC_TABLE[(crc ^ byte) & 0xff] ?? 0) ^ (crc >>> 8)
  return (crc ^ 0xffffffff) >>> 0
}

/** Whole batches of an answer; what is cut off at its end comes with the next. */
export function batchesOf(bytes: Buffer): readonly Batch[] {
  const found: Batch[] = []
  for (let at = 0; at + 12 <= bytes.length; ) {
    const end = at + 12 + bytes.readInt32BE(at + 8)
    if (end > bytes.length) break
    found.push(batchOf(Buffer.from(bytes.subarray(at, end))))
    at = end
  }
  return found
}

function batchOf(bytes: Buffer): Batch {
  assert.equal(bytes.readInt8(16), 2, 'a batch of another layout')
  const base = Number(bytes.readBigInt64BE(0))
  const attributes = bytes.readInt16BE(21)
  const crc = bytes.readUInt32BE(17)
  const isControl = (attributes & CONTROL) !== 0
  return {
    base,
    last: base + bytes.readInt32BE(23),
    crc,
    damaged: crc32c(bytes.subarray(CRC_FROM)) !== crc,
    transactional: (attributes & TRANSACTIONAL) !== 0,
    producerId: Number(bytes.readBigInt64BE(43)),
    producerEpoch: bytes.readInt16BE(51),
    count: bytes.readInt32BE(57),
    maxMs: Number(bytes.readBigInt64BE(35)),
    marker: isControl ? markerOf(bytes) : null,
    bytes,
  }
}

function markerOf(bytes: Buffer): 'commit' | 'abort' {
  const cursor = new Cursor(bytes, HEAD_BYTES)
  cursor.varint()
  cursor.at += 1
  cursor.varint()
  cursor.varint()
  assert.equal(cursor.varint(), 4, 'the key of a marker')
  return bytes.readInt16BE(cursor.at + 2) === 1 ? 'commit' : 'abort'
}

/** Every batch with records, with what became of it; in order. */
export function settle(batches: readonly Batch[]): readonly Settled[] {
  const ends: ({ fate: Fate; endedMs: number } | null)[] = batches.map(() => null)
  const open = new Map<number, number[]>()
  for (const [i, batch] of batches.entries()) {
    const of = open.get(batch.producerId) ?? []
    if (batch.marker !== null) {
      const fate = batch.marker === 'commit' ? 'committed' : 'aborted'
      for (const each of of) ends[each] = { fate, endedMs: batch.maxMs }
      open.delete(batch.producerId)
    } else if (batch.transactional) open.set(batch.producerId, [...of, i])
    else ends[i] = { fate: 'plain', endedMs: batch.maxMs }
  }
  return batches.flatMap((batch, i): Settled[] => {
    if (batch.marker !== null) return []
    return [{ batch, ...(ends[i] ?? { fate: 'open', endedMs: Number.POSITIVE_INFINITY }) }]
  })
}

export const isVisible = ({ fate }: Settled): boolean => fate === 'plain' || fate === 'committed'

/** Walks the records with `from` ≤ offset < `to`, as a core's slice does. */
export function visit(
  batch: Batch,
  visitor: RecordVisitor,
  range: { from: number; to: number },
): void {
  const { bytes } = batch
  const attributes = bytes.readInt16BE(21)
  const codec = attributes & 7
  assert.ok(codec <= 1, `a batch compressed with codec ${codec}`)
  const packed = bytes.subarray(HEAD_BYTES)
  const cursor = new Cursor(codec === 1 ? gunzipSync(packed) : packed, 0)
  const firstMs = Number(bytes.readBigInt64BE(27))
  const view: RecordView = {
    buffer: cursor.bytes,
    offset: 0,
    timestampMs: 0,
    keyStart: -1,
    keyEnd: -1,
    valueStart: -1,
    valueEnd: -1,
    headersStart: 0,
    headerCount: 0,
  }
  for (let i = 0; i < batch.count; i++) {
    const end = cursor.varint() + cursor.at
    cursor.at += 1
    const ownMs = firstMs + cursor.varint()
    view.timestampMs = (attributes & APPEND_TIME) === 0 ? ownMs : batch.maxMs
    view.offset = batch.base + cursor.varint()
    const key = cursor.varint()
    view.keyStart = key < 0 ? -1 : cursor.at
    view.keyEnd = key < 0 ? -1 : (cursor.at += key)
    const value = cursor.varint()
    view.valueStart = value < 0 ? -1 : cursor.at
    view.valueEnd = value < 0 ? -1 : (cursor.at += value)
    view.headerCount = cursor.varint()
    view.headersStart = cursor.at
    cursor.at = end
    if (view.offset >= range.from && view.offset < range.to) visitor(view)
  }
}

/** A record copied out of its batch. */
export interface Rec {
  readonly offset: number
  readonly timestampMs: number
  readonly key: Buffer | null
  readonly value: Buffer | null
  readonly headers: ReadonlyMap<string, string>
}

const EVERYTHING = { from: 0, to: Number.POSITIVE_INFINITY }

export function recordsOf(batch: Batch): readonly Rec[] {
  const found: Rec[] = []
  visit(batch, (view) => found.push(copied(view)), EVERYTHING)
  return found
}

function copied(view: RecordView): Rec {
  const { buffer, offset, timestampMs } = view
  const part = (start: number, end: number): Buffer | null =>
    start < 0 ? null : Buffer.from(buffer.subarray(start, end))
  const bytes = Buffer.from(buffer.buffer, buffer.byteOffset, buffer.length)
  const cursor = new Cursor(bytes, view.headersStart)
  const headers = new Map<string, string>()
  for (let i = 0; i < view.headerCount; i++) {
    const name = cursor.text(cursor.varint())
    headers.set(name, cursor.text(cursor.varint()))
  }
  const key = part(view.keyStart, view.keyEnd)
  return { offset, timestampMs, key, value: part(view.valueStart, view.valueEnd), headers }
}

class Cursor {
  readonly bytes: Buffer
  at: number

  constructor(bytes: Buffer, at: number) {
    this.bytes = bytes
    this.at = at
  }

  /** Zigzag; up to 2^53, which is all that batches hold. */
  varint(): number {
    let value = 0
    let scale = 1
    for (;;) {
      const byte = this.bytes[this.at++] ?? 0
      value += (byte & 0x7f) * scale
      if (byte < 0x80) break
      scale *= 128
    }
    return value % 2 === 0 ? value / 2 : -(value + 1) / 2
  }

  text(length: number): string {
    if (length < 0) return ''
    this.at += length
    return this.bytes.toString('utf8', this.at - length, this.at)
  }
}
