// The grids against their definition, with integers of any size as judge: index i holds v when
// 2^i < v^n ≤ 2^(i+1), n buckets an octave.
import { describe, expect, test } from 'vitest'
import { type Grid, gridOf, INDEX_MAX, indexOf } from '../../../src/core/window/grid.ts'

function holds(perOctave: bigint, index: number, latencyUs: number): boolean {
  const power = BigInt(latencyUs) ** perOctave
  return power > 1n << BigInt(index) && power <= 1n << BigInt(index + 1)
}

/** Small ones, every edge of the grid with its neighbours, and a spread of large ones. */
function latencies(grid: Grid): number[] {
  const all = new Set<number>()
  for (let v = 2; v < 5_000; v++) all.add(v)
  for (let slot = 2; slot < grid.slots - 1; slot++) {
    for (const by of [-1, 0, 1]) all.add(grid.upperUs(slot) + by)
  }
  for (let v = 7_919; v < 2 ** 40; v = Math.floor(v * 1.37) + 1) all.add(v)
  return [...all].filter((v) => v >= 2 && v <= 2 ** 40)
}

describe.each([
  { scale: 4, perOctave: 16n, within: 0.0219 },
  { scale: 5, perOctave: 32n, within: 0.0109 },
] as const)('grid of scale $scale', ({ scale, perOctave, within }) => {
  const grid = gridOf(scale)

  test('the index of a latency is exact against the definition', () => {
    const wrong = latencies(grid).filter((v) => !holds(perOctave, grid.indexOf(v), v))
    expect(wrong).toEqual([])
  })

  test('ends of the grid', () => {
    const { indexMax, slots } = grid
    expect(indexMax).toBe(40 * Number(perOctave) - 1)
    expect([0, 1].map((v) => grid.indexOf(v))).toEqual([-1, -1])
    expect(grid.indexOf(2)).toBe(Number(perOctave) - 1)
    expect(grid.indexOf(2 ** 40)).toBe(indexMax)
    expect(grid.indexOf(2 ** 40 + 1)).toBe(indexMax)
    expect(grid.indexOf(Number.MAX_SAFE_INTEGER)).toBe(indexMax)
    expect(grid.slotOf(-1)).toBe(1)
    expect(grid.slotOf(-2_000_000)).toBe(1)
    expect(grid.slotOf(indexMax)).toBe(slots - 1)
    expect(grid.slotOf(2_000_000_000)).toBe(slots - 1)
  })

  test('a slot stands for every latency in it within its error and half a microsecond', () => {
    const wrong = latencies(grid).filter((v) => {
      const off = Math.abs(grid.middleUs(grid.slotOf(grid.indexOf(v))) - v)
      return off > within * v + 0.5
    })
    expect(wrong).toEqual([])
  })

  test('a slot lies below its upper edge, which is its own last latency', () => {
    for (let slot = 1; slot < grid.slots; slot++) {
      const edge = grid.upperUs(slot)
      expect(grid.middleUs(slot)).toBeLessThanOrEqual(edge)
      if (slot > 6 * Number(perOctave)) expect(grid.slotOf(grid.indexOf(edge))).toBe(slot)
    }
  })

  test('0 and 1 µs are themselves', () => {
    expect([0, 1].map((slot) => grid.middleUs(slot))).toEqual([0, 1])
    expect([0, 1].map((slot) => grid.upperUs(slot))).toEqual([0, 1])
  })
})

test('agents count at scale 4', () => {
  expect(INDEX_MAX).toBe(639)
  for (const v of [1, 2, 1_000, 123_456]) expect(indexOf(v)).toBe(gridOf(4).indexOf(v))
})

describe('other scales', () => {
  const grid = gridOf(4)

  test('a finer bucket merges into the one that contains it', () => {
    // Scale 5, bucket i: (2^(i/32), 2^((i+1)/32)]; two of them make one of scale 4.
    for (let i = -64; i < 640; i++) expect(grid.indexFrom(i, 5)).toBe(Math.floor(i / 2))
    expect(grid.indexFrom(-1, 20)).toBe(-1)
    expect(grid.indexFrom(65_536 * 33 + 17, 20)).toBe(33)
  })

  test('a coarser bucket counts where its upper edge lies', () => {
    // Scale 0, bucket 9: (512, 1024]; 1024 lies in bucket 159 of scale 4.
    expect(grid.indexFrom(9, 0)).toBe(grid.indexOf(1_024))
    expect(grid.indexFrom(9, 3)).toBe(19)
    expect(grid.indexFrom(0, -10)).toBe(16_383)
    expect(grid.indexFrom(-1, 0)).toBe(-1)
    expect(gridOf(5).indexFrom(9, 4)).toBe(19)
  })
})
