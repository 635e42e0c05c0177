// `healstream policy apply|get|lint`. Lint reaches for nothing; apply lints first and sends only
// what is right.
import { readFileSync } from 'node:fs'
import { userInfo } from 'node:os'
import { formatFinding, readPolicies, setFindings } from '../../config/policy-file.ts'
import type { PolicyFinding } from '../../config/policy-file.ts'
import { EXIT, HsError } from '../../contracts/failure.ts'
import type { ExitCode } from '../../contracts/failure.ts'
import { checkedPolicies } from '../../roles/projector/policy-store.ts'
import type { AppliedPolicy, PolicyView } from '../../roles/projector/views.ts'
import { connect, show } from '../context.ts'
import type { Context, Output, ReadFlags } from '../context.ts'
import { printable } from '../../contracts/printable.ts'
import { printableLines } from '../printable.ts'
import { policyTable } from '../show-views.ts'
import { table } from '../table.ts'

export interface PolicyApplyFlags extends ReadFlags {
  readonly dryRun?: boolean
  readonly again?: boolean
  readonly comment?: string
}

/** Errors: HS_CONFIG for a file that cannot be read. */
function readFile(path: string): Uint8Array {
  try {
    return readFileSync(path)
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error)
    throw new HsError('HS_CONFIG', `${path} cannot be read: ${reason}`, {
      fix: 'Name a file of policies.',
      cause: error,
    })
  }
}

/** Findings on stdout; exit code 1 when one of them is an error. */
export function lint(context: Context, paths: readonly string[], output: Output): ExitCode {
  const files = paths.map((path) => ({ file: path, ...readPolicies(readFile(path), path) }))
  const across = files.length > 1 ? setFindings(files) : []
  const findings = [...files.flatMap((file) => file.findings), ...across]
  const policies = files.flatMap((file) =>
    file.policies.map(({ document, sha256 }) => ({
      kind: document.kind,
      name: document.name,
      sha256,
    })),
  )
  const errors = count(findings, 'error')
  show(context, output, {
    value: { policies, findings },
    lines: () => findings.map((finding) => printable(formatFinding(finding))),
    next: errors > 0 ? [] : [`policy apply --dry-run ${paths.map(printable).join(' ')}`],
  })
  if (output === 'table')
    context.terminal.say(
      [
        plural(policies.length, 'document') + ' fine',
        plural(errors, 'error'),
        plural(count(findings, 'warning'), 'warning'),
      ].join(', '),
    )
  return errors > 0 ? EXIT.findings : EXIT.ok
}

const plural = (n: number, word: string): string => `${n} ${word}${n === 1 ? '' : 's'}`

const count = (findings: readonly PolicyFinding[], severity: PolicyFinding['severity']): number =>
  findings.filter((finding) => finding.severity === severity).length

/** Errors: HS_POLICY before anything is sent, when any of the files is wrong. */
export async function apply(
  context: Context,
  paths: readonly string[],
  flags: PolicyApplyFlags,
): Promise<void> {
  const files = paths.map((path) => ({ path, bytes: readFile(path) }))
  for (const { path, bytes } of files) checkedPolicies(bytes, path)
  const client = connect(context, flags)
  const applied: AppliedPolicy[] = []
  for (const { path, bytes } of files) {
    const body = {
      text: new TextDecoder().decode(bytes),
      file: path,
      author: author(),
      comment: flags.comment ?? null,
      dry_run: flags.dryRun === true,
      again: flags.again === true,
    }
    applied.push(...(await client.post<readonly AppliedPolicy[]>('/v1/policies', body)))
  }
  show(context, flags.output, {
    value: applied,
    lines: () => appliedTable(applied),
    next: [
      flags.dryRun === true ? `policy apply ${paths.map(printable).join(' ')}` : 'get policies',
    ],
  })
}

function author(): string {
  try {
    return userInfo().username
  } catch {
    return 'unknown'
  }
}

const appliedTable = (rows: readonly AppliedPolicy[]): readonly string[] =>
  table(rows, [
    { head: 'KIND', cell: (r) => r.kind },
    { head: 'NAME', cell: (r) => r.name },
    { head: 'VERSION', cell: (r) => String(r.version) },
    { head: 'OUTCOME', cell: (r) => (r.dry_run ? `${r.outcome} (dry run)` : r.outcome) },
  ])

/** Errors: HS_NOT_FOUND for a name that is not in force. */
export async function get(context: Context, name: string | null, flags: ReadFlags): Promise<void> {
  const all = await connect(context, flags).get<readonly PolicyView[]>('/v1/policies')
  const found = name === null ? all : all.filter((policy) => policy.name === name)
  if (name !== null && found.length === 0)
    throw new HsError('HS_NOT_FOUND', `there is no policy ${JSON.stringify(name)}`, {
      fix: 'List them with `healstream get policies`.',
    })
  show(context, flags.output, {
    value: found,
    lines: () =>
      name === null
        ? policyTable(found, context.terminal.paint, Date.now())
        : found.flatMap(policyLines),
  })
}

function policyLines(policy: PolicyView): readonly string[] {
  const document: unknown = JSON.parse(policy.document)
  return [
    `# ${policy.kind} ${printable(policy.name)} v${policy.version}, sha256 ${policy.sha256}`,
    ...printableLines(JSON.stringify(document, null, 2)),
  ]
}
