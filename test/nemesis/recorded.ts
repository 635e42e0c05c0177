// A small run without brokers, whole and clean, for tests of the checker to spoil: the real engine
// and core on the memory log, a fleet with its history, a commit in doubt that is aborted, and a
// worker that is killed and followed by another.
import type { Transport } from '../../src/adapters/client/protocol.ts'
import { createSerde, type Serde } from '../../src/adapters/serde/serde.ts'
import type { OutgoingRecord } from '../../src/contracts/record.ts'
import { topicName, TOPICS } from '../../src/contracts/topics.ts'
import { createFleetCore } from '../../src/core/tasks/fleet-task.ts'
import { createServiceCore } from '../../src/core/tasks/service-task.ts'
import type { IdempotentProducer, LogReader } from '../../src/runtime/ports.ts'
import { EngineRig } from '../support/engine-rig.ts'
import { batchesOf } from './checker/batches.ts'
import type { PartitionLog } from './checker/collect.ts'
import { bytesOf, Fleet, policiesFor, type Saying } from './fleet.ts'
import { groupBy } from './group-by.ts'
import { type Fact, hashOf } from './history.ts'

export type Stored = Pick<PartitionLog, 'topic' | 'partition' | 'batches'>

export interface Recording {
  readonly logs: readonly Stored[]
  readonly lives: readonly (readonly Fact[])[]
}

const PREFIX = 'hs.'
const TICKS = 24
/** Longer than a writer waits for an answer. */
const DOUBT = { from: 6, to: 11 } as const
const DEATH_AT = 16
const WATCHED = ['commands', 'incidents', 'journal', 'health'] as const

export async function record(): Promise<Recording> {
  return await new Recorder(await createSerde()).run()
}

class Recorder {
  readonly #rig = new EngineRig(1)
  readonly #serde: Serde
  readonly #fleet = new Fleet({ partitions: 1, seed: 3, epoch: 1 })
  readonly #facts: Fact[] = []
  readonly #producer: IdempotentProducer
  readonly #reader: LogReader
  #raw: Transport | null = null
  #losesEnds = false
  #id = 0

  constructor(serde: Serde) {
    this.#serde = serde
    const log = this.#rig.log.broker.connect({
      transport: (inner) => {
        this.#raw = inner
        return inner
      },
    })
    this.#producer = log.producer()
    this.#reader = log.reader({ isolation: 'read_committed' })
    for (const kind of WATCHED)
      this.#reader.assign({ topic: topicName(kind, PREFIX), partition: 0 }, 'earliest')
  }

  async run(): Promise<Recording> {
    const rig = this.#rig
    await rig.init()
    const parts = {
      decoder: this.#serde,
      encoder: this.#serde,
      createCore: createServiceCore,
      createFleetCore,
    }
    const first = await rig.worker({ parts, bend: (inner) => this.#bent(inner) })
    await this.#say([...policiesFor(1), ...this.#fleet.begin(rig.clock.nowMs())])
    for (let tick = 1; tick <= TICKS; tick++) {
      this.#losesEnds = tick >= DOUBT.from && tick < DOUBT.to
      if (tick === DEATH_AT) first.kill()
      if (tick === DEATH_AT) await rig.worker({ parts })
      await rig.clock.advance(1_000)
      await this.#say(this.#fleet.tick(rig.clock.nowMs()))
      await this.#read()
    }
    await rig.clock.advance(15_000)
    await this.#read()
    const logs = await this.#dump()
    await rig.stop()
    return { logs, lives: [this.#facts] }
  }

  /** Requests to commit get lost while it is told so. */
  #bent(inner: Transport): Transport {
    return (api, request, limits) =>
      api === 'endTxn' && this.#losesEnds
        ? new Promise(() => undefined)
        : inner(api, request, limits)
  }

  async #say(said: readonly Saying[]): Promise<void> {
    const groups = groupBy(said, ({ topic, key }) => `${topic} ${key}`)
    for (const [by, group] of groups) {
      const records = group.map((one) => this.#record(one))
      const [{ topic } = { topic: 'signals' as const }] = group
      const [id, ms] = [++this.#id, this.#rig.clock.nowMs()]
      const h = records.map(({ value }) => hashOf(value))
      this.#facts.push({ k: 'try', id, topic, p: 0, by, h, ms })
      const [stored] = await this.#rig.run(this.#producer.send(records))
      const [base, last] = [stored?.baseOffset ?? -1, stored?.lastOffset ?? -1]
      this.#facts.push({ k: 'ok', id, base, last, ms })
    }
  }

  #record(one: Saying): OutgoingRecord {
    return {
      topic: topicName(one.topic, PREFIX),
      partition: 0,
      key: Buffer.from(one.key),
      value: bytesOf(this.#serde, one),
      timestampMs: this.#rig.clock.nowMs(),
    }
  }

  async #read(): Promise<void> {
    const ms = this.#rig.clock.nowMs()
    for (const { topic, batches, from } of await this.#rig.run(this.#reader.poll(0))) {
      const kind = WATCHED.find((each) => topicName(each, PREFIX) === topic)
      if (kind === undefined) continue
      for (const batch of batches)
        batch.visit((view) => {
          const { offset: o, buffer, valueStart, valueEnd } = view
          const value = valueStart < 0 ? null : buffer.subarray(valueStart, valueEnd)
          this.#facts.push({ k: 'seen', topic: kind, p: 0, o, h: hashOf(value), ms })
          if (kind !== 'commands') return
          const decoded = this.#serde.decode('commands', view)
          if (!decoded.ok || !this.#fleet.accepts(decoded.record, ms)) return
          this.#facts.push({ k: 'act', command: decoded.record.command_id, p: 0, o, ms })
        }, from)
    }
  }

  /** Everything stored, markers and aborted batches too. */
  async #dump(): Promise<readonly Stored[]> {
    const logs: Stored[] = []
    for (const { kind } of TOPICS) {
      const at = { topic: topicName(kind, PREFIX), partition: 0 }
      const from = { ...at, leaderEpoch: -1, offset: 0, maxBytes: 64 * 1_048_576 }
      const request = { node: 1, isolation: 'read_uncommitted', maxWaitMs: 0 } as const
      const limits = { timeoutMs: 1_000 }
      const asked = this.#raw?.('fetch', { ...request, partitions: [from] }, limits)
      const answer = asked === undefined ? undefined : await this.#rig.run(asked)
      const bytes = Buffer.concat(answer?.partitions[0]?.chunks ?? [])
      logs.push({ topic: kind, partition: 0, batches: batchesOf(bytes) })
    }
    return logs
  }
}
