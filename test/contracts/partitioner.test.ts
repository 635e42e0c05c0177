// Known vectors: org.apache.kafka.common.utils.UtilsTest.testMurmur2. Oracle for the rest: the same
// hash on BigInt.
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { murmur2, partitionFor } from '../../src/contracts/partitioner.ts'

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text)

describe('murmur2', () => {
  it.each([
    ['21', -973932308],
    ['foobar', -790332482],
    ['a-little-bit-long-string', -985981536],
    ['a-little-bit-longer-string', -1486304829],
    ['lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8', -58897971],
    ['abc', 479470107],
  ])("gives Kafka's value for %s", (text, hash) => {
    expect(murmur2(bytes(text))).toBe(hash)
  })

  it('equals the definition written with 64-bit arithmetic', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 3, maxLength: 300 }), (raw) => {
        expect(murmur2(raw)).toBe(byDefinition(raw))
        expect(murmur2(raw, 3, raw.length)).toBe(byDefinition(raw.subarray(3)))
      }),
      { numRuns: 5_000 },
    )
  })
})

describe('partitionFor', () => {
  it('takes text as UTF-8', () => {
    expect(partitionFor('größe', 12)).toBe(partitionFor(bytes('größe'), 12))
  })

  it('clears the sign instead of taking the absolute value', () => {
    // '21' hashes to -973932308; toPositive gives 1173551340.
    expect(partitionFor('21', 12)).toBe(1173551340 % 12)
  })

  it('stays inside the number of partitions and refuses nonsense', () => {
    fc.assert(
      fc.property(fc.string(), fc.integer({ min: 1, max: 1000 }), (key, n) => {
        const partition = partitionFor(key, n)
        expect(partition >= 0 && partition < n && Number.isInteger(partition)).toBe(true)
      }),
    )
    for (const n of [0, -1, 1.5, Number.NaN]) expect(() => partitionFor('a', n)).toThrow(RangeError)
  })
})

/** Austin Appleby's MurmurHash2 as Kafka seeds it, on BigInt. */
function byDefinition(raw: Uint8Array): number {
  const m = 0x5bd1e995n
  const mask = 0xffffffffn
  let h = (0x9747b28cn ^ BigInt(raw.length)) & mask
  let i = 0
  for (; i + 4 <= raw.length; i += 4) {
    let k = BigInt(new DataView(raw.buffer, raw.byteOffset).getUint32(i, true))
    k = (k * m) & mask
    k ^= k >> 24n
    k = (k * m) & mask
    h = ((h * m) & mask) ^ k
  }
  const tail = [...raw.subarray(i)].map(BigInt)
  if (tail.length > 0) {
    tail.forEach((byte, at) => {
      h ^= byte << BigInt(8 * at)
    })
    h = (h * m) & mask
  }
  h ^= h >> 13n
  h = (h * m) & mask
  h ^= h >> 15n
  return Number(BigInt.asIntN(32, h))
}
