// Record batches read a second time, slowly: a decoder written from Kafka's format description
// alone (BigInt, one object per field, no code shared with the product), and small helpers around
// it.
import { expect } from 'vitest'
import { LogError } from '../../src/runtime/log-error.ts'
import type { RecordBatch } from '../../src/runtime/ports.ts'
import {
  type BatchHeader,
  copyRecords,
  openBatch,
  readBatchHeader,
} from '../../src/runtime/record-batch.ts'

export const AT = { topic: 't', partition: 3 }
export const NOW = 1_760_000_000_000

export function headerOf(bytes: Uint8Array): BatchHeader {
  const header = readBatchHeader(bytes)
  if (header === null) throw new Error('no whole batch')
  return header
}

export function open(bytes: Uint8Array): RecordBatch {
  return openBatch(AT, bytes, headerOf(bytes))
}

export function codeOf(act: () => unknown): string {
  try {
    act()
  } catch (error) {
    if (error instanceof LogError) return error.code
    throw error
  }
  return 'none'
}

/** The oracle: reads the format description literally, field by field. */
export function oracle(bytes: Uint8Array): {
  readonly fields: Readonly<Record<string, bigint>>
  readonly records: readonly unknown[]
} {
  const buffer = Buffer.from(bytes)
  let at = 61
  const zigzag = (): bigint => {
    let raw = 0n
    for (let shift = 0n; ; shift += 7n) {
      const byte = BigInt(buffer.readUInt8(at++))
      raw += (byte % 128n) * 2n ** shift
      if (byte < 128n) break
    }
    return raw % 2n === 0n ? raw / 2n : -(raw / 2n) - 1n
  }
  const blob = (): string | null => {
    const length = Number(zigzag())
    if (length < 0) return null
    at += length
    return buffer.toString('hex', at - length, at)
  }
  const attributes = buffer.readInt16BE(21)
  const baseOffset = buffer.readBigInt64BE(0)
  const records: unknown[] = []
  for (let i = 0; i < buffer.readInt32BE(57); i++) {
    const length = zigzag()
    const end = at + Number(length)
    buffer.readInt8(at++)
    const timestamp =
      (attributes & 8) === 8
        ? (zigzag(), buffer.readBigInt64BE(35))
        : buffer.readBigInt64BE(27) + zigzag()
    const offset = baseOffset + zigzag()
    const key = blob()
    const value = blob()
    const headers: unknown[] = []
    for (let left = zigzag(); left > 0n; left--) headers.push([blob(), blob()])
    expect(at).toBe(end)
    records.push({ offset: Number(offset), timestamp: Number(timestamp), key, value, headers })
  }
  expect(at).toBe(buffer.length)
  const fields = {
    baseOffset,
    length: BigInt(buffer.readInt32BE(8)),
    magic: BigInt(buffer.readInt8(16)),
    crc: BigInt(buffer.readUInt32BE(17)),
    attributes: BigInt(attributes),
    lastOffset: baseOffset + BigInt(buffer.readInt32BE(23)),
    maxTimestamp: buffer.readBigInt64BE(35),
    producerId: buffer.readBigInt64BE(43),
    producerEpoch: BigInt(buffer.readInt16BE(51)),
    baseSequence: BigInt(buffer.readInt32BE(53)),
  }
  return { fields, records }
}

export const hex = (bytes: Uint8Array | null): string | null =>
  bytes === null ? null : Buffer.from(bytes).toString('hex')

export function shown(batch: RecordBatch, from = 0): readonly unknown[] {
  return copyRecords(batch, from).map((record) => ({
    offset: record.offset,
    timestamp: record.timestampMs,
    key: hex(record.key),
    value: hex(record.value),
    headers: record.headers.map((h) => [hex(Buffer.from(h.key)), hex(h.value)]),
  }))
}
