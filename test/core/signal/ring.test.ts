// The ring holds the last samples, in order, also through an image.
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { Ring } from '../../../src/core/signal/ring.ts'
import { restored } from './kept.ts'
import { figures } from './oracle.ts'

const samples = fc.array(fc.double({ min: -1e6, max: 1e6, noNaN: true }), { maxLength: 60 })

test('holds the last ones, oldest first, with their mean and standard deviation', () => {
  fc.assert(
    fc.property(samples, fc.integer({ min: 1, max: 20 }), (all, capacity) => {
      const fresh = (): Ring => new Ring(capacity)
      let ring = fresh()
      all.forEach((x, i) => {
        if (i === 7) ring = restored(ring, fresh)
        ring.push(x)
      })
      const kept = all.slice(-capacity)
      expect(Array.from({ length: ring.size }, (_, i) => ring.at(i))).toEqual(kept)
      expect(ring.spread()).toEqual(figures(kept))
    }),
  )
})

test('equal samples spread no less than rounding does', () => {
  const ring = new Ring(100)
  for (let i = 0; i < 100; i++) ring.push(0.1)
  expect(ring.spread().sigma).toBeGreaterThan(0)
  expect(ring.spread().mean + 3 * ring.spread().sigma).toBeGreaterThan(0.1)
})
