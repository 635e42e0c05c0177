// The shape of a schema, used to look over a datum before the Avro library touches it: that library
// makes arrays of whatever length hostile bytes name, replaces malformed text silently and knows
// nothing of ids. What passes here is finite, well-formed and safe to decode. Also finds where a
// record holds bytes.
import type { AvroCursor } from '../../contracts/avro-cursor.ts'
import type { DecodeReason } from '../../contracts/decode.ts'
import { HsError } from '../../contracts/failure.ts'
import { isIdBytes } from '../../contracts/ids.ts'
import { decodeUtf8, isUtf8 } from '../../contracts/utf8.ts'

export type Shape =
  | { readonly kind: 'null' | 'boolean' | 'int' | 'long' | 'double' | 'bytes' | 'string' | 'id' }
  | { readonly kind: 'enum'; readonly symbols: number }
  | { readonly kind: 'array' | 'map'; readonly items: Shape; readonly itemBytes: number }
  | { readonly kind: 'union'; readonly branches: readonly Shape[] }
  | { readonly kind: 'record'; readonly fields: readonly ShapeField[] }

export interface ShapeField {
  readonly name: string
  readonly shape: Shape
}

const PRIMITIVES = ['null', 'boolean', 'int', 'long', 'double', 'bytes', 'string'] as const

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/**
 * Shape of a schema as JSON.
 * Errors: HsError `HS_INTERNAL` for what ours never use because a few bytes could then mean endless
 * work: recursion, arrays and maps of items without size; and for types that are not ours.
 */
export function shapeOf(schema: unknown): Shape {
  return new Builder().shape(schema, false)
}

class Builder {
  private readonly named = new Map<string, Shape>()
  private readonly open = new Set<string>()

  shape(schema: unknown, isId: boolean): Shape {
    if (Array.isArray(schema))
      return { kind: 'union', branches: schema.map((branch) => this.shape(branch, isId)) }
    if (typeof schema === 'string') return this.byName(schema, isId)
    if (!isObject(schema)) throw unusable(schema)
    const type = schema['type']
    if (type === 'record' || type === 'enum') return this.declared(schema)
    if (type === 'array') return this.collection('array', schema['items'])
    if (type === 'map') return this.collection('map', schema['values'])
    return this.shape(type, isId)
  }

  private byName(name: string, isId: boolean): Shape {
    if (name === 'string' && isId) return { kind: 'id' }
    const primitive = PRIMITIVES.find((each) => each === name)
    if (primitive !== undefined) return { kind: primitive }
    if (this.open.has(name)) throw new HsError('HS_INTERNAL', `schema ${name} contains itself`)
    const known = this.named.get(name)
    if (known === undefined) throw unusable(name)
    return known
  }

  private declared(schema: Record<string, unknown>): Shape {
    const name = String(schema['name'])
    const { symbols, fields } = schema
    if (Array.isArray(symbols)) return this.keep(name, { kind: 'enum', symbols: symbols.length })
    if (!Array.isArray(fields)) throw unusable(name)
    this.open.add(name)
    const shapes = fields.filter(isObject).map((field) => ({
      name: String(field['name']),
      shape: this.shape(field['type'], field['brand'] !== undefined),
    }))
    this.open.delete(name)
    return this.keep(name, { kind: 'record', fields: shapes })
  }

  private keep(name: string, shape: Shape): Shape {
    this.named.set(name, shape)
    return shape
  }

  private collection(kind: 'array' | 'map', of: unknown): Shape {
    const items = this.shape(of, false)
    const itemBytes = leastBytes(items) + (kind === 'map' ? 1 : 0)
    if (itemBytes === 0)
      throw new HsError('HS_INTERNAL', `schema has a ${kind} of items without size`)
    return { kind, items, itemBytes }
  }
}

function unusable(what: unknown): HsError {
  return new HsError('HS_INTERNAL', `schema uses ${JSON.stringify(what)}, which is not supported`)
}

/** Fewest bytes a datum of the shape takes. */
function leastBytes(shape: Shape): number {
  switch (shape.kind) {
    case 'null':
      return 0
    case 'double':
      return 8
    case 'record':
      return shape.fields.reduce((sum, field) => sum + leastBytes(field.shape), 0)
    case 'union':
      return 1 + Math.min(...shape.branches.map(leastBytes))
    default:
      return 1
  }
}

/** Where a look over a datum ended. */
export interface Trouble {
  reason: DecodeReason | null
  /** Field path, innermost first. */
  path: string[]
}

/**
 * Moves the cursor over one datum. true: it is one. false: `trouble` has the reason: `corrupt` when
 * the bytes are not a datum of the shape, `invalid` for text that is not UTF-8, an id that is none,
 * a map key `__proto__`.
 */
export function lookOver(shape: Shape, cursor: AvroCursor, trouble: Trouble): boolean {
  switch (shape.kind) {
    case 'record':
      return shape.fields.every((field) => {
        const fine = lookOver(field.shape, cursor, trouble)
        if (!fine) trouble.path.push(field.name)
        return fine
      })
    case 'union': {
      const branch = shape.branches[cursor.index(shape.branches.length)]
      return sound(cursor, trouble) && branch !== undefined && lookOver(branch, cursor, trouble)
    }
    case 'array':
    case 'map':
      return lookOverItems(shape, cursor, trouble)
    case 'string':
    case 'id':
      return lookOverText(shape.kind, cursor, trouble)
    default:
      skip(shape, cursor)
      return sound(cursor, trouble)
  }
}

function sound(cursor: AvroCursor, trouble: Trouble): boolean {
  if (cursor.faulty) trouble.reason = 'corrupt'
  return !cursor.faulty
}

function lookOverItems(
  shape: Extract<Shape, { items: Shape }>,
  cursor: AvroCursor,
  trouble: Trouble,
): boolean {
  let place = 0
  let count = cursor.block(shape.itemBytes)
  while (count > 0) {
    const blockEnd = cursor.blockEnd
    cursor.blockEnd = -1
    for (; count > 0; count--, place++) {
      const keyed = shape.kind === 'array' || lookOverText('key', cursor, trouble)
      if (keyed && lookOver(shape.items, cursor, trouble)) continue
      trouble.path.push(String(place))
      return false
    }
    cursor.blockEnd = blockEnd
    count = cursor.block(shape.itemBytes)
  }
  return sound(cursor, trouble)
}

function lookOverText(
  kind: 'string' | 'id' | 'key',
  cursor: AvroCursor,
  trouble: Trouble,
): boolean {
  const start = cursor.skipBytes()
  if (!sound(cursor, trouble)) return false
  const { buffer, at } = cursor
  const fine =
    kind === 'id'
      ? isIdBytes(buffer, start, at)
      : isUtf8(buffer, start, at) &&
        (kind === 'string' || decodeUtf8(buffer, start, at) !== '__proto__')
  if (!fine) trouble.reason = 'invalid'
  return fine
}

function skip(shape: Shape, cursor: AvroCursor): void {
  switch (shape.kind) {
    case 'null':
      return
    case 'boolean':
      cursor.bool()
      return
    case 'int':
      cursor.int()
      return
    case 'long':
      cursor.readLong()
      return
    case 'double':
      cursor.readDouble()
      return
    case 'bytes':
      cursor.skipBytes()
      return
    case 'enum':
      cursor.index(shape.symbols)
      return
    default:
      throw new HsError('HS_INTERNAL', `${shape.kind} cannot be skipped`)
  }
}

export type Convert = (value: unknown) => unknown

/**
 * A function that applies `convert` to every bytes field of a value of the shape and copies only
 * what lies on the way; null when the shape holds no bytes.
 */
export function bytesConverter(
  shape: Shape,
  convert: (bytes: Uint8Array) => Uint8Array,
): Convert | null {
  switch (shape.kind) {
    case 'bytes':
      return (value) => (value instanceof Uint8Array ? convert(value) : value)
    case 'union': {
      const found = shape.branches.map((branch) => bytesConverter(branch, convert))
      // At most one branch of ours holds bytes, and unions are of null and one more.
      return found.find((each) => each !== null) ?? null
    }
    case 'map':
    case 'array': {
      const items = bytesConverter(shape.items, convert)
      if (items !== null && shape.kind === 'map') throw unusable('a map of bytes')
      return items === null
        ? null
        : (value) => (Array.isArray(value) ? value.map((item) => items(item)) : value)
    }
    case 'record':
      return recordConverter(shape.fields, convert)
    default:
      return null
  }
}

function recordConverter(
  fields: readonly ShapeField[],
  convert: (bytes: Uint8Array) => Uint8Array,
): Convert | null {
  const found = fields.flatMap((field) => {
    const inner = bytesConverter(field.shape, convert)
    return inner === null ? [] : [{ name: field.name, inner }]
  })
  if (found.length === 0) return null
  return (value) => {
    if (!isObject(value)) return value
    const copy = { ...value }
    for (const { name, inner } of found) copy[name] = inner(copy[name])
    return copy
  }
}
