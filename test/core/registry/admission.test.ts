// The admission of registrations: against a count of every second, at any rate of arrivals.
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { Admissions } from '../../../src/core/registry/admission.ts'
import { ImageReader } from '../../../src/core/kernel/image.ts'
import { saved } from '../../support/image.ts'

test('S1-43: in no second more than the limit, in order, and nobody waits without need', () => {
  const arrivals = fc.array(fc.integer({ min: 0, max: 400 }), { minLength: 1, maxLength: 200 })
  fc.assert(
    fc.property(arrivals, fc.integer({ min: 1, max: 20 }), (gaps, limit) => {
      const admissions = new Admissions()
      let atMs = 1_000_000
      const taken: number[] = []
      for (const [i, gap] of gaps.entries()) {
        atMs += i % 3 === 0 ? gap : 0
        admissions.advance(atMs)
        const before = taken.filter((ms) => ms > atMs - 1_000)
        const admitMs = admissions.take('shop', atMs, limit)
        // The earliest time, not before the one in front, at which its second has room.
        let wanted = Math.max(atMs, taken.at(-1) ?? 0)
        while (before.filter((ms) => ms > wanted - 1_000).length >= limit) wanted += 1
        expect(admitMs).toBe(wanted)
        taken.push(admitMs)
      }
      for (const ms of taken) {
        const within = taken.filter((other) => other > ms - 1_000 && other <= ms)
        expect(within.length).toBeLessThanOrEqual(limit)
      }
    }),
  )
})

test('services do not wait for each other, and an image goes on as what it was made of', () => {
  const admissions = new Admissions()
  for (let i = 0; i < 5; i++) admissions.take('shop', 1_000, 2)
  expect(admissions.take('stock', 1_000, 2)).toBe(1_000)
  const loaded = new Admissions()
  loaded.load(new ImageReader(saved((to) => admissions.save(to))))
  expect(loaded.take('shop', 1_500, 2)).toBe(3_000)
  expect(admissions.take('shop', 1_500, 2)).toBe(3_000)
  admissions.advance(4_000)
  expect(saved((to) => admissions.save(to))).toEqual(saved((to) => new Admissions().save(to)))
})
