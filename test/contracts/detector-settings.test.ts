// The named detectors: defaults in one place, overrides by service, nothing unknown.
import { expect, test } from 'vitest'
import {
  DETECTOR_NAMES,
  DETECTOR_SETTINGS,
  detectorRow,
  merged,
} from '../../src/contracts/detector-settings.ts'
import { parsePolicy } from '../../src/contracts/policy.ts'

const document = (detectors: unknown): unknown => ({
  apiVersion: 'healstream.io/v1',
  kind: 'DetectorSet',
  metadata: { name: 'x' },
  spec: { match: { services: ['*'] }, detectors },
})

test('do no harm: what is new argues for nothing by itself, but fusion for unstable', () => {
  const absolute = new Set([
    'process_exit',
    'connection_refused',
    'probe_down',
    'consecutive_failures',
    'success_rate',
    'latency_p99',
    'silence',
    'announced',
  ])
  for (const name of DETECTOR_NAMES) {
    const expected = absolute.has(name) ? 'unhealthy' : name === 'fusion' ? 'unstable' : 'note'
    expect(DETECTOR_SETTINGS[name].severity, name).toBe(expected)
  }
})

test('every default can be written down and comes back', () => {
  const parsed = parsePolicy(document(DETECTOR_SETTINGS), 'x')
  expect(parsed).toMatchObject({ ok: true, document: { detectors: DETECTOR_SETTINGS } })
})

test('the later override wins, and leaves the rest as it is', () => {
  const settings = merged([
    { rtt: { severity: 'unstable', alpha: 0.5 } },
    { rtt: { alpha: 0.2 }, adaptive: { enabled: true } },
  ])
  expect(settings.rtt).toEqual({ ...DETECTOR_SETTINGS.rtt, severity: 'unstable', alpha: 0.2 })
  expect(settings.adaptive.enabled).toBe(true)
  expect(settings.loss).toEqual(DETECTOR_SETTINGS.loss)
})

test('times as durations', () => {
  const parsed = parsePolicy(document({ overload: { forMs: '2m' } }), 'x')
  expect(parsed).toMatchObject({ document: { detectors: { overload: { forMs: 120_000 } } } })
})

test.each([
  [{ moon: {} }, 'moon'],
  [{ rtt: { phase: 1 } }, 'phase'],
  [{ rtt: { severity: 'bad' } }, 'severity'],
  [{ adaptive: { everyMs: 10 } }, 'everyMs'],
  [{ seasonal: { bucketMs: 7_000 } }, 'bucketMs'],
  [{ median_mad: { window: 100_000 } }, 'window'],
])('refused: %j', (detectors, field) => {
  const parsed = parsePolicy(document(detectors), 'x')
  const problems = parsed.ok ? [] : parsed.problems
  expect(problems.map(({ path, key }) => [...path, key].join('.')).join()).toContain(field)
})

test('each says what it looks at and where it comes from', () => {
  for (const name of DETECTOR_NAMES) {
    expect(detectorRow(name).text.length).toBeGreaterThan(10)
    expect(detectorRow(name).rows).not.toBe('')
  }
})
