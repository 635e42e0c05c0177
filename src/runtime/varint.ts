// Kafka's zigzag variable-length integers over one movable cursor. Reading is bounded: whatever the
// bytes say, a read ends inside the buffer's limit or in a LogError `CORRUPT`. 64-bit values are
// doubles, exact below 2^53.
import { LogError } from './log-error.ts'

/** Reads forward between `at` and `end`; one cursor serves a whole batch. */
export class ByteCursor {
  readonly buffer: Uint8Array
  at: number
  end: number

  constructor(buffer: Uint8Array, at: number, end: number) {
    this.buffer = buffer
    this.at = at
    this.end = end
  }

  /** Signed 32-bit value in 1–5 bytes. */
  varint(): number {
    let bits = 0
    for (let shift = 0; shift <= 28; shift += 7) {
      if (this.at >= this.end) throw truncated()
      const byte = this.buffer[this.at++] ?? 0
      bits |= (byte & 0x7f) << shift
      if (byte < 0x80) return (bits >>> 1) ^ -(bits & 1)
    }
    throw new LogError('CORRUPT', 'a varint is longer than 5 bytes')
  }

  /** Signed 64-bit value in 1–10 bytes. */
  varlong(): number {
    let value = 0
    let factor = 1
    for (let bytes = 0; bytes < 10; bytes++) {
      if (this.at >= this.end) throw truncated()
      const byte = this.buffer[this.at++] ?? 0
      value += (byte & 0x7f) * factor
      if (byte < 0x80) return value % 2 === 0 ? value / 2 : -(value + 1) / 2
      factor *= 128
    }
    throw new LogError('CORRUPT', 'a varlong is longer than 10 bytes')
  }

  /** Moves over `length` bytes and returns where they start. */
  skip(length: number): number {
    const start = this.at
    if (length < 0 || length > this.end - start) throw truncated()
    this.at = start + length
    return start
  }
}

function truncated(): LogError {
  return new LogError('CORRUPT', 'a record ends before its contents do')
}

/** Zigzag of a safe integer, |value| < 2^52. */
function zigzag(value: number): number {
  return value < 0 ? -2 * value - 1 : 2 * value
}

/** Bytes of `value` as varint or varlong; |value| < 2^52. */
export function varintSize(value: number): number {
  let rest = zigzag(value)
  let size = 1
  while (rest >= 128) {
    rest = Math.floor(rest / 128)
    size++
  }
  return size
}

/** Writes `value` (|value| < 2^52) at `at` and returns the position behind it. */
export function writeVarint(into: Uint8Array, at: number, value: number): number {
  let rest = zigzag(value)
  let next = at
  while (rest >= 128) {
    into[next++] = (rest % 128) | 0x80
    rest = Math.floor(rest / 128)
  }
  into[next++] = rest
  return next
}
