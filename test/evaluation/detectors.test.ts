// The contest: who knows the truth is never wrong, who guesses is as bad as a guess, and the
// detectors of the core hold what docs/evaluation.md says of them.
import { describe, expect, it } from 'vitest'
import {
  type Contestant,
  contest,
  FIXED,
  FIXED_EACH,
  FIXED_RECALL,
  INDICATORS,
  NEVER,
  type Row,
  verdictOf,
} from '../../src/roles/evaluate/detectors.ts'
import { CONTESTANTS } from '../../src/roles/evaluate/contestants.ts'
import { heartbeatOnly } from '../../src/roles/evaluate/score/heartbeat.ts'
import { traceOf } from '../../src/roles/evaluate/traces/generate.ts'
import { type JitterTrace, jitterOf } from '../../src/roles/evaluate/traces/jitter.ts'
import { isFull } from '../support/full.ts'

const always: Contestant = { name: 'always', of: INDICATORS, start: () => () => true }

/** Knows the labels of the series of a trace, which come in turn. */
function oracle(seed: number): Contestant {
  const { series } = traceOf('steady', seed)
  let turn = 0
  return {
    name: 'oracle',
    of: INDICATORS,
    start: (indicator) => {
      const one = series[turn++ % series.length]
      const labels = indicator === 'latency' ? one?.latencyBad : one?.errorsBad
      let i = 0
      return () => labels?.[i++] === 1
    },
  }
}

describe('contest', () => {
  const rows = contest({
    kinds: ['steady'],
    seed: 9,
    seeds: 1,
    contestants: [oracle(9), always],
  })
  const row = (indicator: string, detector: string): Row => {
    const found = rows.find((one) => one.indicator === indicator && one.detector === detector)
    if (found === undefined) throw new Error(`no row of ${detector}`)
    return found
  }

  it('gives the one who knows all points', () => {
    const it = row('latency', 'oracle')
    expect(it).toMatchObject({ accuracy: 1, precision: 1, recall: 1, fpr: 0, fdr: 0, missed: 0 })
    expect(it.delayP90Ms).toBe(10_000)
    expect(it.alerts).toBe(it.faults)
  })

  it('gives the one who always alarms what never alarming does not get', () => {
    for (const indicator of ['latency', 'errors']) {
      const sum = (row(indicator, 'always').accuracy ?? 0) + (row(indicator, NEVER).accuracy ?? 0)
      expect(sum).toBeCloseTo(1, 12)
    }
  })

  it('finds thresholds that are better than none, and better still for each series', () => {
    const accuracy = (detector: string): number => row('latency', detector).accuracy ?? 0
    expect(accuracy(FIXED)).toBeGreaterThan(accuracy(NEVER))
    expect(accuracy(FIXED_EACH)).toBeGreaterThan(accuracy(FIXED))
    expect(row('latency', FIXED_RECALL).recall).toBe(1)
  })
})

describe('detectors of the core', () => {
  // Detectors were made with seeds from 1001 on in view, never with these.
  const rows = contest({
    kinds: ['dynamic'],
    seed: 1,
    seeds: isFull ? 20 : 2,
    contestants: isFull ? CONTESTANTS : CONTESTANTS.slice(0, 1),
  })
  const of = (detector: string): Row => {
    const found = rows.find((row) => row.indicator === 'latency' && row.detector === detector)
    if (found === undefined) throw new Error(`no row of ${detector}`)
    return found
  }

  it('S3-20: adaptive is right in 91 % of all samples and better than any fixed threshold', () => {
    const { ok, accuracy, fixedAccuracy } = verdictOf(rows)
    expect(accuracy).toBeGreaterThanOrEqual(0.91)
    expect(fixedAccuracy).toBeLessThan(0.9)
    expect(ok).toBe(true)
    expect(of('adaptive_load').accuracyMin).toBeGreaterThanOrEqual(0.91)
    const each = of(FIXED_EACH).accuracy ?? 1
    expect(of('adaptive_load').accuracy).toBeGreaterThan(each)
  })

  it('S0-51: at most half as many alerts as a fixed threshold that finds as much', () => {
    const { alerts, recall } = of('adaptive_load')
    const fixed = of(FIXED_RECALL)
    expect(fixed.recall).toBeGreaterThanOrEqual(recall ?? 1)
    expect(alerts).toBeLessThanOrEqual(0.5 * fixed.alerts)
  })

  it('S0-22: a day with five times the load of its night: no alarm that stands', () => {
    for (const one of traceOf('diurnal', 1).series) {
      const says = CONTESTANTS[0]?.start('latency') ?? (() => true)
      let run = 0
      let longest = 0
      one.p99Ms.forEach((value, i) => {
        const alarms = says({ atMs: i * one.sampleMs, value, requests: one.requests[i] ?? 0 })
        run = alarms ? run + 1 : 0
        longest = Math.max(longest, run)
      })
      expect(longest).toBeLessThan(6)
    }
  })

  it('S0-22: a drift to three times the latency in two hours is told before it is there', () => {
    for (const one of traceOf('drift', 1).series) {
      const says = CONTESTANTS[0]?.start('latency') ?? (() => true)
      const at = one.p99Ms.findIndex((value, i) => {
        const alarms = says({ atMs: i * one.sampleMs, value, requests: one.requests[i] ?? 0 })
        return alarms && one.latencyBad[i] === 1
      })
      const drift = one.events[0]
      expect(at).toBeGreaterThan(0)
      expect(at).toBeLessThan(drift?.to ?? 0)
    }
  })
})

describe('heartbeats alone', () => {
  const trace = (arrivals: readonly (number | null)[]): JitterTrace => ({
    seed: 0,
    instances: 1,
    durationMs: 120_000,
    heartbeatMs: 1_000,
    probeMs: 1_000,
    windowMs: 60_000,
    messages: arrivals.map((arrivedMs, i) => ({
      instance: 0,
      kind: 'heartbeat',
      sentMs: i * 1_000,
      arrivedMs,
    })),
  })
  const beats = Array.from({ length: 120 }, (_, i) => i * 1_000)

  it('call nobody failed who is heard', () => {
    expect(heartbeatOnly(trace(beats), 3)).toEqual({ alarmed: 0, all: 2 })
  })

  it('call a window failed in which three in a row are missing', () => {
    const missing = beats.map((atMs) => (atMs > 60_000 && atMs < 64_000 ? null : atMs))
    expect(heartbeatOnly(trace(missing), 3)).toEqual({ alarmed: 1, all: 2 })
    expect(heartbeatOnly(trace(missing), 4)).toEqual({ alarmed: 0, all: 2 })
  })

  it('S0-28: on the jitter trace they are wrong in more than 1 % of the windows', () => {
    const { alarmed, all } = heartbeatOnly(jitterOf(1), 3)
    expect(all).toBeGreaterThanOrEqual(1_000)
    expect(alarmed / all).toBeGreaterThan(0.01)
  })
})
