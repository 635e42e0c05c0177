// Figures of one row: ranks at the small numbers where an off-by-one would show.
import { expect, test } from 'vitest'
import { Entry } from '../../../src/core/window/entry.ts'
import { gridOf } from '../../../src/core/window/grid.ts'
import { OLD, OPEN, RECENT, Tallies, W10 } from '../../../src/core/window/tallies.ts'

const grid = gridOf(4)
const slot = (us: number): number => grid.slotOf(grid.indexOf(us))

function delta(n: number, errors: number, ...latencies: readonly [number, number][]): Entry {
  const entry = new Entry()
  entry.clear(1)
  entry.n = n
  entry.errors = errors
  for (const [at, count] of latencies) entry.push(at, count)
  return entry
}

test('no counts: no rate, no quantile', () => {
  const tallies = new Tallies(grid)
  expect(tallies.p99Us(1, 60_000)).toBe(-1)
  expect(tallies.figures(1, 60_000)).toEqual({
    spanMs: 60_000,
    n: 0,
    errors: 0,
    successRate: null,
    p99Us: null,
    maxUs: 0,
  })
})

test('P99 is the nearest rank: the largest of up to 99, the second largest of 100', () => {
  const tallies = new Tallies(grid)
  tallies.add(1, RECENT, delta(99, 0, [slot(1_000), 98], [slot(900_000), 1]))
  expect(tallies.figures(1, 60_000).p99Us).toBeGreaterThan(800_000)
  tallies.add(1, RECENT, delta(1, 0, [slot(1_000), 1]))
  expect(tallies.figures(1, 60_000).p99Us).toBeLessThan(1_100)
  expect(tallies.figures(1, 60_000).maxUs).toBe(grid.upperUs(slot(900_000)))
})

test('requests without a latency count for the rate alone', () => {
  const tallies = new Tallies(grid)
  tallies.add(1, W10, delta(10, 5))
  expect(tallies.figures(1, 10_000)).toMatchObject({
    n: 10,
    successRate: 0.5,
    p99Us: null,
    maxUs: 0,
  })
})

test('all of them at 0 µs', () => {
  const tallies = new Tallies(grid)
  const zeros = delta(3, 0, [0, 3])
  tallies.add(1, RECENT, zeros)
  expect(tallies.figures(1, 60_000)).toMatchObject({ p99Us: 0, maxUs: 0 })
  tallies.subtract(1, RECENT, zeros)
  expect(tallies.nonEmpty(1, 60_000)).toEqual([])
})

test('what has left the middle window counts in the long one; settling makes it an entry', () => {
  const tallies = new Tallies(grid)
  const each = delta(4, 1, [100, 2], [200, 2])
  for (const section of [W10, RECENT, OLD, W10, RECENT, OPEN]) tallies.add(1, section, each)
  tallies.subtract(1, W10, each)
  const counted = (): number[] =>
    ([10_000, 60_000, 300_000] as const).map((span) => tallies.requests(1, span))
  expect(counted()).toEqual([4, 4, 12])
  const settled = new Entry()
  tallies.settle(1, settled)
  expect([settled.n, settled.errors, settled.latencies]).toEqual([4, 1, 4])
  expect(counted()).toEqual([4, 4, 12])
  expect(tallies.nonEmpty(1, 300_000)).toEqual([100, 6, 200, 6])
  tallies.subtract(1, OLD, settled)
  expect(tallies.nonEmpty(1, 300_000)).toEqual([100, 4, 200, 4])
  tallies.empty(1, W10)
  expect(counted()).toEqual([0, 4, 8])
  tallies.release(1)
  expect(tallies.requests(1, 300_000)).toBe(0)
})

test('a row and its service count the same at once', () => {
  const tallies = new Tallies(grid)
  const each = delta(4, 1, [100, 2], [200, 2])
  tallies.addBoth(1, 2, RECENT, each)
  tallies.addBoth(1, 2, RECENT, each)
  tallies.open(1, 2, each)
  for (const row of [1, 2]) {
    expect(tallies.nonEmpty(row, 60_000)).toEqual([100, 2, 200, 2])
    expect(tallies.figures(row, 300_000)).toMatchObject({ n: 8, errors: 2 })
    expect(tallies.figures(row, 60_000)).toMatchObject({ n: 4, errors: 1 })
  }
})
