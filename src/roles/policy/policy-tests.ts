// A run of policy tests: files in, outcomes and coverage out, and the JUnit XML of them.
import { formatDuration } from '../../contracts/duration.ts'
import { printable } from '../../contracts/printable.ts'
import { formatFinding, type LoadedPolicy, readPolicies } from '../../config/policy-file.ts'
import { readPolicyTests } from './policy-test-file.ts'
import {
  type ClauseCoverage,
  newCoverage,
  runPolicyTest,
  type TestOutcome,
} from './policy-test-run.ts'

export interface TestedFile {
  readonly file: string
  /** Why its tests could not be run; empty: they were. */
  readonly problems: readonly string[]
  readonly tests: readonly TestOutcome[]
}

export interface TestReport {
  readonly files: readonly TestedFile[]
  readonly passed: number
  readonly failed: number
  readonly clauses: readonly ClauseCoverage[]
  /** Guards that have refused in some test. */
  readonly guards: readonly string[]
}

/** How files are found: `read` gives the bytes of a file named in `from`, or throws. */
export interface Reading {
  readonly text: string
  readonly file: string
  read(path: string): Uint8Array
}

export function runPolicyTests(files: readonly Reading[]): TestReport {
  const coverage = newCoverage()
  const tested = files.map((reading) => {
    const { file } = reading
    const parsed = readPolicyTests(reading.text, file)
    if (!parsed.ok) return { file, problems: parsed.findings.map(formatFinding), tests: [] }
    const { policies, problems } = policiesOf(parsed.tests.policies, reading)
    if (problems.length > 0) return { file, problems, tests: [] }
    const { intervalMs } = parsed.tests
    const tests = parsed.tests.tests.map((test) =>
      runPolicyTest(test, policies, { intervalMs, coverage }),
    )
    return { file, problems: [], tests }
  })
  const all = tested.flatMap(({ tests }) => tests)
  const failed = all.filter(({ failures }) => failures.length > 0).length
  return {
    files: tested,
    passed: all.length - failed,
    failed: failed + tested.filter(({ problems }) => problems.length > 0).length,
    clauses: [...coverage.clauses.values()],
    guards: [...coverage.guards].sort(),
  }
}

function policiesOf(
  paths: readonly string[],
  reading: Reading,
): { readonly policies: readonly LoadedPolicy[]; readonly problems: readonly string[] } {
  const policies: LoadedPolicy[] = []
  const problems: string[] = []
  for (const path of paths) {
    try {
      const found = readPolicies(reading.read(path), path)
      policies.push(...found.policies)
      const errors = found.findings.filter(({ severity }) => severity === 'error')
      problems.push(...errors.map(formatFinding))
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error)
      problems.push(`${reading.file}: error: policies: ${path} cannot be read: ${why}`)
    }
  }
  return { policies, problems }
}

/** `at 5 min: …` */
export function failureText({ atMs, message }: TestOutcome['failures'][number]): string {
  return `at ${formatDuration(atMs)}: ${printable(message)}`
}

/** Clauses that no test has seen true, or none false. */
export function uncovered(report: TestReport): readonly string[] {
  return report.clauses.flatMap(({ policy, clause, seenTrue, seenFalse }) => {
    const never = [...(seenTrue ? [] : ['true']), ...(seenFalse ? [] : ['false'])]
    return never.map((value) => `${policy}: ${printable(clause)} was never ${value}`)
  })
}

/** JUnit XML, as CI systems read it: a suite per file, a case per test. */
export function junitXml(report: TestReport): string {
  const suites = report.files.map(({ file, problems, tests }) => {
    const failures = tests.filter(({ failures: own }) => own.length > 0).length
    const errors = problems.length > 0 ? 1 : 0
    const counts = `tests="${tests.length}" failures="${failures}" errors="${errors}"`
    const cases = tests.map((test) => caseXml(file, test))
    const broken = problems.length === 0 ? [] : [brokenXml(file, problems)]
    const name = escapeXml(file)
    return [`  <testsuite name="${name}" ${counts}>`, ...broken, ...cases, '  </testsuite>'].join(
      '\n',
    )
  })
  const head = '<?xml version="1.0" encoding="UTF-8"?>'
  const counts = `tests="${report.passed + report.failed}" failures="${report.failed}"`
  return [head, `<testsuites ${counts}>`, ...suites, '</testsuites>', ''].join('\n')
}

function caseXml(file: string, { name, failures }: TestOutcome): string {
  const open = `    <testcase classname="${escapeXml(file)}" name="${escapeXml(name)}"`
  const [first] = failures
  if (first === undefined) return `${open}/>`
  const message = escapeXml(failureText(first))
  const text = escapeXml(failures.map(failureText).join('\n'))
  return `${open}><failure message="${message}">${text}</failure></testcase>`
}

function brokenXml(file: string, problems: readonly string[]): string {
  const name = escapeXml(file)
  const text = escapeXml(problems.join('\n'))
  return `    <testcase classname="${name}" name="read"><error>${text}</error></testcase>`
}

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&apos;',
}

/** Text of a document: what XML gives a meaning is written out, what it cannot hold is left out. */
export function escapeXml(text: string): string {
  let out = ''
  for (const c of text) {
    const code = c.codePointAt(0) ?? 0
    const isText = code === 9 || code === 10 || code === 13 || code >= 32
    const isPart = (code >= 0xd800 && code <= 0xdfff) || code === 0xfffe || code === 0xffff
    if (isText && !isPart) out += ENTITIES[c] ?? c
  }
  return out
}
