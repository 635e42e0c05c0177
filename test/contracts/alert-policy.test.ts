// The kind AlertPolicy: rules in Prometheus' words, severities and tiers, and what is refused
// (S2-44).
import { describe, expect, test } from 'vitest'
import type { AlertPolicy } from '../../src/contracts/alert-policy.ts'
import { parsePolicy } from '../../src/contracts/policy.ts'

const RULE = {
  alert: 'HighCPUUsage',
  expr: 'instance_cpu_time_percent > 80',
  for: '2m',
  labels: { severity: 'warning' },
  annotations: { summary: 'High CPU usage on {{ $labels.instance }}' },
}
const parse = (spec: object): ReturnType<typeof parsePolicy> =>
  parsePolicy({
    apiVersion: 'healstream.io/v1',
    kind: 'AlertPolicy',
    metadata: { name: 'shop-alerts' },
    spec: { match: { services: ['*'] }, ...spec },
  })
const policy = (spec: object): AlertPolicy => {
  const parsed = parse(spec)
  if (!parsed.ok || parsed.document.kind !== 'AlertPolicy') throw new Error('not a policy')
  return parsed.document
}

test('the rule of the article, as it stands there', () => {
  const [rule] = policy({ rules: [RULE] }).rules
  expect(rule).toMatchObject({ alert: 'HighCPUUsage', forMs: 120_000, keepMs: 0, tier: 'medium' })
  expect(rule?.expression).toMatchObject({
    metric: 'instance_cpu_time_percent',
    op: '>',
    limit: 80,
  })
})

test.each([
  ['critical', 'high'],
  ['warning', 'medium'],
  ['info', 'low'],
])('severity %s is tier %s (C-26)', (severity, tier) => {
  expect(policy({ rules: [{ ...RULE, labels: { severity } }] }).rules[0]?.tier).toBe(tier)
})

describe('what is refused', () => {
  test.each([
    [{ rules: [{ ...RULE, expr: 'rate(a[5m]) > 1' }] }, 'spec.rules.0.expr', 'functions', 0],
    [{ rules: [{ ...RULE, expr: 'a > 1 or b' }] }, 'spec.rules.0.expr', 'joined', 6],
    [{ rules: [{ ...RULE, for: '2 minutes' }] }, 'spec.rules.0.for', 'a duration', undefined],
    [
      { rules: [{ ...RULE, labels: { severity: 'urgent' } }] },
      'spec.rules.0.labels.severity',
      'one of critical',
      undefined,
    ],
    [
      { rules: [{ ...RULE, labels: { instance: 'x' } }] },
      'spec.rules.0.labels.instance',
      'every alert has its own',
      undefined,
    ],
    [
      { rules: [{ ...RULE, labels: { seen: '{{ $value }}' } }] },
      'spec.rules.0.labels.seen',
      'another alert with every value',
      0,
    ],
    [
      { inhibit: [{ by: 'high', suppresses: ['high'] }] },
      'spec.inhibit.0.suppresses',
      'silence each other',
      undefined,
    ],
    [{ routes: { high: 'two words' } }, 'spec.routes.high', 'a name', undefined],
  ])('%j', (spec, path, said, inner) => {
    const parsed = parse(spec)
    const [problem] = parsed.ok ? [] : parsed.problems
    expect(problem?.path.join('.')).toBe(path)
    expect(problem?.expected).toContain(said)
    expect(problem?.inner).toBe(inner)
  })
})
