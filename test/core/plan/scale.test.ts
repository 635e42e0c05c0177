// S0-50: the formula against its table, and the stabilisation against its definition: the most that
// was wanted in the last five minutes.
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  desiredReplicas,
  DOWN_STABLE_MS,
  loadWanted,
  saveWanted,
  stabilised,
  type Wanted,
} from '../../../src/core/plan/scale.ts'
import { ImageReader, ImageWriter } from '../../../src/core/kernel/image.ts'

const AT = { target: 70, min: 1, max: 100 }

describe('the formula (S0-50)', () => {
  test.each([
    [3, 73.5, 3, '105 % of the target: inside the tolerance'],
    [3, 77, 3, '110 %: still inside'],
    [3, 77.1, 4, 'just above'],
    [3, 63, 3, '90 %: inside'],
    [3, 62.9, 3, 'below, and three are still needed'],
    [3, 140, 6, 'twice the target'],
    [6, 35, 3, 'half of it'],
    [4, 0, 1, 'idle: the least'],
    [90, 140, 100, 'the most'],
  ])('%d replicas at %d %%: %d (%s)', (current, metric, replicas) => {
    expect(desiredReplicas(current, metric, AT)).toBe(replicas)
  })

  test('a load step of two comes back to the target and stays there', () => {
    // Work that is shared evenly: utilisation is work over replicas.
    let replicas = 3
    let wanted: Wanted = []
    const work = 3 * 70 * 2
    const seen: number[] = []
    for (let atMs = 0; atMs < 1_200_000; atMs += 15_000) {
      const now = { atMs, replicas: desiredReplicas(replicas, work / replicas, AT) }
      const next = stabilised(wanted, now, replicas)
      replicas = next.replicas
      wanted = next.wanted
      seen.push(replicas)
    }
    expect(work / replicas).toBeGreaterThanOrEqual(63)
    expect(work / replicas).toBeLessThanOrEqual(77)
    expect(new Set(seen)).toEqual(new Set([6]))
  })
})

describe('stabilisation', () => {
  const moments = fc.array(
    fc.record({
      afterMs: fc.integer({ min: 1, max: 200_000 }),
      replicas: fc.integer({ min: 1, max: 20 }),
    }),
    { minLength: 1, maxLength: 60 },
  )

  test('is the most that was wanted in the last five minutes, and goes over an image', () => {
    fc.assert(
      fc.property(moments, fc.integer({ min: 1, max: 20 }), (all, first) => {
        const history: { atMs: number; replicas: number }[] = []
        let wanted: Wanted = []
        let current = first
        let atMs = 0
        for (const { afterMs, replicas } of all) {
          atMs += afterMs
          if (history.length === 0) history.push({ atMs, replicas: first })
          history.push({ atMs, replicas })
          const found = stabilised(wanted, { atMs, replicas }, current)
          const recent = history.filter((one) => one.atMs > atMs - DOWN_STABLE_MS)
          expect(found.replicas).toBe(Math.max(...recent.map((one) => one.replicas)))
          const to = new ImageWriter()
          saveWanted(found.wanted, to)
          wanted = loadWanted(new ImageReader(Buffer.concat([...to.pieces()])))
          current = found.replicas
        }
      }),
      { numRuns: 200 },
    )
  })
})
