// Deltas: ticks on whole seconds, early ones for the first failures in a row, nothing lost or
// counted twice between them.
import fc from 'fast-check'
import { expect, test } from 'vitest'
import {
  DeltaAggregator,
  EARLY_GAP_MS,
  EARLY_RUN_MAX,
  tickStart,
} from '../../../src/runtime/agent/delta.ts'
import { type CountBatch, Tally } from '../../../src/runtime/agent/tally.ts'

const at = (atMs: number) => ({ atMs, tickStartMs: tickStart(atMs) })

function batch(...outcomes: readonly boolean[]): CountBatch {
  const tally = new Tally()
  for (const ok of outcomes) tally.add({ ok, latencyUs: 1_000 })
  return tally.snapshot()
}

test('a failure after a success is due at once, a later one after the gap', () => {
  const counts = new DeltaAggregator({ earlyFlush: true })
  expect(counts.add(batch(true, true), 1_000)).toBeNull()
  expect(counts.add(batch(true, false), 1_010)).toBe(1_010)
  expect(counts.take('early', at(1_010), null)).toMatchObject({ n: 4, errors: 1, flush: 'early' })
  expect(counts.add(batch(false, false), 1_020)).toBe(1_010 + EARLY_GAP_MS)
  expect(counts.add(batch(true), 1_030)).toBeNull()
  expect(counts.add(batch(false), 1_035)).toBe(1_010 + EARLY_GAP_MS)
})

// An instance that failed every request was judged by the rule of five failures in a row only with
// the next tick: the first failure went out early, the four after it waited up to a second.
test('failures in a row are told of early until there are enough of them, then by the tick', () => {
  const counts = new DeltaAggregator({ earlyFlush: true })
  let early = 0
  for (let i = 0; i < 100; i++) if (counts.add(batch(false), i * 100) !== null) early += 1
  expect(early).toBe(EARLY_RUN_MAX)
  expect(counts.add(batch(true, false), 20_000)).toBe(20_000)
})

test('an instance that fails from its first request on is told of at once', () => {
  const counts = new DeltaAggregator({ earlyFlush: true })
  expect(counts.add(batch(false), 5)).toBe(5)
})

test('switched off, nothing is due before the tick', () => {
  const counts = new DeltaAggregator({ earlyFlush: false })
  expect(counts.add(batch(true, false), 1_000)).toBeNull()
  expect(counts.take('tick', at(2_000), null)).toMatchObject({
    n: 2,
    errors: 1,
    flush: 'tick',
    tick_start_ms: 2_000,
    tick_ms: 1_000,
  })
})

test('nothing counted and nothing measured is no delta', () => {
  const counts = new DeltaAggregator({ earlyFlush: true })
  expect(counts.take('tick', at(1_000), null)).toBeNull()
})

// A hung process counts nothing, and its silence could not be told from counts that were lost.
test('nothing counted is told where that is news', () => {
  const counts = new DeltaAggregator({ earlyFlush: true })
  expect(counts.take('tick', at(1_000), null, true)).toMatchObject({ n: 0, errors: 0 })
})

test('early deltas and ticks hold every request once; gaps lead back to the grid', () => {
  const outcomes = fc.array(
    fc.record({ ok: fc.boolean(), latencyUs: fc.integer({ min: 0, max: 3_000_000 }) }),
    { maxLength: 60 },
  )
  fc.assert(
    fc.property(outcomes, (samples) => {
      const counts = new DeltaAggregator({ earlyFlush: true })
      const wanted = new Tally()
      const found = new Map<number, number>()
      let [n, zeros] = [0, 0]
      const take = (flush: 'tick' | 'early', nowMs: number): void => {
        const delta = counts.take(flush, at(nowMs), null)
        let index = 0
        for (const { gap, count } of delta?.buckets ?? []) {
          index += gap
          found.set(index, (found.get(index) ?? 0) + count)
        }
        n += delta?.n ?? 0
        zeros += delta?.zeros ?? 0
      }
      samples.forEach((sample, i) => {
        const one = new Tally()
        one.add(sample)
        wanted.add(sample)
        const nowMs = i * 37
        if (counts.add(one.snapshot(), nowMs) !== null) take('early', nowMs)
        if (i % 10 === 9) take('tick', nowMs)
      })
      take('tick', 1_000_000)
      const { buckets, n: all, zeros: none } = wanted.snapshot()
      expect([n, zeros]).toEqual([all, none])
      expect([...found].sort(([a], [b]) => a - b)).toEqual(buckets)
    }),
  )
})

test('metrics go with the tick, the newest of each once, and not with an early delta', () => {
  const counts = new DeltaAggregator({ earlyFlush: true })
  counts.tell([
    { name: 'a', value: 1 },
    { name: 'b', value: 2 },
  ])
  counts.tell([{ name: 'a', value: 3 }])
  expect(counts.take('early', at(1_010), null)).toBeNull()
  const metrics = [
    { name: 'a', value: 3 },
    { name: 'b', value: 2 },
  ]
  expect(counts.take('tick', at(2_000), null)).toMatchObject({ n: 0, metrics })
  expect(counts.take('tick', at(3_000), null)).toBeNull()
  counts.tell(Array.from({ length: 40 }, (_, i) => ({ name: `m${i}`, value: i })))
  expect(counts.take('tick', at(4_000), null)?.metrics).toHaveLength(32)
  counts.tell(metrics)
  counts.clear()
  expect(counts.take('tick', at(5_000), null)).toBeNull()
})
