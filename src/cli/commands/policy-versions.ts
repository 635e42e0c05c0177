// `healstream policy explain|diff|promote|rollback`: what is in force, and what was. Versions are
// read from the log, which keeps all of them; whatever is changed is published as a new version, so
// that the history shows both (S3-43).
import { readFileSync } from 'node:fs'
import { diffDocuments, type FieldChange } from '../../config/policy-diff.ts'
import { explainPolicy, type Verdict, verdictOn } from '../../roles/policy/policy-explain.ts'
import { readPolicies } from '../../config/policy-file.ts'
import { promoted } from '../../config/policy-ladder.ts'
import { HsError } from '../../contracts/failure.ts'
import type { HealPolicy } from '../../contracts/heal-policy.ts'
import { parsePolicy, type PolicyDocument } from '../../contracts/policy.ts'
import { printable } from '../../contracts/printable.ts'
import type { Mode } from '../../contracts/records.ts'
import type {
  AppliedPolicy,
  InstanceView,
  PolicyView,
  TailLine,
} from '../../roles/projector/views.ts'
import type { Client } from '../client.ts'
import { connect, show } from '../context.ts'
import type { Context, ReadFlags } from '../context.ts'
import { operatorName } from '../operator-name.ts'
import { table } from '../table.ts'

const FIX = 'List them with `healstream get policies`.'

/** One version of a document, as the log has it. */
interface Version {
  readonly kind: string
  readonly name: string
  readonly version: number
  readonly deleted: boolean
  readonly document: string
}

function isVersion(value: unknown): value is Version {
  if (typeof value !== 'object' || value === null) return false
  const { name, version, document } = { name: null, version: null, document: null, ...value }
  return typeof name === 'string' && typeof version === 'number' && typeof document === 'string'
}

/** Every version of a name, in order; each is on every partition, and counts once. */
async function versionsOf(client: Client, name: string): Promise<readonly Version[]> {
  const found = new Map<number, Version>()
  const path = '/v1/tail/policies?from=earliest&follow=false'
  for await (const { record } of client.lines<TailLine>(path)) {
    if (isVersion(record) && record.name === name) found.set(record.version, record)
  }
  return [...found.values()].sort((a, b) => a.version - b.version)
}

async function inForce(client: Client, name: string): Promise<PolicyView> {
  const all = await client.get<readonly PolicyView[]>('/v1/policies')
  const found = all.filter((policy) => policy.name === name)
  const policy = found.find(({ kind }) => kind === 'HealPolicy') ?? found[0]
  if (policy === undefined) {
    throw new HsError('HS_NOT_FOUND', `there is no policy ${JSON.stringify(name)}`, { fix: FIX })
  }
  return policy
}

function documentOf(text: string, name: string): PolicyDocument {
  const parsed = parsePolicy(JSON.parse(text), name)
  if (parsed.ok) return parsed.document
  throw new HsError('HS_POLICY', `${name} is no document that this build understands`)
}

/** Errors: HS_USAGE for a document of another kind. */
function healPolicyOf(text: string, name: string): HealPolicy {
  const document = documentOf(text, name)
  if (document.kind === 'HealPolicy') return document
  throw new HsError('HS_USAGE', `${name} is a ${document.kind}, not a HealPolicy`, { fix: FIX })
}

/** `FILE`, `NAME` in force, or `NAME@VERSION`: documents by kind and name. */
async function documentsAt(
  client: () => Client,
  place: string,
): Promise<readonly PolicyDocument[]> {
  const bytes = bytesOf(place)
  if (bytes !== null) {
    const { policies } = readPolicies(bytes, place)
    return policies.map(({ document }) => document)
  }
  const [, name = place, version] = /^(.+)@(\d{1,15})$/.exec(place) ?? []
  if (version === undefined) return [documentOf((await inForce(client(), name)).document, name)]
  return [documentOf((await versionAt(client(), name, Number(version))).document, name)]
}

async function versionAt(client: Client, name: string, version: number): Promise<Version> {
  const all = await versionsOf(client, name)
  const found = all.find((one) => one.version === version)
  if (found !== undefined && !found.deleted) return found
  const known = all.map((one) => one.version).join(', ') || 'none'
  throw new HsError('HS_NOT_FOUND', `there is no version ${version} of ${JSON.stringify(name)}`, {
    fix: `Versions are ${known}.`,
  })
}

function bytesOf(path: string): Uint8Array | null {
  try {
    return readFileSync(path)
  } catch {
    return null
  }
}

/** What changes from the first to the second, document by document. */
export async function diff(
  context: Context,
  [from, to]: readonly [string, string | null],
  flags: ReadFlags,
): Promise<void> {
  let made: Client | null = null
  const client = (): Client => (made ??= connect(context, flags))
  const first = await documentsAt(client, from)
  const second = to === null ? await currentOf(client(), first) : await documentsAt(client, to)
  // One file alone is compared with what is in force: that is before, the file after.
  const [before, after] = to === null ? [second, first] : [first, second]
  const keyOf = ({ kind, name }: PolicyDocument): string => `${kind} ${name}`
  const keys = [...new Set([...before, ...after].map(keyOf))].sort()
  // Two versions of one document, or documents of other names, are compared as they are.
  const isPair = before.length === 1 && after.length === 1
  const rows = (isPair ? keys.slice(0, 1) : keys).map((key) => {
    const find = (all: readonly PolicyDocument[]): PolicyDocument | null =>
      (isPair ? all[0] : all.find((one) => keyOf(one) === key)) ?? null
    return { document: key, changes: diffDocuments(find(before), find(after)) }
  })
  show(context, flags.output, { value: rows, lines: () => rows.flatMap(diffLines) })
}

async function currentOf(
  client: Client,
  documents: readonly PolicyDocument[],
): Promise<readonly PolicyDocument[]> {
  const all = await client.get<readonly PolicyView[]>('/v1/policies')
  return documents.flatMap(({ kind, name }) => {
    const held = all.find((one) => one.kind === kind && one.name === name)
    return held === undefined ? [] : [documentOf(held.document, name)]
  })
}

function diffLines(row: {
  readonly document: string
  readonly changes: readonly FieldChange[]
}): readonly string[] {
  const name = printable(row.document)
  if (row.changes.length === 0) return [`${name}: the same`]
  const text = (value: string | null): string => (value === null ? '(none)' : printable(value))
  return [
    `${name}:`,
    ...row.changes.map(({ field, before, after }) => {
      return `  ${printable(field)}: ${text(before)} → ${text(after)}`
    }),
  ]
}

export interface PromoteFlags extends ReadFlags {
  readonly to?: Mode
  readonly service?: string
  readonly force?: boolean
  readonly reason?: string
}

/** The policy one rung higher, as a new version. Errors: HS_USAGE for a step that is skipped. */
export async function promote(context: Context, name: string, flags: PromoteFlags): Promise<void> {
  const client = connect(context, flags)
  const { document } = await inForce(client, name)
  const policy = healPolicyOf(document, name)
  if (flags.force === true && (flags.reason ?? '').trim() === '') {
    throw new HsError('HS_USAGE', '--force needs a reason', { fix: 'Add --reason TEXT.' })
  }
  const { from, to, value } = promoted(policy, JSON.parse(document), {
    to: flags.to ?? null,
    service: flags.service ?? null,
    reason: flags.force === true ? (flags.reason ?? null) : null,
  })
  const at = flags.service === undefined ? '' : ` at ${flags.service}`
  const why = flags.reason === undefined ? '' : `: ${flags.reason}`
  const comment = `promoted from ${from} to ${to}${at}${why}`
  const what = { name, text: JSON.stringify(value), comment }
  const applied = await publish(client, what, operatorName(undefined, context))
  told(context, flags, { applied, comment })
}

export interface RollbackFlags extends ReadFlags {
  readonly to?: number
}

/** An older version, published as a new one. Errors: HS_NOT_FOUND where there is none. */
export async function rollback(
  context: Context,
  name: string,
  flags: RollbackFlags,
): Promise<void> {
  const client = connect(context, flags)
  const current = await inForce(client, name)
  const version = flags.to ?? (await before(client, current))
  const { document } = await versionAt(client, name, version)
  const comment = `rolled back from version ${current.version} to ${version}`
  const what = { name, text: document, comment }
  const applied = await publish(client, what, operatorName(undefined, context))
  told(context, flags, { applied, comment })
}

/** The newest version before the one in force that is another document. */
async function before(client: Client, current: PolicyView): Promise<number> {
  const all = await versionsOf(client, current.name)
  const older = all.findLast(({ version, deleted, document }) => {
    return version < current.version && !deleted && document !== current.document
  })
  if (older !== undefined) return older.version
  throw new HsError('HS_NOT_FOUND', `${current.name} has no version before ${current.version}`, {
    fix: 'There is nothing to go back to.',
  })
}

async function publish(
  client: Client,
  what: { readonly name: string; readonly text: string; readonly comment: string },
  author: string,
): Promise<AppliedPolicy> {
  const { name, text, comment } = what
  const body = { text, file: `${name}.json`, author, comment, dry_run: false }
  const [applied] = await client.post<readonly AppliedPolicy[]>('/v1/policies', body)
  if (applied !== undefined) return applied
  throw new HsError('HS_POLICY', `${name} holds no document`)
}

function told(
  context: Context,
  flags: ReadFlags,
  what: { readonly applied: AppliedPolicy; readonly comment: string },
): void {
  const { applied, comment } = what
  show(context, flags.output, {
    value: { ...applied, comment },
    lines: () => [`${printable(applied.name)} version ${applied.version}: ${printable(comment)}`],
    next: [
      `policy diff ${printable(applied.name)}@${applied.version - 1} ${printable(applied.name)}`,
    ],
  })
}

/** What a policy in force reads, when it matches, and what it says of each instance now. */
export async function explain(context: Context, name: string, flags: ReadFlags): Promise<void> {
  const client = connect(context, flags)
  const all = await client.get<readonly PolicyView[]>('/v1/policies')
  const view = await inForce(client, name)
  const policy = healPolicyOf(view.document, name)
  const guards = all.flatMap((one) => {
    const document = one.kind === 'GuardSet' ? documentOf(one.document, one.name) : null
    return document?.kind === 'GuardSet' ? [document] : []
  })
  const { value, recency } = await client.view<readonly InstanceView[]>('/v1/instances')
  const verdicts = value.flatMap((instance) => {
    const verdict = verdictOn(policy, { ...instance, facts: factsOf(instance) })
    return verdict === null ? [] : [verdict]
  })
  const explained = explainPolicy(policy, guards)
  show(context, flags.output, {
    value: { ...explained, version: view.version, verdicts },
    recency,
    lines: () => [
      `HealPolicy ${printable(name)}, version ${view.version}`,
      ...explained.sentences.map((text) => printable(text)),
      '',
      ...table(explained.reads, [
        { head: 'READS', cell: (row) => row.fact },
        { head: 'MEANING', cell: (row) => row.meaning },
      ]),
      '',
      ...table(explained.limits, [
        { head: 'LIMIT', cell: (row) => row.limit },
        { head: 'VALUE', cell: (row) => printable(row.value) },
        { head: 'FROM', cell: (row) => printable(row.from) },
      ]),
      '',
      ...verdictTable(verdicts),
    ],
  })
}

/** What the views tell of an instance; everything else is unknown. */
function factsOf(view: InstanceView): Parameters<typeof verdictOn>[1]['facts'] {
  const { n, success_rate: rate } = view
  return {
    n,
    errors: rate === null ? 0 : Math.round(n * (1 - rate)),
    error_rate: rate === null ? null : 1 - rate,
    success_rate: rate,
    p99_ms: view.p99_us === null ? null : view.p99_us / 1_000,
    health: view.health,
    lifecycle: view.lifecycle,
    link: view.link,
    service: view.service,
    instance: view.instance,
    zone: view.zone,
    version: view.app_version,
    incarnation: view.incarnation,
  }
}

const WORDS = { true: 'holds', false: 'does not', null: 'unknown' } as const

function verdictTable(verdicts: readonly Verdict[]): readonly string[] {
  return table(verdicts, [
    { head: 'SERVICE', cell: (row) => printable(row.service) },
    { head: 'INSTANCE', cell: (row) => printable(row.instance) },
    { head: 'MODE', cell: (row) => row.mode },
    { head: 'TRIGGER', cell: (row) => (row.holds ? 'holds now' : 'does not') },
    {
      head: 'CLAUSES',
      cell: (row) =>
        row.clauses.map(({ text, holds }) => `${printable(text)}: ${WORDS[`${holds}`]}`).join('; '),
    },
  ])
}
