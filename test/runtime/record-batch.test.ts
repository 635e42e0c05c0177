// The walk over a batch, and hostile bytes: every end is a LogError CORRUPT.
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { crc32c } from '../../src/adapters/client/crc32c.ts'
import {
  controlType,
  copyRecords,
  headersOf,
  openBatch,
  readBatchHeader,
  verifyCrc,
} from '../../src/runtime/record-batch.ts'
import { type BatchRecord, encodeBatch, stampBatch } from '../../src/runtime/record-batch-encode.ts'
import { writeVarint } from '../../src/runtime/varint.ts'
import { AT, codeOf, NOW, open } from '../support/batches.ts'

describe('the walk', () => {
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
})

/**
 * A good batch whose checksum is right again after `change`: what a hostile producer can get
 * stored.
 */
function forged(change: (bytes: Uint8Array) => void, records: readonly BatchRecord[]): Uint8Array {
  const bytes = encodeBatch(records, { baseOffset: 100 }, crc32c)
  change(bytes)
  stampBatch(bytes, { baseOffset: 100, appendTimeMs: NOW }, crc32c)
  return bytes
}

/**
 * Everything a reader does with a batch; the number of records shown, or the code of the refusal.
 */
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

  test('any change under a right checksum ends in CORRUPT or in a readable record', () => {
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

  // kafkajs 2.2.4 spreads an object per header: 20,000 headers in one 119 kB record held its
  // consumer for 82 s, so one agent could stop every reader of its partition. Here they are walked
  // over, and refused as soon as somebody asks.
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
