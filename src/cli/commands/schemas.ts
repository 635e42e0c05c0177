// `healstream schemas check|register`: would the registry take our schemas, and take them now. CI
// checks, operators register; workers and agents only ask.
import { checkSchemas, registerSchemas } from '../../adapters/serde/registry-check.ts'
import type { SchemaFinding } from '../../adapters/serde/registry-check.ts'
import { RegistryDown, type RegistryOptions } from '../../adapters/serde/registry-http.ts'
import { loadSchemas } from '../../adapters/serde/schema-files.ts'
import { resolveSettings, type ResolvedSettings } from '../../config/settings.ts'
import { EXIT, HsError } from '../../contracts/failure.ts'
import type { ExitCode } from '../../contracts/failure.ts'
import { registryAccessOf } from '../../roles/parts/access.ts'
import { show } from '../context.ts'
import type { Context } from '../context.ts'
import type { ClusterReadFlags } from '../settings-flags.ts'
import { table } from '../table.ts'

const DEADLINE_MS = 10_000

/** Errors: HS_CONFIG without a registry. */
export function registryOptions(resolved: ResolvedSettings): RegistryOptions {
  const access = registryAccessOf(resolved)
  if (access === null)
    throw new HsError('HS_CONFIG', 'no schema registry is named', {
      fix: 'Name one with --registry URL, in HEALSTREAM_REGISTRY_URL, or in the file of --config.',
    })
  return { ...access, prefix: resolved.settings.prefix, deadlineMs: DEADLINE_MS }
}

/** Errors: HS_UNREACHABLE instead of RegistryDown. */
export async function reached<T>(asking: Promise<T>): Promise<T> {
  try {
    return await asking
  } catch (error) {
    if (!(error instanceof RegistryDown)) throw error
    const fix = 'Look whether the registry runs and whether --registry is its base URL.'
    throw new HsError('HS_UNREACHABLE', error.message, { fix, cause: error })
  }
}

/** Exit code 1 when the registry would refuse a schema, or judges by another level than ours. */
export async function check(context: Context, flags: ClusterReadFlags): Promise<ExitCode> {
  const options = registryOptions(resolveSettings(flags, context.env))
  const found = await reached(checkSchemas(loadSchemas(), options))
  const bad = found.filter(({ state }) => state === 'incompatible' || state === 'wrong_level')
  const isNew = found.some(({ state }) => state === 'new')
  show(context, flags.output, {
    value: found,
    lines: () => schemaTable(found, context.terminal.paint),
    next: bad.length === 0 && isNew ? ['schemas register'] : [],
  })
  return bad.length === 0 ? EXIT.ok : EXIT.findings
}

export async function register(context: Context, flags: ClusterReadFlags): Promise<void> {
  const options = registryOptions(resolveSettings(flags, context.env))
  const done = await reached(registerSchemas(loadSchemas(), options))
  const count = done.filter(({ isNew }) => isNew).length
  show(context, flags.output, {
    value: done.map(({ isNew, detail: _detail, ...rest }) => ({ ...rest, new: isNew })),
    lines: () => schemaTable(done, context.terminal.paint),
  })
  if (flags.output === 'table')
    context.terminal.say(`${count} registered now, ${done.length - count} were there`)
}

const schemaTable = (
  rows: readonly SchemaFinding[],
  paint: Context['terminal']['paint'],
): readonly string[] =>
  table(rows, [
    { head: 'SUBJECT', cell: (r) => r.subject },
    { head: 'VERSION', cell: (r) => String(r.version) },
    { head: 'ID', cell: (r) => (r.id === null ? '-' : String(r.id)) },
    {
      head: 'STATE',
      cell: (r) => r.state.replace('_', ' '),
      paint: (text, { state }) =>
        paint(state === 'registered' || state === 'new' ? 'green' : 'red', text),
    },
    { head: 'DETAIL', cell: (r) => r.detail ?? '' },
  ])
