// Somebody who writes what no agent would, by the product's own producer, and reads what came of it
// with the checker's reader. Belongs to a scene and ends with it.
import assert from 'node:assert/strict'
import { createKafkaLog } from '../../src/adapters/kafka/kafka-log.ts'
import { createSerde, type Serde, type SerdeOptions } from '../../src/adapters/serde/serde.ts'
import { partitionFor } from '../../src/contracts/partitioner.ts'
import type { RecordOf } from '../../src/contracts/records.ts'
import { topicName, type TopicKind } from '../../src/contracts/topics.ts'
import { systemClock } from '../../src/runtime/clock.ts'
import type { IdempotentProducer, LogPort } from '../../src/runtime/ports.ts'
import { isVisible, recordsOf, settle } from '../nemesis/checker/batches.ts'
import { Source } from '../nemesis/checker/collect.ts'
import { groupBy } from '../nemesis/group-by.ts'
import { hashOf, HistoryWriter } from '../nemesis/history.ts'
import { heartbeat } from '../support/records.ts'
import type { Scene } from './scene.ts'

type Kind = keyof RecordOf & TopicKind

/** An instance that lives; its clock, given the right time. */
export interface Living {
  readonly partition: number
  readonly service: string
  readonly instance: string
  readonly clock?: (nowMs: number) => number
}

const BEAT_MS = 800
/** Behind all lives of the agents, so that the checker knows who sent what. */
const LIFE = 1_000
/** What the checker asks senders for. */
const AGENTS_TOPICS: readonly TopicKind[] = ['telemetry', 'signals', 'service-events', 'results']

export class Stranger {
  readonly serde: Serde
  readonly log: LogPort
  readonly #scene: Scene
  readonly #producer: IdempotentProducer
  readonly #source: Source
  readonly #history: HistoryWriter
  #requests = 0

  private constructor(scene: Scene, serde: Serde) {
    const { brokers } = scene.kafka
    this.#scene = scene
    this.serde = serde
    this.log = createKafkaLog({ brokers, clock: systemClock })
    this.#producer = this.log.producer()
    this.#source = new Source(brokers, scene.prefix)
    this.#history = new HistoryWriter(scene.folder, LIFE)
  }

  static async meet(scene: Scene, codec: SerdeOptions = {}): Promise<Stranger> {
    const stranger = new Stranger(scene, await createSerde(codec))
    scene.after(async () => {
      stranger.#source.close()
      stranger.#history.close()
      await stranger.log.close()
    })
    return stranger
  }

  /** A service of its own on a partition. */
  service(partition: number, name: string): string {
    const { partitions } = this.#scene.stage
    for (let i = 0; ; i++)
      if (partitionFor(`${name}-${i}`, partitions) === partition) return `${name}-${i}`
  }

  place(kind: TopicKind, partition: number): { topic: string; partition: number } {
    return { topic: topicName(kind, this.#scene.prefix), partition }
  }

  /** In one request. `key`: the service of agents' records. */
  async send<K extends Kind>(
    kind: K,
    partition: number,
    said: readonly (readonly [key: string, body: RecordOf[K]])[],
  ): Promise<void> {
    const values = said.map(([key, body]) => [key, this.serde.encode(kind, body)] as const)
    await this.sendBytes(kind, partition, values)
  }

  /** Answers the offset of the first. */
  async sendBytes(
    kind: TopicKind,
    partition: number,
    said: readonly (readonly [key: string, value: Uint8Array])[],
  ): Promise<number> {
    const isTold = AGENTS_TOPICS.includes(kind)
    const id = ++this.#requests
    const [by, h] = [`stranger ${kind} ${partition}`, said.map(([, value]) => hashOf(value))]
    if (isTold)
      this.#history.write({ k: 'try', id, topic: kind, p: partition, by, h, ms: Date.now() })
    const [appended] = await this.#producer.send(
      said.map(([key, value]) => ({
        ...this.place(kind, partition),
        key: Buffer.from(key),
        value,
        timestampMs: Date.now(),
      })),
    )
    assert.ok(appended !== undefined)
    const { baseOffset: base, lastOffset: last } = appended
    if (isTold) this.#history.write({ k: 'ok', id, base, last, ms: Date.now() })
    return base
  }

  /** They say that they live until the scene ends, or earlier. */
  keepAlive(all: readonly Living[]): () => Promise<void> {
    const end = new AbortController()
    const beats = this.#beat(all, end.signal)
    const stop = async (): Promise<void> => {
      end.abort()
      await beats
    }
    this.#scene.after(stop)
    return stop
  }

  async #beat(all: readonly Living[], signal: AbortSignal): Promise<void> {
    for (let seq = 1; !signal.aborted; seq++) {
      const nowMs = Date.now()
      const said = groupBy(all, ({ partition }) => String(partition))
      for (const [partition, living] of said)
        await this.send(
          'signals',
          Number(partition),
          living.map(({ service, instance, clock }) => {
            const atMs = clock?.(nowMs) ?? nowMs
            return [service, heartbeat({ service, instance, seq, atMs })] as const
          }),
        )
      await systemClock.sleep(BEAT_MS, signal).catch(() => undefined)
    }
  }

  /** Everything that can be read on a partition now. */
  async read<K extends Kind>(kind: K, partition: number): Promise<readonly RecordOf[K][]> {
    const settled = settle(await this.#source.read(kind, partition, 0)).filter(isVisible)
    return settled
      .flatMap(({ batch }) => recordsOf(batch))
      .flatMap(({ value }) => {
        const decoded = value === null ? null : this.serde.decodeBytes(kind, value)
        return decoded?.ok === true ? [decoded.record] : []
      })
  }

  /** On all partitions. */
  async readAll<K extends Kind>(kind: K): Promise<readonly RecordOf[K][]> {
    const { partitions } = this.#scene.stage
    const all: RecordOf[K][] = []
    for (let partition = 0; partition < partitions; partition++)
      all.push(...(await this.read(kind, partition)))
    return all
  }
}
