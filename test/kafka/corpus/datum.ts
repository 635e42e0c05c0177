// Records of our schemas as no serializer writes them: every field may hold a number out of its
// range, a text that is none, or bytes of which nothing can be said. Avro 1.11, "Binary Encoding".
import { readFileSync } from 'node:fs'
import type { RecordOf } from '../../../src/contracts/records.ts'
import type { TopicKind } from '../../../src/contracts/topics.ts'
import { DatumWriter } from '../../contracts/telemetry-fixture.ts'

/** Bytes as they are, in the place of a field. */
export class Raw {
  readonly bytes: Uint8Array

  constructor(bytes: Uint8Array) {
    this.bytes = bytes
  }
}

type Kind = keyof RecordOf & TopicKind
type Fields = Readonly<Record<string, unknown>>
interface Declared extends Fields {
  readonly type: unknown
}

const isObject = (value: unknown): value is Fields => typeof value === 'object' && value !== null
const isDeclared = (value: unknown): value is Declared => isObject(value) && 'type' in value
const listOf = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : [])

function schemaOf(kind: Kind): unknown {
  return JSON.parse(readFileSync(new URL(`../../../schemas/${kind}.avsc`, import.meta.url), 'utf8'))
}

/** The datum, without the five bytes before it. `change`: fields that are to be something else. */
export function datumOf(kind: Kind, record: object, change: Fields = {}): Uint8Array {
  const into = new DatumWriter()
  write(schemaOf(kind), { ...record, ...change }, into)
  return into.done()
}

/** Block of so many items, which are not there. */
export function block(count: bigint): Raw {
  return new Raw(new DatumWriter().long(count).done())
}

/** A text of these bytes. */
export function textOf(bytes: Uint8Array): Raw {
  return new Raw(
    new DatumWriter()
      .long(bytes.length)
      .raw(...bytes)
      .done(),
  )
}

function write(schema: unknown, value: unknown, into: DatumWriter): void {
  if (value instanceof Raw) into.raw(...value.bytes)
  else if (Array.isArray(schema)) {
    into.long(value === null ? 0 : 1)
    if (value !== null) write(schema[1], value, into)
  } else if (isDeclared(schema)) writeDeclared(schema, value, into)
  else writePlain(schema, value, into)
}

function writeDeclared(schema: Declared, value: unknown, into: DatumWriter): void {
  const { type } = schema
  if (type === 'enum') {
    const symbols = listOf(schema['symbols'])
    into.long(typeof value === 'number' ? value : symbols.indexOf(value))
  } else if (type === 'record') {
    const fields = listOf(schema['fields']).filter(isDeclared)
    for (const field of fields) {
      const inside = isObject(value) ? value[String(field['name'])] : null
      // A field that later behaviours write alone may be left out.
      write(field.type, inside === undefined ? field['default'] : inside, into)
    }
  } else if (type === 'array') {
    const items = listOf(value)
    if (items.length > 0) into.long(items.length)
    for (const item of items) write(schema['items'], item, into)
    into.long(0)
  } else if (type === 'map') {
    const entries = Object.entries(isObject(value) ? value : {})
    if (entries.length > 0) into.long(entries.length)
    for (const [key, item] of entries) {
      into.text(key)
      write(schema['values'], item, into)
    }
    into.long(0)
  } else write(type, value, into)
}

function writePlain(schema: unknown, value: unknown, into: DatumWriter): void {
  if (schema === 'string') into.text(String(value))
  else if (schema === 'boolean') into.raw(value === true ? 1 : 0)
  else if (schema === 'double') {
    const bytes = Buffer.alloc(8)
    bytes.writeDoubleLE(Number(value))
    into.raw(...bytes)
  } else if (schema === 'bytes') into.long(0)
  else into.long(typeof value === 'bigint' ? value : BigInt(Number(value)))
}
