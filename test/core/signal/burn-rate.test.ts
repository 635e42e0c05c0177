// Multi-window burn rates of the SRE workbook.
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { BURN_RATE, BurnRate, type BurnVerdict } from '../../../src/core/signal/burn-rate.ts'
import { answers } from './kept.ts'
import { burn, type Event } from './oracle.ts'

const MINUTE_MS = 60_000
const START_MS = 1_700_000_000_000
const push = (detector: BurnRate, { n, errors, atMs }: Event): BurnVerdict =>
  detector.push(n, errors, atMs)
const fresh = (): BurnRate => new BurnRate()

/** 1,000 requests a minute; the share that fails by minute. */
function minutes(count: number, failing: (minute: number) => number): Event[] {
  return Array.from({ length: count }, (_, i) => {
    return { atMs: START_MS + i * MINUTE_MS, n: 1_000, errors: Math.round(1_000 * failing(i)) }
  })
}

test('2 % of the budget in an hour deviates, and ends soon after the fault does', () => {
  const verdicts = answers(
    fresh,
    minutes(300, (i) => (i >= 120 && i < 180 ? 0.03 : 0)),
    { push },
  )
  const first = verdicts.findIndex(({ deviates }) => deviates)
  expect(first).toBeGreaterThan(120)
  expect(first).toBeLessThan(155)
  expect(verdicts[first]).toMatchObject({ limit: 14.4 })
  expect(verdicts[179]?.deviates).toBe(true)
  expect(verdicts[186]?.deviates).toBe(false)
})

test('a short burst that costs little is none', () => {
  const verdicts = answers(
    fresh,
    minutes(300, (i) => (i === 120 ? 0.5 : 0)),
    { push },
  )
  expect(verdicts.some(({ deviates }) => deviates)).toBe(false)
})

test('what is too young to have a whole window is not judged by it', () => {
  const verdicts = answers(
    fresh,
    minutes(59, () => 0.002),
    { push },
  )
  expect(verdicts.some(({ deviates }) => deviates)).toBe(false)
})

test('a slow burn is found by the long pair alone', () => {
  const verdicts = answers(
    fresh,
    minutes(4_400, () => 0.002),
    { push },
  )
  expect(verdicts.at(-1)).toMatchObject({ deviates: true, limit: 1 })
})

test('rates equal the definition, for late and missing events and through an image', () => {
  const step = fc.record({
    gapMs: fc.oneof(fc.integer({ min: -400_000, max: 400_000 }), fc.constant(8 * 3_600_000)),
    n: fc.integer({ min: 0, max: 50 }),
  })
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), fc.nat(60), (steps, cutAt) => {
      let atMs = START_MS
      const events = steps.map(({ gapMs, n }) => {
        atMs = Math.max(START_MS, atMs + gapMs)
        return { atMs, n, errors: Math.floor(n / 3) }
      })
      const verdicts = answers(fresh, events, { push, cutAt })
      events.forEach((_, i) => {
        const seen = events.slice(0, i + 1)
        const nowMs = Math.max(...seen.map((event) => event.atMs))
        BURN_RATE.pairs.forEach(({ longMs }, p) => {
          const at = { nowMs, longMs, objective: BURN_RATE.objective }
          // What has left the long window when it comes is not counted.
          const counted = seen.filter((event, k) => {
            const width = longMs / 60
            const newest = Math.max(...seen.slice(0, k + 1).map((other) => other.atMs))
            return Math.floor(event.atMs / width) > Math.floor(newest / width) - 60
          })
          const pair = verdicts[i]?.pairs[p]
          expect(pair?.long).toBe(burn(counted, { ...at, buckets: 60 }))
          expect(pair?.short).toBe(burn(counted, { ...at, buckets: 5 }))
        })
      })
    }),
    { numRuns: 30 },
  )
})
