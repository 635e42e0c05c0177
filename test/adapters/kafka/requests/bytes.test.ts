// The primitive types, against kafkajs' encoder.
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  ByteReader,
  ByteWriter,
  MalformedAnswer,
} from '../../../../src/adapters/kafka/requests/bytes.ts'
import { answer } from './kafkajs-codec.ts'

const int = (bits: number) => fc.integer({ min: -(2 ** (bits - 1)), max: 2 ** (bits - 1) - 1 })
const text = fc.option(fc.string({ unit: 'binary', maxLength: 300 }))

describe('primitive types', () => {
  it('are written as kafkajs writes them, and read back', () => {
    const values = fc.record({
      int8: int(8),
      int16: int(16),
      int32: int(32),
      int64: fc.maxSafeInteger(),
      bool: fc.boolean(),
      text,
      bytes: fc.uint8Array({ maxLength: 400 }),
      unsigned: fc.nat(2 ** 28),
    })
    fc.assert(
      fc.property(values, fc.nat(8), (value, capacity) => {
        const ours = new ByteWriter(capacity + 1)
          .int8(value.int8)
          .int16(value.int16)
          .int32(value.int32)
          .int64(value.int64)
          .bool(value.bool)
          .string(value.text)
          .bytes(value.bytes)
          .uvarint(value.unsigned)
          .finish()
        const theirs = answer()
          .writeInt8(value.int8)
          .writeInt16(value.int16)
          .writeInt32(value.int32)
          .writeInt64(value.int64)
          .writeBoolean(value.bool)
          .writeString(value.text)
          .writeBytes(Buffer.from(value.bytes))
          .writeUVarInt(value.unsigned)
        expect(ours.toString('hex')).toBe(theirs.buffer.toString('hex'))
        const from = new ByteReader(ours)
        expect([from.int8(), from.int16(), from.int32()]).toEqual([
          value.int8,
          value.int16,
          value.int32,
        ])
        expect([from.int64(), from.bool()]).toEqual([value.int64, value.bool])
        expect(from.nullableString()).toBe(value.text)
        expect(Buffer.compare(from.bytes(), value.bytes)).toBe(0)
        expect(from.uvarint()).toBe(value.unsigned)
        from.end()
      }),
    )
  })

  it('a 64-bit number that a double cannot hold is neither written nor read', () => {
    expect(() => new ByteWriter().int64(2 ** 53)).toThrow(RangeError)
    const bytes = Buffer.alloc(8)
    bytes.writeBigInt64BE(2n ** 53n)
    expect(() => new ByteReader(bytes).int64()).toThrow(MalformedAnswer)
    bytes.writeBigInt64BE(-1n)
    expect(new ByteReader(bytes).int64()).toBe(-1)
  })

  it('a number without end is refused', () => {
    expect(() => new ByteReader(Buffer.alloc(100, 0xff)).uvarint()).toThrow(MalformedAnswer)
  })
})
