// Reads Avro's binary form forward without allocation and without trust: whatever the bytes say, a
// read ends inside the limits. A read that does not fit sets `faulty`, moves to the end and returns
// 0, so that callers check once.
// Encoding: Apache Avro 1.11 specification, "Binary Encoding".

/**
 * Largest magnitude of a long taken; the JavaScript Avro library draws the same line just below
 * 2^53.
 */
export const LONG_MAX = 9_007_199_254_740_990

export class AvroCursor {
  buffer: Uint8Array = new Uint8Array(0)
  at: number = 0
  end: number = 0
  faulty: boolean = false
  /**
   * Last number read by `readLong` or `readDouble`; a field, because a returned one would be boxed
   * when it is wide.
   */
  value: number = 0
  /**
   * Where the block under way must end, or -1 when it does not say. Whoever reads arrays inside
   * arrays puts it by while the items are read (-1 meanwhile) and back before the next `block`.
   */
  blockEnd: number = -1
  private readonly eight: Uint8Array = new Uint8Array(8)
  private readonly eightView: DataView = new DataView(this.eight.buffer)

  open(buffer: Uint8Array, start: number, end: number): void {
    this.buffer = buffer
    this.at = start
    this.end = end
    this.blockEnd = -1
    this.faulty = start < 0 || start > end || end > buffer.length
    if (this.faulty) this.at = this.end
  }

  /** Always 0. */
  fail(): 0 {
    this.faulty = true
    this.value = 0
    this.at = this.end
    return 0
  }

  /** Zigzag integer of 1–10 bytes, at most ±LONG_MAX, into `value`. */
  readLong(): void {
    const buffer = this.buffer
    let at = this.at
    const first = buffer[at] ?? 0
    if (first < 0x80 && at < this.end) {
      this.at = at + 1
      this.value = (first >>> 1) ^ -(first & 1)
      return
    }
    let bits = 0
    for (let shift = 0; shift < 28; shift += 7) {
      if (at >= this.end) break
      const byte = buffer[at++] ?? 0
      bits |= (byte & 0x7f) << shift
      if (byte < 0x80) {
        this.at = at
        this.value = (bits >>> 1) ^ -(bits & 1)
        return
      }
    }
    this.readWideLong(bits, at)
  }

  /**
   * Bytes five to ten. The sign bit is kept apart, so that no odd number above 2^53 is ever needed.
   */
  private readWideLong(low: number, from: number): void {
    let at = from
    let magnitude = low >>> 1
    let factor = 134_217_728
    for (let count = 4; count < 10 && at < this.end; count++) {
      const byte = this.buffer[at++] ?? 0
      magnitude += (byte & 0x7f) * factor
      factor *= 128
      if (byte < 0x80) {
        this.value = (low & 1) === 0 ? magnitude : -magnitude - 1
        if (magnitude > LONG_MAX || this.value < -LONG_MAX) this.fail()
        else this.at = at
        return
      }
    }
    this.fail()
  }

  /** `readLong`, for values that are small as a rule. */
  long(): number {
    const { at } = this
    const byte = this.buffer[at] ?? 0
    if (byte < 0x80 && at < this.end) {
      this.at = at + 1
      return (byte >>> 1) ^ -(byte & 1)
    }
    this.readLong()
    return this.value
  }

  /** A long that fits 32 bits. */
  int(): number {
    const value = this.long()
    return value === (value | 0) ? value : this.fail()
  }

  /** Index of an enum symbol or union branch, below `count`. */
  index(count: number): number {
    const value = this.long()
    return value >= 0 && value < count ? value : this.fail()
  }

  /** 0 or 1; another byte is refused. */
  bool(): number {
    if (this.at >= this.end) return this.fail()
    const byte = this.buffer[this.at++] ?? 0
    return byte <= 1 ? byte : this.fail()
  }

  /** Eight bytes into `value`. */
  readDouble(): void {
    const at = this.at
    const { buffer, eight } = this
    if (this.end - at < 8) {
      this.fail()
      return
    }
    for (let i = 0; i < 8; i++) eight[i] = buffer[at + i] ?? 0
    this.at = at + 8
    this.value = this.eightView.getFloat64(0, true)
  }

  /** Moves over bytes or a string and returns where its contents start; they end at `at`. */
  skipBytes(): number {
    const length = this.long()
    const start = this.at
    if (length < 0 || length > this.end - start) return this.fail()
    this.at = start + length
    return start
  }

  /**
   * Items in the next block of an array or map, 0 at its end. The block before must end where it
   * said it would; a count that cannot fit the bytes left, at `itemBytes` (≥ 1) each, is refused.
   */
  block(itemBytes: number): number {
    if (this.blockEnd >= 0 && this.blockEnd !== this.at) return this.fail()
    this.blockEnd = -1
    let count = this.long()
    if (count < 0) {
      count = -count
      const size = this.long()
      if (size < 0 || size > this.end - this.at) return this.fail()
      this.blockEnd = this.at + size
    }
    return count * itemBytes > this.end - this.at ? this.fail() : count
  }
}
