// Figures of one row: ranks at the small numbers where an off-by-one would show.
import { expect, test } from 'vitest'
import { Row } from '../../../src/core/window/row.ts'
import { indexOf, slotOf, upperUs } from '../../../src/core/window/grid.ts'

const row = (): Row => new Row(1, { service: 's', instance: 'a', caller: null })
const slot = (us: number): number => slotOf(indexOf(us))

test('no counts: no rate, no quantile', () => {
  expect(row().figures(60_000)).toEqual({
    spanMs: 60_000,
    n: 0,
    errors: 0,
    successRate: null,
    p99Us: null,
    maxUs: 0,
  })
})

test('P99 is the nearest rank: the largest of up to 99, the second largest of 100', () => {
  const one = row()
  one.total(99, 0, 1)
  one.latency(slot(1_000), 98)
  one.latency(slot(900_000), 1)
  expect(one.figures(60_000).p99Us).toBeGreaterThan(800_000)
  one.total(1, 0, 1)
  one.latency(slot(1_000), 1)
  expect(one.figures(60_000).p99Us).toBeLessThan(1_100)
  expect(one.figures(60_000).maxUs).toBe(upperUs(slot(900_000)))
})

test('requests without a latency count for the rate alone', () => {
  const one = row()
  one.total(10, 5, 1)
  expect(one.figures(60_000)).toMatchObject({ n: 10, successRate: 0.5, p99Us: null, maxUs: 0 })
})

test('all of them at 0 µs', () => {
  const one = row()
  one.total(3, 0, 1)
  one.latency(0, 3)
  expect(one.figures(60_000)).toMatchObject({ p99Us: 0, maxUs: 0 })
  one.latency(0, -3)
  expect(one.nonEmpty()).toEqual([])
})
