// Entries through their packed form: nothing of them is lost, whatever the size of the counts.
import fc from 'fast-check'
import { expect, test } from 'vitest'
import {
  eachPair,
  Entry,
  entryEnd,
  firstSlotOf,
  lastSlotOf,
  latenciesOf,
  pack,
  relabel,
  rowAt,
  unpack,
  wordsOf,
} from '../../../src/core/window/entry.ts'

const count = fc.oneof(
  fc.integer({ min: 1, max: 40 }),
  fc.integer({ min: 65_530, max: 65_540 }),
  fc.integer({ min: 1, max: 2 ** 46 }),
)

const plain = fc.record({
  row: fc.nat({ max: 2 ** 31 - 1 }),
  ms: fc.nat({ max: 999 }),
  n: fc.oneof(fc.nat({ max: 70_000 }), fc.maxSafeNat()),
  errors: fc.nat({ max: 70_000 }),
  pairs: fc.uniqueArray(fc.tuple(fc.nat({ max: 1_281 }), count), {
    selector: ([slot]) => slot,
    maxLength: 60,
  }),
})

function content(entry: Entry): unknown {
  const { row, ms, n, errors } = entry
  const latencies = latenciesOf(entry)
  const flat: [number, number][] = []
  eachPair(entry, (slot, each) => flat.push([slot, each]))
  const range = flat.length === 0 ? [] : [firstSlotOf(entry), lastSlotOf(entry)]
  return { row, ms, n, errors, latencies, flat, range }
}

test('entries one after the other come back as they were', () => {
  fc.assert(
    fc.property(fc.array(plain, { minLength: 1, maxLength: 8 }), (all) => {
      const words = new Uint16Array(65_536)
      const wanted: unknown[] = []
      let end = 0
      for (const { row, ms, n, errors, pairs } of all) {
        const entry = new Entry()
        entry.clear(row)
        Object.assign(entry, { ms, n, errors })
        for (const [slot, each] of pairs.toSorted(([a], [b]) => a - b)) entry.push(slot, each)
        wanted.push(content(entry))
        const next = pack(entry, words, end)
        expect(next - end).toBe(wordsOf(entry))
        end = next
      }
      const found: unknown[] = []
      const entry = new Entry()
      for (let at = 0; at < end; ) {
        const next = unpack(words, at, entry)
        found.push(content(entry))
        expect(entryEnd(words, at)).toBe(next)
        relabel(words, at, entry.row ^ 65_537)
        expect(rowAt(words, at)).toBe(entry.row ^ 65_537)
        at = next
      }
      expect(found).toEqual(wanted)
    }),
    { numRuns: 200 },
  )
})

const LAST = 1_281

test('buckets taken in one go are what they are one by one', () => {
  const index = fc.oneof(fc.nat({ max: LAST }), fc.integer({ min: -3, max: LAST + 3 }))
  const bucket = fc.tuple(
    index,
    fc.oneof(
      { weight: 5, arbitrary: fc.integer({ min: 1, max: 31 }) },
      { weight: 1, arbitrary: count },
    ),
  )
  fc.assert(
    fc.property(fc.array(bucket, { maxLength: 60 }), fc.nat({ max: 3 }), (buckets, zeros) => {
      const sorted = buckets.toSorted(([a], [b]) => a - b)
      const slotOf = (at: number): number => Math.min(LAST, 2 + Math.max(-1, at))
      const [each, all] = [new Entry(), new Entry()]
      for (const entry of [each, all]) {
        entry.clear(1)
        if (zeros > 0) entry.push(0, zeros)
      }
      for (const [at, more] of sorted) each.push(slotOf(at), more)
      const counts = {
        buckets: sorted.length,
        bucketIndex: Int32Array.from(sorted, ([at]) => at),
        bucketCount: Float64Array.from(sorted, ([, more]) => more),
      }
      const taken = all.pushPlain(counts, 2, LAST)
      const next = sorted[taken]
      const before = taken > 0 ? slotOf(sorted[taken - 1]?.[0] ?? 0) : 0
      if (next !== undefined) {
        const slot = 2 + next[0]
        expect(next[1] > 29 || slot <= before || slot > LAST).toBe(true)
      }
      for (const [at, more] of sorted.slice(taken)) all.push(slotOf(at), more)
      expect(content(all)).toEqual(content(each))
    }),
    { numRuns: 300 },
  )
})

test('a second of ten requests takes thirty bytes', () => {
  const entry = new Entry()
  entry.clear(70_000)
  entry.n = 10
  for (let slot = 200; slot < 209; slot++) entry.push(slot, slot === 200 ? 2 : 1)
  expect(2 * wordsOf(entry)).toBe(30)
  expect(entry.latencies).toBe(10)
})

test('the same slot again adds up', () => {
  const entry = new Entry()
  entry.push(7, 1)
  entry.push(7, 65_535)
  entry.push(9, 2)
  expect(content(entry)).toMatchObject({
    flat: [
      [7, 65_536],
      [9, 2],
    ],
  })
})
