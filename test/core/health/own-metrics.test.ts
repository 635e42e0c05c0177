// Metrics of the user's own: newest value, order of telling, the most that are told apart, and when
// they are forgotten. Oracle: a list of everything that was told.
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { METRICS_PER_INSTANCE_MAX } from '../../../src/contracts/metric-name.ts'
import { METRIC_STALE_MS, OwnMetrics } from '../../../src/core/health/own-metrics.ts'
import { ImageReader, ImageWriter } from '../../../src/core/kernel/image.ts'

const restored = (one: OwnMetrics): OwnMetrics => {
  const to = new ImageWriter()
  one.save(to)
  const other = new OwnMetrics()
  other.load(new ImageReader(Buffer.concat(to.pieces())))
  return other
}

const told = fc.array(
  fc.record({
    name: fc.constantFrom('a', 'b', 'c', 'd'),
    value: fc.double({ noNaN: true, noDefaultInfinity: true }),
    atMs: fc.integer({ min: 0, max: 200_000 }),
  }),
  { maxLength: 40 },
)

test('holds of each name what was told last, unless that is stale', () => {
  fc.assert(
    fc.property(told, fc.integer({ min: 0, max: 300_000 }), (all, nowMs) => {
      const own = new OwnMetrics()
      for (const { name, value, atMs } of all) own.fold(name, value, atMs)
      const same = restored(own)
      const wanted = new Map<string, number>()
      const due: number[] = []
      for (const name of ['a', 'b', 'c', 'd']) {
        const of = all.filter((one) => one.name === name)
        const newestMs = Math.max(...of.map(({ atMs }) => atMs))
        const newest = of.findLast(({ atMs }) => atMs === newestMs)
        if (newest === undefined || newestMs + METRIC_STALE_MS <= nowMs) continue
        wanted.set(name, newest.value)
        due.push(newestMs + METRIC_STALE_MS)
      }
      for (const one of [own, same]) {
        expect(one.expire(nowMs)).toBe(Math.min(...due))
        expect(new Map([...one.values].sort(([a], [b]) => (a < b ? -1 : 1)))).toEqual(wanted)
      }
    }),
  )
})

test('tells so many names apart, and goes on with those it has', () => {
  const own = new OwnMetrics()
  for (let i = 0; i < METRICS_PER_INSTANCE_MAX; i++) expect(own.fold(`m${i}`, i, 5)).toBe('new')
  expect(own.fold('one_more', 1, 6)).toBe('too_many')
  expect(own.fold('m3', 7, 6)).toBe('known')
  expect(own.fold('m3', 8, 5)).toBe('passed')
  expect(own.values.get('m3')).toBe(7)
  own.expire(5 + METRIC_STALE_MS)
  expect([...own.values]).toEqual([['m3', 7]])
  expect(own.fold('one_more', 1, 6 + METRIC_STALE_MS)).toBe('new')
})
