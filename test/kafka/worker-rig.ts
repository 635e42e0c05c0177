// Workers with the real core and codec on real brokers, in topics of their own: bytes are put
// there as any client may put them, and what the log says afterwards is read back by a reader of
// its own.
import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import type { ProducedPartition, Transport } from '../../src/adapters/client/protocol.ts'
import { createCluster } from '../../src/adapters/kafka/cluster.ts'
import { createKafkaLog } from '../../src/adapters/kafka/kafka-log.ts'
import type { KafkaOptions } from '../../src/adapters/kafka/options.ts'
import { createTransport } from '../../src/adapters/kafka/transport.ts'
import { createSerde, type Serde } from '../../src/adapters/serde/serde.ts'
import type { StepsEntry } from '../../src/contracts/journal.ts'
import { partitionFor } from '../../src/contracts/partitioner.ts'
import type { RecordView } from '../../src/contracts/record.ts'
import type { DeadLetter, RecordOf } from '../../src/contracts/records.ts'
import { topicName, type TopicKind, TOPICS } from '../../src/contracts/topics.ts'
import { createFleetCore } from '../../src/core/tasks/fleet-task.ts'
import { createServiceCore } from '../../src/core/tasks/service-task.ts'
import { startWorker, type WorkerHandle, type WorkerStatus } from '../../src/roles/worker/worker.ts'
import { systemClock } from '../../src/runtime/clock.ts'
import { initCluster } from '../../src/runtime/init.ts'
import type { EventFields, EventKind } from '../../src/runtime/instruments.ts'
import { type ChainedEntry, readJournal } from '../../src/runtime/journal.ts'
import type { LogPort } from '../../src/runtime/ports.ts'

const LIMITS = { timeoutMs: 10_000 }

export interface RigWorker {
  readonly handle: WorkerHandle
  readonly events: { readonly kind: EventKind; readonly fields: EventFields }[]
}

export interface RigOptions {
  readonly kafka: Omit<KafkaOptions, 'clock'>
  readonly partitions: number
}

export class WorkerRig {
  readonly prefix: string = `hs-${randomBytes(6).toString('hex')}.`
  readonly partitions: number
  readonly log: LogPort
  readonly serde: Serde
  readonly transport: Transport
  readonly #kafka: KafkaOptions
  readonly #workers = new Set<WorkerHandle>()
  readonly #closers: (() => unknown)[] = []

  private constructor(options: RigOptions, serde: Serde) {
    this.#kafka = { ...options.kafka, clock: systemClock }
    this.partitions = options.partitions
    this.serde = serde
    this.log = createKafkaLog(this.#kafka)
    const cluster = createCluster(this.#kafka)
    const lane = cluster.lane()
    this.transport = createTransport({ cluster, lane, clock: systemClock })
    this.#closers.push(
      () => cluster.close(),
      () => lane.close(),
      () => this.log.close(),
    )
  }

  static async begin(options: RigOptions): Promise<WorkerRig> {
    const rig = new WorkerRig(options, await createSerde())
    const { prefix, partitions } = rig
    await initCluster(rig.log, { clock: systemClock, prefix, partitions, dev: true })
    return rig
  }

  get group(): string {
    return `${this.prefix}group`
  }

  topic(kind: TopicKind): string {
    return topicName(kind, this.prefix)
  }

  partitionOf(service: string): number {
    return partitionFor(service, this.partitions)
  }

  /**
   * With a client of its own, as another process has, which may come in by another way; returns
   * when it is as `settled` says, by default when it has all tasks, with that of the fleet, and
   * they run.
   */
  async worker(
    how: { kafka?: Omit<KafkaOptions, 'clock'>; settled?: (status: WorkerStatus) => boolean } = {},
  ): Promise<RigWorker> {
    const log = createKafkaLog({ ...(how.kafka ?? this.#kafka), clock: systemClock })
    this.#closers.push(() => log.close())
    const events: RigWorker['events'] = []
    const handle = await startWorker({
      log,
      decoder: this.serde,
      encoder: this.serde,
      createCore: createServiceCore,
      createFleetCore,
      clock: systemClock,
      instruments: { emit: (kind, fields) => events.push({ kind, fields }) },
      prefix: this.prefix,
      group: this.group,
    })
    this.#workers.add(handle)
    const isWhole = ({ ready, tasks }: WorkerStatus): boolean =>
      ready && tasks.length === this.partitions + 1
    const isSettled = how.settled ?? isWhole
    const state = (): string => `the worker has settled: ${JSON.stringify(handle.status())}`
    await until(state, () => isSettled(handle.status()), 20_000)
    return { handle, events }
  }

  /** One batch as it is; what the broker answers. */
  async put(kind: TopicKind, partition: number, batch: Uint8Array): Promise<ProducedPartition> {
    const partitions = [{ topic: this.topic(kind), partition, batch }]
    const answer = await this.transport('produce', { transactionalId: null, partitions }, LIMITS)
    const [produced] = answer.partitions
    assert.ok(produced)
    return produced
  }

  /** All records of a kind of topic there are now, in order of partition and offset. */
  async records<K extends keyof RecordOf & TopicKind>(kind: K): Promise<RecordOf[K][]> {
    const found: RecordOf[K][] = []
    await this.#visit(kind, (view) => {
      const decoded = this.serde.decode(kind, view)
      assert.ok(decoded.ok, `our own record on ${kind} cannot be read`)
      found.push(decoded.record)
    })
    return found
  }

  /** When the broker appended the records of a kind of topic there are now. */
  async times(kind: TopicKind): Promise<number[]> {
    const found: number[] = []
    await this.#visit(kind, ({ timestampMs }) => found.push(timestampMs))
    return found
  }

  /** Dead letters about these offsets, when there are at least so many. */
  async letters(
    count: number,
    range: { readonly kind: TopicKind; readonly from: number; readonly to: number },
  ): Promise<readonly DeadLetter[]> {
    const { kind, from, to } = range
    // The core names kinds, the engine topics.
    const names = [kind, this.topic(kind)]
    for (const endMs = performance.now() + 15_000; ; ) {
      const found = (await this.records('dlq')).filter(
        // The fleet task reads what people say too, and has letters of its own.
        ({ task, origin_topic, origin_offset }) =>
          task !== 'fleet' &&
          names.includes(origin_topic) &&
          origin_offset >= from &&
          origin_offset < to,
      )
      if (found.length >= count) return found
      assert.ok(performance.now() < endMs, `${found.length} of ${count} dead letters`)
      await systemClock.sleep(50)
    }
  }

  /** Instances in the registry, once all of `wanted` are there. */
  async registered(wanted: readonly string[]): Promise<ReadonlySet<string>> {
    let found: ReadonlySet<string> = new Set()
    const endMs = performance.now() + 15_000
    while (!wanted.every((instance) => found.has(instance))) {
      const missing = wanted.filter((instance) => !found.has(instance))
      assert.ok(performance.now() < endMs, `not in the registry: ${missing.join()}`)
      await systemClock.sleep(50)
      const rows = await this.records('registry')
      found = new Set(rows.flatMap(({ instance }) => (instance === null ? [] : [instance])))
    }
    return found
  }

  async journal(partition: number): Promise<readonly ChainedEntry[]> {
    const entries: ChainedEntry[] = []
    const at = { topic: this.topic('journal'), partition }
    for await (const entry of readJournal(this.log, at)) entries.push(entry)
    return entries
  }

  async stop(worker: RigWorker): Promise<void> {
    this.#workers.delete(worker.handle)
    await worker.handle.stop()
  }

  /**
   * The worker stops and another takes over: every step gives the same outputs again (the restore
   * itself compares them and stops where it must not go on), and the same state in the end.
   */
  async replays(worker: RigWorker): Promise<void> {
    await this.stop(worker)
    const next = await this.worker()
    for (const task of next.handle.status().tasks)
      assert.deepEqual([task.state, task.reason], ['Running', null], task.task)
    await this.stop(next)
    for (let partition = 0; partition < this.partitions; partition++)
      checkDigests(await this.journal(partition))
  }

  async end(): Promise<void> {
    await Promise.all([...this.#workers].map((worker) => worker.stop()))
    await this.log.admin().deleteTopics(TOPICS.map(({ kind }) => this.topic(kind)))
    for (const close of this.#closers.toReversed()) await close()
  }

  async #visit(kind: TopicKind, visitor: (view: RecordView) => void): Promise<void> {
    const places = Array.from({ length: this.partitions }, (_, partition) => ({
      topic: this.topic(kind),
      partition,
    }))
    const ends = await this.log.admin().offsets(places, 'latest', 'read_committed')
    const reader = this.log.reader({ isolation: 'read_committed' })
    for (const at of places) reader.assign(at, 'earliest')
    while (places.some((at, i) => (reader.position(at) ?? 0) < (ends[i] ?? 0)))
      for (const { batches, from } of await reader.poll(100))
        for (const batch of batches) batch.visit(visitor, from)
    await reader.close()
  }
}

/** A state that was digested at the end of one life is what the next one restored. */
function checkDigests(journal: readonly ChainedEntry[]): void {
  let last: StepsEntry | null = null
  let compared = 0
  for (const { entry } of journal) {
    if (entry.kind === 'steps') last = entry
    const digest = last?.stateDigest ?? null
    if (entry.kind !== 'fence' || digest === null) continue
    assert.deepEqual(entry.stateDigest, digest)
    compared++
  }
  assert.ok(compared > 0, 'no digest of a state was left to compare with')
}

export async function until(
  what: string | (() => string),
  holds: () => boolean,
  limitMs: number = 10_000,
): Promise<void> {
  const endMs = performance.now() + limitMs
  while (!holds()) {
    if (performance.now() > endMs)
      throw new Error(`not in time: ${typeof what === 'string' ? what : what()}`)
    await systemClock.sleep(10)
  }
}
