// `explain INSTANCE`: what a whole task made of random instances, printed, and worked out again by
// hand from what is printed. The oracle knows the formula of S3-14 and nothing else.
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { explained, instanceLines, scoreStages } from '../../src/cli/show-instance.ts'
import type { HealthScore } from '../../src/contracts/records.ts'
import { viewKey } from '../../src/contracts/view-key.ts'
import { ReadModel } from '../../src/roles/projector/read-model.ts'
import type { InstanceView } from '../../src/roles/projector/views.ts'
import { detectors, seconds, sensing, stat, telling } from '../core/tasks/sense-world.ts'
import { aHealth } from '../roles/projector/records.ts'
import { testSerde } from '../support/core-driver.ts'

const plain = (_colour: string, text: string): string => text

const random = fc.record({
  cores: fc.double({ min: 0, max: 2, noNaN: true }),
  memory: fc.integer({ min: 0, max: 1_000 }),
  ok: fc.nat(40),
  failed: fc.nat(4),
  latencyUs: fc.integer({ min: 1_000, max: 3_000_000 }),
  errorLines: fc.option(fc.nat(5)),
  lost: fc.option(fc.nat(3)),
})

/** Each instance as the reading endpoint has it, from what a task said on hs.health. */
async function explainedInstances(): Promise<readonly InstanceView[]> {
  const told = fc.sample(random, { numRuns: 100, seed: 15 })
  const names = told.map((_, i) => `shop-${i}`)
  const driver = await sensing(names)
  detectors(driver, {
    overload: { cpuCores: 2, memoryBytes: 1_000 },
    score_low: { logsWeight: 0.125, tasksWeight: 0.25 },
  })
  seconds(driver, 12, () => {
    for (const [i, one] of told.entries()) {
      const { ok, failed, latencyUs, errorLines, lost } = one
      const words = { instance: names[i] ?? '', atMs: driver.nowMs, ok, failed, latencyUs }
      const none = { debug: 0, info: 0, warn: 0, fatal: 0 }
      driver.telemetry(
        telling(words, {
          gauges: { cpu: stat(one.cores), rss: stat(one.memory) },
          logs: errorLines === null ? null : { ...none, error: errorLines },
          tasks: lost === null ? null : { succeeded: 5, failed: lost, timed_out: 0 },
        }),
      )
    }
  })
  const serde = await testSerde()
  const model = new ReadModel()
  for (const name of names) {
    const key = viewKey('shop', name)
    const body = driver.health('shop', name)
    if (body === undefined) throw new Error(`nothing was told of ${name}`)
    const read = serde.decodeBytes('health', serde.encode('health', body))
    if (!read.ok) throw new Error(read.detail)
    model.fold({ topic: 'health', partition: 0, key }, read.record)
  }
  return model.instances()
}

/** 100 − Σ weight · (value, or 0), from 0 to 100, from the columns as they are printed. */
function byHand(lines: readonly string[]): number {
  const head = lines.findIndex((line) => line.startsWith('INDICATOR'))
  const end = lines.findIndex((line) => line.startsWith('4 score'))
  let points = 0
  for (const line of lines.slice(head + 1, end)) {
    const [, collected = '', , weight = ''] = line.split(/ {2,}/)
    points += (collected === '-' ? 0 : Number(collected)) * Number(weight)
  }
  return Math.max(0, 100 - points)
}

test('S3-15: worked out by hand from what is printed, for 100 random instances', async () => {
  const views = await explainedInstances()
  expect(views).toHaveLength(100)
  const scores = new Set<number>()
  for (const view of views) {
    const lines = instanceLines(view, plain)
    const told = /^score {6}(\S+) of 100/m.exec(lines.join('\n'))?.[1]
    expect(Number(told)).toBe(view.score?.score)
    expect(byHand(lines)).toBeCloseTo(Number(told), 5)
    const output = byHand(lines) < 60 ? 'warning' : 'ok'
    expect(lines.at(-1)).toBe(`6 output   ${output}`)
    expect(view.signals.includes('score_low')).toBe(output === 'warning')
    scores.add(view.score?.score ?? -1)
  }
  expect(scores.size).toBeGreaterThan(50)
})

const SCORE: HealthScore = {
  score: 34,
  warning: 60,
  at_ms: 5_000,
  indicators: [
    { name: 'cpu_percent', value: 80, weight: 0.5 },
    { name: 'memory_percent', value: null, weight: 0.25 },
    { name: 'error_percent', value: 2, weight: 13 },
  ],
}

function viewOf(score: HealthScore | null): InstanceView {
  const model = new ReadModel()
  const key = viewKey('stock', 'stock-2')
  model.fold({ topic: 'health', partition: 0, key }, aHealth({ score, reason: 'a\u001b[31m' }))
  const [view] = model.instances()
  if (view === undefined) throw new Error('an instance')
  return view
}

test('the six stages, each from the one before, in words and as JSON', () => {
  const lines = instanceLines(viewOf(SCORE), plain)
  expect(lines.slice(-7)).toEqual([
    'INDICATOR       1 COLLECT  2 NORMALISE  WEIGHT  3 WEIGH',
    'cpu_percent     80         80           0.5     40',
    'memory_percent  -          0            0.25    0',
    'error_percent   2          2            13      26',
    '4 score    100 - 40 - 0 - 26, not below 0 = 34',
    '5 compare  below the warning of 60',
    '6 output   warning',
  ])
  expect(lines[1]).toBe(String.raw`health     healthy: a\u001b[31m`)
  expect(explained(viewOf(SCORE))).toMatchObject({
    service: 'stock',
    score: {
      collect: { cpu_percent: 80, memory_percent: null, error_percent: 2 },
      normalise: { cpu_percent: 80, memory_percent: 0, error_percent: 2 },
      weigh: { cpu_percent: 40, memory_percent: 0, error_percent: 26 },
      score: 34,
      compare: { warning: 60, below: true },
      output: 'warning',
    },
  })
  expect(scoreStages({ ...SCORE, score: 60 }).output).toBe('ok')
})

test('without a score that is said', () => {
  expect(instanceLines(viewOf(null), plain).at(-1)).toMatch(/^score {6}none/)
  expect(explained(viewOf(null))).toMatchObject({ score: null })
})
