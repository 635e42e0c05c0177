// Answers as they lie in the stream of a connection: four bytes of length, then that many. A length
// that cannot be one is refused before anything is allocated for it; an answer that came in pieces
// is put together by one copy, one that came whole is a view of what was read.

const LENGTH_BYTES = 4
/** Correlation id. */
const MIN_BYTES = 4
/** Far above what is ever asked for, and what one answer may take of the memory. */
export const MAX_ANSWER_BYTES: number = 128 * 1_048_576

/** What was sent is not Kafka's protocol. */
export class FrameError extends Error {
  override readonly name = 'FrameError'
}

export class FrameReader {
  readonly #emit: (frame: Buffer) => void
  readonly #length = Buffer.alloc(LENGTH_BYTES)
  #lengthFilled = 0
  #frame: Buffer | null = null
  #filled = 0

  constructor(emit: (frame: Buffer) => void) {
    this.#emit = emit
  }

  /** Errors: FrameError, after which nothing more is to be pushed. */
  push(chunk: Buffer): void {
    for (let at = 0; at < chunk.length; )
      at = this.#frame === null ? this.#start(chunk, at) : this.#fill(this.#frame, chunk, at)
  }

  #start(chunk: Buffer, from: number): number {
    let at = from
    while (this.#lengthFilled < LENGTH_BYTES && at < chunk.length) {
      this.#length[this.#lengthFilled++] = chunk[at++] ?? 0
    }
    if (this.#lengthFilled < LENGTH_BYTES) return at
    const length = this.#length.readInt32BE(0)
    if (length < MIN_BYTES || length > MAX_ANSWER_BYTES)
      throw new FrameError(`an answer cannot be ${length} bytes long`)
    this.#lengthFilled = 0
    if (at + length <= chunk.length) {
      this.#emit(chunk.subarray(at, at + length))
      return at + length
    }
    this.#frame = Buffer.allocUnsafeSlow(length)
    this.#filled = 0
    return at
  }

  #fill(frame: Buffer, chunk: Buffer, at: number): number {
    const copied = chunk.copy(frame, this.#filled, at)
    this.#filled += copied
    if (this.#filled === frame.length) {
      this.#frame = null
      this.#emit(frame)
    }
    return at + copied
  }
}

/** What follows the tagged fields of an answer's header (KIP-482). Errors: FrameError. */
export function afterTags(answer: Buffer): Buffer {
  let at = 0
  const number = (): number => {
    let value = 0
    for (let factor = 1; factor <= 2 ** 28; factor *= 0x80) {
      const byte = answer[at++]
      if (byte === undefined) break
      value += (byte & 0x7f) * factor
      if (byte < 0x80) return value
    }
    throw new FrameError('the header of an answer is cut off')
  }
  for (let left = number(); left > 0; left--) {
    number()
    const length = number()
    at += length
    if (at > answer.length) throw new FrameError('the header of an answer is cut off')
  }
  return answer.subarray(at)
}
