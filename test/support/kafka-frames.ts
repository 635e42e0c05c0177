// What a relay has to know of Kafka's protocol: where a frame ends, what request it is, and where
// an answer names the addresses of brokers.
import assert from 'node:assert/strict'

const LENGTH_BYTES = 4
/** Far more than any frame of the tests; a length beyond it is a stream out of step. */
const LONGEST = 256 * 1_048_576
/** Length, correlation id and throttle time stand before the rest of an answer. */
const ANSWER_HEAD_BYTES = 12
const METADATA = 3
const FIND_COORDINATOR = 10

export interface RequestHead {
  readonly apiKey: number
  readonly apiVersion: number
  readonly correlationId: number
}

export interface Address {
  readonly host: string
  readonly port: number
}

/** Cuts a stream of bytes into frames: a length of four bytes and that many more. */
export class FrameSplitter {
  #chunks: Buffer[] = []
  #size = 0
  /** Bytes needed before another frame can be complete. */
  #wanted = LENGTH_BYTES

  /** The frames that the chunk completes, each with its length in front. */
  push(chunk: Buffer): Buffer[] {
    this.#chunks.push(chunk)
    this.#size += chunk.length
    if (this.#size < this.#wanted) return []
    const all = Buffer.concat(this.#chunks)
    const frames: Buffer[] = []
    let start = 0
    for (;;) {
      const end = endOfFrame(all, start)
      this.#wanted = end - start
      if (end > all.length) break
      frames.push(all.subarray(start, end))
      start = end
    }
    this.#chunks = [all.subarray(start)]
    this.#size = all.length - start
    return frames
  }
}

function endOfFrame(bytes: Buffer, start: number): number {
  const body = start + LENGTH_BYTES
  if (body > bytes.length) return body
  const length = bytes.readInt32BE(start)
  assert.ok(length >= LENGTH_BYTES && length <= LONGEST, `a frame of ${length} bytes`)
  return body + length
}

export function headOf(request: Buffer): RequestHead {
  return {
    apiKey: request.readInt16BE(4),
    apiVersion: request.readInt16BE(6),
    correlationId: request.readInt32BE(8),
  }
}

export function correlationIdOf(answer: Buffer): number {
  return answer.readInt32BE(LENGTH_BYTES)
}

/** The answer with every broker's address replaced; other answers as they are. */
export function withAddresses(
  answer: Buffer,
  request: RequestHead,
  replace: (address: Address) => Address,
): Buffer {
  const { apiKey, apiVersion } = request
  if (apiKey === METADATA) {
    assert.ok(apiVersion >= 3 && apiVersion <= 8, `Metadata ${apiVersion} cannot be rewritten`)
    return new Rewriting(answer, replace).metadata()
  }
  if (apiKey === FIND_COORDINATOR) {
    assert.ok(apiVersion >= 1 && apiVersion <= 2, `FindCoordinator ${apiVersion}: not rewritten`)
    return new Rewriting(answer, replace).coordinator()
  }
  return answer
}

/** Walks an answer, and gathers it anew with other addresses. */
class Rewriting {
  readonly #answer: Buffer
  readonly #replace: (address: Address) => Address
  readonly #parts: Buffer[] = []
  #kept = 0
  #at = ANSWER_HEAD_BYTES

  constructor(answer: Buffer, replace: (address: Address) => Address) {
    this.#answer = answer
    this.#replace = replace
  }

  metadata(): Buffer {
    const count = this.#answer.readInt32BE(this.#at)
    this.#at += 4
    for (let i = 0; i < count; i++) {
      this.#at += 4
      this.#address()
      this.#string()
    }
    return this.#whole()
  }

  coordinator(): Buffer {
    this.#at += 2
    this.#string()
    this.#at += 4
    this.#address()
    return this.#whole()
  }

  #string(): string {
    const length = Math.max(0, this.#answer.readInt16BE(this.#at))
    const start = this.#at + 2
    this.#at = start + length
    return this.#answer.toString('utf8', start, this.#at)
  }

  #address(): void {
    const start = this.#at
    const host = this.#string()
    const port = this.#answer.readInt32BE(this.#at)
    this.#at += 4
    // No coordinator: no host.
    if (host === '') return
    const other = this.#replace({ host, port })
    const name = Buffer.from(other.host)
    const written = Buffer.alloc(2 + name.length + 4)
    written.writeInt16BE(name.length, 0)
    name.copy(written, 2)
    written.writeInt32BE(other.port, 2 + name.length)
    this.#parts.push(this.#answer.subarray(this.#kept, start), written)
    this.#kept = this.#at
  }

  #whole(): Buffer {
    const whole = Buffer.concat([...this.#parts, this.#answer.subarray(this.#kept)])
    whole.writeInt32BE(whole.length - LENGTH_BYTES, 0)
    return whole
  }
}
