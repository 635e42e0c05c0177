// S3-14 and S3-15: the score and its six stages.
import fc from 'fast-check'
import { expect, test } from 'vitest'
import {
  type Collected,
  healthScore,
  INDICATORS,
  SCORE_WEIGHTS,
} from '../../../src/core/signal/health-score.ts'

const NOTHING: Collected = {
  cpuPercent: null,
  memoryPercent: null,
  errorPercent: null,
  latencyMs: null,
  heartbeatDeviation: null,
  errorLogs: null,
  taskFailurePercent: null,
}
const of = (cpuPercent: number, memoryPercent: number, errorPercent: number, latencyMs: number) =>
  healthScore({ ...NOTHING, cpuPercent, memoryPercent, errorPercent, latencyMs })

test.each([
  [100, 0, 0, 0, 60, false],
  [0, 0, 8, 0, 60, false],
  [0, 0, 8.01, 0, 59.95, true],
  [0, 0, 0, 4_000, 60, false],
  [80, 70, 2, 300, 34, true],
  [100, 100, 20, 9_999, 0, true],
] as const)('S3-14: %j', (...row) => {
  const [cpu, memory, errors, ms, score, isBelow] = row
  expect(of(cpu, memory, errors, ms)).toMatchObject({ score, compare: { deviates: isBelow } })
})

test('S3-14: negative values and what is no number are refused', () => {
  for (const wrong of [-1, Number.NaN, Number.POSITIVE_INFINITY]) {
    expect(of(wrong, 0, 0, 0)).toBeNull()
    expect(of(0, 0, 0, wrong)).toBeNull()
  }
})

test('C-25: heartbeats, logs and tasks weigh nothing unless somebody says so', () => {
  const collect = { ...NOTHING, heartbeatDeviation: 9, errorLogs: 500, taskFailurePercent: 90 }
  expect(healthScore(collect)?.score).toBe(100)
  const weights = { ...SCORE_WEIGHTS, taskFailurePercent: 1 }
  expect(healthScore(collect, { weights, warning: 60 })?.score).toBe(10)
})

test('S3-15: each stage can be worked out again from the one before', () => {
  const any = fc.option(fc.double({ min: 0, max: 200, noNaN: true }))
  const collected = fc.record({
    cpuPercent: any,
    memoryPercent: any,
    errorPercent: any,
    latencyMs: any,
    heartbeatDeviation: any,
    errorLogs: any,
    taskFailurePercent: any,
  })
  fc.assert(
    fc.property(collected, (collect) => {
      const stages = healthScore(collect)
      expect(Object.keys(stages ?? {})).toEqual([
        'collect',
        'normalise',
        'weigh',
        'score',
        'compare',
        'output',
      ])
      const points = INDICATORS.map((name) => (collect[name] ?? 0) * SCORE_WEIGHTS[name])
      const score = Math.max(0, 100 - points.reduce((sum, one) => sum + one, 0))
      expect(stages?.score).toBeCloseTo(score, 5)
      expect(stages?.output).toBe((stages?.score ?? 0) < 60 ? 'warning' : 'ok')
    }),
    { numRuns: 100 },
  )
})
