// Canonical bytes: one value, one byte string, on any machine. Digests of outputs and of states are
// taken over these.
// Layout: a tag byte, then the value; lengths and integers as 8-byte big-endian doubles keep it
// simple and exact (all our integers are below 2^53). Object keys are written in code-unit order;
// undefined is not a value.
import { AssertionError } from './assert.ts'
import { compareText } from './order.ts'

const TAG = { null: 0, false: 1, true: 2, number: 3, text: 4, bytes: 5, list: 6, object: 7 }

export class CanonicalWriter {
  private bytes = new Uint8Array(1024)
  private view = new DataView(this.bytes.buffer)
  private at = 0

  value(value: unknown): this {
    if (value === null) this.tag(TAG.null)
    else if (value === true) this.tag(TAG.true)
    else if (value === false) this.tag(TAG.false)
    else if (typeof value === 'number') this.number(value)
    else if (typeof value === 'string') this.text(value)
    else if (value instanceof Uint8Array) this.raw(value)
    else if (Array.isArray(value)) this.list(value)
    else if (value instanceof Map) this.map(value)
    else if (isObject(value)) this.object(value)
    else throw new AssertionError(`no canonical bytes for a ${typeof value}`)
    return this
  }

  number(value: number): this {
    if (Number.isNaN(value)) throw new AssertionError('no canonical bytes for NaN')
    this.tag(TAG.number)
    this.double(value === 0 ? 0 : value)
    return this
  }

  text(value: string): this {
    this.tag(TAG.text)
    this.double(value.length)
    this.room(value.length * 2)
    const { view, at } = this
    for (let i = 0; i < value.length; i++) view.setUint16(at + 2 * i, value.charCodeAt(i))
    this.at = at + 2 * value.length
    return this
  }

  raw(value: Uint8Array): this {
    this.tag(TAG.bytes)
    this.double(value.length)
    this.room(value.length)
    this.bytes.set(value, this.at)
    this.at += value.length
    return this
  }

  /** A map with text keys, in key order. */
  map(entries: ReadonlyMap<string, unknown>): this {
    this.tag(TAG.object)
    const keys = [...entries.keys()].sort(compareText)
    this.double(keys.length)
    for (const key of keys) this.text(key).value(entries.get(key))
    return this
  }

  done(): Uint8Array {
    return this.bytes.slice(0, this.at)
  }

  private list(values: readonly unknown[]): void {
    this.tag(TAG.list)
    this.double(values.length)
    for (const value of values) this.value(value)
  }

  /** By its keys: pairs of keys and values would be as many lists, of every record written. */
  private object(value: Members): void {
    const all = Object.keys(value)
    const keys = isAscending(all) ? all : all.sort(compareText)
    let count = 0
    for (const key of keys) if (value[key] !== undefined) count += 1
    this.tag(TAG.object)
    this.double(count)
    for (const key of keys) {
      const member = value[key]
      if (member !== undefined) this.text(key).value(member)
    }
  }

  private tag(tag: number): void {
    this.room(1)
    this.bytes[this.at] = tag
    this.at += 1
  }

  private double(value: number): void {
    this.room(8)
    this.view.setFloat64(this.at, value)
    this.at += 8
  }

  private room(size: number): void {
    if (this.at + size <= this.bytes.length) return
    const bigger = new Uint8Array(Math.max(this.bytes.length * 2, this.at + size))
    bigger.set(this.bytes)
    this.bytes = bigger
    this.view = new DataView(bigger.buffer)
  }
}

type Members = Readonly<Record<string, unknown>>

function isObject(value: unknown): value is Members {
  return typeof value === 'object' && value !== null
}

/** Whether the keys are in order. */
function isAscending(keys: readonly string[]): boolean {
  for (let i = 1; i < keys.length; i++) if ((keys[i - 1] ?? '') >= (keys[i] ?? '')) return false
  return true
}

export function canonical(value: unknown): Uint8Array {
  return new CanonicalWriter().value(value).done()
}

/** Lower-case hex of bytes. */
export function hex(bytes: Uint8Array): string {
  let text = ''
  for (const byte of bytes) text += (byte < 16 ? '0' : '') + byte.toString(16)
  return text
}
