// Tests of policies as files: what is wrong with one, what a run finds, coverage, JUnit XML.
import { describe, expect, test } from 'vitest'
import {
  escapeXml,
  failureText,
  junitXml,
  runPolicyTests,
  type TestReport,
  uncovered,
} from '../../../src/roles/policy/policy-tests.ts'
import { readPolicyTests } from '../../../src/roles/policy/policy-test-file.ts'

const POLICY = `apiVersion: healstream.io/v1
kind: HealPolicy
metadata: { name: p }
spec:
  match: { services: ['*'] }
  trigger: error_rate > 0.5 && n >= 20
  for: 5m
  action: restart_service
  cooldown: 10m
`

function run(tests: string, policy: string = POLICY, more: string = 'interval: 1s'): TestReport {
  const text = `policies: [p.yaml]\n${more}\ntests:\n${tests}`
  const read = (path: string): Uint8Array => {
    if (path === 'p.yaml') return new TextEncoder().encode(policy)
    throw new Error('no such file')
  }
  return runPolicyTests([{ file: 't.yaml', text, read }])
}

const test1 = (values: string, expected: string, more: string = ''): string => `
  - name: one
    ${more}
    inputSeries:
      - { instance: a, fact: error_rate, values: '${values}' }
      - { instance: a, fact: n, values: '100' }
    expect:
      - { at: ${expected} }
`
const failures = (report: TestReport): readonly string[] => [
  ...report.files.flatMap(({ problems }) => problems),
  ...report.files.flatMap(({ tests }) => tests.flatMap((one) => one.failures.map(failureText))),
]

describe('on the real core', () => {
  test('S0-42: held true for 30 min it acts at 5, 15 and 25 min only', () => {
    const at = (ms: string, what: string): string => `
      - { at: ${ms}, policy: p, instance: a, ${what} }`
    const expected = [
      at('4m59s', 'acts: false, actions: 0'),
      at('5m', 'acts: true, actions: 1'),
      at('14m59s', 'acts: false, actions: 1, guard: cooldown'),
      at('15m', 'acts: true, actions: 2'),
      at('25m', 'acts: true, actions: 3'),
      at('30m', 'actions: 3'),
    ].join('')
    const series = "{ instance: a, fact: error_rate, values: '0.51x1800' }"
    const tests = `
  - name: half an hour
    answer: none
    inputSeries:
      - ${series}
    expect:${expected}
`
    // The guards of those that were not effective are for another test.
    const guards = `---
apiVersion: healstream.io/v1
kind: GuardSet
metadata: { name: g }
spec: { match: { services: ['*'] }, ineffectiveMax: 10, cooldownMaxMs: 10m }
`
    expect(failures(run(tests, `${POLICY}${guards}`))).toEqual([])
  })

  test('what is not as expected is told with its time', () => {
    const report = run(test1('0.51x400', '5m, policy: p, instance: a, acts: false, matches: false'))
    expect(failures(report)).toEqual([
      expect.stringMatching(/^at 5 min: p at a: it acts: restart of shop\/a ordered/),
      'at 5 min: p at a: it matches',
    ])
    expect([report.passed, report.failed]).toEqual([0, 1])
  })

  test.each([
    ['5m, policy: p, instance: a, actions: 2', 'found 1 actions so far, expected 2'],
    ['1m, policy: p, instance: a, acts: true', 'it does not act'],
    ['1m, policy: q, instance: a', 'no such policy selects service shop'],
    ['1m, policy: p, instance: z', 'there is no such instance'],
    ['1m, policy: p, instance: a, guard: hold', 'found guard none, expected hold'],
    ["1m, policy: p, instance: a, clauses: { 'n > 1': true }", 'no clause "n > 1"; there are: '],
    ["1m, policy: p, instance: a, clauses: { 'n >= 20': false }", 'found true, expected false'],
  ])('%s: %s', (expected, said) => {
    expect(failures(run(test1('0.51x400', expected))).join()).toContain(said)
  })

  test('a mode is tried whatever the policy is on, and tells the guard', () => {
    const observed = test1('0.51x400', '5m, policy: p, instance: a, guard: mode', 'mode: observe')
    expect(failures(run(observed))).toEqual([])
  })

  test('an unknown sample is an unknown fact; a series that ended stays', () => {
    const gap = '0.51x200 _ 0.51x10'
    expect(failures(run(test1(gap, '8m21s, policy: p, instance: a, matches: false')))).toEqual([])
    expect(failures(run(test1(gap, '8m22s, policy: p, instance: a, matches: true')))).toEqual([])
  })
})

describe('coverage and reports', () => {
  test('a clause that was never false is told', () => {
    expect(uncovered(run(test1('0.51x400', '1m, policy: p, instance: a')))).toEqual([])
    const alone = run(test1('0.51x400', '1m, policy: p, instance: a', 'others: 0'))
    expect(uncovered(alone)).toEqual([
      'p: error_rate > 0.5 was never false',
      'p: n >= 20 was never false',
    ])
    expect(alone.guards).toEqual([])
  })

  test('JUnit XML: suites, cases, failures, and nothing of the text is markup', () => {
    const report = run(
      test1('0.51x400', '1m, policy: p, instance: a, acts: true').replace('one', '"<&"'),
    )
    const xml = junitXml(report)
    expect(xml).toContain('<testsuites tests="1" failures="1">')
    expect(xml).toContain('<testsuite name="t.yaml" tests="1" failures="1" errors="0">')
    expect(xml).toContain('name="&lt;&amp;"><failure message="at 1 min: p at a: it does not act">')
    expect(escapeXml('a\u0000\u001B\uD800\uFFFF\'"\n')).toBe('a&apos;&quot;\n')
  })

  test('a file that cannot be run fails as a whole', () => {
    const missing = runPolicyTests([
      {
        file: 't.yaml',
        text:
          'policies: [q.yaml]\ntests:\n  - name: x\n    inputSeries: []\n' +
          '    expect: [{ at: 1s, policy: p, instance: a }]',
        read: () => {
          throw new Error('no such file')
        },
      },
    ])
    expect(failures(missing)).toEqual([
      't.yaml: error: policies: q.yaml cannot be read: no such file',
    ])
    expect(missing.failed).toBe(1)
    expect(junitXml(missing)).toContain('<error>t.yaml: error')
    expect(failures(run(test1('1', '1s, policy: p, instance: a'), 'kind: x')).join()).toContain(
      'p.yaml:1:1: error',
    )
  })
})

describe('what is wrong with a file', () => {
  const read = (text: string): readonly string[] => {
    const parsed = readPolicyTests(text, 't.yaml')
    return parsed.ok
      ? []
      : parsed.findings.map(({ line, field, expected }) => `${line} ${field}: ${expected}`)
  }
  const series = (line: string): string =>
    `policies: [p]\ntests:\n  - name: x\n    inputSeries:\n      - ${line}\n` +
    '    expect: [{ at: 1s, policy: p, instance: a }]'

  test.each([
    ['', '1 : a file of policy tests'],
    ['x: [', '1 : '],
    ['tests: []', '1 policies: a list'],
    [
      series('{ instance: a, fact: eror_rate, values: "1" }'),
      'a fact that can be told, or metrics.NAME',
    ],
    [
      series('{ instance: a, fact: service_n, values: "1" }'),
      'a fact that can be told, or metrics.NAME',
    ],
    [series('{ instance: a, fact: n, values: "1x" }'), 'samples such as 0x10 0.6x300'],
    [series('{ instance: a, fact: n, values: "up" }'), 'samples of type double'],
    [series('{ instance: a, fact: health, values: "sick" }'), 'samples of type string'],
    [series('{ instance: a, fact: self_evident, values: "1" }'), 'samples of type bool'],
    [series('{ instance: a, fact: n, valus: "1" }'), 'did you mean'],
  ])('%#', (text, expected) => {
    const parsed = readPolicyTests(text, 't.yaml')
    const findings = parsed.ok ? [] : parsed.findings
    expect(findings.length).toBeGreaterThan(0)
    const all = findings.map(
      ({ line, field, expected: e, hint }) => `${line} ${field}: ${e} ${hint ?? ''}`,
    )
    expect(all.join('\n')).toContain(expected)
    for (const { line, column } of findings) expect(Math.min(line, column)).toBeGreaterThan(0)
  })

  test("metrics of one's own are numbers by name", () => {
    expect(read(series('{ instance: a, fact: metrics.queue_depth, values: "0+1x9" }'))).toEqual([])
  })
})
