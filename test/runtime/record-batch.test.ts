// Record batches against a slow decoder written a second time from Kafka's format description (BigInt, one object per
// field, no shared code), and against hostile bytes: every end is a LogError CORRUPT.
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { crc32c } from '../../src/adapters/memory/crc32c.ts'
import type { RecordHeader } from '../../src/contracts/record.ts'
import { LogError } from '../../src/runtime/log-error.ts'
import type { RecordBatch } from '../../src/runtime/ports.ts'
import {
  type BatchHeader,
  controlType,
  copyRecords,
  headersOf,
  MAX_HEADERS,
  openBatch,
  readBatchHeader,
  verifyCrc,
} from '../../src/runtime/record-batch.ts'
import {
  type BatchRecord,
  encodeBatch,
  encodeMarker,
  maxRecordBytes,
  stampBatch,
} from '../../src/runtime/record-batch-encode.ts'
import { ByteCursor, varintSize, writeVarint } from '../../src/runtime/varint.ts'

const AT = { topic: 't', partition: 3 }
const NOW = 1_760_000_000_000

function headerOf(bytes: Uint8Array): BatchHeader {
  const header = readBatchHeader(bytes)
  if (header === null) throw new Error('no whole batch')
  return header
}

function open(bytes: Uint8Array): RecordBatch {
  return openBatch(AT, bytes, headerOf(bytes))
}

function codeOf(act: () => unknown): string {
  try {
    act()
  } catch (error) {
    if (error instanceof LogError) return error.code
    throw error
  }
  return 'none'
}

/** The oracle: reads the format description literally, field by field. */
function oracle(bytes: Uint8Array): {
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

const hex = (bytes: Uint8Array | null): string | null =>
  bytes === null ? null : Buffer.from(bytes).toString('hex')

function shown(batch: RecordBatch, from = 0): readonly unknown[] {
  return copyRecords(batch, from).map((record) => ({
    offset: record.offset,
    timestamp: record.timestampMs,
    key: hex(record.key),
    value: hex(record.value),
    headers: record.headers.map((h) => [hex(Buffer.from(h.key)), hex(h.value)]),
  }))
}

const blob = fc.option(fc.uint8Array({ maxLength: 200 }), { nil: null })
const headerArbitrary: fc.Arbitrary<RecordHeader> = fc.record({
  key: fc.string({ unit: 'grapheme', maxLength: 12 }),
  value: blob,
})
const recordArbitrary: fc.Arbitrary<BatchRecord> = fc.record({
  key: blob,
  value: blob,
  headers: fc.array(headerArbitrary, { maxLength: 5 }),
  timestampMs: fc.oneof(
    fc.integer({ min: NOW - 100_000, max: NOW + 100_000 }),
    fc.integer({ min: -1, max: 2 ** 51 }),
  ),
})
const fieldsArbitrary = fc.record({
  baseOffset: fc.oneof(fc.nat(1000), fc.integer({ min: 0, max: 2 ** 52 })),
  transactional: fc.boolean(),
  control: fc.boolean(),
  producerId: fc.oneof(fc.constant(-1), fc.nat(), fc.integer({ min: 0, max: 2 ** 52 })),
  producerEpoch: fc.integer({ min: -1, max: 32_767 }),
  baseSequence: fc.integer({ min: -1, max: 2 ** 31 - 1 }),
})

describe('encode and walk', () => {
  test('agree with the oracle on random batches', () => {
    fc.assert(
      fc.property(
        fc.array(recordArbitrary, { minLength: 1, maxLength: 20 }),
        fieldsArbitrary,
        fc.option(fc.integer({ min: 0, max: 2 ** 51 }), { nil: undefined }),
        (records, fields, appendTimeMs) => {
          const all = appendTimeMs === undefined ? fields : { ...fields, appendTimeMs }
          const bytes = encodeBatch(records, all, crc32c)
          const expected = oracle(bytes)
          const header = headerOf(bytes)
          verifyCrc(bytes, header, crc32c)
          expect(shown(open(bytes))).toEqual(expected.records)
          expect(expected.records).toEqual(
            records.map((record, i) => ({
              offset: fields.baseOffset + i,
              timestamp: appendTimeMs ?? record.timestampMs,
              key: hex(record.key),
              value: hex(record.value),
              headers: record.headers?.map((h) => [hex(Buffer.from(h.key)), hex(h.value)]),
            })),
          )
          expect(Number(expected.fields['lastOffset'])).toBe(header.lastOffset)
          expect(Number(expected.fields['maxTimestamp'])).toBe(header.maxTimestampMs)
          expect(Number(expected.fields['producerId'])).toBe(header.producerId)
          expect(Number(expected.fields['producerEpoch'])).toBe(header.producerEpoch)
          expect(Number(expected.fields['baseSequence'])).toBe(header.baseSequence)
          expect(Number(expected.fields['crc'])).toBe(header.crc)
          expect(header.transactional).toBe(fields.transactional)
          expect(header.control).toBe(fields.control)
        },
      ),
      { numRuns: 500 },
    )
  })

  test('a record never takes more bytes than the bound used for splitting', () => {
    fc.assert(
      fc.property(recordArbitrary, (record) => {
        const one = encodeBatch([record], {}, crc32c).length
        expect(one - 61).toBeLessThanOrEqual(maxRecordBytes(record))
      }),
    )
  })

  test('a batch at an odd place of a larger buffer, behind a position', () => {
    const records = [1, 2, 3].map((n) => ({
      key: Uint8Array.of(n),
      value: null,
      timestampMs: NOW + n,
    }))
    const bytes = encodeBatch(records, { baseOffset: 40 }, crc32c)
    const buffer = new Uint8Array(bytes.length + 20)
    buffer.set(bytes, 7)
    const header = readBatchHeader(buffer, 7)
    if (header === null) throw new Error('no batch')
    verifyCrc(buffer, header, crc32c)
    const batch = openBatch(AT, buffer, header)
    expect(copyRecords(batch, 41).map((r) => [r.offset, r.timestampMs, r.key?.[0]])).toEqual([
      [41, NOW + 2, 2],
      [42, NOW + 3, 3],
    ])
    expect(copyRecords(batch, 43)).toEqual([])
  })

  test('copies do not change when the buffer is used again', () => {
    const value = Uint8Array.of(1, 2, 3)
    const bytes = Buffer.from(
      encodeBatch(
        [{ key: null, value, timestampMs: 0, headers: [{ key: 'h', value }] }],
        {},
        crc32c,
      ),
    )
    const [record] = copyRecords(open(bytes))
    bytes.fill(0xff)
    expect(record?.value).toEqual(value)
    expect(record?.headers).toEqual([{ key: 'h', value }])
  })

  test('one view serves the whole walk', () => {
    const records = Array.from({ length: 50 }, () => ({ key: null, value: null, timestampMs: 1 }))
    const views = new Set<unknown>()
    open(encodeBatch(records, {}, crc32c)).visit((view) => views.add(view))
    expect(views.size).toBe(1)
  })

  test('stamping sets offset and append time and keeps the checksum right', () => {
    const bytes = encodeBatch(
      [
        { key: null, value: Uint8Array.of(9), timestampMs: 5 },
        { key: null, value: Uint8Array.of(8), timestampMs: 6 },
      ],
      {},
      crc32c,
    )
    stampBatch(bytes, { baseOffset: 2 ** 40, appendTimeMs: NOW }, crc32c)
    verifyCrc(bytes, headerOf(bytes), crc32c)
    expect(copyRecords(open(bytes)).map((r) => [r.offset, r.timestampMs])).toEqual([
      [2 ** 40, NOW],
      [2 ** 40 + 1, NOW],
    ])
    expect(oracle(bytes).records).toEqual(shown(open(bytes)))
  })

  test('markers say what they are', () => {
    for (const type of ['commit', 'abort'] as const) {
      const bytes = encodeMarker(type, { producerId: 7, producerEpoch: 2, nowMs: NOW }, crc32c)
      const header = headerOf(bytes)
      expect([header.control, header.transactional, header.baseSequence]).toEqual([true, true, -1])
      expect(controlType(bytes, header)).toBe(type)
    }
  })

  test('a batch with records removed keeps its range', () => {
    const kept = [{ key: Uint8Array.of(1), value: null, timestampMs: 3, offset: 12 }]
    const header = headerOf(encodeBatch(kept, { baseOffset: 10, lastOffset: 19 }, crc32c))
    expect([header.baseOffset, header.lastOffset, header.recordCount]).toEqual([10, 19, 1])
  })

  test('the checksum is CRC-32C (check value of the polynomial)', () => {
    expect(crc32c(Buffer.from('123456789'))).toBe(0xe3069283)
  })

  test('what cannot be read back is not written', () => {
    const record = { key: null, value: null, timestampMs: 0 }
    const many = Array.from({ length: MAX_HEADERS + 1 }, () => ({ key: 'a', value: null }))
    expect(codeOf(() => encodeBatch([], {}, crc32c))).toBe('INVALID_REQUEST')
    for (const timestampMs of [-2, 1.5, Number.NaN, 2 ** 52])
      expect(codeOf(() => encodeBatch([{ ...record, timestampMs }], {}, crc32c))).toBe(
        'INVALID_REQUEST',
      )
    expect(codeOf(() => encodeBatch([{ ...record, headers: many }], {}, crc32c))).toBe(
      'INVALID_REQUEST',
    )
  })
})

describe('varints', () => {
  test('come back, in the bytes their size says', () => {
    fc.assert(
      fc.property(fc.integer({ min: -(2 ** 51), max: 2 ** 51 }), (value) => {
        const bytes = new Uint8Array(12)
        const end = writeVarint(bytes, 1, value)
        expect(end - 1).toBe(varintSize(value))
        const cursor = new ByteCursor(bytes, 1, 12)
        expect(cursor.varlong()).toBe(value)
        expect(cursor.at).toBe(end)
        if (value === (value | 0)) expect(new ByteCursor(bytes, 1, 12).varint()).toBe(value)
      }),
    )
  })
})

/** A good batch whose checksum is right again after `change`: what a hostile producer can get stored. */
function forged(change: (bytes: Uint8Array) => void, records: readonly BatchRecord[]): Uint8Array {
  const bytes = encodeBatch(records, { baseOffset: 100 }, crc32c)
  change(bytes)
  stampBatch(bytes, { baseOffset: 100, appendTimeMs: NOW }, crc32c)
  return bytes
}

/** Everything a reader does with a batch; the number of records shown, or the code of the refusal. */
function readAll(bytes: Uint8Array): number | string {
  let shownRecords = 0
  const code = codeOf(() => {
    for (let at = 0; ; ) {
      const header = readBatchHeader(bytes, at)
      if (header === null) return
      verifyCrc(bytes, header, crc32c)
      openBatch(AT, bytes, header).visit((view) => {
        shownRecords++
        headersOf(view)
      })
      if (header.control) controlType(bytes, header)
      at = header.end
    }
  })
  return code === 'none' ? shownRecords : code
}

describe('hostile bytes', () => {
  const good: readonly BatchRecord[] = [
    { key: Buffer.from('k1'), value: Buffer.from('value'), timestampMs: NOW },
    {
      key: null,
      value: Buffer.from('v2'),
      timestampMs: NOW + 1,
      headers: [{ key: 'h', value: Buffer.from('x') }],
    },
  ]

  test('a flipped bit anywhere under the checksum is found', () => {
    const bytes = encodeBatch(good, { baseOffset: 100 }, crc32c)
    for (let bit = 17 * 8; bit < bytes.length * 8; bit++) {
      const broken = Uint8Array.from(bytes)
      const at = bit >> 3
      broken[at] = (broken[at] ?? 0) ^ (1 << (bit & 7))
      expect(readAll(broken), `bit ${bit}`).toBe('CORRUPT')
    }
  })

  test('any change of a record with a right checksum ends in CORRUPT or in a readable record', () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.integer({ min: 21, max: 95 }), fc.nat(255)), {
          minLength: 1,
          maxLength: 6,
        }),
        (changes) => {
          const bytes = forged((target) => {
            for (const [at, value] of changes) if (at < target.length) target[at] = value
          }, good)
          const result = readAll(bytes)
          if (typeof result === 'string') expect(result).toBe('CORRUPT')
          else expect(result).toBeLessThanOrEqual(2)
        },
      ),
      { numRuns: 3000 },
    )
  })

  test('random bytes behind a plausible header never crash', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
        bytes[16] = 2
        const result = readAll(bytes)
        if (typeof result === 'string') expect(result).toBe('CORRUPT')
      }),
      { numRuns: 1000 },
    )
  })

  test.each([
    ['record count of two thousand million', 57, [0x7f, 0xff, 0xff, 0xff]],
    ['negative record count', 57, [0xff, 0xff, 0xff, 0xff]],
    ['record count larger than the offsets', 57, [0, 0, 0, 3]],
    ['record count smaller than the records', 57, [0, 0, 0, 1]],
    ['last offset before the first', 23, [0xff, 0xff, 0xff, 0xff]],
    ['record length beyond the batch', 61, [0xfe, 0x01]],
    ['negative record length', 61, [0x01]],
    ['varint that never ends', 63, [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff]],
    ['compressed, without a decompressor', 21, [0, 1]],
  ])('%s', (_what, at, values) => {
    const bytes = forged((target) => target.set(values, at), good)
    expect(readAll(bytes)).toBe('CORRUPT')
  })

  test('lengths of the batch itself', () => {
    const bytes = encodeBatch(good, {}, crc32c)
    const view = new DataView(bytes.buffer)
    view.setInt32(8, -5)
    expect(readAll(bytes)).toBe('CORRUPT')
    view.setInt32(8, 20)
    expect(readAll(bytes)).toBe('CORRUPT')
    view.setInt32(8, 0x7fffffff)
    expect(readBatchHeader(bytes)).toBe(null)
    view.setInt32(8, bytes.length - 12)
    bytes[16] = 1
    expect(readAll(bytes)).toBe('CORRUPT')
  })

  // kafkajs 2.2.4 spreads an object per header: 20,000 headers in one 119 kB record held its consumer for 82 s, so one
  // agent could stop every reader of its partition. Here they are walked over, and refused as soon as somebody asks.
  test('20,000 headers in one record cost milliseconds and make no objects', () => {
    const header = Uint8Array.of(2, 0x61, 1)
    const body: number[] = [0, 0, 0, 1, 1]
    const count = new Uint8Array(5)
    const countEnd = writeVarint(count, 0, 20_000)
    const record = Buffer.concat([
      Uint8Array.from(body),
      count.subarray(0, countEnd),
      ...Array.from({ length: 20_000 }, () => header),
    ])
    const length = new Uint8Array(5)
    const lengthEnd = writeVarint(length, 0, record.length)
    const head = encodeBatch([{ key: null, value: null, timestampMs: NOW }], {}, crc32c)
    const bytes = new Uint8Array(
      Buffer.concat([head.subarray(0, 61), length.subarray(0, lengthEnd), record]),
    )
    new DataView(bytes.buffer).setInt32(8, bytes.length - 12)
    stampBatch(bytes, { baseOffset: 0, appendTimeMs: NOW }, crc32c)
    const startedAt = performance.now()
    let headers = 0
    open(bytes).visit((view) => {
      headers = view.headerCount
    })
    expect(headers).toBe(20_000)
    expect(performance.now() - startedAt).toBeLessThan(500)
    expect(readAll(bytes)).toBe('CORRUPT')
  })
})
