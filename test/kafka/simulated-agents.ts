// Agents whose every word a test chooses, on real brokers: three instances of one service are
// registered and heard twice a second; what else they say comes when the test says so.
import { serviceId } from '../../src/contracts/ids.ts'
import type { TopicKind } from '../../src/contracts/topics.ts'
import type { Command, RecordOf } from '../../src/contracts/records.ts'
import type { IdempotentProducer } from '../../src/runtime/ports.ts'
import {
  heartbeat,
  operator,
  policy,
  probe,
  processEvent,
  result,
  serviceEvent,
} from '../support/records.ts'
import type { WorkerRig } from './worker-rig.ts'

const SERVICE = 'shop'
const BEAT_MS = 500
const NAMES = ['shop-1', 'shop-2', 'shop-3']

export class SimulatedAgents {
  /** Requests of shop-1 that are in flight. */
  inFlight = 0
  readonly #rig: WorkerRig
  readonly #producer: IdempotentProducer
  readonly #incarnations = new Map(NAMES.map((name) => [name, 1]))
  #seq = 0
  #sending: Promise<unknown> = Promise.resolve()
  #timer: NodeJS.Timeout | null = null

  constructor(rig: WorkerRig) {
    this.#rig = rig
    this.#producer = rig.log.producer()
  }

  async begin(): Promise<void> {
    for (const name of NAMES) await this.#wellAgain(name)
    const beat = (): void => {
      for (const name of NAMES)
        void this.#say('signals', heartbeat({ ...this.#who(name), inFlight: this.inFlight }))
    }
    this.#timer = setInterval(beat, BEAT_MS)
  }

  async end(): Promise<void> {
    if (this.#timer !== null) clearInterval(this.#timer)
    await this.#sending
    await this.#producer.close()
  }

  /** Its process ends, and nobody answers. */
  async crash(instance: string): Promise<void> {
    await this.#say('signals', processEvent({ ...this.#who(instance), event: 'exited', code: 137 }))
    await this.#say('signals', probe({ ...this.#who(instance), verdict: 'down' }))
  }

  /** A new incarnation is there; nobody has probed it. */
  async done(command: Command): Promise<void> {
    const { instance } = command.target
    const before = this.#incarnations.get(instance) ?? 1
    this.#incarnations.set(instance, before + 1)
    await this.#register(instance)
    const answer = { commandId: command.command_id, incidentId: command.incident_id }
    const ended = { ...answer, outcome: 'succeeded', before, after: before + 1 } as const
    await this.#say('results', result({ ...this.#who(instance), ...ended }))
  }

  async answers(instance: string): Promise<void> {
    await this.#say('signals', probe({ ...this.#who(instance), verdict: 'up' }))
  }

  async hold(kind: 'hold' | 'release'): Promise<void> {
    const scope = { fleet: false, service: serviceId(SERVICE), instance: null, policy: null }
    const refersTo = kind === 'hold' ? null : 'hold-1'
    await this.#say('operator', operator({ id: `${kind}-1`, kind, scope, refers_to: refersTo }))
  }

  async apply(kind: 'HealPolicy' | 'GuardSet', spec: object): Promise<void> {
    const name = kind.toLowerCase()
    const document = {
      apiVersion: 'healstream.io/v1',
      kind,
      metadata: { name },
      spec: { match: { services: [SERVICE] }, ...spec },
    }
    await this.#say('policies', policy({ name, kind, document }))
  }

  async #wellAgain(instance: string): Promise<void> {
    await this.#register(instance)
    await this.answers(instance)
  }

  async #register(instance: string): Promise<void> {
    await this.#say('service-events', serviceEvent(this.#who(instance)))
  }

  #who(instance: string): {
    service: string
    instance: string
    agent: string
    atMs: number
    incarnation: number
    seq: number
  } {
    this.#seq += 1
    const incarnation = this.#incarnations.get(instance) ?? 1
    const agent = `agent-of-${instance}`
    const atMs = Date.now()
    return { service: SERVICE, instance, agent, atMs, incarnation, seq: this.#seq }
  }

  /** One after another, in the order they were said; policies go to every partition. */
  async #say<K extends keyof RecordOf & TopicKind>(kind: K, body: RecordOf[K]): Promise<void> {
    const { serde, partitions } = this.#rig
    const home = this.#rig.partitionOf(SERVICE)
    const all = Array.from({ length: partitions }, (_, partition) => partition)
    const value = serde.encode(kind, body)
    const key = Buffer.from(kind === 'policies' || kind === 'operator' ? 'all' : SERVICE)
    const to = kind === 'policies' ? all : [home]
    const records = to.map((partition) => {
      return { topic: this.#rig.topic(kind), partition, key, value, timestampMs: Date.now() }
    })
    const sent = this.#sending.then(() => this.#producer.send(records))
    this.#sending = sent.catch(() => undefined)
    await sent
  }
}
