// Random records of any topic, made from the .avsc files as they are: an independent reading of the
// schemas. Also the schema folders of other versions of healstream that the tests need.
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import fc from 'fast-check'

export const SCHEMAS: string = fileURLToPath(new URL('../../../schemas', import.meta.url))

export interface Field {
  name: string
  type: unknown
  default?: unknown
  brand?: string
  doc?: string
}

export interface Schema {
  type: 'record'
  name: string
  namespace?: string
  fields: Field[]
}

export function readSchema(kind: string): Schema {
  return JSON.parse(readFileSync(join(SCHEMAS, `${kind}.avsc`), 'utf8'))
}

type Named = Map<string, fc.Arbitrary<unknown>>

const text = fc.string({ unit: 'grapheme', maxLength: 12 })
const id = fc.stringMatching(/^[a-zäß服][a-z0-9-]{0,10}$/)
const long = fc.oneof(fc.integer(), fc.integer({ min: -(2 ** 52), max: 2 ** 52 }))

/** Any record of the schema. */
export function anyRecord(schema: Schema): fc.Arbitrary<unknown> {
  return anyOf(schema, false, new Map())
}

function anyOf(type: unknown, isId: boolean, named: Named): fc.Arbitrary<unknown> {
  if (Array.isArray(type)) return fc.oneof(...type.map((branch) => anyOf(branch, isId, named)))
  if (typeof type === 'string') return anyPrimitive(type, isId, named)
  const schema = type as Record<string, unknown>
  switch (schema['type']) {
    case 'record': {
      const fields = (schema['fields'] as Field[]).map((field) => [
        field.name,
        anyOf(field.type, field.brand !== undefined, named),
      ])
      const record = fc.record(Object.fromEntries(fields))
      named.set(String(schema['name']), record)
      return record
    }
    case 'enum': {
      const symbols = fc.constantFrom(...(schema['symbols'] as string[]))
      named.set(String(schema['name']), symbols)
      return symbols
    }
    case 'array':
      return fc.array(anyOf(schema['items'], false, named), { maxLength: 4 })
    case 'map': {
      const key = text.filter((k) => k !== '__proto__')
      return fc.dictionary(key, anyOf(schema['values'], false, named), { maxKeys: 4 })
    }
    default:
      throw new Error(`no records for ${JSON.stringify(type)}`)
  }
}

function anyPrimitive(type: string, isId: boolean, named: Named): fc.Arbitrary<unknown> {
  const known: Record<string, fc.Arbitrary<unknown>> = {
    null: fc.constant(null),
    boolean: fc.boolean(),
    int: fc.integer(),
    long,
    double: fc.double({ noNaN: true }),
    bytes: fc.uint8Array({ maxLength: 20 }),
    string: isId ? id : text,
  }
  const found = known[type] ?? named.get(type)
  if (found === undefined) throw new Error(`no records for ${type}`)
  return found
}

/**
 * A folder of schemas in which `kind` is changed and the ones of today are history. Remove it with
 * `remove`.
 */
export function changedSchemas(
  kind: string,
  change: (schema: Schema) => void,
): { dir: string; schema: Schema; remove(): void } {
  const dir = mkdtempSync(join(tmpdir(), 'healstream-schemas-'))
  cpSync(SCHEMAS, dir, { recursive: true })
  const today = readSchema(kind)
  const past = join(dir, 'history', kind)
  cpSync(join(SCHEMAS, `${kind}.avsc`), join(past, '1.avsc'))
  change(today)
  writeFileSync(join(dir, `${kind}.avsc`), JSON.stringify(today))
  return { dir, schema: today, remove: () => rmSync(dir, { recursive: true, force: true }) }
}
