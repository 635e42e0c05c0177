// Variable-length integers: there and back, and reads that end where the bytes do.
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { ByteCursor, varintSize, writeVarint } from '../../src/runtime/varint.ts'
import { codeOf } from '../support/batches.ts'

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

  test('a read behind the end, or of too many bytes, is CORRUPT', () => {
    const endless = new Uint8Array(20).fill(0xff)
    for (const length of [0, 1, 4]) {
      expect(codeOf(() => new ByteCursor(endless, 0, length).varint())).toBe('CORRUPT')
      expect(codeOf(() => new ByteCursor(endless, 0, length).varlong())).toBe('CORRUPT')
    }
    expect(codeOf(() => new ByteCursor(endless, 0, 20).varint())).toBe('CORRUPT')
    expect(codeOf(() => new ByteCursor(endless, 0, 20).varlong())).toBe('CORRUPT')
    expect(codeOf(() => new ByteCursor(endless, 5, 10).skip(6))).toBe('CORRUPT')
    expect(codeOf(() => new ByteCursor(endless, 5, 10).skip(-1))).toBe('CORRUPT')
  })
})
