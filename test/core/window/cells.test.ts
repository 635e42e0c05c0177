// Counters against Maps: ranges that grow, cells that become wide, places that are used again.
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { Cells } from '../../../src/core/window/cells.ts'
import { eachPair, Entry } from '../../../src/core/window/entry.ts'
import { NOBODY, Slabs } from '../../../src/core/window/slabs.ts'

const ROWS = 12
const SECTIONS = 3

const act = fc.record({
  row: fc.nat({ max: ROWS - 1 }),
  section: fc.nat({ max: SECTIONS - 1 }),
  from: fc.oneof(fc.constant(300), fc.nat({ max: 1_200 })),
  counts: fc.array(fc.oneof(fc.integer({ min: 1, max: 9 }), fc.constantFrom(40_000, 2 ** 40)), {
    minLength: 1,
    maxLength: 30,
  }),
  releases: fc.boolean(),
  tidies: fc.nat({ max: ROWS }),
})

type Held = Map<string, number>

function entryOf(from: number, counts: readonly number[]): Entry {
  const entry = new Entry()
  counts.forEach((count, i) => entry.push(from + 2 * i, count))
  return entry
}

function expectCounts(cells: Cells, held: Held): void {
  for (let row = 0; row < ROWS; row++) {
    const { from, to } = cells.range(row)
    const tops = [-1, -1, -1]
    for (let slot = from; slot < to; slot++) {
      for (let section = 0; section < SECTIONS; section++) {
        const count = held.get(`${row}/${section}/${slot}`) ?? 0
        if (count > 0) tops[section] = slot
        if (cells.count(row, section, slot) !== count) throw new Error(`${row} ${section} ${slot}`)
      }
    }
    const top = (section: number, times: 0 | 1): number =>
      cells.fromTop(row, { section, other: 2, times }, 0)
    expect([0, 1, 2].map((section) => top(section, 0))).toEqual(tops)
    expect([0, 1].map((section) => top(section, 1))).toEqual(
      tops.slice(0, 2).map((own) => Math.max(own, tops[2] ?? -1)),
    )
  }
}

test('rows count what Maps count', () => {
  fc.assert(
    fc.property(fc.array(act, { maxLength: 60 }), (acts) => {
      const cells = new Cells(SECTIONS)
      cells.reserve(ROWS)
      const held: Held = new Map()
      const added: { row: number; section: number; entry: Entry }[] = []
      for (const { row, section, from, counts, releases, tidies } of acts) {
        cells.tidy(tidies)
        if (releases) {
          cells.release(row)
          for (const key of held.keys()) if (key.startsWith(`${row}/`)) held.delete(key)
          added.splice(0, added.length, ...added.filter((one) => one.row !== row))
          continue
        }
        const entry = entryOf(from, counts)
        cells.add(row, section, entry)
        added.push({ row, section, entry })
        counts.forEach((count, i) => {
          const key = `${row}/${section}/${from + 2 * i}`
          held.set(key, (held.get(key) ?? 0) + count)
        })
      }
      expectCounts(cells, held)
      for (const { row, section, entry } of added) cells.subtract(row, section, entry)
      expectCounts(cells, new Map())
      for (let row = 0; row < ROWS; row++) cells.release(row)
      expect(cells.bytes).toBe(0)
    }),
    { numRuns: 100 },
  )
})

function pairsOf(entry: Entry): [number, number][] {
  const pairs: [number, number][] = []
  eachPair(entry, (slot, count) => pairs.push([slot, count]))
  return pairs
}

test('a section moves from the one before it to the one after it, and into an entry', () => {
  const cells = new Cells(SECTIONS)
  cells.reserve(4)
  cells.add(3, 0, entryOf(4, [3]))
  cells.add(3, 0, entryOf(20, [1, 70_000, 6]))
  cells.add(3, 1, entryOf(20, [1, 70_000, 5]))
  cells.add(3, 1, entryOf(4, [2]))
  cells.add(3, 2, entryOf(4, [9]))
  const into = new Entry()
  cells.settle(3, 1, into)
  expect(pairsOf(into)).toEqual([
    [4, 2],
    [20, 1],
    [22, 70_000],
    [24, 5],
  ])
  expect(cells.fromTop(3, { section: 1, other: 1, times: 0 }, 0)).toBe(-1)
  expect([4, 20, 22, 24].map((slot) => cells.count(3, 0, slot))).toEqual([1, 0, 0, 1])
  expect([4, 20, 22, 24].map((slot) => cells.count(3, 2, slot))).toEqual([11, 1, 70_000, 5])
})

test('what moves on becomes wide where it would overflow, and nothing is lost', () => {
  const cells = new Cells(SECTIONS)
  cells.reserve(1)
  cells.add(0, 0, entryOf(0, [1, 50_000, 7]))
  cells.add(0, 1, entryOf(0, [1, 40_000, 7]))
  cells.add(0, 2, entryOf(0, [2, 40_000, 8]))
  const into = new Entry()
  cells.settle(0, 1, into)
  expect(pairsOf(into)).toEqual([
    [0, 1],
    [2, 40_000],
    [4, 7],
  ])
  expect([0, 2, 4].map((slot) => cells.count(0, 0, slot))).toEqual([0, 10_000, 0])
  expect([0, 2, 4].map((slot) => cells.count(0, 2, slot))).toEqual([3, 80_000, 15])
  cells.empty(0, 2)
  expect(cells.fromTop(0, { section: 1, other: 2, times: 1 }, 0)).toBe(-1)
})

test('two rows at once count as each of them would, narrow or wide', () => {
  const counts = fc.array(fc.constantFrom(1, 29, 30, 40_000, 65_535, 2 ** 40), {
    minLength: 1,
    maxLength: 20,
  })
  const steps = fc.array(fc.record({ from: fc.nat({ max: 90 }), counts }), { maxLength: 8 })
  fc.assert(
    fc.property(steps, counts, (all, before) => {
      const [both, each] = [new Cells(SECTIONS), new Cells(SECTIONS)]
      for (const cells of [both, each]) {
        cells.reserve(3)
        cells.add(2, 1, entryOf(0, before))
      }
      const entries = all.map(({ from, counts: own }) => entryOf(from, own))
      for (const entry of entries) {
        both.addBoth(1, 2, 0, entry)
        for (const row of [1, 2]) each.add(row, 0, entry)
      }
      for (const entry of entries) {
        both.againBoth(1, 2, 1, entry)
        for (const row of [1, 2]) each.add(row, 1, entry)
      }
      const into = new Entry()
      for (const cells of [both, each]) {
        into.clear(1)
        cells.settle(1, 1, into)
      }
      for (const row of [1, 2])
        for (let slot = 0; slot < 140; slot++)
          for (let section = 0; section < SECTIONS; section++)
            if (both.count(row, section, slot) !== each.count(row, section, slot))
              throw new Error(`${row} ${section} ${slot}`)
      expect(both.fromTop(1, { section: 0, other: 1, times: 1 }, 0)).toBe(-1)
    }),
    { numRuns: 100 },
  )
})

test('ranks from the top: two sections together, and one without its part in another', () => {
  const cells = new Cells(SECTIONS)
  cells.reserve(1)
  cells.add(0, 0, entryOf(100, [5, 0, 1]))
  cells.add(0, 1, entryOf(101, [3]))
  cells.add(0, 2, entryOf(100, [2]))
  cells.add(0, 2, entryOf(104, [1]))
  const tops = (other: number, times: 1 | -1): number[] =>
    [0, 1, 3, 4, 8, 9].map((above) => cells.fromTop(0, { section: 0, other, times }, above))
  expect(tops(1, 1)).toEqual([104, 101, 101, 100, 100, -1])
  expect(tops(2, -1)).toEqual([100, 100, -1, -1, -1, -1])
})

const MANY = 400

/** Rows that grew in no order to one of three sizes; what each counts in slot 0 is its number. */
function grownAnyhow(cells: Cells): void {
  cells.reserve(MANY)
  for (let i = 0; i < MANY; i++) {
    const row = (i * 149) % MANY
    cells.add(row, 1, entryOf(0, [row + 1]))
  }
  for (let i = 0; i < MANY; i++) cells.add((i * 211) % MANY, 0, entryOf(16 * (i % 3), [1]))
}

/** A whole pass, and the one that may have been under way. */
function tidyAll(cells: Cells): void {
  for (let done = 0; done < 2 * MANY; done += 50) cells.tidy(50)
}

test('rows come into the order of their numbers, and keep what they count', () => {
  const slabs = new Slabs(SECTIONS)
  const cells = new Cells(SECTIONS, slabs)
  grownAnyhow(cells)
  const inOrder = (): number[][] => {
    const byKind = new Map<number, number[]>()
    for (const slab of slabs.held) {
      if (slab === null) continue
      const rows = [...slab.rows].filter((row) => row !== NOBODY)
      byKind.set(slab.kind, [...(byKind.get(slab.kind) ?? []), ...rows])
    }
    return [...byKind.values()]
  }
  const sorted = (rows: readonly number[]): number[] => rows.toSorted((a, b) => a - b)
  const before = inOrder()
  expect(before.some((rows) => rows.join() !== sorted(rows).join())).toBe(true)
  tidyAll(cells)
  expect(inOrder()).toEqual(inOrder().map(sorted))
  expect(inOrder().map(({ length }) => length)).toEqual(before.map(({ length }) => length))
  for (let row = 0; row < MANY; row++) expect(cells.count(row, 1, 0)).toBe(row + 1)
})

test('places that are free are filled, and memory is given back', () => {
  const cells = new Cells(SECTIONS)
  grownAnyhow(cells)
  for (let row = 0; row < MANY; row++) if (row % 8 !== 0) cells.release(row)
  const before = cells.bytes
  tidyAll(cells)
  expect(cells.bytes).toBeLessThan(before / 2)
  for (let row = 0; row < MANY; row++) {
    expect(cells.count(row, 1, 0)).toBe(row % 8 === 0 ? row + 1 : 0)
  }
})
