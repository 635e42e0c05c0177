// The log of panes: what was added comes out once, in time order, and a burst does not keep its
// memory.
import { expect, test } from 'vitest'
import { type Entry, PaneLog } from '../../../src/core/window/pane-log.ts'

const entry = (row: number, eventMs: number, pairs: number[] = []): Entry => ({
  row,
  serviceRow: 9,
  eventMs,
  n: 1,
  errors: 0,
  pairs: Float64Array.from(pairs),
})

function all(log: PaneLog): number[] {
  const seen: number[] = []
  log.visitAll(({ row, eventMs, pairs }) => seen.push(row, eventMs, ...pairs))
  return seen
}

test('entries come back pane by pane, with their pairs', () => {
  const log = new PaneLog(3)
  log.add(5, entry(1, 5_100, [3, 2, 7, 1]))
  log.add(4, entry(2, 4_000))
  log.add(5, entry(3, 5_000))
  expect(all(log)).toEqual([2, 4_000, 1, 5_100, 3, 2, 7, 1, 3, 5_000])
  expect(log.oldestSec()).toBe(4)
})

test('an evicted pane is empty; another second in its place is left alone', () => {
  const log = new PaneLog(3)
  log.add(4, entry(1, 4_000))
  const seen: number[] = []
  log.evict(1, ({ row }) => seen.push(row))
  expect(seen).toEqual([])
  log.evict(4, ({ row }) => seen.push(row))
  log.evict(4, ({ row }) => seen.push(row))
  expect(seen).toEqual([1])
  expect(log.oldestSec()).toBeNull()
})

test('detach touches only the row and only what began before', () => {
  const log = new PaneLog(3)
  log.add(4, entry(1, 4_000))
  log.add(4, entry(2, 4_000))
  log.add(4, entry(1, 4_500))
  const seen: number[] = []
  log.detach(1, 4_500, ({ eventMs }) => seen.push(eventMs))
  log.detach(1, 4_500, ({ eventMs }) => seen.push(eventMs))
  expect(seen).toEqual([4_000])
  expect(all(log)).toEqual([0, 4_000, 2, 4_000, 1, 4_500])
})

test('grows over a burst and goes on after it', () => {
  const log = new PaneLog(2)
  const pairs = Array.from({ length: 400 }, (_, i) => i)
  for (let i = 0; i < 1_000; i++) log.add(2, entry(1, 2_000, pairs))
  let count = 0
  log.evict(2, (one) => {
    count += one.pairs.length === 400 && one.pairs[399] === 399 ? 1 : 0
  })
  expect(count).toBe(1_000)
  log.add(4, entry(1, 4_000))
  expect(all(log)).toEqual([1, 4_000])
})
