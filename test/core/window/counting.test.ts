// The inner loops against plain sums: what they count, and where they stop.
import fc from 'fast-check'
import { expect, test } from 'vitest'
import {
  addBoth,
  addNarrow,
  addWide,
  type Section,
  settleNarrow,
  subtractNarrow,
  topNarrow,
  topWide,
} from '../../../src/core/window/counting.ts'
import { eachPair, Entry } from '../../../src/core/window/entry.ts'

const SLOTS = 40
const NARROW_MOST = 65_535

/** By slot. */
const counts = (most: number): fc.Arbitrary<readonly number[]> =>
  fc.array(fc.oneof(fc.nat({ max: 35 }), fc.nat({ max: most })), {
    minLength: SLOTS,
    maxLength: SLOTS,
  })

function entryOf(bySlot: readonly number[]): Entry {
  const entry = new Entry()
  entry.clear(0)
  for (const [slot, count] of bySlot.entries()) if (count > 0) entry.push(slot, count)
  entry.done = entry.first
  return entry
}

const narrow = (bySlot: readonly number[], sections: number = 1): Uint16Array<ArrayBuffer> => {
  const cells = new Uint16Array(SLOTS * sections)
  cells.set(bySlot)
  return cells
}

/** Slot of the first pair that does not fit; SLOTS: all do. */
const firstTooMuch = (held: readonly number[], more: readonly number[]): number => {
  const found = more.findIndex((count, i) => count > 0 && (held[i] ?? 0) + count > NARROW_MOST)
  return found < 0 ? SLOTS : found
}

/** The slot that the entry goes on with. */
function nextSlot(entry: Entry): number {
  const slots: number[] = []
  const rest = new Entry()
  rest.clear(0)
  rest.words = entry.words
  rest.first = entry.done
  rest.end = entry.end
  eachPair(rest, (slot) => slots.push(slot))
  return slots[0] ?? SLOTS
}

const plus = (
  held: readonly number[],
  more: readonly number[],
  before: number,
): readonly number[] => held.map((count, i) => count + (i < before ? (more[i] ?? 0) : 0))

test('narrow cells take all up to the pair that would overflow, and give it back', () => {
  fc.assert(
    fc.property(counts(NARROW_MOST), counts(2 ** 40), (held, more) => {
      const cells = narrow(held)
      const entry = entryOf(more)
      addNarrow(cells, 0, entry)
      const stop = firstTooMuch(held, more)
      expect([...cells]).toEqual(plus(held, more, stop))
      if (stop < SLOTS) expect(nextSlot(entry)).toBe(stop)
      else {
        entry.done = entry.first
        subtractNarrow(cells, 0, entry)
        expect([...cells]).toEqual(held)
      }
    }),
  )
})

test('two rows are counted as one after the other, and stop where either would overflow', () => {
  fc.assert(
    fc.property(
      fc.tuple(counts(NARROW_MOST), counts(NARROW_MOST), counts(NARROW_MOST)),
      ([one, two, more]) => {
        const [a, b] = [narrow(one), narrow(two)]
        const section = (cells: Section['cells']): Section => {
          return { cells, base: 0, low: 0, size: SLOTS }
        }
        const entry = entryOf(more)
        addBoth(section(a), section(b), entry)
        const stop = Math.min(firstTooMuch(one, more), firstTooMuch(two, more))
        expect([...a]).toEqual(plus(one, more, stop))
        expect([...b]).toEqual(plus(two, more, stop))
        expect(nextSlot(entry)).toBe(stop)
      },
    ),
  )
})

test('wide cells take everything, and give it back', () => {
  fc.assert(
    fc.property(counts(2 ** 40), counts(2 ** 40), (held, more) => {
      const cells = Float64Array.from(held)
      const entry = entryOf(more)
      addWide(cells, 0, entry, 1)
      expect([...cells]).toEqual(plus(held, more, SLOTS))
      entry.done = entry.first
      addWide(cells, 0, entry, -1)
      expect([...cells]).toEqual(held)
    }),
  )
})

test('a section that is settled has moved on, and is written down', () => {
  fc.assert(
    fc.property(counts(30_000), counts(30_000), counts(NARROW_MOST), (open, rest, old) => {
      const recent = plus(open, rest, SLOTS)
      const cells = narrow(recent, 3)
      cells.set(open, SLOTS)
      cells.set(old, 2 * SLOTS)
      const entry = new Entry()
      entry.clear(0)
      const isDone = settleNarrow(cells, { from: SLOTS, size: SLOTS, apart: SLOTS, low: 7 }, entry)
      const stop = firstTooMuch(old, open)
      expect(isDone).toBe(stop === SLOTS)
      const left = open.map((count, i) => (i < stop ? 0 : count))
      const before = plus(rest, left, SLOTS)
      expect([...cells]).toEqual([...before, ...left, ...plus(old, open, stop)])
      const written = new Map<number, number>()
      eachPair(entry, (slot, count) => written.set(slot, count))
      const wanted = open.flatMap((count, i) =>
        i < stop && count > 0 ? [[7 + i, count] as const] : [],
      )
      expect(written).toEqual(new Map(wanted))
    }),
  )
})

test('the top is the highest place above which no more than so many are counted', () => {
  const times = fc.constantFrom(1, 0, -1)
  fc.assert(
    fc.property(counts(50), counts(50), times, fc.nat({ max: 3_000 }), (one, two, by, above) => {
      // What is not meant is part of what is counted.
      const all = by < 0 ? plus(one, two, SLOTS) : one
      const cells = [...all, ...one.map(() => 9_999), ...two]
      const meant = all.map((count, i) => count + by * (two[i] ?? 0))
      const seen = (from: number): number =>
        meant.reduce((sum, count, i) => sum + (i >= from ? count : 0), 0)
      const wanted = all.map((_, i) => i).findLast((i) => seen(i) > above) ?? -1
      const stretch = { from: 0, size: SLOTS, apart: 2 * SLOTS, times: by }
      expect(topNarrow(Uint16Array.from(cells), stretch, above)).toBe(wanted)
      expect(topWide(Float64Array.from(cells), stretch, above)).toBe(wanted)
    }),
  )
})
