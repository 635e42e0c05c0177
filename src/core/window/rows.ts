// The rows of the windows: who each one counts for. A row has a number that callers may keep with
// its generation; the number is given out again once nothing refers to the row any more. A key that
// forgets what it counted gets a new row, and the old one stays, nameless, until what it counted
// has left the windows of its service.
import { decodeUtf8, encodeUtf8 } from '../../contracts/utf8.ts'
import { assert, AssertionError } from '../kernel/assert.ts'
import type { ImageReader, ImageWriter } from '../kernel/image.ts'
import { Interner } from '../kernel/interner.ts'
import { grownBytes, grownDoubles, grownInts } from '../kernel/grow.ts'

/** Kinds of rows. NAMELESS: counts in its service alone. */
export const FREE = 0
export const SERVICE = 1
export const INSTANCE = 2
export const EDGE = 3
export const NAMELESS = 4

/** Of which key; `instance` null: the service as a whole; `caller` set: an edge. */
export interface RowKey {
  readonly service: string
  readonly instance: string | null
  readonly caller: string | null
}

const ROWS_FIRST = 64
const SEPARATOR = 10
const NO_KEY = -1

export class Rows {
  private keys = new Interner()
  /** Row by key. */
  private rowOf = new Int32Array(ROWS_FIRST)
  private keyOf = new Int32Array(ROWS_FIRST)
  private kinds = new Uint8Array(ROWS_FIRST)
  private parents = new Int32Array(ROWS_FIRST)
  private generations = new Int32Array(ROWS_FIRST)
  private references = new Int32Array(ROWS_FIRST)
  private cuts = new Float64Array(ROWS_FIRST)
  /** Rows offered to `sweep`. */
  private offered = new Uint8Array(ROWS_FIRST)
  private offers: number[] = []
  private free: number[] = []
  /** Row 0 is nobody. */
  private count = 1
  private key = new Uint8Array(64)
  private keyLength = 0
  private readonly edges = new Set<number>()

  /** One above the largest row. */
  get end(): number {
    return this.count
  }

  /** Rows in use. */
  get held(): number {
    return this.count - 1 - this.free.length
  }

  get edgeCount(): number {
    return this.edges.size
  }

  get bytes(): number {
    return this.kinds.length * 38
  }

  kind(row: number): number {
    return this.kinds[row] ?? FREE
  }

  /** Row of the service a row belongs to; 0 for a service. */
  parent(row: number): number {
    return this.parents[row] ?? 0
  }

  generation(row: number): number {
    return this.generations[row] ?? 0
  }

  cutMs(row: number): number {
    return this.cuts[row] ?? 0
  }

  cut(row: number, atMs: number): void {
    this.cuts[row] = Math.max(this.cutMs(row), atMs)
  }

  /** The row of a key, or 0. */
  find({ service, instance, caller }: RowKey): number {
    this.write(service, instance, caller)
    const id = this.keys.find(this.key, 0, this.keyLength)
    return id < 0 ? 0 : (this.rowOf[id] ?? 0)
  }

  /** The row of a key, a new one when there is none. */
  make({ service, instance, caller }: RowKey): number {
    const held = this.find({ service, instance, caller })
    if (held !== 0) return held
    const parent = instance === null ? 0 : this.make({ service, instance: null, caller: null })
    this.write(service, instance, caller)
    const id = this.keys.intern(this.key, 0, this.keyLength)
    const kind = instance === null ? SERVICE : caller === null ? INSTANCE : EDGE
    return this.newRow(kind, parent, id)
  }

  /** The key of a row that has one. */
  keyOfRow(row: number): RowKey {
    const id = this.keyOf[row] ?? NO_KEY
    assert(id !== NO_KEY, 'the key of a row that has one')
    const bytes = this.keys.bytesOf(id)
    const parts = decodeUtf8(bytes, 0, bytes.length).split('\n')
    const [service = '', instance = null, callerService, callerInstance] = parts
    const caller = callerService === undefined ? null : `${callerService}\n${callerInstance ?? ''}`
    return { service, instance, caller }
  }

  /** Edges into instances of a service. */
  edgesOf(service: number): number[] {
    return [...this.edges].filter((row) => this.parents[row] === service)
  }

  /** Gives the key of a row, with its cut, to a new row; the old one is nameless from now on. */
  renew(row: number): number {
    const id = this.keyOf[row] ?? NO_KEY
    assert(this.kind(row) === INSTANCE && id !== NO_KEY, 'the row of an instance')
    const made = this.newRow(INSTANCE, this.parent(row), id)
    this.cuts[made] = this.cutMs(row)
    this.kinds[row] = NAMELESS
    this.keyOf[row] = NO_KEY
    this.cuts[row] = 0
    this.generations[row] = this.generation(row) + 1
    return made
  }

  /** Whether something refers to the row. */
  isReferred(row: number): boolean {
    return (this.references[row] ?? 0) > 0
  }

  /** Something refers to the row. */
  refer(row: number): void {
    this.references[row] = (this.references[row] ?? 0) + 1
  }

  /** It does no more. */
  release(row: number): void {
    const left = (this.references[row] ?? 0) - 1
    assert(left >= 0, 'a row released as often as referred to')
    this.references[row] = left
    if (left === 0) this.offer(row)
  }

  /** Frees rows that nothing refers to, unless `isNeeded` says otherwise. */
  sweep(isNeeded: (row: number) => boolean, freed: (row: number) => void): void {
    const { offers } = this
    let kept = 0
    // Grows while it is walked: a service is offered when its last row goes.
    for (let i = 0; i < offers.length; i++) {
      const row = offers[i] ?? 0
      if ((this.references[row] ?? 0) > 0) this.offered[row] = 0
      else if (isNeeded(row)) offers[kept++] = row
      else {
        this.offered[row] = 0
        this.remove(row)
        freed(row)
      }
    }
    offers.length = kept
  }

  save(writer: ImageWriter): void {
    const { count } = this
    this.keys.save(writer)
    writer.int(count).blob(this.kinds.slice(0, count))
    writer.blob(bytesOf(this.parents.slice(0, count)))
    writer.blob(bytesOf(this.keyOf.slice(0, count)))
    writer.blob(bytesOf(this.cuts.slice(0, count)))
    for (const list of [this.free, this.offers, [...this.edges]]) {
      writer.int(list.length)
      for (const row of list) writer.int(row)
    }
  }

  /**
   * Into no rows. What refers to rows is told again by the caller; only a row's to its service is
   * known here. Errors: AssertionError for an image of something else.
   */
  load(reader: ImageReader): void {
    this.keys = Interner.load(reader)
    const count = reader.int()
    this.reserve(count)
    this.count = count
    bytesInto(this.kinds, reader.blob())
    bytesInto(this.parents, reader.blob())
    bytesInto(this.keyOf, reader.blob())
    bytesInto(this.cuts, reader.blob())
    this.rowOf = new Int32Array(Math.max(ROWS_FIRST, this.keys.idEnd))
    for (let row = 1; row < count; row++) {
      const id = this.keyOf[row] ?? NO_KEY
      const parent = this.parent(row)
      if (id !== NO_KEY && this.kind(row) !== FREE) this.rowOf[id] = row
      if (parent !== 0) this.refer(parent)
    }
    this.free = listFrom(reader)
    this.offers = listFrom(reader)
    for (const row of this.offers) this.offered[row] = 1
    for (const row of listFrom(reader)) this.edges.add(row)
  }

  private newRow(kind: number, parent: number, id: number): number {
    const row = this.free.pop() ?? this.count++
    this.reserve(this.count)
    this.kinds[row] = kind
    this.parents[row] = parent
    this.keyOf[row] = id
    this.cuts[row] = 0
    if (id >= this.rowOf.length) this.rowOf = grownInts(this.rowOf, 2 * id)
    this.rowOf[id] = row
    if (parent !== 0) this.refer(parent)
    if (kind === EDGE) this.edges.add(row)
    this.offer(row)
    return row
  }

  private offer(row: number): void {
    if (this.offered[row] === 1) return
    this.offered[row] = 1
    this.offers.push(row)
  }

  private remove(row: number): void {
    const id = this.keyOf[row] ?? NO_KEY
    if (id !== NO_KEY) this.keys.remove(id)
    const parent = this.parent(row)
    this.edges.delete(row)
    this.kinds[row] = FREE
    this.parents[row] = 0
    this.keyOf[row] = NO_KEY
    this.cuts[row] = 0
    this.generations[row] = this.generation(row) + 1
    this.free.push(row)
    if (parent !== 0) this.release(parent)
  }

  private reserve(count: number): void {
    if (count <= this.kinds.length) return
    const length = Math.max(count, 2 * this.kinds.length)
    this.kinds = grownBytes(this.kinds, length)
    this.offered = grownBytes(this.offered, length)
    this.keyOf = grownInts(this.keyOf, length)
    this.parents = grownInts(this.parents, length)
    this.generations = grownInts(this.generations, length)
    this.references = grownInts(this.references, length)
    this.cuts = grownDoubles(this.cuts, length)
  }

  /** The key as bytes; ids have no control characters, so a line feed separates them. */
  private write(service: string, instance: string | null, caller: string | null): void {
    this.keyLength = 0
    this.writeText(service)
    if (instance === null) return
    this.writeByte(SEPARATOR)
    this.writeText(instance)
    if (caller === null) return
    this.writeByte(SEPARATOR)
    this.writeText(caller)
  }

  private writeText(text: string): void {
    const start = this.keyLength
    for (let i = 0; i < text.length; i++) {
      const code = text.charCodeAt(i)
      if (code > 127) {
        this.keyLength = start
        for (const byte of encodeUtf8(text)) this.writeByte(byte)
        return
      }
      this.writeByte(code)
    }
  }

  private writeByte(byte: number): void {
    if (this.keyLength === this.key.length) this.key = grownBytes(this.key, 2 * this.keyLength)
    this.key[this.keyLength++] = byte
  }
}

function bytesOf(words: Int32Array<ArrayBuffer> | Float64Array<ArrayBuffer>): Uint8Array {
  return new Uint8Array(words.buffer)
}

/** A table of an image into one that is at least as long; words are little-endian. */
function bytesInto(
  table: Uint8Array<ArrayBuffer> | Int32Array<ArrayBuffer> | Float64Array<ArrayBuffer>,
  bytes: Uint8Array,
): void {
  if (bytes.length > table.byteLength)
    throw new AssertionError(`a table of an image with ${bytes.length} bytes`)
  new Uint8Array(table.buffer).set(bytes)
}

function listFrom(reader: ImageReader): number[] {
  return Array.from({ length: reader.int() }, () => reader.int())
}
