// Schemas only grow, and every reader of every version reads every writer (FULL_TRANSITIVE):
// checked on all versions kept in schemas/history, and ahead of time with a field and a symbol
// added at every place where one could be added.
import { readFileSync, readdirSync } from 'node:fs'
import avsc from 'avsc'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { SCHEMA_KINDS } from '../../src/adapters/serde/schema-files.ts'
import { type Field, type Schema, anyRecord, readSchema } from '../adapters/serde/records.ts'

const folder = new URL('../../schemas/', import.meta.url)

/** Schemas of all versions of a kind, oldest first. */
function history(kind: string): Schema[] {
  const names = readdirSync(new URL(`history/${kind}/`, folder))
  return names
    .sort((a, b) => Number.parseInt(a, 10) - Number.parseInt(b, 10))
    .map((name, i) => {
      expect(name).toBe(`${i + 1}.avsc`)
      return JSON.parse(readFileSync(new URL(`history/${kind}/${name}`, folder), 'utf8'))
    })
}

const typeOf = (schema: Schema): avsc.Type =>
  avsc.Type.forSchema(JSON.parse(JSON.stringify(schema)))

/** Which reader cannot read which writer. */
function incompatible(versions: readonly Schema[]): string[] {
  const found: string[] = []
  for (const [r, reader] of versions.entries())
    for (const [w, writer] of versions.entries()) {
      try {
        typeOf(reader).createResolver(typeOf(writer))
      } catch {
        found.push(`${r + 1} cannot read ${w + 1}`)
      }
    }
  return found
}

const without = (schema: Schema, name: string): Schema => ({
  ...schema,
  fields: schema.fields.filter((field) => field.name !== name),
})

/** The schema with an optional field in every record and a symbol in every enum. */
function grown(schema: Schema): Schema {
  return JSON.parse(JSON.stringify(schema), (_, value) => {
    if (value?.type === 'enum') return { ...value, symbols: [...value.symbols, 'added_later'] }
    if (value?.type !== 'record') return value
    const added: Field = { name: 'added', type: ['null', 'string'], default: null }
    return { ...value, fields: [...value.fields, added] }
  })
}

type Types = ReadonlyMap<string, Record<string, unknown>>

/** Named types of a schema. */
function typesOf(schema: Schema): Types {
  const types = new Map<string, Record<string, unknown>>()
  JSON.parse(JSON.stringify(schema), (_, value) => {
    if (value?.type === 'enum' || value?.type === 'record') types.set(value.name, value)
    return value
  })
  return types
}

/** A record of the grown schema as today's reader has to see it. */
function shrunk(value: unknown, type: unknown, types: Types): unknown {
  if (Array.isArray(type)) {
    const branch = value === null ? 'null' : type.find((each) => each !== 'null')
    return shrunk(value, branch, types)
  }
  const schema = typeof type === 'string' ? types.get(type) : (type as Record<string, unknown>)
  if (schema === undefined || schema['type'] === 'map') return value
  if (schema['type'] === 'enum') return value === 'added_later' ? schema['default'] : value
  if (schema['type'] === 'array')
    return (value as unknown[]).map((item) => shrunk(item, schema['items'], types))
  const fields = schema['fields'] as Field[]
  const object = value as Record<string, unknown>
  return Object.fromEntries(fields.map((f) => [f.name, shrunk(object[f.name], f.type, types)]))
}

function withBuffers(value: unknown): unknown {
  if (value instanceof Uint8Array) return Buffer.from(value)
  if (Array.isArray(value)) return value.map(withBuffers)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(Object.entries(value).map(([k, v]) => [k, withBuffers(v)]))
}

describe.each(SCHEMA_KINDS)('schema %s', (kind) => {
  it('can be read by every version from every version', () => {
    const versions = history(kind)
    expect(versions.length).toBeGreaterThanOrEqual(1)
    expect(incompatible(versions)).toEqual([])
  })

  it('may get optional fields and new symbols without harm to readers of today', () => {
    const today = typeOf(readSchema(kind))
    const later = typeOf(grown(readSchema(kind)))
    const resolver = today.createResolver(later)
    const records = fc.sample(anyRecord(grown(readSchema(kind))), { numRuns: 100, seed: 11 })
    for (const record of records.map(withBuffers)) {
      const seen: unknown = today.fromBuffer(later.toBuffer(record), resolver)
      expect(seen).toEqual(shrunk(record, readSchema(kind), typesOf(readSchema(kind))))
    }
  })

  it('stays readable for readers of later versions', () => {
    const today = typeOf(readSchema(kind))
    const later = typeOf(grown(readSchema(kind)))
    const resolver = later.createResolver(today)
    const records = fc.sample(anyRecord(readSchema(kind)), { numRuns: 100, seed: 12 })
    for (const record of records.map(withBuffers)) {
      const seen = later.fromBuffer(today.toBuffer(record), resolver)
      expect(seen).toMatchObject({ added: null })
      expect(today.toBuffer(seen)).toEqual(today.toBuffer(record))
    }
  })
})

describe('the check', () => {
  const today = readSchema('results')
  const added = (field: Field): Schema => ({ ...today, fields: [...today.fields, field] })
  it.each<[string, Schema[], string[]]>([
    ['a field without default', [today, added({ name: 'x', type: 'long' })], ['2 cannot read 1']],
    ['a field gone that had no default', [today, without(today, 'agent')], ['1 cannot read 2']],
    [
      'a field gone and back as another type',
      [
        added({ name: 'x', type: ['null', 'long'], default: null }),
        today,
        added({
          name: 'x',
          type: ['null', 'string'],
          default: null,
        }),
      ],
      ['1 cannot read 3', '3 cannot read 1'],
    ],
    ['another name', [today, { ...today, name: 'Other' }], ['1 cannot read 2', '2 cannot read 1']],
  ])('finds %s', (_, versions, expected) => {
    expect(incompatible(versions)).toEqual(expected)
  })

  it('lets optional fields pass', () => {
    expect(incompatible([today, grown(today)])).toEqual([])
  })
})
