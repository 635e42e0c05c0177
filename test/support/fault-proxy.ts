// A relay on loopback between one client and its brokers that understands Kafka's frames: single
// requests and answers are lost, doubled or held back by kind, and the way can be slow, or cut in
// one direction or both: nothing passes and nothing is closed. It listens on one port per broker
// and puts these into the answers that name brokers, so that the client reaches no broker but
// through it. Requests without an answer (acks 0) are not for it.
import { createServer } from 'node:net'
import { once } from 'node:events'
import type { Disturbance, Fault, Link, RequestKind } from '../conformance/rig.ts'
import { deferred } from './deferred.ts'
import { type Direction, type Gate, Passage, type Rule } from './fault-passage.ts'
import type { Address } from './kafka-frames.ts'
import type { Slowness } from './link-pace.ts'

const HOST = '127.0.0.1'
const BOTH: readonly Direction[] = ['to broker', 'to client']
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

export class FaultProxy implements Link {
  readonly #gates: Gate[] = []
  readonly #passages = new Set<Passage>()
  readonly #watched = new Map<number, (request: Buffer) => void>()
  #rules: Rule[] = []
  /** Connections that clients have opened. */
  accepted = 0

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

  /** Requests of the kind (whole, as sent) whose client went away, or was cut off, unanswered. */
  onUnanswered(kind: RequestKind, tell: (request: Buffer) => void): void {
    this.#watched.set(API_KEYS[kind], tell)
  }

  /** Without a broker: the ways to all of them. Without a direction: both. */
  cut(broker?: string, direction?: Direction): void {
    for (const gate of this.#named(broker)) {
      for (const each of BOTH) if (direction === undefined || direction === each) gate.cut.add(each)
      if (direction !== 'to broker') gate.epoch++
    }
  }

  restore(broker?: string): void {
    for (const gate of this.#named(broker)) gate.cut.clear()
    for (const passage of this.#passages) passage.restored()
  }

  /** null: as fast as it goes. What is under way keeps its delay. */
  slow(how: Slowness | null, broker?: string): void {
    for (const gate of this.#named(broker)) gate.slow = how
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
    const gate: Gate = { broker, server, port: 0, cut: new Set(), epoch: 0, slow: null }
    server.on('connection', (client) => {
      this.accepted++
      const passage = new Passage(client, gate, {
        rule: (apiKey) => this.#meet(apiKey),
        replace: (address) => this.#replace(address),
        ended: () => this.#passages.delete(passage),
        unanswered: (request) => this.#watched.get(request.readInt16BE(4))?.(request),
        isWatched: (apiKey) => this.#watched.has(apiKey),
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

function addressOf(broker: string): Address {
  const colon = broker.lastIndexOf(':')
  return { host: broker.slice(0, colon), port: Number(broker.slice(colon + 1)) }
}
