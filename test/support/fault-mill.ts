// Many faults on any log, with workers beside that decide: services of five instances each, agents
// that carry every restart out, a bounded number of faults at a time, and everything that was said
// read back with its headers.
import assert from 'node:assert/strict'
import type { Serde } from '../../src/adapters/serde/serde.ts'
import { partitionFor } from '../../src/contracts/partitioner.ts'
import type { OutgoingRecord, RecordView } from '../../src/contracts/record.ts'
import type { Command, RecordOf } from '../../src/contracts/records.ts'
import { topicName, type TopicKind } from '../../src/contracts/topics.ts'
import { decodeUtf8 } from '../../src/contracts/utf8.ts'
import { LogError } from '../../src/runtime/log-error.ts'
import { headersOf } from '../../src/runtime/record-batch.ts'
import { systemClock } from '../../src/runtime/clock.ts'
import type { IdempotentProducer, LogPort } from '../../src/runtime/ports.ts'
import { heartbeat, policy, probe, processEvent, result, serviceEvent } from './records.ts'

/** Instances of a service. */
const SIZE = 5
const BEAT_MS = 3_000
/** On a machine that is busy an answer of the log may take longer than a reader waits. */
const PATIENCE_MS = 60_000
/** Never more than one of a service, so that nobody takes it for a storm. */
const AT_A_TIME = 20
const KINDS = ['signals', 'incidents', 'commands', 'results', 'alerts'] as const
type Kind = (typeof KINDS)[number]

export interface MillLog {
  readonly log: LogPort
  readonly serde: Serde
  readonly prefix: string
  readonly partitions: number
}

/** A record as it lies in the log. */
export type Read = {
  readonly [K in Kind]: {
    readonly kind: K
    readonly body: RecordOf[K]
    readonly place: string
    readonly appendMs: number
    readonly trace: string | null
  }
}[Kind]

const GUARDS = {
  cooldownMs: 0,
  serviceIntervalMs: 0,
  perMinute: 1_000,
  warmUpMs: 0,
  healShareMax: 1,
  commonShareMax: 1,
  outShareMax: 1,
  routableShareMin: 0,
}

export class FaultMill {
  readonly #at: MillLog
  readonly #producer: IdempotentProducer
  readonly #incarnations = new Map<string, number>()
  readonly #open = new Set<string>()
  readonly #reads: Read[] = []
  readonly #stop = new AbortController()
  #seq = 0
  #chain: Promise<unknown> = Promise.resolve()

  constructor(at: MillLog) {
    this.#at = at
    this.#producer = at.log.producer({ deadlineMs: PATIENCE_MS })
  }

  /** Each fault until its incident has ended. Returns all that was said. */
  async run(faults: number, limitMs: number): Promise<readonly Read[]> {
    const services = Math.max(AT_A_TIME, Math.ceil(faults / SIZE))
    const targets = Array.from({ length: services * SIZE }, (_, i) => {
      const service = `s${i % services}`
      return { service, instance: `${service}-${Math.floor(i / services)}` }
    })
    await this.#begin(targets)
    const reading = this.#follow()
    const beating = this.#beat(targets)
    try {
      await this.#feed(targets.slice(0, faults), performance.now() + limitMs)
    } finally {
      this.#stop.abort()
      await Promise.all([reading, beating])
      await this.#chain
      await this.#producer.close()
    }
    return this.#reads
  }

  async #feed(waiting: Target[], endMs: number): Promise<void> {
    while (waiting.length + this.#open.size > 0) {
      if (performance.now() > endMs) assert.fail(this.#stuck(waiting.length))
      const next = this.#open.size < AT_A_TIME ? waiting.shift() : undefined
      if (next === undefined) await systemClock.sleep(20)
      else await this.#crash(next)
    }
    // What is told of the last end.
    await systemClock.sleep(500)
  }

  #stuck(left: number): string {
    const said = this.#reads.flatMap((read) => (read.kind === 'incidents' ? [read.body] : []))
    const why = said.slice(-12).map(({ instance, summary }) => `${instance}: ${summary}`)
    return [`${left} left, open: ${[...this.#open].join()}`, ...why].join('\n')
  }

  async #begin(targets: readonly Target[]): Promise<void> {
    const spec = { match: { services: ['*'] } }
    const heal = { ...spec, mode: 'enforce', trigger: 'health == "unhealthy"' }
    const documents = [
      ['HealPolicy', { ...heal, action: 'restart_instance' }],
      ['GuardSet', { ...spec, ...GUARDS }],
      // On a machine that is busy agents are late, and that is not what is injected.
      ['DetectorSet', { ...spec, silenceAfterMs: '2m' }],
    ] as const
    for (const [kind, own] of documents) {
      const name = kind.toLowerCase()
      const document = { apiVersion: 'healstream.io/v1', kind, metadata: { name }, spec: own }
      await this.#say('policies', policy({ name, kind, document }), null)
    }
    for (const target of targets) {
      this.#incarnations.set(target.instance, 1)
      void this.#say('service-events', serviceEvent(this.#who(target)), target.service)
      void this.#say('signals', probe({ ...this.#who(target), verdict: 'up' }), target.service)
    }
    await this.#chain
    // All are known and judged before the first fault.
    await systemClock.sleep(2_500)
  }

  async #beat(targets: readonly Target[]): Promise<void> {
    while (!this.#stop.signal.aborted) {
      const beats = targets.flatMap((target) => {
        return this.#records('signals', heartbeat(this.#who(target)), target.service)
      })
      await this.#send(beats)
      await systemClock.sleep(BEAT_MS)
    }
  }

  async #crash(target: Target): Promise<void> {
    this.#open.add(target.instance)
    const { service } = target
    await this.#say('signals', processEvent({ ...this.#who(target), event: 'exited' }), service)
    await this.#say('signals', probe({ ...this.#who(target), verdict: 'down' }), service)
  }

  /** A new incarnation, that answers. */
  async #obey({ target, command_id: commandId, incident_id: incidentId }: Command): Promise<void> {
    const { service, instance, incarnation: before } = target
    const at = { service, instance }
    this.#incarnations.set(instance, before + 1)
    void this.#say('service-events', serviceEvent(this.#who(at)), service)
    const ended = { outcome: 'succeeded', before, after: before + 1 } as const
    const own = result({ ...this.#who(at), commandId, ...ended })
    void this.#say('results', { ...own, incident_id: incidentId }, service)
    await this.#say('signals', probe({ ...this.#who(at), verdict: 'up' }), service)
  }

  async #follow(): Promise<void> {
    const { log, partitions } = this.#at
    const reader = log.reader({ isolation: 'read_committed' })
    const kinds = new Map(KINDS.map((kind) => [this.#topic(kind), kind]))
    for (const topic of kinds.keys())
      for (let partition = 0; partition < partitions; partition++)
        reader.assign({ topic, partition }, 'earliest')
    while (!this.#stop.signal.aborted) {
      const found: Read[] = []
      for (const { topic, partition, batches, from } of await patiently(() => reader.poll(200))) {
        const kind = kinds.get(topic)
        const take = (view: RecordView): void => {
          const read = kind === undefined ? null : this.#read(kind, partition, view)
          if (read !== null) found.push(read)
        }
        for (const batch of batches) batch.visit(take, from)
      }
      for (const read of found) await this.#heard(read)
    }
    await reader.close()
  }

  async #heard(read: Read): Promise<void> {
    this.#reads.push(read)
    if (read.kind === 'commands') await this.#obey(read.body)
    if (read.kind !== 'incidents') return
    const { state, instance } = read.body
    if (state === 'recovered' || state === 'failed') this.#open.delete(String(instance))
  }

  #read(kind: Kind, partition: number, view: RecordView): Read | null {
    const decoded = this.#at.serde.decode(kind, view)
    if (!decoded.ok) return null
    const header = headersOf(view).find(({ key }) => key === 'traceparent')?.value ?? null
    const trace = header === null ? null : (decodeUtf8(header).split('-')[1] ?? null)
    const place = `${kind}:${partition}:${view.offset}`
    return { kind, body: decoded.record, place, appendMs: view.timestampMs, trace } as Read
  }

  #topic(kind: TopicKind): string {
    return topicName(kind, this.#at.prefix)
  }

  #who({ service, instance }: Target): Target & Words {
    this.#seq += 1
    const incarnation = this.#incarnations.get(instance) ?? 1
    const agent = `agent-of-${instance}`
    return { service, instance, agent, atMs: Date.now(), incarnation, seq: this.#seq }
  }

  /** One after another, in the order they were said; `service` null: to every partition. */
  #say<K extends keyof RecordOf & TopicKind>(
    kind: K,
    body: RecordOf[K],
    service: string | null,
  ): Promise<unknown> {
    return this.#send(this.#records(kind, body, service))
  }

  #send(records: readonly OutgoingRecord[]): Promise<unknown> {
    this.#chain = this.#chain.then(() => this.#producer.send(records))
    return this.#chain
  }

  #records<K extends keyof RecordOf & TopicKind>(
    kind: K,
    body: RecordOf[K],
    service: string | null,
  ): readonly OutgoingRecord[] {
    const { serde, partitions } = this.#at
    const all = Array.from({ length: partitions }, (_, partition) => partition)
    const to = service === null ? all : [partitionFor(service, partitions)]
    const value = serde.encode(kind, body)
    const key = Buffer.from(service ?? 'all')
    const topic = this.#topic(kind)
    return to.map((partition) => ({ topic, partition, key, value, timestampMs: Date.now() }))
  }
}

/** The reader stays where it was. */
async function patiently<T>(poll: () => Promise<readonly T[]>): Promise<readonly T[]> {
  try {
    return await poll()
  } catch (error) {
    if (error instanceof LogError && error.code === 'UNAVAILABLE') return []
    throw error
  }
}

interface Target {
  readonly service: string
  readonly instance: string
}

interface Words {
  readonly agent: string
  readonly atMs: number
  readonly incarnation: number
  readonly seq: number
}
