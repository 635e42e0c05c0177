// The grid against its definition, with integers of any size as judge: index i holds v when 2^i <
// v^16 ≤ 2^(i+1).
import { describe, expect, test } from 'vitest'
import {
  INDEX_MAX,
  indexAtScale4,
  indexOf,
  middleUs,
  SLOTS,
  slotOf,
  upperUs,
} from '../../../src/core/window/grid.ts'

function holds(index: number, latencyUs: number): boolean {
  const power = BigInt(latencyUs) ** 16n
  return power > 1n << BigInt(index) && power <= 1n << BigInt(index + 1)
}

/** Small ones, every edge of the grid with its neighbours, and a spread of large ones. */
function latencies(): number[] {
  const all = new Set<number>()
  for (let v = 2; v < 5_000; v++) all.add(v)
  for (let slot = 2; slot < SLOTS - 1; slot++) {
    for (const by of [-1, 0, 1]) all.add(upperUs(slot) + by)
  }
  for (let v = 7_919; v < 2 ** 40; v = Math.floor(v * 1.37) + 1) all.add(v)
  return [...all].filter((v) => v >= 2 && v <= 2 ** 40)
}

describe('index of a latency', () => {
  test('is exact against the definition', () => {
    const wrong = latencies().filter((v) => !holds(indexOf(v), v))
    expect(wrong).toEqual([])
  })

  test('ends of the grid', () => {
    expect(indexOf(0)).toBe(-1)
    expect(indexOf(1)).toBe(-1)
    expect(indexOf(2)).toBe(15)
    expect(indexOf(2 ** 40)).toBe(INDEX_MAX)
    expect(indexOf(2 ** 40 + 1)).toBe(INDEX_MAX)
    expect(indexOf(Number.MAX_SAFE_INTEGER)).toBe(INDEX_MAX)
    expect(slotOf(-1)).toBe(1)
    expect(slotOf(-2_000_000)).toBe(1)
    expect(slotOf(INDEX_MAX)).toBe(SLOTS - 1)
    expect(slotOf(2_000_000_000)).toBe(SLOTS - 1)
  })
})

describe('what a slot stands for', () => {
  test('is within 2.2 % and half a microsecond of every latency in it', () => {
    const wrong = latencies().filter((v) => {
      const off = Math.abs(middleUs(slotOf(indexOf(v))) - v)
      return off > 0.0219 * v + 0.5
    })
    expect(wrong).toEqual([])
  })

  test('lies below its upper edge, which is its own last latency', () => {
    for (let slot = 1; slot < SLOTS; slot++) {
      expect(middleUs(slot)).toBeLessThanOrEqual(upperUs(slot))
      const edge = upperUs(slot)
      if (slot > 100) expect(slotOf(indexOf(edge))).toBe(slot)
    }
  })

  test('0 and 1 µs are themselves', () => {
    expect(middleUs(0)).toBe(0)
    expect(middleUs(1)).toBe(1)
    expect(upperUs(0)).toBe(0)
    expect(upperUs(1)).toBe(1)
  })
})

describe('other scales', () => {
  test('a finer bucket merges into the one that contains it', () => {
    // Scale 5, bucket i: (2^(i/32), 2^((i+1)/32)]; two of them make one of scale 4.
    for (let i = -64; i < 640; i++) expect(indexAtScale4(i, 5)).toBe(Math.floor(i / 2))
    expect(indexAtScale4(-1, 20)).toBe(-1)
    expect(indexAtScale4(65_536 * 33 + 17, 20)).toBe(33)
  })

  test('a coarser bucket counts where its upper edge lies', () => {
    // Scale 0, bucket 9: (512, 1024]; 1024 lies in bucket 159 of scale 4.
    expect(indexAtScale4(9, 0)).toBe(indexOf(1_024))
    expect(indexAtScale4(9, 3)).toBe(19)
    expect(indexAtScale4(0, -10)).toBe(16_383)
    expect(indexAtScale4(-1, 0)).toBe(-1)
  })
})
