// A rule file of Prometheus as it stands becomes alert policies; what is not supported is refused
// with file, line and column (S2-44).
import { expect, test } from 'vitest'
import { formatFinding, readPolicies } from '../../src/config/policy-file.ts'
import { alertPoliciesOf } from '../../src/config/prometheus-rules.ts'

const FILE = `groups:
  - name: example
    interval: 15s
    rules:
      - alert: HighCPUUsage
        expr: instance_cpu_time_percent > 80
        for: 2m
        labels:
          severity: warning
        annotations:
          summary: "High CPU usage on {{ $labels.instance }}"
  - name: another
    rules: []
`

test('each group is a policy for every service', () => {
  const { policies, findings } = readPolicies(FILE, 'rules.yml')
  expect(findings).toEqual([])
  expect(policies.map(({ document }) => document)).toMatchObject([
    { kind: 'AlertPolicy', name: 'example', services: ['*'] },
    { kind: 'AlertPolicy', name: 'another', services: ['*'], rules: [] },
  ])
  expect(policies[0]?.document).toMatchObject({
    rules: [{ alert: 'HighCPUUsage', tier: 'medium', forMs: 120_000 }],
  })
  // What is written to the log is a whole document.
  const [first] = policies
  expect(readPolicies(first?.canonical ?? '', 'again.json').policies[0]?.sha256).toBe(first?.sha256)
})

test.each([
  [
    'instance_cpu_time_percent > 80',
    'rate(cpu[5m]) > 80',
    'rules.yml:6:15: error: groups[0].rules[0].expr',
  ],
  ['> 80', '> 80 and on', 'rules.yml:6:46: error: groups[0].rules[0].expr'],
  ['$labels.instance', 'humanize $value', 'rules.yml:11:39: error: groups[0].rules[0].annotations'],
  ['for: 2m', 'for: 2 minutes', 'rules.yml:7:14: error: groups[0].rules[0].for'],
  ['alert: HighCPUUsage', 'record: x', 'rules.yml:5:9: error: groups[0].rules[0]'],
  ['name: another', 'name: example', 'rules.yml:12:11: error: groups[1].name'],
  ['name: another', 'nam: another', 'rules.yml:12:5: error: groups[1]'],
])('%s → %s', (right, wrong, said) => {
  const { findings } = readPolicies(FILE.replace(right, wrong), 'rules.yml')
  expect(findings.map(formatFinding).join('\n')).toContain(said)
})

test.each([null, 7, {}, { groups: 7 }, { kind: 'AlertPolicy', groups: [] }])(
  '%j is no rule file',
  (value) => {
    expect(alertPoliciesOf(value)).toBeNull()
  },
)

test.each([[null], ['x'], [{ name: 7 }]])('a group like %j is refused, not thrown', (group) => {
  const text = JSON.stringify({ groups: [group] })
  expect(readPolicies(text, 'rules.json').findings.length).toBeGreaterThan(0)
})
