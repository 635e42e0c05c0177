// Which id on the wire means which version of a schema. Without a registry the id is derived from
// the schema itself, so that processes that never spoke agree; with one it is the registry's, or
// the last known when it is down.
import { HsError } from '../../contracts/failure.ts'
import { type IdTable, readIdCache, writeIdCache } from './id-cache.ts'
import { checkedUrl, refusal, RegistryDown, type RegistryOptions } from './registry-http.ts'
import { idKey, registryIds, subjectOf } from './registry-ids.ts'
import type { SchemaFamily, SchemaVersion } from './schema-files.ts'

/** One kind with its ids. */
export interface IdentifiedFamily {
  readonly family: SchemaFamily
  readonly currentId: number
  readonly byId: ReadonlyMap<number, SchemaVersion>
}

export interface SchemaIds {
  readonly families: readonly IdentifiedFamily[]
  readonly source: 'derived' | 'registry' | 'cache'
  /** Why the registry was not used or its answers not stored; null when all went well. */
  readonly warning: string | null
}

/** Low 31 bits of the fingerprint. */
function derivedId(version: SchemaVersion): number {
  return Number.parseInt(version.fingerprint.slice(8), 16) & 0x7fffffff
}

/** Errors: HsError `HS_INTERNAL` when two schemas of one topic would share an id. */
export function derivedIds(families: readonly SchemaFamily[]): SchemaIds {
  const identified = families.map((family) => identify(family, derivedId))
  return { families: identified, source: 'derived', warning: null }
}

/** Older versions without an id are left out: no record names them. */
function identify(
  family: SchemaFamily,
  idOf: (version: SchemaVersion) => number | undefined,
): IdentifiedFamily {
  const byId = new Map<number, SchemaVersion>()
  for (const version of family.versions) {
    const id = idOf(version)
    if (id === undefined) continue
    if (byId.has(id))
      throw new HsError('HS_INTERNAL', `two versions of schema ${family.kind} share the id ${id}`)
    byId.set(id, version)
  }
  const currentId = idOf(family.current)
  if (currentId === undefined)
    throw new HsError('HS_INTERNAL', `schema ${family.kind} has no id for its current version`)
  return { family, currentId, byId }
}

/**
 * Asks the registry and writes nothing to it; what it answers is stored in `cacheDir`. Whenever it
 * does not help (down, hung, wrong answers, contents lost), what it said before is used: an id
 * never changes its meaning. Decoding must depend on nothing that happens after the start, or a
 * replay would read other records than the task did: ids are not asked for at run time.
 * Errors: HsError `HS_UNREACHABLE` when it is down, `HS_SCHEMA` when it refuses or does not hold a
 * current schema, each only when the cache cannot stand in; `HS_SCHEMA` when it gives another id
 * than it once gave.
 */
export async function registeredIds(
  families: readonly SchemaFamily[],
  options: RegistryOptions,
  cacheDir: string | null,
): Promise<SchemaIds> {
  const registry = checkedUrl(options.url)
  const known = cacheDir === null ? new Map<string, number>() : readIdCache(cacheDir, registry)
  const { ids, trouble } = await asked(families, options)
  assertSameAsBefore(known, ids, registry)
  const all = new Map([...known, ...ids])
  const missing = families.find((family) => !all.has(keyOf(options, family, family.current)))
  if (missing !== undefined) throw unknown(missing, options, trouble)
  const named = families.map((family) =>
    identify(family, (version) => all.get(keyOf(options, family, version))),
  )
  if (trouble !== null) return { families: named, source: 'cache', warning: trouble.message }
  const lost = families.find((family) => !ids.has(keyOf(options, family, family.current)))
  const stored = cacheDir === null ? null : store(cacheDir, registry, all)
  return { families: named, source: 'registry', warning: lostWarning(lost, options) ?? stored }
}

/** What the registry answers, or why it is of no help. */
async function asked(
  families: readonly SchemaFamily[],
  options: RegistryOptions,
): Promise<{ readonly ids: IdTable; readonly trouble: RegistryDown | HsError | null }> {
  try {
    return { ids: await registryIds(families, options), trouble: null }
  } catch (error) {
    const isTrouble = error instanceof RegistryDown || error instanceof HsError
    if (!isTrouble || (error instanceof HsError && error.code !== 'HS_SCHEMA')) throw error
    return { ids: new Map(), trouble: error }
  }
}

function unknown(
  { kind, current }: SchemaFamily,
  options: RegistryOptions,
  trouble: RegistryDown | HsError | null,
): HsError {
  if (trouble === null) {
    const subject = subjectOf(options.prefix, kind)
    const what = `version ${current.number} of schema ${kind} is not registered`
    const { message } = refusal(options, subject, what)
    return new HsError('HS_SCHEMA', message, { fix: REGISTER_FIX })
  }
  if (trouble instanceof HsError) return trouble
  return new HsError(
    'HS_UNREACHABLE',
    `${trouble.message}, and no id of schema ${kind} is known from before`,
    { cause: trouble, fix: 'Start the schema registry, then start this again.' },
  )
}

const REGISTER_FIX = 'Run `healstream schemas register` once for this registry and version.'

function lostWarning(lost: SchemaFamily | undefined, options: RegistryOptions): string | null {
  if (lost === undefined) return null
  const subject = subjectOf(options.prefix, lost.kind)
  return (
    `schema registry ${options.url} no longer holds ${subject}; the ids known from before are ` +
    'used: restore it, other readers cannot decode these records'
  )
}

function keyOf(options: RegistryOptions, family: SchemaFamily, version: SchemaVersion): string {
  return idKey(subjectOf(options.prefix, family.kind), version)
}

/**
 * A registry that gives a schema a new id has lost its contents: records under the old id could not
 * be read.
 */
function assertSameAsBefore(known: IdTable, ids: IdTable, registry: string): void {
  for (const [key, id] of ids) {
    const before = known.get(key)
    if (before === undefined || before === id) continue
    throw new HsError(
      'HS_SCHEMA',
      `schema registry ${registry} gives ${key} the id ${id}, before it was ${before}`,
      { fix: 'Restore the registry; if it was emptied on purpose, delete schema-ids.json.' },
    )
  }
}

/** null, or why it could not be stored. */
function store(dir: string, registry: string, ids: IdTable): string | null {
  try {
    writeIdCache(dir, registry, ids)
    return null
  } catch (error) {
    return `schema ids cannot be stored: ${error instanceof Error ? error.message : String(error)}`
  }
}
