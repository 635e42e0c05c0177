// A score as it is told and kept: names, order, weights, and an image that brings it back.
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { loadScore, saveScore, scoreRecord } from '../../../src/core/health/scored.ts'
import { ImageReader, ImageWriter } from '../../../src/core/kernel/image.ts'
import { healthScore, SCORE_WEIGHTS } from '../../../src/core/signal/health-score.ts'

const figure = fc.option(fc.double({ min: 0, max: 1e6, noNaN: true }))
const collected = fc.record({
  cpuPercent: figure,
  memoryPercent: figure,
  errorPercent: figure,
  latencyMs: figure,
  heartbeatDeviation: figure,
  errorLogs: figure,
  taskFailurePercent: figure,
})

test('an image brings back what was told', () => {
  const options = { weights: SCORE_WEIGHTS, warning: 60 }
  fc.assert(
    fc.property(collected, fc.nat(), (collect, atMs) => {
      const stages = healthScore(collect, options)
      if (stages === null) throw new Error('nothing is negative')
      const record = scoreRecord(stages, options, atMs)
      const to = new ImageWriter()
      saveScore(record, to)
      saveScore(null, to)
      const from = new ImageReader(Buffer.concat(to.pieces()))
      expect(loadScore(from)).toEqual(record)
      expect(loadScore(from)).toBeNull()
      expect(record.indicators.map(({ value }) => value)).toEqual(Object.values(collect))
    }),
  )
})

test('the indicators have the names and the weights of S3-14', () => {
  const options = { weights: SCORE_WEIGHTS, warning: 60 }
  const none = { collect: NOTHING, score: 100 }
  const { indicators } = scoreRecord(none, options, 5)
  expect(indicators.map(({ name, weight }) => `${name} ${weight}`)).toEqual([
    'cpu_percent 0.4',
    'memory_percent 0.3',
    'error_percent 5',
    'latency_ms 0.01',
    'heartbeat_deviation 0',
    'error_logs 0',
    'task_failure_percent 0',
  ])
})

const NOTHING = {
  cpuPercent: null,
  memoryPercent: null,
  errorPercent: null,
  latencyMs: null,
  heartbeatDeviation: null,
  errorLogs: null,
  taskFailurePercent: null,
}
