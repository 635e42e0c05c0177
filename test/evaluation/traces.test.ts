// The generator of labelled traces: the same bytes for the same seed, labels that agree with what
// is in the samples, and enough of everything that nobody wins by never alarming.
import { createHash } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { TRACE_KINDS, traceOf } from '../../src/roles/evaluate/traces/generate.ts'
import { jitterOf } from '../../src/roles/evaluate/traces/jitter.ts'
import type { Series, Trace } from '../../src/roles/evaluate/traces/series.ts'

const hash = (trace: Trace): string => {
  const all = createHash('sha256')
  for (const { requests, errors, p99Ms, latencyBad, errorsBad, events } of trace.series) {
    for (const column of [requests, errors, p99Ms, latencyBad, errorsBad]) all.update(column)
    all.update(JSON.stringify(events))
  }
  return all.digest('hex').slice(0, 16)
}

const share = (column: Uint8Array): number =>
  column.reduce((sum, is) => sum + is, 0) / column.length

const mean = (column: Float64Array): number =>
  column.reduce((sum, value) => sum + value, 0) / column.length

const cut = ({ p99Ms, latencyBad }: Series, bad: number): number =>
  mean(p99Ms.filter((_, i) => latencyBad[i] === bad))

describe('labelled traces', () => {
  it('stay what they were published as', () => {
    const hashes = TRACE_KINDS.map((kind) => [kind, hash(traceOf(kind, 1))])
    expect(hashes).toMatchInlineSnapshot(`
      [
        [
          "dynamic",
          "dc0e9d78ad5cd50c",
        ],
        [
          "steady",
          "1dfba5923ce0fc4f",
        ],
        [
          "diurnal",
          "50136c5ba1f72a53",
        ],
        [
          "drift",
          "5301097749bafc6a",
        ],
      ]
    `)
  })

  it('differ from seed to seed', () => {
    expect(hash(traceOf('dynamic', 2))).not.toBe(hash(traceOf('dynamic', 3)))
  })

  it('hold so many faults that never alarming is no good answer', () => {
    for (const seed of [1, 2, 3]) {
      const bad = traceOf('dynamic', seed).series.map(({ latencyBad }) => share(latencyBad))
      const all = bad.reduce((sum, one) => sum + one, 0) / bad.length
      expect(all).toBeGreaterThan(0.12)
      expect(all).toBeLessThan(0.3)
    }
  })

  it('are worse where they are labelled', () => {
    for (const kind of ['dynamic', 'steady', 'drift'] as const)
      for (const series of traceOf(kind, 5).series)
        expect(cut(series, 1)).toBeGreaterThan(1.5 * cut(series, 0))
  })

  it('label events, and nothing beside them', () => {
    const faults = new Set(['level_shift', 'drift', 'gray'])
    for (const { latencyBad, events } of traceOf('dynamic', 7).series) {
      const inFault = new Uint8Array(latencyBad.length)
      for (const { kind, from, to } of events) if (faults.has(kind)) inFault.fill(1, from, to)
      expect(latencyBad.some((is, i) => is === 1 && inFault[i] === 0)).toBe(false)
    }
  })

  it('know a day with five times the load of its night and no fault', () => {
    for (const { requests, latencyBad, errorsBad } of traceOf('diurnal', 1).series) {
      const sorted = requests.toSorted((a, b) => a - b)
      const at = (part: number): number => sorted[Math.floor(part * sorted.length)] ?? 0
      expect(at(0.97) / at(0.03)).toBeGreaterThan(3.5)
      expect(share(latencyBad) + share(errorsBad)).toBe(0)
    }
  })
})

describe('jitter', () => {
  const { messages, instances, durationMs, windowMs } = jitterOf(1)

  it('is more than a thousand windows of instances', () => {
    expect((instances * durationMs) / windowMs).toBeGreaterThanOrEqual(1_000)
  })

  it('loses up to a tenth of what is sent one way', () => {
    const beats = messages.filter(({ kind }) => kind === 'heartbeat')
    const lost = beats.filter(({ arrivedMs }) => arrivedMs === null).length / beats.length
    expect(lost).toBeGreaterThan(0.03)
    expect(lost).toBeLessThan(0.07)
  })

  it('delays by up to 300 ms each way', () => {
    const delays = (of: string): readonly number[] =>
      messages.flatMap(({ kind, sentMs, arrivedMs }) =>
        kind === of && arrivedMs !== null ? [arrivedMs - sentMs] : [],
      )
    const worst = (of: string): number => delays(of).reduce((a, b) => Math.max(a, b), 0)
    expect(worst('heartbeat')).toBeLessThanOrEqual(300)
    expect(worst('heartbeat')).toBeGreaterThan(280)
    expect(worst('probe')).toBeLessThanOrEqual(600)
  })
})
