// The bytes of a task's whole state: what a snapshot holds and what the state's digest is taken
// over. Every stage writes its own part and reads it back in the same order. The same journal gives
// the same bytes; ids that depend on history (rows, free lists) are part of the state and written.
//   int     unsigned LEB128 of a whole number 0 … 2^53 - 1
//   number  8 bytes, IEEE 754 double, little-endian
//   text    int length, then UTF-16 code units, 2 bytes each where one is above 127 (first bit of
//           the length says so)
//   blob    int length, then the bytes, by reference: what is handed in must stand still
//   value   a tag, then null, boolean, number, text, bytes, list, map or record of these
// `…OrNull`: a flag, then what it is unless it is null.
import { AssertionError } from './assert.ts'
import { compareText } from './order.ts'

const BLOCK_BYTES = 65_536
const TAG = { null: 0, false: 1, true: 2, number: 3, text: 4, bytes: 5, list: 6, map: 7, record: 8 }

export type ImageValue =
  | null
  | boolean
  | number
  | string
  | Uint8Array
  | readonly ImageValue[]
  | ReadonlyMap<string, ImageValue>
  | { readonly [field: string]: ImageValue }

/** Form of the images of behaviours 1 and 2. */
export const FORM_FIRST = 2
/** Form of the images from `BEHAVIOUR_JUDGEMENT` on: with the state that it added. */
export const FORM_JUDGEMENT = 3

/** Collects an image; `pieces` stand still while the state goes on. */
export class ImageWriter {
  /** Which state is written: what came with a later form is left out. */
  readonly form: number
  private readonly done: Uint8Array[] = []
  private block = new Uint8Array(BLOCK_BYTES)
  private view = new DataView(this.block.buffer)
  private at = 0
  /** Where the piece under way begins in the block. */
  private from = 0

  constructor(form: number = FORM_JUDGEMENT) {
    this.form = form
  }

  flag(value: boolean): this {
    return this.byte(value ? 1 : 0)
  }

  int(value: number): this {
    if ((value & 127) === value) return this.byte(value)
    if (!Number.isSafeInteger(value) || value < 0)
      throw new AssertionError(`an image's int is a whole number, not ${value}`)
    this.room(8)
    let rest = value
    while (rest > 127) {
      this.block[this.at++] = (rest % 128) + 128
      rest = Math.floor(rest / 128)
    }
    this.block[this.at++] = rest
    return this
  }

  number(value: number): this {
    this.room(8)
    this.view.setFloat64(this.at, value, true)
    this.at += 8
    return this
  }

  numberOrNull(value: number | null): this {
    return value === null ? this.flag(false) : this.flag(true).number(value)
  }

  numbers(values: readonly number[]): this {
    this.int(values.length)
    for (const value of values) this.number(value)
    return this
  }

  text(value: string): this {
    const { length } = value
    if (length > BLOCK_BYTES / 4) return this.longText(value)
    this.room(8 + length)
    const start = this.at
    this.int(length * 2)
    const { block } = this
    let at = this.at
    for (let i = 0; i < length; i++) {
      const unit = value.charCodeAt(i)
      if (unit > 127) {
        this.at = start
        return this.longText(value)
      }
      block[at++] = unit
    }
    this.at = at
    return this
  }

  textOrNull(value: string | null): this {
    return value === null ? this.flag(false) : this.flag(true).text(value)
  }

  texts(values: readonly string[]): this {
    this.int(values.length)
    for (const value of values) this.text(value)
    return this
  }

  /** By reference: the caller never changes these bytes again. */
  blob(bytes: Uint8Array): this {
    this.int(bytes.length)
    if (bytes.length <= 256) {
      this.room(bytes.length)
      this.block.set(bytes, this.at)
      this.at += bytes.length
      return this
    }
    this.cut()
    this.done.push(bytes)
    return this
  }

  value(value: ImageValue | undefined): this {
    if (value === null) return this.byte(TAG.null)
    if (value === undefined) throw new AssertionError('undefined is no value of an image')
    if (typeof value === 'boolean') return this.byte(value ? TAG.true : TAG.false)
    if (typeof value === 'number') return this.byte(TAG.number).number(value)
    if (typeof value === 'string') return this.byte(TAG.text).text(value)
    if (value instanceof Uint8Array) return this.byte(TAG.bytes).blob(value)
    if (isList(value)) return this.list(value)
    if (isMap(value)) return this.entries(TAG.map, [...value])
    const fields = Object.entries(value).filter(([, field]) => field !== undefined)
    return this.entries(
      TAG.record,
      fields.sort(([a], [b]) => compareText(a, b)),
    )
  }

  /** The image so far; nothing may be written afterwards. */
  pieces(): readonly Uint8Array[] {
    this.cut()
    return this.done
  }

  private longText(value: string): this {
    const wide = isWide(value)
    this.int(value.length * 2 + (wide ? 1 : 0))
    for (let i = 0; i < value.length; i++) {
      const unit = value.charCodeAt(i)
      this.byte(unit & 0xff)
      if (wide) this.byte(unit >>> 8)
    }
    return this
  }

  private list(values: readonly ImageValue[]): this {
    this.byte(TAG.list).int(values.length)
    for (const value of values) this.value(value)
    return this
  }

  /** In the order given: the order of a Map is part of the state. */
  private entries(tag: number, entries: readonly (readonly [string, ImageValue])[]): this {
    this.byte(tag).int(entries.length)
    for (const [key, value] of entries) this.text(key).value(value)
    return this
  }

  private byte(value: number): this {
    this.room(1)
    this.block[this.at++] = value
    return this
  }

  private room(size: number): void {
    if (this.at + size <= this.block.length) return
    this.cut()
    this.block = new Uint8Array(BLOCK_BYTES)
    this.view = new DataView(this.block.buffer)
    this.from = 0
    this.at = 0
  }

  /** Hands over what was written since the last cut; writing goes on behind it. */
  private cut(): void {
    if (this.at === this.from) return
    this.done.push(this.block.subarray(this.from, this.at))
    this.from = this.at
  }
}

/** Letters that are made a text at once, and those of texts that are looked for again. */
const CODES_MAX = 1_024
const SHARED_MAX = 128

/** Letters of the text at `at`, of two bytes each or of one. */
interface Codes {
  readonly at: number
  readonly from: number
  readonly to: number
  readonly wide: boolean
}

/** Reads what an ImageWriter wrote. Errors: AssertionError for bytes that are none of its. */
export class ImageReader {
  /** Which state was written; its owner says so once the image has told it. */
  form: number = FORM_JUDGEMENT
  private readonly bytes: Uint8Array
  private readonly view: DataView
  private readonly known = new Map<string, string>()
  private at = 0

  constructor(bytes: Uint8Array) {
    this.bytes = bytes
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  }

  flag(): boolean {
    const byte = this.byte()
    if (byte > 1) throw new AssertionError(`no flag of an image is ${byte}, at byte ${this.at}`)
    return byte === 1
  }

  int(): number {
    let value = 0
    let scale = 1
    for (let i = 0; i < 8; i++) {
      const byte = this.byte()
      value += (byte & 127) * scale
      if (byte < 128) return value
      scale *= 128
    }
    throw new AssertionError(`no int at byte ${this.at} of the image`)
  }

  number(): number {
    const at = this.take(8)
    return this.view.getFloat64(at, true)
  }

  numberOrNull(): number | null {
    return this.flag() ? this.number() : null
  }

  numbers(): number[] {
    return this.list(() => this.number())
  }

  text(): string {
    const head = this.int()
    const length = Math.floor(head / 2)
    const wide = head % 2 === 1
    const at = this.take(wide ? length * 2 : length)
    let text = ''
    for (let from = 0; from < length; from += CODES_MAX) {
      text += this.codes({ at, from, to: Math.min(length, from + CODES_MAX), wide })
    }
    return length > SHARED_MAX ? text : this.shared(text)
  }

  textOrNull(): string | null {
    return this.flag() ? this.text() : null
  }

  texts(): string[] {
    return this.list(() => this.text())
  }

  /** A text that is one of the keys of a table. */
  oneOf<T extends string>(table: Readonly<Record<T, unknown>>): T {
    const text = this.text()
    if (!isKeyOf(table, text)) throw new AssertionError(`${text} is none of the image's words`)
    return text
  }

  /** A count, then so many things of at least a byte each. */
  list<T>(one: () => T): T[] {
    const count = this.count()
    const things: T[] = []
    for (let i = 0; i < count; i++) things.push(one())
    return things
  }

  /** A view into the image; copy what will be changed. */
  blob(): Uint8Array {
    const length = this.int()
    const at = this.take(length)
    return this.bytes.subarray(at, at + length)
  }

  value(): ImageValue {
    const tag = this.byte()
    switch (tag) {
      case TAG.null:
        return null
      case TAG.false:
        return false
      case TAG.true:
        return true
      case TAG.number:
        return this.number()
      case TAG.text:
        return this.text()
      case TAG.bytes:
        return this.blob()
      case TAG.list:
        return this.list(() => this.value())
      case TAG.map:
        return new Map(this.entries())
      case TAG.record:
        return Object.fromEntries(this.entries())
      default:
        throw new AssertionError(`no value of an image begins with ${tag}, at byte ${this.at}`)
    }
  }

  /** A number of things to come, each of at least a byte. */
  count(): number {
    const count = this.int()
    if (count > this.bytes.length - this.at)
      throw new AssertionError(`the image ends before its ${count} values`)
    return count
  }

  /** Errors: AssertionError where bytes are left. */
  end(): void {
    const left = this.bytes.length - this.at
    if (left !== 0) throw new AssertionError(`${left} bytes are left at the end of the image`)
  }

  private entries(): [string, ImageValue][] {
    return this.list(() => [this.text(), this.value()])
  }

  /** In one go: added up letter by letter, each letter stays an object of its own. */
  private codes({ at, from, to, wide }: Codes): string {
    const codes: number[] = []
    for (let i = from; i < to; i++) {
      const low = this.bytes[at + (wide ? 2 * i : i)] ?? 0
      const high = wide ? (this.bytes[at + 2 * i + 1] ?? 0) : 0
      codes.push(low + high * 256)
    }
    return String.fromCharCode(...codes)
  }

  /** The same text is the same string: names of services, agents and states come many times. */
  private shared(text: string): string {
    const held = this.known.get(text)
    if (held !== undefined) return held
    this.known.set(text, text)
    return text
  }

  private byte(): number {
    return this.bytes[this.take(1)] ?? 0
  }

  private take(size: number): number {
    const at = this.at
    if (at + size > this.bytes.length)
      throw new AssertionError(`the image ends at byte ${this.bytes.length}`)
    this.at += size
    return at
  }
}

function isKeyOf<T extends string>(table: Readonly<Record<T, unknown>>, text: string): text is T {
  return Object.hasOwn(table, text)
}

function isList(value: ImageValue): value is readonly ImageValue[] {
  return Array.isArray(value)
}

function isMap(value: ImageValue): value is ReadonlyMap<string, ImageValue> {
  return value instanceof Map
}

function isWide(value: string): boolean {
  for (let i = 0; i < value.length; i++) if (value.charCodeAt(i) > 127) return true
  return false
}
