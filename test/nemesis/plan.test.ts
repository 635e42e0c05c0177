// A schedule is a function of its seed; every kind comes before any comes again; and a run that saw
// too little does not count.
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { demandOf, FAULT_KINDS, planFaults } from './plan.ts'
import { lacking } from './result.ts'

const MINUTE_MS = 60_000
const seeds = fc.integer({ min: 0, max: 1_000_000 })

test('the same seed gives the same faults, another one others', () => {
  fc.assert(
    fc.property(seeds, (seed) => {
      const plan = planFaults(seed, 2 * MINUTE_MS)
      expect(planFaults(seed, 2 * MINUTE_MS)).toEqual(plan)
      expect(planFaults(seed + 1, 2 * MINUTE_MS)).not.toEqual(plan)
    }),
  )
})

test('any seed plans enough to count: faults, kinds, commits in doubt, in order, in time', () => {
  fc.assert(
    fc.property(seeds, fc.constantFrom(1, 2, 10), (seed, minutes) => {
      const spanMs = minutes * MINUTE_MS - 12_000
      const plan = planFaults(seed, spanMs)
      const { faults, kinds, inDoubt } = demandOf(minutes)
      expect(plan.length).toBeGreaterThanOrEqual(faults)
      expect(new Set(plan.map(({ kind }) => kind)).size).toBeGreaterThanOrEqual(kinds)
      const ends = plan.filter(({ kind }) => kind === 'end held' || kind === 'answer lost')
      expect(ends.length).toBeGreaterThanOrEqual(inDoubt)
      for (const [i, { atMs, lastsMs }] of plan.entries()) {
        expect(atMs).toBeGreaterThanOrEqual(plan[i - 1]?.atMs ?? 0)
        expect(atMs + lastsMs).toBeLessThanOrEqual(spanMs)
      }
    }),
  )
})

test('ten minutes see every kind', () => {
  fc.assert(
    fc.property(seeds, (seed) => {
      const kinds = new Set(planFaults(seed, 10 * MINUTE_MS - 12_000).map(({ kind }) => kind))
      expect(FAULT_KINDS.filter((kind) => !kinds.has(kind))).toEqual([])
    }),
  )
})

test('what is asked of a run: ten minutes as written down, two in proportion', () => {
  expect(demandOf(10)).toEqual({ inputs: 100_000, faults: 20, kinds: 5, inDoubt: 5, commands: 10 })
  expect(demandOf(2)).toEqual({ inputs: 20_000, faults: 4, kinds: 3, inDoubt: 1, commands: 2 })
  const had = {
    minutes: 10,
    faults: { a: 5, b: 5, c: 5, d: 5 },
    inDoubt: 4,
    inputs: 99_999,
    commands: 9,
  }
  expect(lacking(had)).toEqual([
    '99999 inputs, 100000 are due',
    '4 kinds of faults, 5 are due',
    '4 commits in doubt, 5 are due',
    '9 commands, 10 are due',
  ])
  const more = { inDoubt: 5, inputs: 100_000, commands: 10 }
  expect(lacking({ ...had, ...more, faults: { ...had.faults, e: 1 } })).toEqual([])
})
