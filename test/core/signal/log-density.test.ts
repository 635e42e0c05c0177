// S3-12: density of error lines.
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { LogDensity } from '../../../src/core/signal/log-density.ts'
import { answers } from './kept.ts'

const fresh = (): LogDensity => new LogDensity()
const START = 1_700_000_000

test('S3-12: counts equal their definition, late lines and an image counted in', () => {
  const moves = fc.array(fc.tuple(fc.integer({ min: -20, max: 20 }), fc.nat(40)), { maxLength: 50 })
  fc.assert(
    fc.property(moves, fc.nat(50), (all, cutAt) => {
      let second = START
      const lines = all.map(([gap, count]) => {
        second += gap
        return { second, count }
      })
      const verdicts = answers(fresh, lines, {
        push: (detector, line) => detector.push(line.count, line.second * 1_000 + 999),
        cutAt,
      })
      lines.forEach((_, i) => {
        const newest = Math.max(...lines.slice(0, i + 1).map((line) => line.second))
        let high = START - 1_000
        const kept = lines.slice(0, i + 1).filter((line) => {
          high = Math.max(high, line.second)
          return line.second > high - 60 && line.second > newest - 60
        })
        const total = (from: number, to: number): number =>
          kept
            .filter((line) => line.second >= from && line.second < to)
            .reduce((sum, line) => sum + line.count, 0)
        const start = newest - (newest % 10)
        const parts = verdicts[i]?.parts ?? {}
        expect(parts['sliding']).toBe(total(newest - 59, newest + 1))
        expect(parts['now']).toBe(total(start, start + 10))
        expect(parts['last']).toBe(total(start - 10, start))
      })
    }),
  )
})

test('S3-12: a burst of 100 errors in 10 s deviates at once, 99 do not', () => {
  const burst = (count: number): boolean => {
    const detector = fresh()
    let deviates = false
    for (let i = 0; i < count; i++) {
      const atMs = START * 1_000 + (i % 10) * 1_000
      deviates = detector.push(1, atMs).deviates
    }
    return deviates
  }
  expect(burst(99)).toBe(false)
  expect(burst(100)).toBe(true)
})

test('it ends with its windows', () => {
  const detector = fresh()
  detector.push(100, START * 1_000)
  expect(detector.verdict(START * 1_000 + 19_999).deviates).toBe(true)
  expect(detector.verdict(START * 1_000 + 20_000).deviates).toBe(false)
})
