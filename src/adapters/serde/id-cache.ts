// The last answers of a schema registry, on disk, so that a worker starts while the registry is
// down. Ids of a registry never change; a cache of another registry, a damaged file or one that
// does not know every schema counts as none.
import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

const FILE = 'schema-ids.json'

/** Schema id by `<subject> <fingerprint>`. */
export type IdTable = ReadonlyMap<string, number>

export function isSchemaId(id: unknown): id is number {
  return typeof id === 'number' && Number.isInteger(id) && id >= 0 && id <= 0x7fffffff
}

/** Empty when there is nothing to be used. */
export function readIdCache(dir: string, registry: string): IdTable {
  try {
    const { format, registry: of, ids } = JSON.parse(readFileSync(join(dir, FILE), 'utf8'))
    const entries: [string, unknown][] = Object.entries(ids)
    if (format !== 1 || of !== registry) return new Map()
    return new Map(entries.flatMap(([key, id]) => (isSchemaId(id) ? [[key, id]] : [])))
  } catch {
    return new Map()
  }
}

/** Readable by the owner alone, never half written. Errors: those of the file system. */
export function writeIdCache(dir: string, registry: string, ids: IdTable): void {
  const text = JSON.stringify({ format: 1, registry, ids: Object.fromEntries(ids) }, null, 2)
  mkdirSync(dir, { recursive: true, mode: 0o700 })
  const temporary = join(dir, `.${FILE}.${process.pid}`)
  rmSync(temporary, { force: true })
  writeFileSync(temporary, `${text}\n`, { mode: 0o600, flag: 'wx', flush: true })
  renameSync(temporary, join(dir, FILE))
}
