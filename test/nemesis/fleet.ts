// A fleet that exists only in what its agents say: services on every partition, instances that run,
// fail by a schedule out of a seed, and come back when a command restarts them. Knows nothing of a
// log; gives records and takes commands.
import type { Encoder } from '../../src/contracts/decode.ts'
import { partitionFor } from '../../src/contracts/partitioner.ts'
import type { Command, RecordOf } from '../../src/contracts/records.ts'
import { Lcg } from '../support/lcg.ts'
import {
  delta,
  heartbeat,
  policy,
  probe,
  processEvent,
  result,
  serviceEvent,
} from '../support/records.ts'

type Sent = 'policies' | 'results' | 'service-events' | 'signals' | 'telemetry'
export type Saying = {
  [K in Sent]: {
    readonly topic: K
    readonly key: string
    readonly partition: number
    readonly body: RecordOf[K]
  }
}[Sent]

const PER_PARTITION = 2
const INSTANCES = 4
const OPERATIONS = ['get', 'put', 'list', 'head', 'post', 'scan', 'find', 'drop']
/** A fault somewhere in the fleet about so often. */
const FAULT_EVERY_TICKS = 3
/** Nobody helped: an instance comes back by itself. */
const LEFT_ALONE_MS = 45_000
const RESTART_MS = 300

interface Instance {
  readonly name: string
  incarnation: number
  version: number
  /** null: it runs. */
  downSinceMs: number | null
  restart: { readonly atMs: number; readonly command: Command | null } | null
}

interface Service {
  readonly name: string
  readonly agent: string
  readonly partition: number
  readonly instances: readonly Instance[]
  seq: number
}

export class Fleet {
  readonly #services: readonly Service[]
  readonly #epoch: number
  readonly #random: Lcg
  #ticks = 0

  /** `epoch`: life of the agents; who comes later speaks for the same instances anew. */
  constructor(options: {
    readonly partitions: number
    readonly seed: number
    readonly epoch: number
  }) {
    this.#epoch = options.epoch
    this.#random = new Lcg(options.seed + options.epoch)
    this.#services = servicesOn(options.partitions).map(({ name, partition }) => ({
      name,
      agent: `agent-of-${name}`,
      partition,
      instances: Array.from({ length: INSTANCES }, (_, i) => ({
        name: `${name}-${i + 1}`,
        incarnation: options.epoch * 1_000 + 1,
        version: options.epoch * 1_000 + 1,
        downSinceMs: null,
        restart: null,
      })),
      seq: 0,
    }))
  }

  /** Who is there, told at the start of a life. */
  begin(nowMs: number): readonly Saying[] {
    return this.#services.flatMap((service) =>
      service.instances.map((instance) => this.#registers(service, instance, nowMs)),
    )
  }

  /** Everything that is said in one second. */
  tick(nowMs: number): readonly Saying[] {
    this.#ticks++
    const said: Saying[] = []
    for (const service of this.#services)
      for (const instance of service.instances) {
        this.#comesBack(service, instance, { nowMs, said })
        this.#speaks(service, instance, { nowMs, said })
      }
    if (this.#ticks % FAULT_EVERY_TICKS === 0) this.#fails(nowMs, said)
    return said
  }

  /** false: it is not for anybody here, or too late. */
  accepts(command: Command, nowMs: number): boolean {
    const service = this.#services.find(({ name }) => name === command.target.service)
    const instance = service?.instances.find(({ name }) => name === command.target.instance)
    if (instance === undefined || command.expires_at_ms < nowMs) return false
    if (command.target.incarnation !== instance.incarnation || instance.restart !== null)
      return false
    instance.restart = { atMs: nowMs + RESTART_MS, command }
    return true
  }

  #fails(nowMs: number, said: Saying[]): void {
    const service = this.#services[this.#random.below(this.#services.length)]
    const instance = service?.instances[this.#random.below(INSTANCES)]
    if (service === undefined || instance === undefined || instance.downSinceMs !== null) return
    instance.downSinceMs = nowMs
    const words = this.#words(service, instance, nowMs)
    said.push(this.#signal(service, processEvent({ ...words, event: 'exited', code: 1 })))
  }

  #comesBack(
    service: Service,
    instance: Instance,
    { nowMs, said }: { readonly nowMs: number; readonly said: Saying[] },
  ): void {
    const since = instance.downSinceMs
    const isAlone = since !== null && nowMs - since > LEFT_ALONE_MS
    const isDue = instance.restart !== null && instance.restart.atMs <= nowMs
    if (!isDue && !isAlone) return
    const command = instance.restart?.command ?? null
    const before = instance.incarnation
    instance.incarnation++
    instance.version++
    instance.downSinceMs = null
    instance.restart = null
    const words = this.#words(service, instance, nowMs)
    if (command !== null) {
      const told = { commandId: command.command_id, before, after: instance.incarnation }
      const body = result({ ...words, ...told, seq: ++service.seq })
      said.push({ topic: 'results', key: service.name, partition: service.partition, body })
    }
    said.push(this.#registers(service, instance, nowMs))
    said.push(this.#signal(service, processEvent({ ...words, event: 'started' })))
  }

  #speaks(
    service: Service,
    instance: Instance,
    { nowMs, said }: { readonly nowMs: number; readonly said: Saying[] },
  ): void {
    const isUp = instance.downSinceMs === null
    const words = this.#words(service, instance, nowMs)
    if (isUp) said.push(this.#signal(service, heartbeat(words)))
    said.push(this.#signal(service, probe({ ...words, verdict: isUp ? 'up' : 'down' })))
    for (const operation of OPERATIONS) {
      const ok = isUp ? 1 + this.#random.below(6) : 0
      const latencyUs = 5_000 + this.#random.below(40_000)
      const counts = { ok, failed: isUp ? 0 : 3, latencyUs, seq: ++service.seq }
      const body = { ...delta({ ...words, ...counts }), operation }
      const { name: key, partition } = service
      said.push({ topic: 'telemetry', key, partition, body })
    }
  }

  #registers(service: Service, instance: Instance, atMs: number): Saying {
    const words = this.#words(service, instance, atMs)
    const { version } = instance
    const body = serviceEvent({ ...words, seq: ++service.seq, version, lifecycle: 'ready' })
    const { name: key, partition } = service
    return { topic: 'service-events', key, partition, body }
  }

  #signal(service: Service, body: RecordOf['signals']): Saying {
    const { name: key, partition } = service
    return { topic: 'signals', key, partition, body: { ...body, seq: ++service.seq } }
  }

  #words(
    service: Service,
    { name, incarnation }: Instance,
    atMs: number,
  ): {
    service: string
    instance: string
    agent: string
    epoch: number
    incarnation: number
    atMs: number
  } {
    const { agent } = service
    return { service: service.name, instance: name, agent, epoch: this.#epoch, incarnation, atMs }
  }
}

/** Names of services, as many on each partition. */
function servicesOn(partitions: number): readonly { name: string; partition: number }[] {
  const found: { name: string; partition: number }[] = []
  const room = Array.from({ length: partitions }, () => PER_PARTITION)
  for (let i = 1; found.length < partitions * PER_PARTITION; i++) {
    const name = `shop${i}`
    const partition = partitionFor(name, partitions)
    const left = room[partition] ?? 0
    if (left === 0) continue
    room[partition] = left - 1
    found.push({ name, partition })
  }
  return found
}

/** Restart what is unhealthy; guards that only look at how often are set to seconds. */
export function policiesFor(partitions: number): readonly Saying[] {
  const guards = {
    cooldownMs: '5s',
    serviceIntervalMs: '1s',
    warmUpMs: '5s',
    verifyMs: '5s',
    perMinute: 600,
    flapTransitions: 1_000,
    ineffectiveMax: 1_000,
  }
  const documents = [
    [
      'HealPolicy',
      { mode: 'enforce', trigger: 'health == "unhealthy"', action: 'restart_instance' },
    ],
    ['GuardSet', guards],
  ] as const
  return documents.flatMap(([kind, rest]) => {
    const name = `nemesis-${kind.toLowerCase()}`
    const spec = { match: { services: ['*'] }, ...rest }
    const document = { apiVersion: 'healstream.io/v1', kind, metadata: { name }, spec }
    return Array.from({ length: partitions }, (_, partition): Saying => {
      return { topic: 'policies', key: name, partition, body: policy({ name, kind, document }) }
    })
  })
}

/** One branch per topic keeps topic and body together for the type checker. */
export function bytesOf(encoder: Encoder, one: Saying): Uint8Array {
  switch (one.topic) {
    case 'policies':
      return encoder.encode('policies', one.body)
    case 'results':
      return encoder.encode('results', one.body)
    case 'service-events':
      return encoder.encode('service-events', one.body)
    case 'signals':
      return encoder.encode('signals', one.body)
    case 'telemetry':
      return encoder.encode('telemetry', one.body)
  }
}
