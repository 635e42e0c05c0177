// The agents of the simulated fleet, one per service, on a host of their own: they publish what
// their instances do, read commands and carry them out. What they send may come twice, late or out
// of order, as from a spool.
import type { Decoder, Encoder } from '../../contracts/decode.ts'
import { partitionFor } from '../../contracts/partitioner.ts'
import type { OutgoingRecord } from '../../contracts/record.ts'
import type { Command } from '../../contracts/records.ts'
import { topicName, type TopicKind } from '../../contracts/topics.ts'
import type { IdempotentProducer, LogPort } from '../../runtime/ports.ts'
import { copyRecords } from '../../runtime/record-batch.ts'
import type { History } from './history.ts'
import { type Illness, Instance } from './instance.ts'
import type { SimNode } from './node.ts'
import type { Random } from './random.ts'

export interface FleetOptions {
  readonly node: SimNode
  readonly log: LogPort
  readonly encoder: Encoder
  readonly decoder: Decoder
  readonly random: Random
  readonly history: History
  readonly cluster: string
  readonly prefix: string
  readonly partitions: number
  readonly instancesPerService: number
  /** Shares of ticks that come twice and late. */
  readonly twice: number
  readonly late: number
}

interface Agent {
  readonly service: string
  readonly partition: number
  readonly instances: readonly Instance[]
}

const TICK_MS = 3_000
const ILLNESSES: readonly Illness[] = ['crash', 'crash', 'errors', 'slow', 'mute']
const SEND_DEADLINE_MS = 8_000

export class Fleet {
  readonly services: readonly string[]
  readonly #options: FleetOptions
  readonly #agents: readonly Agent[]
  readonly #producer: IdempotentProducer
  readonly #obeyed = new Set<string>()
  readonly #stop = new AbortController()
  /** What is under way. */
  readonly #loops = new Set<Promise<void>>()
  commands: number = 0

  constructor(options: FleetOptions) {
    this.#options = options
    this.#producer = options.log.producer({ deadlineMs: SEND_DEADLINE_MS })
    this.services = servicesFor(options.partitions)
    this.#agents = this.services.map((service) => this.#agent(service))
  }

  start(): void {
    for (const agent of this.#agents) this.#track(this.#publish(agent))
    this.#track(this.#fallIll())
    this.#track(this.#obey())
  }

  /** No more load; what is under way is waited for. */
  async stop(): Promise<void> {
    this.#stop.abort()
    await Promise.all(this.#loops)
    await this.#producer.close()
  }

  #track(loop: Promise<void>): void {
    const tracked = loop.finally(() => this.#loops.delete(tracked))
    this.#loops.add(tracked)
  }

  #agent(service: string): Agent {
    const { encoder, random, node, cluster, prefix, partitions } = this.#options
    const partition = partitionFor(service, partitions)
    const sequences = new Map<TopicKind, number>()
    const nextSeq = (topic: TopicKind): number => {
      const seq = (sequences.get(topic) ?? 0) + 1
      sequences.set(topic, seq)
      return seq
    }
    const agent = `agent-of-${service}`
    const nowMs = (): number => node.nowMs()
    const beside = { cluster, prefix, service, partition, agent, encoder, nowMs, nextSeq }
    const count = this.#options.instancesPerService
    const instances = Array.from({ length: count }, (_, i) => {
      const name = `${service}-${i + 1}`
      return new Instance(name, beside, random.fork(name))
    })
    return { service, partition, instances }
  }

  async #publish(agent: Agent): Promise<void> {
    const { random } = this.#options
    const { signal } = this.#stop
    await this.#nap(random.between(0, TICK_MS))
    this.#send(agent.instances.flatMap((instance) => instance.begin()))
    while (!signal.aborted) {
      await this.#nap(TICK_MS)
      if (signal.aborted) return
      const records = agent.instances.flatMap((instance) => instance.tick())
      if (random.chance(this.#options.late)) {
        const lateMs = random.between(500, 20_000)
        this.#track(this.#nap(lateMs).then(() => this.#send(records)))
      } else this.#send(records)
      if (random.chance(this.#options.twice)) this.#send(records)
    }
  }

  /** What was not taken for certain is sent again later, as agents do from their spool. */
  #send(records: readonly OutgoingRecord[]): void {
    if (records.length === 0) return
    const { history, random } = this.#options
    history
      .send(this.#producer, records)
      .then(async (isTaken) => {
        if (isTaken || this.#stop.signal.aborted || random.chance(0.3)) return
        await this.#nap(random.between(100, 3_000))
        await history.send(this.#producer, records)
      })
      .catch(noone)
  }

  async #fallIll(): Promise<void> {
    const { random } = this.#options
    while (!this.#stop.signal.aborted) {
      await this.#nap(random.between(2_500, 16_000))
      const { instances } = random.pick(this.#agents)
      const victim = random.pick(instances)
      if (this.#stop.signal.aborted || victim.isIll) continue
      this.#send(victim.fall(random.pick(ILLNESSES)))
      this.#track(
        this.#nap(random.between(6_000, 25_000)).then(() => {
          if (victim.isIll) this.#send(victim.recover())
        }),
      )
    }
  }

  async #obey(): Promise<void> {
    const { log, prefix, partitions } = this.#options
    const reader = log.reader({ isolation: 'read_committed' })
    for (let partition = 0; partition < partitions; partition++)
      reader.assign({ topic: topicName('commands', prefix), partition }, 'earliest')
    while (!this.#stop.signal.aborted) {
      try {
        for (const { batches } of await reader.poll(TICK_MS, this.#stop.signal))
          for (const batch of batches)
            for (const { value } of copyRecords(batch)) this.#take(value ?? new Uint8Array(0))
      } catch {
        await this.#nap(200)
      }
    }
    await reader.close()
  }

  #take(value: Uint8Array): void {
    const view = { buffer: value, offset: 0, timestampMs: 0, keyStart: -1, keyEnd: -1 }
    const rest = { valueStart: 0, valueEnd: value.length, headersStart: 0, headerCount: 0 }
    const decoded = this.#options.decoder.decode('commands', { ...view, ...rest })
    if (!decoded.ok || this.#obeyed.has(decoded.record.command_id)) return
    this.commands++
    this.#obeyed.add(decoded.record.command_id)
    this.#track(this.#carryOut(decoded.record))
  }

  async #carryOut(command: Command): Promise<void> {
    const { random } = this.#options
    const instances = this.#agents.flatMap((agent) => agent.instances)
    const instance = instances.find(({ name }) => name === command.target.instance)
    if (instance === undefined || random.chance(0.05)) return
    this.#send(instance.answerStarted(command))
    await this.#nap(random.between(200, 2_000))
    this.#send(instance.obey(command))
  }

  async #nap(ms: number): Promise<void> {
    await this.#options.node.sleep(ms, this.#stop.signal).catch(noone)
  }
}

const noone = (): void => undefined

/** One service for each partition, by name. */
export function servicesFor(partitions: number): readonly string[] {
  return Array.from({ length: partitions }, (_, partition) => {
    for (let i = 1; ; i++) {
      const name = `service-${i}`
      if (partitionFor(name, partitions) === partition) return name
    }
  })
}
