// Everything a cluster's topics hold, gathered once into a folder and read back from there, so that
// a verdict can be had again without the brokers, and a test can change what was collected.
import assert from 'node:assert/strict'
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { topicKind, topicName, type TopicKind, TOPICS } from '../../../src/contracts/topics.ts'
import { type Batch, batchesOf, type Settled, settle } from './batches.ts'
import { type Leader, Wire } from './wire.ts'

const PATIENCE_MS = 60_000
const PAUSE_MS = 200

export interface PartitionLog {
  readonly topic: TopicKind
  readonly partition: number
  readonly batches: readonly Batch[]
  readonly settled: readonly Settled[]
}

export class Collected {
  readonly logs: readonly PartitionLog[]

  constructor(logs: readonly Pick<PartitionLog, 'topic' | 'partition' | 'batches'>[]) {
    this.logs = logs.map((log) => ({ ...log, settled: settle(log.batches) }))
  }

  /** Empty where nothing was ever written. */
  log(topic: TopicKind, partition: number): PartitionLog {
    const found = this.logs.find((log) => log.topic === topic && log.partition === partition)
    return found ?? { topic, partition, batches: [], settled: [] }
  }
}

/** Reads along at a cluster that may lose a broker meanwhile. */
export class Source {
  readonly #brokers: readonly string[]
  readonly #prefix: string
  readonly #wires = new Map<string, Wire>()
  #leaders: readonly Leader[] = []

  constructor(brokers: readonly string[], prefix: string) {
    this.#brokers = brokers
    this.#prefix = prefix
  }

  async partitions(): Promise<readonly { topic: TopicKind; partition: number }[]> {
    await this.#patiently(() => this.#locate())
    return this.#leaders.flatMap(({ topic, partition }) => {
      const kind = topicKind(topic, this.#prefix)
      return kind === null ? [] : [{ topic: kind, partition }]
    })
  }

  /** Batches from `from` on to what is the end now; `from` itself may lie inside the first. */
  read(topic: TopicKind, partition: number, from: number): Promise<readonly Batch[]> {
    return this.#patiently(async () => {
      const wire = await this.#wire(topic, partition)
      const name = topicName(topic, this.#prefix)
      const { start, end } = await wire.range(name, partition)
      const found: Batch[] = []
      // What is before is gone by retention.
      for (let at = Math.max(from, start); at < end; ) {
        const { error, bytes } = await wire.fetch(name, partition, at)
        assert.equal(error, 0, `Fetch of ${topic}-${partition}: error ${error}`)
        const batches = batchesOf(bytes)
        assert.ok(batches.length > 0, `Fetch of ${topic}-${partition}: nothing at ${at}`)
        found.push(...batches)
        at = (batches.at(-1)?.last ?? at) + 1
      }
      return found
    })
  }

  /** Next offset to be written. */
  end(topic: TopicKind, partition: number): Promise<number> {
    return this.#patiently(async () => {
      const wire = await this.#wire(topic, partition)
      return (await wire.range(topicName(topic, this.#prefix), partition)).end
    })
  }

  close(): void {
    for (const wire of this.#wires.values()) wire.close()
    this.#wires.clear()
  }

  async #wire(topic: TopicKind, partition: number): Promise<Wire> {
    const name = topicName(topic, this.#prefix)
    const find = (): Leader | undefined =>
      this.#leaders.find((one) => one.topic === name && one.partition === partition)
    if ((find()?.broker ?? null) === null) await this.#locate()
    const broker = find()?.broker ?? null
    assert.ok(broker !== null, `${topic}-${partition} has no leader`)
    return await this.#to(broker)
  }

  async #to(broker: string): Promise<Wire> {
    const known = this.#wires.get(broker)
    if (known !== undefined) return known
    const wire = await Wire.open(broker)
    this.#wires.set(broker, wire)
    return wire
  }

  async #locate(): Promise<void> {
    const names = TOPICS.map(({ kind }) => topicName(kind, this.#prefix))
    let failure: unknown = null
    for (const broker of this.#brokers)
      try {
        this.#leaders = await (await this.#to(broker)).leaders(names)
        return
      } catch (error) {
        failure = error
        this.close()
      }
    throw failure
  }

  /** Leaders move and brokers restart: whatever fails is asked again. */
  async #patiently<T>(work: () => Promise<T>): Promise<T> {
    for (const endMs = performance.now() + PATIENCE_MS; ; ) {
      try {
        return await work()
      } catch (error) {
        this.close()
        this.#leaders = []
        if (performance.now() > endMs) throw error
        await sleep(PAUSE_MS)
      }
    }
  }
}

/** All topics of the prefix, whole, into files of the folder. */
export async function collect(
  brokers: readonly string[],
  prefix: string,
  folder: string,
): Promise<void> {
  mkdirSync(folder, { recursive: true })
  const source = new Source(brokers, prefix)
  try {
    for (const { topic, partition } of await source.partitions()) {
      const batches = await source.read(topic, partition, 0)
      const bytes = Buffer.concat(batches.map((batch) => batch.bytes))
      if (bytes.length > 0) writeFileSync(join(folder, `${topic}.${partition}.batches`), bytes)
    }
  } finally {
    source.close()
  }
}

export function readCollected(folder: string): Collected {
  const logs = readdirSync(folder).flatMap((name) => {
    const [, kind = '', partition] = /^([a-z-]+)[.](\d+)[.]batches$/.exec(name) ?? []
    const topic = TOPICS.find((each) => each.kind === kind)?.kind
    if (topic === undefined) return []
    const batches = batchesOf(readFileSync(join(folder, name)))
    return [{ topic, partition: Number(partition), batches }]
  })
  return new Collected(logs)
}
