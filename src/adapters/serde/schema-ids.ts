// Which id on the wire means which version of a schema. Without a registry the id is derived from
// the schema itself, so that processes that never spoke agree; with one it is the registry's, or
// the last known when it is down.
import { HsError } from '../../contracts/failure.ts'
import { type IdTable, readIdCache, writeIdCache } from './id-cache.ts'
import {
  type RegistryOptions,
  RegistryDown,
  idKey,
  publicUrl,
  registryIds,
  subjectOf,
} from './registry-ids.ts'
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

function identify(
  family: SchemaFamily,
  idOf: (version: SchemaVersion) => number,
): IdentifiedFamily {
  const byId = new Map<number, SchemaVersion>()
  for (const version of family.versions) {
    const id = idOf(version)
    if (byId.has(id))
      throw new HsError('HS_INTERNAL', `two versions of schema ${family.kind} share the id ${id}`)
    byId.set(id, version)
  }
  return { family, currentId: idOf(family.current), byId }
}

/**
 * Asks the registry; what it answers is stored in `cacheDir` and used when it is down.
 * Errors: HsError `HS_UNREACHABLE` when it is down and the cache does not know every schema,
 * `HS_SCHEMA` when it refuses a schema, or gives another id than it once gave.
 */
export async function registeredIds(
  families: readonly SchemaFamily[],
  options: RegistryOptions,
  cacheDir: string | null,
): Promise<SchemaIds> {
  const registry = publicUrl(options.url)
  const known = cacheDir === null ? new Map<string, number>() : readIdCache(cacheDir, registry)
  let ids: IdTable
  try {
    ids = await registryIds(families, options)
  } catch (error) {
    if (!(error instanceof RegistryDown)) throw error
    return fromCache(families, options, known, error)
  }
  assertSameAsBefore(known, ids, registry)
  const warning = cacheDir === null ? null : store(cacheDir, registry, new Map([...known, ...ids]))
  return { families: named(families, options, ids), source: 'registry', warning }
}

function fromCache(
  families: readonly SchemaFamily[],
  options: RegistryOptions,
  known: IdTable,
  down: RegistryDown,
): SchemaIds {
  const missing = families.find((family) =>
    family.versions.some((version) => !known.has(keyOf(options, family, version))),
  )
  if (missing !== undefined)
    throw new HsError(
      'HS_UNREACHABLE',
      `${down.message}, and no id of schema ${missing.kind} is known from before`,
      { cause: down, fix: 'Start the schema registry, then start this again.' },
    )
  return { families: named(families, options, known), source: 'cache', warning: down.message }
}

function keyOf(options: RegistryOptions, family: SchemaFamily, version: SchemaVersion): string {
  return idKey(subjectOf(options.prefix, family.kind), version)
}

function named(
  families: readonly SchemaFamily[],
  options: RegistryOptions,
  ids: IdTable,
): readonly IdentifiedFamily[] {
  return families.map((family) =>
    identify(family, (version) => ids.get(keyOf(options, family, version)) ?? -1),
  )
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
