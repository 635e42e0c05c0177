// Bytes of journal entries: a growing writer and a reader that trusts nothing. Numbers are unsigned
// LEB128 up to 2^53 - 1. Whatever the bytes say, a read ends inside them or in HS_CHAIN_BROKEN.
import { HsError } from './failure.ts'
import { TEXT_BYTES_MAX } from './journal.ts'
import { decodeUtf8, encodeUtf8, isUtf8 } from './utf8.ts'

export function broken(what: string): HsError {
  return new HsError('HS_CHAIN_BROKEN', what)
}

export class EntryWriter {
  private bytes: Uint8Array = new Uint8Array(1_024)
  size: number = 0

  byte(value: number): this {
    this.room(1)
    this.bytes[this.size++] = value
    return this
  }

  flag(value: boolean): this {
    return this.byte(value ? 1 : 0)
  }

  /** 0 ≤ value < 2^53. */
  number(value: number): this {
    if (!Number.isSafeInteger(value) || value < 0)
      throw new RangeError(`${value} is not a number of the journal`)
    this.room(8)
    let rest = value
    while (rest >= 128) {
      this.bytes[this.size++] = (rest % 128) | 0x80
      rest = Math.floor(rest / 128)
    }
    this.bytes[this.size++] = rest
    return this
  }

  /** Unsigned 32 bits, big-endian. */
  uint32(value: number): this {
    return this.byte((value >>> 24) & 0xff)
      .byte((value >>> 16) & 0xff)
      .byte((value >>> 8) & 0xff)
      .byte(value & 0xff)
  }

  raw(bytes: Uint8Array): this {
    this.room(bytes.length)
    this.bytes.set(bytes, this.size)
    this.size += bytes.length
    return this
  }

  /** Text longer than TEXT_BYTES_MAX is cut, at a character. */
  text(value: string): this {
    let cut = value.slice(0, TEXT_BYTES_MAX)
    let bytes = encodeUtf8(cut)
    while (bytes.length > TEXT_BYTES_MAX) {
      cut = cut.slice(0, cut.length - Math.ceil((bytes.length - TEXT_BYTES_MAX) / 3))
      bytes = encodeUtf8(cut)
    }
    return this.number(bytes.length).raw(bytes)
  }

  /** A copy of what was written. */
  done(): Uint8Array {
    return this.bytes.slice(0, this.size)
  }

  private room(more: number): void {
    if (this.size + more <= this.bytes.length) return
    const bigger = new Uint8Array(Math.max(this.bytes.length * 2, this.size + more))
    bigger.set(this.bytes)
    this.bytes = bigger
  }
}

export class EntryReader {
  private readonly bytes: Uint8Array
  private readonly end: number
  private at: number

  constructor(bytes: Uint8Array, start: number, end: number) {
    this.bytes = bytes
    this.at = start
    this.end = end
  }

  byte(): number {
    if (this.at >= this.end) throw broken('the entry ends before its contents do')
    return this.bytes[this.at++] ?? 0
  }

  flag(): boolean {
    const value = this.byte()
    if (value > 1) throw broken(`${value} is neither yes nor no`)
    return value === 1
  }

  number(): number {
    let value = 0
    let factor = 1
    for (let count = 0; count < 8; count++) {
      const byte = this.byte()
      value += (byte & 0x7f) * factor
      if (byte < 0x80) {
        if (value > Number.MAX_SAFE_INTEGER) throw broken('a number is larger than 2^53 - 1')
        return value
      }
      factor *= 128
    }
    throw broken('a number is longer than 8 bytes')
  }

  uint32(): number {
    const high = (this.byte() << 24) | (this.byte() << 16)
    return (high | (this.byte() << 8) | this.byte()) >>> 0
  }

  raw(length: number): Uint8Array {
    if (length > this.end - this.at) throw broken('the entry ends before its contents do')
    const start = this.at
    this.at += length
    return new Uint8Array(this.bytes.subarray(start, this.at))
  }

  text(): string {
    const length = this.number()
    if (length > TEXT_BYTES_MAX) throw broken(`a text of ${length} bytes`)
    const bytes = this.raw(length)
    if (!isUtf8(bytes, 0, length)) throw broken('a text is not UTF-8')
    return decodeUtf8(bytes)
  }

  /**
   * A count of things that take at least `bytesEach`; one that cannot be true is refused before
   * anything is made.
   */
  count(bytesEach: number): number {
    const count = this.number()
    if (count * bytesEach > this.end - this.at) throw broken(`${count} things do not fit in it`)
    return count
  }

  finish(): void {
    if (this.at !== this.end)
      throw broken(`${this.end - this.at} bytes behind the end of the entry`)
  }
}
