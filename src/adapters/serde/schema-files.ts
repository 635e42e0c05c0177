// The schemas on disk: schemas/<kind>.avsc is the current one, schemas/history/<kind>/<n>.avsc
// every version there ever was. From the clone and from the packed package the folder lies three
// levels above this file.
import { existsSync, readFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import avsc from 'avsc'
import { HsError } from '../../contracts/failure.ts'
import type { RecordOf } from '../../contracts/records.ts'
import { crc64Avro } from './crc64.ts'
import { type Shape, shapeOf } from './shape.ts'

export type SchemaKind = keyof RecordOf

const KINDS: Readonly<Record<SchemaKind, true>> = {
  alerts: true,
  checkpoints: true,
  commands: true,
  dlq: true,
  fleet: true,
  health: true,
  incidents: true,
  observations: true,
  operator: true,
  policies: true,
  registry: true,
  remote: true,
  results: true,
  'service-events': true,
  signals: true,
  snapshots: true,
  telemetry: true,
}

/** What only people and the generators read. */
const NOT_ON_THE_WIRE = ['doc', 'brand', 'optional']

export const SCHEMA_KINDS: readonly SchemaKind[] = Object.keys(KINDS).filter(isSchemaKind)

export function isSchemaKind(kind: string): kind is SchemaKind {
  return Object.hasOwn(KINDS, kind)
}

export interface SchemaVersion {
  /**
   * JSON without docs, brands and the like: what registries hold, so that wording never makes a new
   * version.
   */
  readonly text: string
  /** From 1, as in schemas/history. */
  readonly number: number
  /** CRC-64-AVRO of the canonical form, 16 hex digits. */
  readonly fingerprint: string
  readonly type: avsc.Type
  readonly shape: Shape
}

/** All versions of one kind; the current one is also the last of `versions`. */
export interface SchemaFamily {
  readonly kind: SchemaKind
  readonly current: SchemaVersion
  /** Oldest first, without repeats. */
  readonly versions: readonly SchemaVersion[]
}

export const SCHEMAS_DIR: string = fileURLToPath(new URL('../../../schemas', import.meta.url))

/** Errors: HsError `HS_INTERNAL` naming the file that is missing or not a schema. */
export function loadSchemas(dir: string = SCHEMAS_DIR): readonly SchemaFamily[] {
  return SCHEMA_KINDS.map((kind) => loadFamily(dir, kind))
}

function loadFamily(dir: string, kind: SchemaKind): SchemaFamily {
  const folder = join(dir, 'history', kind)
  const numbers = historyNumbers(folder)
  const past = numbers.map((number) => readVersion(join(folder, `${number}.avsc`), number))
  const last = past.at(-1)
  const newest = readVersion(join(dir, `${kind}.avsc`), (last?.number ?? 0) + 1)
  const current = { ...newest, number: last?.text === newest.text ? last.number : newest.number }
  const older = new Map(past.map((version) => [version.fingerprint, version]))
  older.delete(current.fingerprint)
  return { kind, current, versions: [...older.values(), current] }
}

function historyNumbers(folder: string): readonly number[] {
  if (!existsSync(folder)) return []
  const found = readdirSync(folder).flatMap((name) => /^([1-9]\d*)\.avsc$/.exec(name)?.[1] ?? [])
  return found.map(Number).sort((a, b) => a - b)
}

function readVersion(file: string, number: number): SchemaVersion {
  try {
    return parseVersion(readFileSync(file, 'utf8'), number)
  } catch (cause) {
    if (cause instanceof HsError) throw cause
    const what = cause instanceof Error ? cause.message : String(cause)
    throw new HsError('HS_INTERNAL', `${file} cannot be used as a schema: ${what}`, { cause })
  }
}

/** A schema from the text of an .avsc file. */
function parseVersion(source: string, number: number): SchemaVersion {
  const schema: unknown = JSON.parse(source)
  const text = plainText(source)
  const type = avsc.Type.forSchema(JSON.parse(text), { omitRecordMethods: true })
  const canonical = JSON.stringify(type.schema())
  const fingerprint = crc64Avro(canonical).toString(16).padStart(16, '0')
  return { text, number, fingerprint, type, shape: shapeOf(schema) }
}

/** The schema without what only people and the generators read. */
function plainText(source: string): string {
  const schema: unknown = JSON.parse(source, (key, value: unknown) =>
    NOT_ON_THE_WIRE.includes(key) ? undefined : value,
  )
  return JSON.stringify(schema)
}
