// S3-20, P-09 through a whole task: the labelled dynamic-load trace as telemetry, what hs.health
// tells of each sample against the labels, and the best fixed threshold on the very same samples.
// The contest of detectors.test.ts knows detectors alone; here admission, series and telling are
// between the record and the alarm.
import { expect, test } from 'vitest'
import { indexOf } from '../../src/core/window/grid.ts'
import type { Series } from '../../src/roles/evaluate/traces/series.ts'
import { traceOf } from '../../src/roles/evaluate/traces/generate.ts'
import { CoreDriver } from '../support/core-driver.ts'
import { isFull } from '../support/full.ts'
import { delta, policy, serviceEvent } from '../support/records.ts'

const SEEDS = isFull ? 20 : 1
const SERIES_MAX = isFull ? 2 : 1
/** Samples of each series that are played; all of them: two days. */
const SAMPLES_MAX = isFull ? Number.POSITIVE_INFINITY : 3_000
const ACCURACY_MIN = 0.91

const SETTINGS = {
  apiVersion: 'healstream.io/v1',
  kind: 'DetectorSet',
  metadata: { name: 'by-load' },
  spec: {
    match: { services: ['*'] },
    silenceAfterMs: '60s',
    detectors: { adaptive_load: { enabled: true } },
  },
}

function beginningOf(series: Series): Series {
  return {
    ...series,
    requests: series.requests.slice(0, SAMPLES_MAX),
    p99Ms: series.p99Ms.slice(0, SAMPLES_MAX),
    latencyBad: series.latencyBad.slice(0, SAMPLES_MAX),
  }
}

/** Whether `adaptive_load` stood for each sample; the next delta closes it. */
async function alarmsOf(series: Series): Promise<Uint8Array> {
  const driver = await CoreDriver.create({ behaviour: 3 })
  driver.serviceEvent(serviceEvent({ atMs: driver.nowMs }))
  driver.policy(policy({ name: 'by-load', kind: 'DetectorSet', version: 1, document: SETTINGS }))
  driver.step()
  const alarms = new Uint8Array(series.requests.length)
  let stands = false
  for (let i = 0; i < alarms.length; i++) {
    driver.nowMs += series.sampleMs
    const n = series.requests[i] ?? 0
    const us = Math.round((series.p99Ms[i] ?? 0) * 1_000)
    const bare = delta({ atMs: driver.nowMs })
    const buckets = n === 0 ? [] : [{ gap: indexOf(us), count: n }]
    driver.telemetry({ ...bare, n, sum_us: n * us, max_us: us, buckets })
    for (const { topic, body } of driver.step().outputs) {
      if (topic === 'health' && body !== null && body.instance === 'shop-1')
        stands = body.signals.includes('adaptive_load')
    }
    driver.written.length = 0
    if (i > 0) alarms[i - 1] = stands ? 1 : 0
  }
  return alarms
}

interface Tally {
  rights: number
  samples: number
  truePositives: number
  falsePositives: number
  positives: number
}

function tallyOf(truth: Uint8Array, alarms: Uint8Array): Tally {
  const tally = { rights: 0, samples: 0, truePositives: 0, falsePositives: 0, positives: 0 }
  truth.forEach((bad, i) => {
    const alarm = alarms[i] ?? 0
    tally.samples += 1
    tally.positives += bad
    tally.rights += alarm === bad ? 1 : 0
    tally.truePositives += alarm === 1 && bad === 1 ? 1 : 0
    tally.falsePositives += alarm === 1 && bad === 0 ? 1 : 0
  })
  return tally
}

/** Share of samples that the best single threshold for all of them judges rightly. */
function bestFixed(all: readonly Series[]): number {
  const samples = all.flatMap(({ p99Ms, latencyBad }) =>
    [...p99Ms].map((value, i) => ({ value, bad: latencyBad[i] ?? 0 })),
  )
  samples.sort((a, b) => b.value - a.value)
  let rights = samples.filter(({ bad }) => bad === 0).length
  let best = rights
  samples.forEach(({ bad, value }, i) => {
    rights += bad === 1 ? 1 : -1
    if (samples[i + 1]?.value !== value) best = Math.max(best, rights)
  })
  return best / samples.length
}

test(
  'S3-20: through a task it is right in 91 % of the samples, and beats any threshold',
  async () => {
    const all = Array.from({ length: SEEDS }, (_, i) => traceOf('dynamic', i + 1)).flatMap(
      ({ series }) => series.slice(0, SERIES_MAX).map(beginningOf),
    )
    const sum: Tally = { rights: 0, samples: 0, truePositives: 0, falsePositives: 0, positives: 0 }
    for (const series of all) {
      const tally = tallyOf(series.latencyBad, await alarmsOf(series))
      sum.rights += tally.rights
      sum.samples += tally.samples
      sum.truePositives += tally.truePositives
      sum.falsePositives += tally.falsePositives
      sum.positives += tally.positives
    }
    const accuracy = sum.rights / sum.samples
    const recall = sum.truePositives / sum.positives
    const precision = sum.truePositives / (sum.truePositives + sum.falsePositives)
    const fixed = bestFixed(all)
    console.log({ accuracy, recall, precision, fixed, samples: sum.samples })
    expect(accuracy).toBeGreaterThanOrEqual(ACCURACY_MIN)
    expect(accuracy).toBeGreaterThan(fixed)
    expect(recall).toBeGreaterThan(0.8)
    expect(precision).toBeGreaterThan(0.8)
  },
  isFull ? 3_600_000 : 120_000,
)
