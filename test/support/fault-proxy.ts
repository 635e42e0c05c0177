// A relay on loopback between one client and its brokers that understands Kafka's frames: single
// requests and answers are lost, doubled or held back by kind, and the way can be cut half-open:
// nothing passes and nothing is closed. It listens on one port per broker and puts these into the
// answers that name brokers, so that the client reaches no broker but through it. Requests without
// an answer (acks 0) are not for it.
import { createServer, connect as dial, type Server, type Socket } from 'node:net'
import { once } from 'node:events'
import type { Disturbance, Fault, Link, RequestKind } from '../conformance/rig.ts'
import { type Deferred, deferred } from './deferred.ts'
import {
  type Address,
  correlationIdOf,
  FrameSplitter,
  headOf,
  type RequestHead,
  withAddresses,
} from './kafka-frames.ts'

const HOST = '127.0.0.1'
const API_KEYS: Readonly<Record<RequestKind, number>> = {
  Produce: 0,
  Fetch: 1,
  JoinGroup: 11,
  Heartbeat: 12,
  LeaveGroup: 13,
  SyncGroup: 14,
  InitProducerId: 22,
  AddPartitionsToTxn: 24,
  EndTxn: 26,
}

interface Rule {
  readonly apiKey: number
  readonly fault: Fault
  left: number
  readonly met: Deferred
  readonly gate: Deferred
  /** Requests whose answers somebody waits for, by `release`. */
  readonly held: Promise<void>[]
}

/** The way to one broker. */
interface Gate {
  readonly broker: Address
  readonly server: Server
  port: number
  isCut: boolean
  /** Counts cuts: what was sent before one is not answered after it. */
  epoch: number
}

export class FaultProxy implements Link {
  readonly #gates: Gate[] = []
  readonly #passages = new Set<Passage>()
  #rules: Rule[] = []

  /** `brokers`: all of the cluster, each as it is advertised (`host:port`). */
  static async start(brokers: readonly string[]): Promise<FaultProxy> {
    const proxy = new FaultProxy()
    for (const broker of brokers) await proxy.#open(addressOf(broker))
    return proxy
  }

  /** What the client is to be given instead of the brokers' own addresses, in the same order. */
  get brokers(): readonly string[] {
    return this.#gates.map(({ port }) => `${HOST}:${port}`)
  }

  disturb(kind: RequestKind, fault: Fault, count: number = 1): Disturbance {
    const rule: Rule = {
      apiKey: API_KEYS[kind],
      fault,
      left: count,
      met: deferred(),
      gate: deferred(),
      held: [],
    }
    this.#rules.push(rule)
    return {
      met: rule.met.promise,
      release: async (): Promise<void> => {
        this.#end(rule)
        rule.gate.resolve()
        await Promise.all(rule.held)
      },
    }
  }

  /** Without a broker: the ways to all of them. */
  cut(broker?: string): void {
    for (const gate of this.#named(broker)) {
      gate.isCut = true
      gate.epoch++
    }
  }

  restore(broker?: string): void {
    for (const gate of this.#named(broker)) gate.isCut = false
  }

  /** Resets every connection there is. */
  reset(): void {
    for (const passage of this.#passages) passage.destroy()
  }

  async close(): Promise<void> {
    for (const { gate } of this.#rules) gate.resolve()
    this.reset()
    for (const { server } of this.#gates) {
      const closed = once(server, 'close')
      server.close()
      await closed
    }
  }

  async #open(broker: Address): Promise<void> {
    const server = createServer({ noDelay: true })
    const gate: Gate = { broker, server, port: 0, isCut: false, epoch: 0 }
    server.on('connection', (client) => {
      const passage = new Passage(client, gate, {
        rule: (apiKey) => this.#meet(apiKey),
        replace: (address) => this.#replace(address),
        ended: () => this.#passages.delete(passage),
      })
      this.#passages.add(passage)
    })
    server.listen(0, HOST)
    await once(server, 'listening')
    const address = server.address()
    if (address === null || typeof address === 'string') throw new Error('no port to listen on')
    gate.port = address.port
    this.#gates.push(gate)
  }

  #named(broker: string | undefined): readonly Gate[] {
    if (broker === undefined) return this.#gates
    const { host, port } = addressOf(broker)
    return this.#gates.filter((gate) => gate.broker.host === host && gate.broker.port === port)
  }

  #replace({ host, port }: Address): Address {
    const [gate] = this.#named(`${host}:${port}`)
    if (gate === undefined) throw new Error(`the relay was not told of the broker ${host}:${port}`)
    return { host: HOST, port: gate.port }
  }

  #meet(apiKey: number): Rule | undefined {
    const rule = this.#rules.find((candidate) => candidate.apiKey === apiKey)
    if (rule === undefined) return undefined
    rule.left--
    if (rule.left === 0) {
      this.#end(rule)
      rule.met.resolve()
    }
    return rule
  }

  #end(rule: Rule): void {
    this.#rules = this.#rules.filter((other) => other !== rule)
  }
}

interface Surroundings {
  readonly rule: (apiKey: number) => Rule | undefined
  readonly replace: (address: Address) => Address
  readonly ended: () => void
}

/** A request on its way; what is done with its answer. */
interface Pending {
  readonly head: RequestHead
  readonly deliver: (answer: Buffer) => void
  readonly answered: Deferred
}

/** One connection of the client, and the one to the broker that goes with it. */
class Passage {
  readonly #client: Socket
  readonly #gate: Gate
  readonly #around: Surroundings
  readonly #pending: Pending[] = []
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
    if (!gate.isCut) this.#onward()
  }

  /** Ends both sides at once. */
  destroy(): void {
    this.#client.resetAndDestroy()
    this.#broker?.destroy()
    this.#around.ended()
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
      if (!this.#gate.isCut) this.destroy()
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
    if (this.#gate.isCut || this.#held > 0) return
    this.#broker?.end()
    this.#around.ended()
  }

  #request(frame: Buffer): void {
    if (this.#gate.isCut) return
    const rule = this.#around.rule(headOf(frame).apiKey)
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
    this.#pending.push({
      head: headOf(frame),
      deliver: deliver ?? ((answer): void => this.#deliver(answer, epoch)),
      answered,
    })
    if (broker.destroyed) answered.resolve()
    else broker.write(frame)
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
    if (epoch === this.#gate.epoch && !this.#client.destroyed) this.#client.write(answer)
  }
}

function addressOf(broker: string): Address {
  const colon = broker.lastIndexOf(':')
  return { host: broker.slice(0, colon), port: Number(broker.slice(colon + 1)) }
}
