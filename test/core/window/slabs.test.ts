// Places against a Map of who has which: nobody shares one, and all are given back.
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { NOBODY, Slabs, type Spot, UNIT } from '../../../src/core/window/slabs.ts'

const SECTIONS = 3

const act = fc.record({
  row: fc.nat({ max: 30 }),
  other: fc.nat({ max: 30 }),
  units: fc.integer({ min: 1, max: 2 }),
  isWide: fc.boolean(),
  does: fc.constantFrom('take', 'take', 'give', 'swap', 'pass'),
})

/** All places of the kind, as a pass shows them. */
function passOf(slabs: Slabs, kind: number): Spot[] {
  slabs.rewind()
  const spots: Spot[] = []
  for (let spot = slabs.next(kind); spot !== null; spot = slabs.next(kind)) spots.push(spot)
  return spots
}

test('who takes a place has it until it is swapped or given back', () => {
  fc.assert(
    fc.property(fc.array(act, { maxLength: 80 }), (acts) => {
      const slabs = new Slabs(SECTIONS)
      const spots = new Map<number, Spot>()
      for (const { row, other, units, isWide, does } of acts) {
        const spot = spots.get(row)
        if (spot === undefined) {
          if (does !== 'take') continue
          const taken = slabs.take(units * UNIT, isWide, row)
          expect(slabs.at(taken.index).size).toBe(units * UNIT)
          expect(slabs.at(taken.index).wide !== null).toBe(isWide)
          spots.set(row, taken)
        } else if (does === 'give') {
          slabs.give(spot)
          spots.delete(row)
        } else if (does === 'swap') {
          const all = passOf(slabs, slabs.at(spot.index).kind)
          const to = all[other % all.length] ?? spot
          const its = slabs.rowAt(to)
          slabs.swap(spot, to)
          if (its !== NOBODY) spots.set(its, spot)
          spots.set(row, to)
        }
        for (const [one, at] of spots) expect(slabs.rowAt(at)).toBe(one)
        const held = [...new Set(slabs.held.map((slab) => slab?.kind ?? 0))]
        const shown = held.flatMap((kind) => passOf(slabs, kind))
        const rows = shown.map((at) => slabs.rowAt(at)).filter((one) => one !== NOBODY)
        expect(rows.toSorted((a, b) => a - b)).toEqual([...spots.keys()].toSorted((a, b) => a - b))
      }
      for (const spot of spots.values()) slabs.give(spot)
      expect(slabs.bytes).toBe(0)
    }),
    { numRuns: 100 },
  )
})

test('a place that is free already cannot be given back', () => {
  const slabs = new Slabs(SECTIONS)
  const spot = slabs.take(UNIT, false, 1)
  slabs.take(UNIT, false, 2)
  slabs.give(spot)
  expect(() => slabs.give(spot)).toThrow('a place that was taken')
})
