// `healstream policy test|schema`: what needs no run, only files.
import { readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import {
  failureText,
  junitXml,
  runPolicyTests,
  type TestReport,
  uncovered,
} from '../../roles/policy/policy-tests.ts'
import { EXIT, type ExitCode, HsError } from '../../contracts/failure.ts'
import { type DocumentKind, POLICY_KINDS, policyJsonSchema } from '../../contracts/policy.ts'
import { printable } from '../../contracts/printable.ts'
import { type Context, type Output, show } from '../context.ts'

export interface PolicyTestFlags {
  readonly output: Output
  /** Where JUnit XML goes. */
  readonly junit?: string
  /** Clauses that were never true, or never false, are failures. */
  readonly coverage?: boolean
}

/** Errors: HS_CONFIG for a file that cannot be read. */
function textOf(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error)
    throw new HsError('HS_CONFIG', `${path} cannot be read: ${reason}`, {
      fix: 'Name a file of policy tests; docs/policies.md shows one.',
      cause: error,
    })
  }
}

/** Outcomes on stdout; exit code 1 when a test fails, or a clause was not covered and must be. */
export function test(context: Context, paths: readonly string[], flags: PolicyTestFlags): ExitCode {
  const report = runPolicyTests(
    paths.map((file) => ({
      file,
      text: textOf(file),
      read: (path) => readFileSync(join(dirname(file), path)),
    })),
  )
  if (flags.junit !== undefined) writeFileSync(flags.junit, junitXml(report))
  const missing = uncovered(report)
  show(context, flags.output, {
    value: { ...report, uncovered: missing },
    lines: () => reportLines(report, missing),
  })
  if (flags.output === 'table') {
    const covered = report.clauses.filter((one) => one.seenTrue && one.seenFalse).length
    const tests = `${report.passed} passed, ${report.failed} failed`
    const clauses = `${covered} of ${report.clauses.length} clauses seen true and false`
    const guards = report.guards.length === 0 ? 'none' : report.guards.join(', ')
    context.terminal.say(`${tests}; ${clauses}; guards that refused: ${guards}`)
  }
  const isBad = report.failed > 0 || (flags.coverage === true && missing.length > 0)
  return isBad ? EXIT.findings : EXIT.ok
}

function reportLines(report: TestReport, missing: readonly string[]): readonly string[] {
  const tests = report.files.flatMap(({ file, problems, tests: own }) => [
    ...problems.map((problem) => printable(problem)),
    ...own.flatMap(({ name, line, failures }) => {
      const outcome = failures.length === 0 ? 'ok  ' : 'FAIL'
      const head = `${outcome} ${printable(file)}:${line} ${printable(name)}`
      return [head, ...failures.map((failure) => `     ${failureText(failure)}`)]
    }),
  ])
  return [...tests, ...missing.map((text) => `not covered: ${text}`)]
}

/** The JSON Schema (2020-12) of a kind of document. Errors: HS_USAGE for an unknown kind. */
export function schema(context: Context, kind: string): void {
  const known: DocumentKind | undefined = POLICY_KINDS.find((name) => name === kind)
  if (known === undefined) {
    throw new HsError('HS_USAGE', `there is no kind ${JSON.stringify(kind)}`, {
      fix: `Kinds are ${POLICY_KINDS.join(', ')}.`,
    })
  }
  context.terminal.out(JSON.stringify(policyJsonSchema(known), null, 2))
}
