// One connection through the relay: requests on their way to the broker, answers on their way back,
// each meeting what was ordered for its kind, and the way as it is: slow, half-open or cut.
import { connect as dial, type Server, type Socket } from 'node:net'
import type { Fault } from '../conformance/rig.ts'
import { type Deferred, deferred } from './deferred.ts'
import {
  type Address,
  correlationIdOf,
  FrameSplitter,
  headOf,
  type RequestHead,
  withAddresses,
} from './kafka-frames.ts'
import { Pace, type Slowness } from './link-pace.ts'

export type Direction = 'to broker' | 'to client'

export interface Rule {
  readonly apiKey: number
  readonly fault: Fault
  left: number
  readonly met: Deferred
  readonly gate: Deferred
  /** Requests whose answers somebody waits for, by `release`. */
  readonly held: Promise<void>[]
}

/** The way to one broker. */
export interface Gate {
  readonly broker: Address
  readonly server: Server
  port: number
  /** Directions in which nothing passes, though nothing is closed. */
  readonly cut: Set<Direction>
  /** Counts cuts: what was sent before one is not answered after it. */
  epoch: number
  slow: Slowness | null
}

export interface Surroundings {
  readonly rule: (apiKey: number) => Rule | undefined
  readonly replace: (address: Address) => Address
  readonly ended: () => void
  /** A request whose answer the client cannot get any more; whole, as it was sent. */
  readonly unanswered: (request: Buffer) => void
  /** Kinds that `unanswered` is wanted for. */
  readonly isWatched: (apiKey: number) => boolean
}

/** A request on its way; what is done with its answer. */
interface Pending {
  readonly head: RequestHead
  readonly deliver: (answer: Buffer) => void
  readonly answered: Deferred
}

/** One connection of the client, and the one to the broker that goes with it. */
export class Passage {
  readonly #client: Socket
  readonly #gate: Gate
  readonly #around: Surroundings
  readonly #pending: Pending[] = []
  readonly #asked = new Map<number, Buffer>()
  readonly #pace = { 'to broker': new Pace(), 'to client': new Pace() }
  #broker: Socket | null = null
  /** Held requests, for whose sake the connection to the broker outlives the client's. */
  #held = 0

  constructor(client: Socket, gate: Gate, around: Surroundings) {
    this.#client = client
    this.#gate = gate
    this.#around = around
    const frames = new FrameSplitter()
    client.on('data', (chunk) => this.#split(frames, chunk, (frame) => this.#request(frame)))
    client.on('error', () => {})
    client.on('close', () => this.#leave())
    if (!this.#isCut('to broker')) this.#onward()
  }

  /** Ends both sides at once. */
  destroy(): void {
    this.#client.resetAndDestroy()
    this.#broker?.destroy()
    for (const pace of Object.values(this.#pace)) pace.end()
    this.#around.ended()
  }

  /** The way is open again: a broker learns of clients that went away meanwhile. */
  restored(): void {
    if (this.#client.destroyed && this.#held === 0) this.destroy()
  }

  #isCut(direction: Direction): boolean {
    return this.#gate.cut.has(direction)
  }

  #onward(): Socket {
    if (this.#broker !== null) return this.#broker
    const { host, port } = this.#gate.broker
    const broker = dial({ host, port, noDelay: true })
    this.#broker = broker
    const frames = new FrameSplitter()
    broker.on('data', (chunk) => this.#split(frames, chunk, (frame) => this.#answer(frame)))
    broker.on('error', () => {})
    broker.on('close', () => {
      for (const { answered } of this.#pending.splice(0)) answered.resolve()
      if (!this.#isCut('to client')) this.destroy()
    })
    return broker
  }

  /** A stream that is not understood ends: a client must not hang on a defect of the relay. */
  #split(frames: FrameSplitter, chunk: Buffer, use: (frame: Buffer) => void): void {
    try {
      for (const frame of frames.push(chunk)) use(frame)
    } catch (error) {
      this.destroy()
      throw error
    }
  }

  /** The client has gone; in a cut, the broker does not hear of it. */
  #leave(): void {
    for (const frame of this.#asked.values()) this.#around.unanswered(frame)
    this.#asked.clear()
    if (this.#isCut('to broker') || this.#held > 0) return
    this.#broker?.end()
    this.#around.ended()
  }

  #request(frame: Buffer): void {
    const { apiKey, correlationId } = headOf(frame)
    if (this.#around.isWatched(apiKey)) this.#asked.set(correlationId, frame)
    if (this.#isCut('to broker')) return
    const rule = this.#around.rule(apiKey)
    switch (rule?.fault) {
      case undefined:
        void this.#forward(frame)
        return
      case 'lose request':
        return
      case 'lose answer':
        void this.#forward(frame, () => {})
        return
      case 'double':
        void this.#forward(frame)
        void this.#forward(frame, () => {})
        return
      case 'hold request':
        rule.held.push(this.#holdRequest(frame, rule.gate.promise))
        return
      case 'hold answer':
        rule.held.push(this.#holdAnswer(frame, rule.gate.promise))
    }
  }

  async #holdRequest(frame: Buffer, released: Promise<void>): Promise<void> {
    const { epoch } = this.#gate
    this.#held++
    await released
    await this.#forward(frame, (answer) => this.#deliver(answer, epoch))
    this.#held--
    if (this.#client.destroyed) this.#leave()
  }

  #holdAnswer(frame: Buffer, released: Promise<void>): Promise<void> {
    const { epoch } = this.#gate
    return this.#forward(frame, (answer) => {
      void released.then(() => this.#deliver(answer, epoch))
    })
  }

  /** Resolves when the broker has answered, or cannot any more. */
  #forward(frame: Buffer, deliver?: (answer: Buffer) => void): Promise<void> {
    const broker = this.#onward()
    const { epoch } = this.#gate
    const answered = deferred()
    const pending = {
      head: headOf(frame),
      deliver: deliver ?? ((answer: Buffer): void => this.#deliver(answer, epoch)),
      answered,
    }
    this.#pace['to broker'].carry(frame.length, this.#gate.slow, () => {
      if (this.#isCut('to broker') || broker.destroyed) {
        answered.resolve()
        return
      }
      this.#pending.push(pending)
      broker.write(frame)
    })
    return answered.promise
  }

  #answer(frame: Buffer): void {
    const pending = this.#pending.shift()
    if (pending === undefined || pending.head.correlationId !== correlationIdOf(frame))
      throw new Error('an answer that was not asked for')
    pending.deliver(withAddresses(frame, pending.head, this.#around.replace))
    pending.answered.resolve()
  }

  #deliver(answer: Buffer, epoch: number): void {
    this.#pace['to client'].carry(answer.length, this.#gate.slow, () => {
      if (epoch !== this.#gate.epoch || this.#client.destroyed || this.#isCut('to client')) return
      this.#asked.delete(correlationIdOf(answer))
      this.#client.write(answer)
    })
  }
}
