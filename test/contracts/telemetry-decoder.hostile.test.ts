// Bytes that are no telemetry: cut, flipped, grown, made up, and bombs. Every one ends in a reason.
import { beforeAll, describe, expect, it } from 'vitest'
import { DatumWriter, fullDelta, random, randomDelta } from './telemetry-fixture.ts'
import { compare, cut, decode, encode, oracle, scratch, tameOracle } from './telemetry-oracle.ts'

beforeAll(tameOracle)

describe('hostile bytes', () => {
  it('refuses every prefix of a datum', () => {
    const next = random(2)
    const datums = [fullDelta(), ...Array.from({ length: 20 }, () => randomDelta(next))].map(encode)
    for (const datum of datums)
      for (let end = 0; end < datum.length; end++) {
        const prefix = datum.subarray(0, end)
        expect(decode(prefix)).toBe(end === 0 ? 'empty' : 'corrupt')
        expect(oracle(prefix)).toBeNull()
      }
  })

  it('agrees with avsc on every single byte changed to any other', () => {
    const datum = encode(fullDelta())
    let taken = 0
    for (let at = 0; at < datum.length; at++)
      for (let flip = 1; flip < 256; flip++) {
        const bytes = Buffer.from(datum)
        bytes[at] = (bytes[at] ?? 0) ^ flip
        if (compare(bytes)) taken++
      }
    expect(taken).toBeGreaterThan(1_000)
  }, 60_000)

  it('agrees with avsc on random records with random damage', () => {
    const next = random(3)
    for (let i = 0; i < 20_000; i++) {
      let bytes = encode(randomDelta(next))
      const at = Math.floor(next() * bytes.length)
      const kind = Math.floor(next() * 4)
      if (kind === 0) bytes[at] = Math.floor(next() * 256)
      if (kind === 1) bytes = Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + 1)])
      if (kind === 2) bytes = Buffer.concat([bytes.subarray(0, at), bytes.subarray(at - 1)])
      if (kind === 3) bytes.fill(0xff, at, Math.min(bytes.length, at + 9))
      compare(bytes)
    }
  }, 60_000)

  it('never throws on noise', () => {
    const next = random(4)
    for (let i = 0; i < 20_000; i++) {
      const bytes = Uint8Array.from({ length: 1 + Math.floor(next() * 80) }, () =>
        Math.floor(next() * 256),
      )
      compare(bytes)
    }
  })

  const { head, tail } = cut(encode(fullDelta()))
  const withBuckets = (...blocks: readonly number[]): Buffer =>
    Buffer.concat([head, Uint8Array.from(blocks), tail])
  const long = (value: number | bigint): number[] => [...new DatumWriter().long(value).done()]

  it.each([
    ['a count of 2^31', withBuckets(...long(2 ** 31))],
    ['a count of 2^53', withBuckets(...long(2n ** 53n))],
    ['the largest 64-bit count', withBuckets(...long(2n ** 63n - 1n))],
    ['the smallest 64-bit count', withBuckets(...long(-(2n ** 63n)), 2)],
    ['a negative count without its size', withBuckets(...long(-1))],
    ['a negative count with a negative size', withBuckets(...long(-1), ...long(-5), 2, 2, 0)],
    ['a block longer than its contents', withBuckets(...long(-1), ...long(3), 2, 2, 0)],
    ['a block shorter than its contents', withBuckets(...long(-1), ...long(1), 2, 2, 0)],
    ['a block larger than the rest', withBuckets(...long(-1), ...long(1 << 20), 2, 2, 0)],
    ['a count of 4,097 in few bytes', withBuckets(...long(4_097), 2, 2, 0)],
    ['a varint of 11 bytes', withBuckets(...Array.from({ length: 10 }, () => 0x80), 0)],
    ['a varint without end', Buffer.alloc(4_000, 0xff)],
    ['a string length of -1', Buffer.from([1, 0, 0])],
    ['a string length of 2^40', Buffer.from([...long(2 ** 40), 0x61])],
    ['trailing bytes', Buffer.concat([encode(fullDelta()), Buffer.alloc(1)])],
    ['two datums', Buffer.concat([encode(fullDelta()), encode(fullDelta())])],
    ['text', Buffer.from('{"service":"shop"}')],
  ])('refuses %s as corrupt', (_, bytes) => {
    expect(decode(bytes)).toBe('corrupt')
  })

  it('refuses a long at or beyond 2^53 in every long of the head', () => {
    const record = fullDelta()
    for (const field of [
      'epoch',
      'seq',
      'incarnation',
      'n',
      'sum_us',
      'max_us',
      'zeros',
    ] as const) {
      const one = encode({ ...record, [field]: 111 })
      const two = encode({ ...record, [field]: 112 })
      const at = one.findIndex((byte, i) => byte !== two[i])
      const skip = 2
      for (const value of [2n ** 53n, 2n ** 62n, -(2n ** 53n), 2n ** 63n - 1n]) {
        const bytes = [one.subarray(0, at), Uint8Array.from(long(value)), one.subarray(at + skip)]
        expect(decode(Buffer.concat(bytes)), `${field} = ${value}`).toBe('corrupt')
      }
    }
  })

  it('takes the largest long and 10-byte forms of small ones', () => {
    const record = { ...fullDelta(), sum_us: 9_007_199_254_740_990 }
    expect(decode(encode(record))).toBeNull()
    expect(scratch.sumUs).toBe(9_007_199_254_740_990)
    const long1 = [0x84, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x00]
    const block = withBuckets(...long1, 2, 2, 4, 4, 0)
    expect(decode(block)).toBeNull()
    expect(scratch.buckets).toBe(2)
  })
})
