// S0-51: what is usual at this time of day.
import { expect, test } from 'vitest'
import { Seasonal } from '../../../src/core/signal/seasonal.ts'
import { answers, noise, share } from './kept.ts'

const DAY_MS = 86_400_000
const EVERY_MS = 300_000
const PER_DAY = DAY_MS / EVERY_MS
const START_MS = 1_700_000_000_000

type Sample = readonly [value: number, atMs: number]
const push = (detector: Seasonal, [value, atMs]: Sample): boolean =>
  detector.push(value, atMs).deviates
const fresh = (): Seasonal => new Seasonal()

/** Low at night, five times as high at noon, with 5 % noise. */
function days(count: number, change: (x: number, day: number, slot: number) => number): Sample[] {
  return noise(5, count * PER_DAY).map((x, i) => {
    const day = Math.floor(i / PER_DAY)
    const slot = i % PER_DAY
    const load = 3 - 2 * Math.cos((2 * Math.PI * slot) / PER_DAY)
    return [change(x * load, day, slot), START_MS + i * EVERY_MS]
  })
}

test('a daily rhythm is no deviation', () => {
  const flagged = answers(
    fresh,
    days(8, (x) => x),
    { push, cutAt: 700 },
  )
  expect(share(flagged)).toBeLessThan(0.01)
})

test('noon at night is one, although no higher than every noon', () => {
  const samples = days(6, (x, day, slot) => (day === 5 && slot >= 8 && slot < 20 ? 450 : x))
  const flagged = answers(fresh, samples, { push })
  const night = flagged.slice(5 * PER_DAY + 9, 5 * PER_DAY + 20)
  expect(share(night)).toBe(1)
})

test('nothing is judged before two periods; a new daily level is learnt over some days', () => {
  const samples = days(20, (x, day) => (day >= 6 ? 2 * x : x))
  const flagged = answers(fresh, samples, { push })
  const byDay = Array.from({ length: 20 }, (_, d) => {
    return share(flagged.slice(d * PER_DAY, (d + 1) * PER_DAY))
  })
  expect(byDay[0]).toBe(0)
  expect(byDay[1]).toBe(0)
  expect(byDay[6]).toBeGreaterThan(0.9)
  expect(byDay[19]).toBeLessThan(0.05)
})

test('an older sample counts to the bucket under way', () => {
  const detector = fresh()
  detector.push(5, START_MS)
  expect(() => detector.push(6, START_MS - DAY_MS)).not.toThrow()
})
