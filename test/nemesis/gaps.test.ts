// How long a fault stopped whom: from the fault to the next commit, and whether it alone was it.
import { expect, test } from 'vitest'
import type { Happened } from './faults.ts'
import { gapFigures, gapsOf } from './gaps.ts'

const at = (id: number, startMs: number, endMs: number): Happened => {
  return { id, kind: 'worker killed', target: '', startMs, endMs, missed: null }
}
const END_MS = 40_000
const everySecond = (from: number, to: number): number[] =>
  Array.from({ length: (to - from) / 1_000 }, (_, i) => from + i * 1_000)

test('the longest of all partitions, from the fault on', () => {
  const stopped = [...everySecond(0, 10_000), ...everySecond(17_500, 40_000)]
  const [gap] = gapsOf([at(1, 9_500, 11_000)], [everySecond(0, 40_000), stopped], END_MS)
  expect(gap).toEqual({ id: 1, kind: 'worker killed', worstMs: 8_000, alone: true, stuck: [] })
})

// A broker killed right after the one before had come back: its 16 s were told of both.
test('what the next fault costs is not told of this one', () => {
  const times = [...everySecond(0, 30_000), ...everySecond(41_000, 60_000)]
  const faults = [at(1, 9_500, 29_000), at(2, 30_200, 31_000)]
  expect(gapsOf(faults, [times], 100_000).map(({ worstMs }) => worstMs)).toEqual([1_000, 10_800])
})

test('a partition that never moves again is told by its number', () => {
  const [gap] = gapsOf(
    [at(1, 9_500, 11_000)],
    [everySecond(0, 40_000), everySecond(0, 9_000)],
    END_MS,
  )
  expect(gap?.stuck).toEqual([1])
})

test('after the last fault nobody has to commit when nothing is sent any more', () => {
  const [gap] = gapsOf([at(1, 29_500, 34_000)], [everySecond(0, 36_000)], 36_000)
  expect([gap?.worstMs, gap?.stuck]).toEqual([1_000, []])
})

test('only faults that were alone make figures', () => {
  const times = [everySecond(0, 100_000)]
  const gaps = gapsOf(
    [at(1, 10_500, 11_000), at(2, 12_500, 13_000), at(3, 60_200, 61_000)],
    times,
    100_000,
  )
  expect(gaps.map(({ alone }) => alone)).toEqual([false, false, true])
  expect(gapFigures(gaps)).toEqual([
    { kind: 'worker killed', count: 1, p50Ms: 1_000, p99Ms: 1_000 },
  ])
})
