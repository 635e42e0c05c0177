// Numbers and blocks, with avsc as oracle where it is right: it reads longs below -2^52 as other
// ones.
import avsc from 'avsc'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { AvroCursor, LONG_MAX } from '../../src/contracts/avro-cursor.ts'
import { DatumWriter } from './telemetry-fixture.ts'

const long = avsc.Type.forSchema('long')
const double = avsc.Type.forSchema('double')

function open(bytes: Uint8Array): AvroCursor {
  const cursor = new AvroCursor()
  cursor.open(bytes, 0, bytes.length)
  return cursor
}

const read = (bytes: Uint8Array): number | null => {
  const cursor = open(bytes)
  const value = cursor.long()
  return cursor.faulty ? null : value
}

describe('long', () => {
  it('reads what is written, over its whole range', () => {
    const range = fc.bigInt({ min: -BigInt(LONG_MAX), max: BigInt(LONG_MAX) })
    fc.assert(
      fc.property(range, (value) => {
        const bytes = new DatumWriter().long(value).done()
        expect(read(bytes)).toBe(Number(value))
        if (value > -(2n ** 52n)) expect(long.fromBuffer(Buffer.from(bytes))).toBe(Number(value))
      }),
      { numRuns: 5_000 },
    )
  })

  it('refuses what a double cannot hold', () => {
    const range = fc.bigInt({ min: BigInt(LONG_MAX) + 1n, max: 2n ** 63n - 1n })
    fc.assert(
      fc.property(range, (value) => {
        expect(read(new DatumWriter().long(value).done())).toBeNull()
        expect(read(new DatumWriter().long(-value).done())).toBeNull()
      }),
    )
  })

  it('refuses more than ten bytes and a missing end', () => {
    const ten = [...Array.from({ length: 9 }, () => 0x80), 0]
    expect(read(Uint8Array.from(ten))).toBe(0)
    expect(read(Uint8Array.from([0x80, ...ten]))).toBeNull()
    for (let length = 0; length < 12; length++)
      expect(read(new Uint8Array(length).fill(0x80))).toBeNull()
  })
})

describe('the other kinds', () => {
  it('reads doubles as avsc does, NaN and -0 too', () => {
    fc.assert(
      fc.property(fc.double(), (value) => {
        const cursor = open(double.toBuffer(value))
        cursor.readDouble()
        expect(Object.is(cursor.value, value)).toBe(true)
        expect([cursor.faulty, cursor.at]).toEqual([false, 8])
      }),
    )
    const short = open(new Uint8Array(7))
    short.readDouble()
    expect(short.faulty).toBe(true)
  })

  it.each<[string, (cursor: AvroCursor) => number, number[], number | null]>([
    ['an int', (c) => c.int(), [0x01], -1],
    ['an int beyond 32 bits', (c) => c.int(), [0x80, 0x80, 0x80, 0x80, 0x10], null],
    ['true', (c) => c.bool(), [1], 1],
    ['a boolean of 2', (c) => c.bool(), [2], null],
    ['no boolean', (c) => c.bool(), [], null],
    ['the second of two', (c) => c.index(2), [2], 1],
    ['the third of two', (c) => c.index(2), [4], null],
    ['a negative index', (c) => c.index(2), [1], null],
    ['text', (c) => c.skipBytes(), [4, 65, 66], 1],
    ['text longer than the rest', (c) => c.skipBytes(), [6, 65, 66], null],
    ['text of negative length', (c) => c.skipBytes(), [1, 65, 66], null],
    ['a block', (c) => c.block(2), [2, 0, 0], 1],
    ['a block with its size', (c) => c.block(2), [1, 4, 0, 0], 1],
    ['a block of more than fits', (c) => c.block(2), [4, 0, 0], null],
    ['the end of blocks', (c) => c.block(2), [0], 0],
  ])('reads %s', (_, take, bytes, expected) => {
    const cursor = open(Uint8Array.from(bytes))
    const value = take(cursor)
    expect(cursor.faulty ? null : value).toBe(expected)
  })

  it('stays faulty at the end once it is', () => {
    const cursor = open(Uint8Array.of(4, 2))
    cursor.index(2)
    expect([cursor.long(), cursor.int(), cursor.bool(), cursor.block(1), cursor.faulty]).toEqual([
      0,
      0,
      0,
      0,
      true,
    ])
  })

  it('does not open what lies outside the buffer', () => {
    for (const [start, end] of [
      [-1, 2],
      [0, 5],
      [3, 2],
    ] as const) {
      const cursor = new AvroCursor()
      cursor.open(new Uint8Array(4), start, end)
      expect(cursor.faulty).toBe(true)
    }
  })
})
