// Batches as they are written: against a slow decoder written from the format description, and
// against the walk that reads them.
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { crc32c } from '../../src/adapters/client/crc32c.ts'
import type { RecordHeader } from '../../src/contracts/record.ts'
import { controlType, copyRecords, MAX_HEADERS, verifyCrc } from '../../src/runtime/record-batch.ts'
import {
  type BatchRecord,
  encodeBatch,
  encodeMarker,
  maxRecordBytes,
  stampBatch,
} from '../../src/runtime/record-batch-encode.ts'
import { codeOf, headerOf, hex, NOW, open, oracle, shown } from '../support/batches.ts'

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
