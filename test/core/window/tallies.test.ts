// Figures of one row: ranks at the small numbers where an off-by-one would show.
import { expect, test } from 'vitest'
import { Entry } from '../../../src/core/window/entry.ts'
import { gridOf } from '../../../src/core/window/grid.ts'
import { OLD, OPEN, Tallies, W10, W60 } from '../../../src/core/window/tallies.ts'

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
  tallies.addNew(1, delta(99, 0, [slot(1_000), 98], [slot(900_000), 1]))
  expect(tallies.figures(1, 60_000).p99Us).toBeGreaterThan(800_000)
  tallies.addNew(1, delta(1, 0, [slot(1_000), 1]))
  expect(tallies.figures(1, 60_000).p99Us).toBeLessThan(1_100)
  expect(tallies.figures(1, 60_000).maxUs).toBe(grid.upperUs(slot(900_000)))
})

test('requests without a latency count for the rate alone', () => {
  const tallies = new Tallies(grid)
  tallies.addNew(1, delta(10, 5))
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
  tallies.add(1, W60, zeros)
  expect(tallies.figures(1, 60_000)).toMatchObject({ p99Us: 0, maxUs: 0 })
  tallies.subtract(1, W60, zeros)
  expect(tallies.nonEmpty(1, 60_000)).toEqual([])
})

test('the long window is made of three sections, and draining one makes an entry of it', () => {
  const tallies = new Tallies(grid)
  const each = delta(4, 1, [100, 2], [200, 2])
  tallies.addNew(1, each)
  tallies.add(1, OLD, each)
  tallies.addNew(1, each)
  tallies.pass(1, each)
  tallies.subtract(1, W10, each)
  expect([10_000, 60_000, 300_000].map((span) => tallies.requests(1, span as 60_000))).toEqual([
    4, 4, 12,
  ])
  const drained = new Entry()
  tallies.drain(1, OPEN, drained)
  expect([drained.n, drained.errors, drained.latencies]).toEqual([4, 1, 4])
  expect(tallies.nonEmpty(1, 300_000)).toEqual([100, 4, 200, 4])
  tallies.release(1)
  expect(tallies.requests(1, 300_000)).toBe(0)
})
