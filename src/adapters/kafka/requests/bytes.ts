// The primitive types of Kafka's protocol, written and read (Kafka documentation, "Protocol
// Primitive Types"). 64-bit fields are numbers: offsets, time stamps and producer ids stay below
// 2^53. The reader believes no length and no count: what does not fit into the bytes that are there
// is a MalformedAnswer, before anything is allocated for it.

/** An answer that is not what the protocol says. The connection it came from cannot be used on. */
export class MalformedAnswer extends Error {
  override readonly name = 'MalformedAnswer'
}

const SPAN = 2 ** 32
const NO_BYTES = Buffer.alloc(0)

export class ByteWriter {
  #bytes: Buffer
  #at = 0

  /** `capacity`: bytes expected; more is taken when needed. */
  constructor(capacity: number = 256) {
    this.#bytes = Buffer.allocUnsafe(capacity)
  }

  bool(value: boolean): this {
    return this.int8(value ? 1 : 0)
  }

  int8(value: number): this {
    this.#reserve(1)
    this.#at = this.#bytes.writeInt8(value, this.#at)
    return this
  }

  int16(value: number): this {
    this.#reserve(2)
    this.#at = this.#bytes.writeInt16BE(value, this.#at)
    return this
  }

  int32(value: number): this {
    this.#reserve(4)
    this.#at = this.#bytes.writeInt32BE(value, this.#at)
    return this
  }

  /** Errors: RangeError unless it is a safe integer. */
  int64(value: number): this {
    if (!Number.isSafeInteger(value)) throw new RangeError(`${value} is not a safe integer`)
    this.#reserve(8)
    this.#bytes.writeInt32BE(Math.floor(value / SPAN), this.#at)
    this.#at = this.#bytes.writeUInt32BE(value - Math.floor(value / SPAN) * SPAN, this.#at + 4)
    return this
  }

  uvarint(value: number): this {
    let rest = value
    for (; rest >= 0x80; rest = Math.floor(rest / 0x80)) this.#uint8((rest % 0x80) | 0x80)
    return this.#uint8(rest)
  }

  string(value: string | null): this {
    if (value === null) return this.int16(-1)
    const length = Buffer.byteLength(value)
    return this.int16(length).#utf8(value, length)
  }

  compactString(value: string | null): this {
    if (value === null) return this.uvarint(0)
    const length = Buffer.byteLength(value)
    return this.uvarint(length + 1).#utf8(value, length)
  }

  bytes(value: Uint8Array): this {
    this.int32(value.length).#reserve(value.length)
    this.#bytes.set(value, this.#at)
    this.#at += value.length
    return this
  }

  array<T>(items: readonly T[], write: (item: T) => void): this {
    this.int32(items.length)
    for (const item of items) write(item)
    return this
  }

  nullArray(): this {
    return this.int32(-1)
  }

  /** A tagged field section without fields (KIP-482). */
  noTags(): this {
    return this.uvarint(0)
  }

  /** What was written; the writer is not to be used after. */
  finish(): Buffer {
    return this.#bytes.subarray(0, this.#at)
  }

  #uint8(value: number): this {
    this.#reserve(1)
    this.#at = this.#bytes.writeUInt8(value, this.#at)
    return this
  }

  #utf8(value: string, length: number): this {
    this.#reserve(length)
    this.#at += this.#bytes.write(value, this.#at, 'utf8')
    return this
  }

  #reserve(count: number): void {
    if (this.#at + count <= this.#bytes.length) return
    const larger = Buffer.allocUnsafe(Math.max(2 * this.#bytes.length, this.#at + count))
    larger.set(this.#bytes.subarray(0, this.#at))
    this.#bytes = larger
  }
}

export class ByteReader {
  readonly #bytes: Buffer
  #at = 0

  constructor(bytes: Buffer) {
    this.#bytes = bytes
  }

  bool(): boolean {
    return this.int8() !== 0
  }

  int8(): number {
    return this.#bytes.readInt8(this.#take(1))
  }

  int16(): number {
    return this.#bytes.readInt16BE(this.#take(2))
  }

  int32(): number {
    return this.#bytes.readInt32BE(this.#take(4))
  }

  int64(): number {
    const at = this.#take(8)
    const value = this.#bytes.readInt32BE(at) * SPAN + this.#bytes.readUInt32BE(at + 4)
    if (!Number.isSafeInteger(value)) throw new MalformedAnswer(`${value} in a 64-bit field`)
    return value
  }

  uvarint(): number {
    let value = 0
    for (let factor = 1; factor <= 2 ** 28; factor *= 0x80) {
      const byte = this.#bytes.readUInt8(this.#take(1))
      value += (byte & 0x7f) * factor
      if (byte < 0x80) return value
    }
    throw new MalformedAnswer('a number of more than five bytes')
  }

  string(): string {
    return this.nullableString() ?? ''
  }

  nullableString(): string | null {
    const length = this.int16()
    if (length === -1) return null
    const at = this.#take(length)
    return this.#bytes.toString('utf8', at, at + length)
  }

  /** A view of the answer, not a copy; null is read as empty. */
  bytes(): Buffer {
    const length = this.int32()
    if (length === -1) return NO_BYTES
    const at = this.#take(length)
    return this.#bytes.subarray(at, at + length)
  }

  /** Null is read as empty. */
  array<T>(read: () => T): T[] {
    const count = this.int32()
    if (count === -1) return []
    // An item takes one byte at least.
    this.#check(count)
    const items: T[] = []
    for (let i = 0; i < count; i++) items.push(read())
    return items
  }

  skip(count: number): void {
    this.#take(count)
  }

  /** A tagged field section; nothing that is sent there is known here. */
  skipTags(): void {
    const count = this.uvarint()
    this.#check(count)
    for (let i = 0; i < count; i++) {
      this.uvarint()
      this.#take(this.uvarint())
    }
  }

  /** Errors: MalformedAnswer when something is left. */
  end(): void {
    const left = this.#bytes.length - this.#at
    if (left !== 0) throw new MalformedAnswer(`${left} bytes behind the end of the answer`)
  }

  #take(count: number): number {
    this.#check(count)
    const at = this.#at
    this.#at += count
    return at
  }

  #check(count: number): void {
    const left = this.#bytes.length - this.#at
    if (count < 0 || count > left)
      throw new MalformedAnswer(`${count} more wanted where ${left} bytes are left`)
  }
}
