// Counts agree with a plain list of the samples, however they are cut into batches.
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { indexOf } from '../../../src/core/window/grid.ts'
import { LATENCY_MAX_US, type Sample, Tally } from '../../../src/runtime/agent/tally.ts'

const sample: fc.Arbitrary<Sample> = fc.record({
  ok: fc.boolean(),
  latencyUs: fc.oneof(fc.constant(0), fc.integer({ min: 1, max: 5_000_000 })),
  local: fc.boolean(),
})

test('a tally of batches is the tally of their samples', () => {
  fc.assert(
    fc.property(fc.array(fc.array(sample, { maxLength: 20 }), { maxLength: 10 }), (batches) => {
      const merged = new Tally()
      for (const batch of batches) {
        const part = new Tally()
        for (const one of batch) part.add(one)
        merged.merge(part.snapshot())
      }
      const all = batches.flat()
      const found = merged.snapshot()
      expect(found.n).toBe(all.length)
      expect(found.errors).toBe(all.filter(({ ok }) => !ok).length)
      expect(found.localErrors).toBe(all.filter(({ ok, local }) => !ok && local).length)
      expect(found.sumUs).toBe(all.reduce((sum, { latencyUs }) => sum + latencyUs, 0))
      expect(found.maxUs).toBe(Math.max(0, ...all.map(({ latencyUs }) => latencyUs)))
      expect(found.lastOk).toBe(all.at(-1)?.ok ?? true)
      const wanted = new Map<number, number>()
      for (const { latencyUs } of all) {
        if (latencyUs === 0) continue
        const index = indexOf(latencyUs)
        wanted.set(index, (wanted.get(index) ?? 0) + 1)
      }
      expect(found.buckets).toEqual([...wanted].sort(([a], [b]) => a - b))
      expect(found.zeros).toBe(all.filter(({ latencyUs }) => latencyUs === 0).length)
    }),
  )
})

test('a latency that is no number counts as 0, one beyond the grid as its end', () => {
  const tally = new Tally()
  for (const latencyUs of [Number.NaN, -5, Number.NEGATIVE_INFINITY])
    tally.add({ ok: true, latencyUs })
  expect(tally.snapshot()).toMatchObject({ n: 3, zeros: 3, sumUs: 0 })
  tally.add({ ok: true, latencyUs: Number.POSITIVE_INFINITY })
  expect(tally.maxUs).toBe(LATENCY_MAX_US)
})
