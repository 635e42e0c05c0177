// Kafka's protocol as far as a checker needs it, over a plain socket: where partitions are led,
// from where to where they reach, and their batches as stored, uncommitted and aborted ones and
// markers included. Shares nothing with the adapters, whose work it judges. Fixed versions that
// brokers from 3.9 to 4.1 serve: Metadata 4, ListOffsets 2, Fetch 4.
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'

const METADATA = { key: 3, version: 4 } as const
const LIST_OFFSETS = { key: 2, version: 2 } as const
const FETCH = { key: 1, version: 4 } as const
const EARLIEST = -2n
const LATEST = -1n
const FETCH_BYTES = 4 * 1_048_576
const ANSWER_MS = 10_000

export interface Leader {
  readonly topic: string
  readonly partition: number
  /** `host:port`, or null while there is none. */
  readonly broker: string | null
}

export interface Chunk {
  readonly error: number
  readonly highWatermark: number
  readonly lastStable: number
  readonly bytes: Buffer
}

/** One connection; requests one after another. */
export class Wire {
  readonly #socket: Socket
  #correlation = 0
  #chunks: Buffer[] = []
  #wake: () => void = () => undefined
  #failure: Error | null = null

  private constructor(socket: Socket) {
    this.#socket = socket
    const fail = (error: Error): void => {
      this.#failure ??= error
      this.#wake()
    }
    socket.on('data', (chunk) => {
      this.#chunks.push(chunk)
      this.#wake()
    })
    socket.on('error', fail)
    socket.on('close', () => fail(new Error('the broker closed the connection')))
  }

  static async open(broker: string): Promise<Wire> {
    const colon = broker.lastIndexOf(':')
    const address = { host: broker.slice(0, colon), port: Number(broker.slice(colon + 1)) }
    const socket = connect({ ...address, noDelay: true })
    await once(socket, 'connect')
    return new Wire(socket)
  }

  close(): void {
    this.#socket.destroy()
  }

  async leaders(topics: readonly string[]): Promise<readonly Leader[]> {
    const body = new Out().int32(topics.length)
    for (const topic of topics) body.text(topic)
    const answer = await this.#ask(METADATA, body.int8(0))
    answer.int32()
    const brokers = new Map(
      answer.list(() => {
        const node = answer.int32()
        const address = `${answer.text()}:${answer.int32()}`
        answer.text()
        return [node, address] as const
      }),
    )
    answer.text()
    answer.int32()
    return answer.list(() => topicLeaders(answer, brokers)).flat()
  }

  /** First and next offset. */
  async range(topic: string, partition: number): Promise<{ start: number; end: number }> {
    const at = async (timestamp: bigint): Promise<number> => {
      const body = new Out().int32(-1).int8(0).int32(1).text(topic).int32(1)
      const answer = await this.#ask(LIST_OFFSETS, body.int32(partition).int64(timestamp))
      answer.int32()
      const [found] = answer
        .list(() => {
          answer.text()
          return answer.list(() => {
            answer.int32()
            const error = answer.int16()
            answer.int64()
            return { error, offset: answer.int64() }
          })
        })
        .flat()
      assert.ok(found !== undefined && found.error === 0, `ListOffsets: error ${found?.error}`)
      return found.offset
    }
    return { start: await at(EARLIEST), end: await at(LATEST) }
  }

  /** Whatever is stored from the batch of `offset` on, committed or not. */
  async fetch(topic: string, partition: number, offset: number): Promise<Chunk> {
    const body = new Out().int32(-1).int32(500).int32(1).int32(FETCH_BYTES).int8(0)
    body.int32(1).text(topic).int32(1).int32(partition).int64(BigInt(offset)).int32(FETCH_BYTES)
    const answer = await this.#ask(FETCH, body)
    answer.int32()
    const [chunk] = answer
      .list(() => {
        answer.text()
        return answer.list(() => {
          answer.int32()
          const error = answer.int16()
          const highWatermark = answer.int64()
          const lastStable = answer.int64()
          answer.list(() => [answer.int64(), answer.int64()])
          return { error, highWatermark, lastStable, bytes: answer.bytes() }
        })
      })
      .flat()
    assert.ok(chunk !== undefined, 'Fetch: no partition in the answer')
    return chunk
  }

  async #ask(api: { readonly key: number; readonly version: number }, body: Out): Promise<In> {
    const id = ++this.#correlation
    const head = new Out().int16(api.key).int16(api.version).int32(id).text('nemesis-checker')
    const request = Buffer.concat([head.done(), body.done()])
    const length = Buffer.alloc(4)
    length.writeInt32BE(request.length)
    this.#socket.write(Buffer.concat([length, request]))
    const answer = new In(await this.#frame())
    assert.equal(answer.int32(), id, 'an answer to another request')
    return answer
  }

  async #frame(): Promise<Buffer> {
    const endMs = performance.now() + ANSWER_MS
    for (;;) {
      const all = Buffer.concat(this.#chunks)
      this.#chunks = [all]
      const length = all.length < 4 ? 0 : all.readInt32BE(0)
      if (length > 0 && all.length >= 4 + length) {
        this.#chunks = [all.subarray(4 + length)]
        return all.subarray(4, 4 + length)
      }
      if (this.#failure !== null) throw this.#failure
      const leftMs = endMs - performance.now()
      if (leftMs <= 0) throw new Error('the broker does not answer')
      await this.#news(leftMs)
    }
  }

  #news(limitMs: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, limitMs)
      this.#wake = (): void => {
        clearTimeout(timer)
        resolve()
      }
    })
  }
}

function topicLeaders(answer: In, brokers: ReadonlyMap<number, string>): readonly Leader[] {
  const error = answer.int16()
  const topic = answer.text()
  answer.int8()
  const found = answer.list(() => {
    answer.int16()
    const partition = answer.int32()
    const broker = brokers.get(answer.int32()) ?? null
    answer.list(() => answer.int32())
    answer.list(() => answer.int32())
    return { topic, partition, broker }
  })
  return error === 0 ? found : []
}

class Out {
  readonly #parts: Buffer[] = []

  int8(value: number): this {
    return this.#add(1, (part) => part.writeInt8(value))
  }

  int16(value: number): this {
    return this.#add(2, (part) => part.writeInt16BE(value))
  }

  int32(value: number): this {
    return this.#add(4, (part) => part.writeInt32BE(value))
  }

  int64(value: bigint): this {
    return this.#add(8, (part) => part.writeBigInt64BE(value))
  }

  text(value: string): this {
    const bytes = Buffer.from(value)
    this.int16(bytes.length)
    this.#parts.push(bytes)
    return this
  }

  done(): Buffer {
    return Buffer.concat(this.#parts)
  }

  #add(size: number, write: (part: Buffer) => unknown): this {
    const part = Buffer.alloc(size)
    write(part)
    this.#parts.push(part)
    return this
  }
}

class In {
  readonly #bytes: Buffer
  #at = 0

  constructor(bytes: Buffer) {
    this.#bytes = bytes
  }

  int8(): number {
    return this.#bytes.readInt8(this.#skip(1))
  }

  int16(): number {
    return this.#bytes.readInt16BE(this.#skip(2))
  }

  int32(): number {
    return this.#bytes.readInt32BE(this.#skip(4))
  }

  int64(): number {
    return Number(this.#bytes.readBigInt64BE(this.#skip(8)))
  }

  /** Empty where there is none. */
  text(): string {
    const length = Math.max(0, this.int16())
    const start = this.#skip(length)
    return this.#bytes.toString('utf8', start, start + length)
  }

  bytes(): Buffer {
    const length = Math.max(0, this.int32())
    const start = this.#skip(length)
    return this.#bytes.subarray(start, start + length)
  }

  list<T>(one: () => T): readonly T[] {
    return Array.from({ length: Math.max(0, this.int32()) }, one)
  }

  #skip(size: number): number {
    const start = this.#at
    this.#at += size
    return start
  }
}
