// Every detector at its limit: just not, just so, and what makes the finding leave.
import { beforeEach, describe, expect, test } from 'vitest'
import { instanceId, serviceId } from '../../../src/contracts/ids.ts'
import { DETECTOR_DEFAULTS } from '../../../src/contracts/limits.ts'
import type { Health } from '../../../src/contracts/records.ts'
import { detect, type DetectorInput, DETECTORS } from '../../../src/core/health/detectors.ts'
import { foldCounts, foldSignal, newVital, type Vital } from '../../../src/core/health/vital.ts'
import type { Figures, Finding } from '../../../src/core/kernel/facts.ts'
import { connection, heartbeat, probe, processEvent } from '../../support/records.ts'

const limits = { ...DETECTOR_DEFAULTS, samplesMin: 20 }
const place = { topic: 'telemetry', partition: 0, offset: 9 }
const NOTHING: Figures = {
  spanMs: 60_000,
  n: 0,
  errors: 0,
  successRate: null,
  p99Us: null,
  maxUs: 0,
}
let vital: Vital
beforeEach(() => {
  vital = newVital({ service: serviceId('shop'), instance: instanceId('shop-1') }, 1, 0)
  vital.deltaPlace = place
})

function find(detector: string, input: Partial<DetectorInput>): Finding | undefined {
  detect({
    vital,
    window: NOTHING,
    limits,
    hearing: { horizonMs: null, floorMs: 0, blind: false },
    behaviour: 2,
    nowMs: 1_000,
    agentAlive: true,
    announced: { health: 'unknown', atMs: 0 },
    ...input,
  })
  return vital.findings.get(detector)
}

const rate = (n: number, errors: number): Figures => ({
  ...NOTHING,
  n,
  errors,
  successRate: (n - errors) / n,
})
const p99 = (p99Us: number, n = 100): Figures => ({ ...NOTHING, n, successRate: 1, p99Us })

describe('success_rate', () => {
  test('equal to the limit deviates (S0-21), above it does not', () => {
    expect(find('success_rate', { window: rate(1_000, 49) })).toBeUndefined()
    expect(find('success_rate', { window: rate(100, 5), nowMs: 7 })).toMatchObject({
      class: 'self_evident',
      value: 0.95,
      limit: 0.95,
      sinceMs: 7,
      place,
      text: 'success rate 95.0 % (5 of 100 requests failed in 60 s), limit 95.0 %',
    })
  })

  test('leaves only above the second limit, and keeps its onset', () => {
    find('success_rate', { window: rate(100, 5), nowMs: 7 })
    expect(find('success_rate', { window: rate(100, 3), nowMs: 9 })).toMatchObject({ sinceMs: 7 })
    expect(find('success_rate', { window: rate(100, 2) })).toBeUndefined()
  })

  test('needs enough samples', () => {
    expect(find('success_rate', { window: rate(19, 19) })).toBeUndefined()
    expect(find('success_rate', { window: rate(20, 20) })).toBeDefined()
  })

  test('is inferred when the agent that counted is not heard any more', () => {
    expect(find('success_rate', { window: rate(100, 50), agentAlive: false })?.class).toBe(
      'inferred',
    )
  })
})

describe('latency_p99', () => {
  test('equal to the limit deviates; it leaves below the second one', () => {
    expect(find('latency_p99', { window: p99(999_999) })).toBeUndefined()
    expect(find('latency_p99', { window: p99(1_000_000) })).toMatchObject({ class: 'inferred' })
    expect(find('latency_p99', { window: p99(800_000) })).toBeDefined()
    expect(find('latency_p99', { window: p99(799_999) })).toBeUndefined()
    expect(find('latency_p99', { window: p99(9_000_000, 19) })).toBeUndefined()
  })
})

test('consecutive_failures', () => {
  vital.failures = { count: 4, sinceMs: 5, place }
  expect(find('consecutive_failures', {})).toBeUndefined()
  vital.failures = { count: 5, sinceMs: 5, place }
  expect(find('consecutive_failures', {})).toMatchObject({
    class: 'self_evident',
    severity: 'unhealthy',
    sinceMs: 5,
    value: 5,
  })
  expect(find('consecutive_failures', { agentAlive: false })?.class).toBe('inferred')
})

describe('silence', () => {
  const at = (horizonMs: number | null, floorMs = 0): Partial<DetectorInput> => ({
    hearing: { horizonMs, floorMs, blind: false },
  })

  test('of an instance begins anew when its agent, silent as well, is heard again', () => {
    vital.heardAtMs = 10_000
    expect(find('silence', { ...at(20_000), agentBackMs: 19_000 })).toBeUndefined()
    expect(find('silence', { ...at(24_000), agentBackMs: 19_000 })).toBeDefined()
  })

  test('is judged by the time that was read to', () => {
    vital.heardAtMs = 10_000
    expect(find('silence', { ...at(14_999), nowMs: 99_000 })).toBeUndefined()
    expect(find('silence', at(null))).toBeUndefined()
    expect(find('silence', at(15_000))).toMatchObject({
      class: 'inferred',
      sinceMs: 15_000,
      value: 5_000,
      limit: 5_000,
      place: null,
      text: 'nothing heard for 5.0 s, limit 5.0 s',
    })
    vital.heardAtMs = 15_500
    expect(find('silence', at(16_000))).toBeUndefined()
  })

  // Over a link that loses runs of records healthy instances were called unhealthy for nothing.
  test('S0-28: of one limit a suspicion, of two it counts; older logs as they were', () => {
    vital.heardAtMs = 10_000
    expect(find('silence', at(15_000))?.severity).toBe('unhealthy')
    expect(find('silence', { ...at(19_999), behaviour: 3 })?.severity).toBe('unstable')
    expect(find('silence', { ...at(20_000), behaviour: 3 })?.severity).toBe('unhealthy')
  })

  test('three promised heartbeats, when that is longer', () => {
    vital.heardAtMs = 10_000
    foldSignal(vital, heartbeat({ atMs: 1, periodMs: 10_000 }), { sinceMs: 1, place })
    expect(find('silence', at(39_999))).toBeUndefined()
    expect(find('silence', at(40_000))).toMatchObject({ limit: 30_000 })
  })

  test('nobody was silent before the floor', () => {
    expect(find('silence', at(104_999, 100_000))).toBeUndefined()
    expect(find('silence', at(105_000, 100_000))).toBeDefined()
  })
})

describe('told by signals', () => {
  const tell = (signal: Parameters<typeof foldSignal>[1]): boolean =>
    foldSignal(vital, signal, { sinceMs: signal.at_ms, place })

  test('probe_down is self-evident from the own host and inferred from afar', () => {
    tell(probe({ atMs: 5, verdict: 'down', reason: 'timeout' }))
    expect(find('probe_down', {})).toMatchObject({
      class: 'self_evident',
      sinceMs: 5,
      text: 'local probe down, 3 failures: timeout',
    })
    tell(probe({ atMs: 6, verdict: 'up' }))
    expect(find('probe_down', {})).toBeUndefined()
    tell(probe({ atMs: 7, verdict: 'down', local: false }))
    expect(find('probe_down', {})?.class).toBe('inferred')
  })

  test('connection_refused', () => {
    tell(connection({ atMs: 5, event: 'refused' }))
    expect(find('connection_refused', {})).toMatchObject({ class: 'self_evident', sinceMs: 5 })
    tell(connection({ atMs: 6, event: 'opened' }))
    expect(find('connection_refused', {})).toBeUndefined()
  })

  test('process_exit', () => {
    tell(processEvent({ atMs: 5, event: 'exited', by: 'SIGKILL' }))
    expect(find('process_exit', {})).toMatchObject({
      class: 'self_evident',
      text: 'the process ended: SIGKILL',
    })
  })

  test('announced is hearsay', () => {
    const said = (health: Health): Partial<DetectorInput> => ({ announced: { health, atMs: 3 } })
    expect(find('announced', said('unstable'))).toMatchObject({
      class: 'inferred',
      severity: 'unstable',
    })
    expect(find('announced', said('unhealthy'))).toMatchObject({
      severity: 'unhealthy',
      sinceMs: 3,
    })
    expect(find('announced', said('healthy'))).toBeUndefined()
  })
})

test('every detector has its own name', () => {
  const names = DETECTORS.map(([name]) => name)
  expect(new Set(names).size).toBe(names.length)
})

describe('a probe without an answer, from behaviour 3 on (S1-25)', () => {
  const at = (sinceMs: number): { sinceMs: number; place: typeof place } => ({ sinceMs, place })
  const count = (eventMs: number, n: number): void =>
    foldCounts(vital, { n, errors: 0, eventMs, place })
  const seen = (readMs: number | null): Finding | undefined =>
    find('probe_down', {
      behaviour: 3,
      hearing: { horizonMs: readMs, floorMs: 0, blind: false },
      nowMs: 900_000,
    })
  const fails = (reason: 'timeout' | 'refused' = 'timeout'): void => {
    foldSignal(vital, probe({ atMs: 100_000, verdict: 'down', reason }), at(100_000))
  }

  test('is in doubt until counts of three seconds later say that nothing was answered', () => {
    count(99_000, 5)
    fails()
    expect(seen(100_000)).toMatchObject({ severity: 'unstable', class: 'inferred' })
    count(102_999, 0)
    expect(seen(103_000)?.severity).toBe('unstable')
    count(103_000, 0)
    expect(seen(103_000)).toMatchObject({ severity: 'unhealthy', class: 'self_evident' })
  })

  // A prober was wrong while the counts of the instance lay in a slow broker. Their lateness was
  // taken for silence, and an instance that answered everything was restarted.
  test('counts that are late confirm nothing, however late it is', () => {
    count(99_000, 5)
    fails()
    expect(seen(140_000)?.severity).toBe('unstable')
    count(101_000, 5)
    expect(seen(140_000)?.severity).toBe('unstable')
    count(104_000, 5)
    expect(seen(160_000)?.severity).toBe('unstable')
    expect(seen(163_999)?.severity).toBe('unstable')
    expect(seen(164_000)?.severity).toBe('unhealthy')
    // Nothing has been read: time alone says nothing.
    expect(seen(null)?.severity).toBe('unstable')
  })

  test('a heartbeat that says down is no better witness; a refused probe is', () => {
    count(99_000, 5)
    const beat = heartbeat({ atMs: 100_000, state: 'down' })
    foldSignal(vital, beat, at(100_000))
    expect(seen(100_000)?.severity).toBe('unstable')
    vital.probe = null
    fails('refused')
    expect(seen(100_000)?.severity).toBe('unhealthy')
  })

  test('is believed at once where nobody counts, and by behaviours before', () => {
    vital.deltaPlace = null
    fails()
    expect(seen(100_000)?.severity).toBe('unhealthy')
    vital.deltaPlace = place
    expect(seen(100_000)?.severity).toBe('unstable')
    expect(find('probe_down', { behaviour: 2 })?.severity).toBe('unhealthy')
  })
})
