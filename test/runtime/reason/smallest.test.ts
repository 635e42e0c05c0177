// What is left shows it and nothing of it can be left out: held against every subset for small
// sets, and against needles in a haystack for large ones.
import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { smallest } from '../../../src/runtime/reason/smallest.ts'

const range = (n: number): number[] => Array.from({ length: n }, (_, i) => i)

describe('smallest', () => {
  test('is 1-minimal for any condition that the whole fulfils', async () => {
    const conditions = fc.array(fc.array(fc.nat(11), { maxLength: 5 }), { minLength: 1 })
    await fc.assert(
      fc.asyncProperty(conditions, async (ways) => {
        // Any one of the ways is enough; each needs all of its things.
        const shows = (kept: readonly number[]): boolean =>
          ways.some((way) => way.every((item) => kept.includes(item)))
        const { kept, isMinimal } = await smallest(range(12), { shows })
        expect(isMinimal).toBe(true)
        expect(shows(kept)).toBe(true)
        for (const one of kept) expect(shows(kept.filter((item) => item !== one))).toBe(false)
      }),
    )
  })

  test('of things that must not be there without another', async () => {
    // 3 alone is enough, but where 1 is, 2 must be as well: not every smaller set shows it.
    const shows = (kept: readonly number[]): boolean =>
      kept.includes(3) && (!kept.includes(1) || kept.includes(2))
    const { kept } = await smallest(range(5), { shows })
    expect(kept).toEqual([3])
  })

  test('finds twelve needles among 100,000 things in a few hundred tests', async () => {
    const needles = [3, 17, 4_000, 4_001, 4_002, 25_000, 50_000, 50_001, 75_123, 90_000, 99_998]
    const wanted = [...needles, 99_999]
    const shows = (kept: readonly number[]): boolean => {
      const held = new Set(kept)
      return wanted.every((item) => held.has(item))
    }
    const { kept, tests } = await smallest(range(100_000), { shows })
    expect(kept).toEqual(wanted)
    expect(tests).toBeLessThan(500)
  })

  test('tries guesses first, and keeps none that was wrong', async () => {
    const seen: number[] = []
    const shows = (kept: readonly number[]): boolean => {
      seen.push(kept.length)
      return kept.includes(41)
    }
    const even = (item: number): boolean => item % 2 === 0
    const odd = (item: number): boolean => item % 2 === 1
    const { kept } = await smallest(range(100), { shows, guesses: [even, odd] })
    expect(kept).toEqual([41])
    expect(seen.slice(0, 3)).toEqual([50, 50, 25])
  })

  test('says so when it was ended before it was done', async () => {
    let left = 3
    const { kept, isMinimal, tests } = await smallest(range(64), {
      shows: (some) => some.includes(7),
      isOver: () => left-- <= 0,
    })
    expect(isMinimal).toBe(false)
    expect(kept).toContain(7)
    expect(tests).toBeLessThanOrEqual(3)
  })

  test('nothing at all may be enough', async () => {
    const { kept, isMinimal } = await smallest(range(9), { shows: () => true })
    expect([kept, isMinimal]).toEqual([[], true])
  })
})
