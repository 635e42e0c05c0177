// A cluster in a test: the memory log on a virtual clock, workers with toy cores as if from
// processes of their own (each with a transport that can be cut or bent), and an independent
// checker that folds the journal in a single thread and compares it with what was committed.
import { clusterId } from '../../src/contracts/ids.ts'

import type { LogRecord } from '../../src/contracts/record.ts'
import { INPUT_TOPICS, topicName, type TopicKind } from '../../src/contracts/topics.ts'
import { createMemoryLog, type MemoryLog } from '../../src/adapters/memory/memory-log.ts'
import type { Transport } from '../../src/adapters/client/protocol.ts'
import { initCluster } from '../../src/runtime/init.ts'
import {
  type EventFields,
  type EventKind,
  type Instruments,
} from '../../src/runtime/instruments.ts'
import { type ChainedEntry, readJournal } from '../../src/runtime/journal.ts'
import type { Clock, IdempotentProducer, LogPort } from '../../src/runtime/ports.ts'
import { copyRecords } from '../../src/runtime/record-batch.ts'
import {
  startWorker,
  type WorkerHandle,
  type WorkerOptions as StartOptions,
} from '../../src/roles/worker/worker.ts'
import { createToy, type Toy, toyDecoder, toyEncoder, toyLine } from './toy-core.ts'
import { VirtualClock } from './virtual-clock.ts'

export interface RigWorker {
  readonly handle: WorkerHandle
  readonly toy: Toy
  readonly events: { kind: EventKind; fields: EventFields }[]
  isDead(): boolean
  /** As kill -9: nothing of it reaches the log any more, nothing reaches it. */
  kill(): void
  /** As SIGSTOP and SIGCONT: requests wait. */
  pause(): void
  resume(): void
}

export interface WorkerOptions {
  readonly bend?: (inner: Transport) => Transport
  readonly clock?: Clock
  readonly toy?: Toy
  /** The whole process dies where the core is given a deadly record. */
  readonly mortal?: boolean
  readonly group?: string
  readonly standbys?: number
  readonly upgrade?: 'auto' | 'hold'
  readonly snapshots?: StartOptions['snapshots']
  readonly createFleetCore?: StartOptions['createFleetCore']
  /** The real codec and core instead of the toys. */
  readonly parts?: Pick<StartOptions, 'decoder' | 'encoder' | 'createCore'>
}

const PREFIX = 'hs.'

function how(options: WorkerOptions): Partial<StartOptions> {
  const { group, standbys, upgrade, createFleetCore, snapshots } = options
  return {
    ...(snapshots === undefined ? {} : { snapshots }),
    ...(group === undefined ? {} : { group }),
    ...(standbys === undefined ? {} : { standbys }),
    ...(upgrade === undefined ? {} : { upgrade }),
    ...(createFleetCore === undefined ? {} : { createFleetCore }),
  }
}

export class EngineRig {
  readonly clock: VirtualClock = new VirtualClock()
  readonly log: MemoryLog
  readonly partitions: number
  readonly sent: { topic: TopicKind; partition: number; offset: number; value: string }[] = []
  readonly #producer: IdempotentProducer
  readonly #workers: RigWorker[] = []

  constructor(partitions: number = 1) {
    this.partitions = partitions
    this.log = createMemoryLog({ clock: this.clock, clusterId: 'toy-cluster' })
    this.#producer = this.log.producer()
  }

  async init(more: { readonly behaviour?: number } = {}): Promise<void> {
    const { clock, partitions } = this
    await this.run(initCluster(this.log, { clock, partitions, dev: true, ...more }))
  }

  /** Lets virtual time go until the promise settles. */
  run<T>(promise: Promise<T>): Promise<T> {
    return this.clock.run(promise)
  }

  async worker(options: WorkerOptions = {}): Promise<RigWorker> {
    const gate = new Gate()
    const log = this.log.broker.connect({
      transport: (inner) => gate.wrap(options.bend?.(inner) ?? inner),
      ...(options.clock === undefined ? {} : { clock: options.clock }),
    })
    const toy = options.toy ?? createToy()
    if (options.mortal === true) toy.onDie = () => gate.cut()
    const events: RigWorker['events'] = []
    const instruments: Instruments = { emit: (kind, fields) => events.push({ kind, fields }) }
    const handle = await this.run(
      startWorker({
        log,
        decoder: toyDecoder,
        encoder: toyEncoder,
        createCore: toy.createCore,
        clock: options.clock ?? this.clock,
        instruments,
        ...options.parts,
        ...how(options),
      }),
    )
    const worker: RigWorker = {
      handle,
      toy,
      events,
      isDead: () => gate.isCut,
      kill: () => gate.cut(),
      pause: () => gate.pause(),
      resume: () => gate.resume(),
    }
    this.#workers.push(worker)
    return worker
  }

  async send(topic: TopicKind, values: readonly string[], partition: number = 0): Promise<void> {
    const bytes = values.map((value) => Buffer.from(value))
    await this.sendBytes(topic, bytes, { partition, key: 'service' })
  }

  async sendBytes(
    topic: TopicKind,
    values: readonly Uint8Array[],
    { partition, key }: { readonly partition: number; readonly key: string },
  ): Promise<void> {
    const records = values.map((value) => ({
      topic: topicName(topic, PREFIX),
      partition,
      key: Buffer.from(key),
      value,
      timestampMs: this.clock.nowMs(),
    }))
    const [first] = await this.run(this.#producer.send(records))
    const base = first?.baseOffset ?? 0
    for (const [i, value] of values.entries()) {
      const text = Buffer.from(value).toString()
      this.sent.push({ topic, partition, offset: base + i, value: text })
    }
  }

  /** Virtual time goes on until the condition holds. */
  async until(
    what: string,
    holds: () => boolean | Promise<boolean>,
    withinMs = 60_000,
  ): Promise<void> {
    const limit = this.clock.monotonicMs() + withinMs
    while (!(await this.run(Promise.resolve(holds())))) {
      if (this.clock.monotonicMs() > limit)
        throw new Error(`not within ${withinMs} ms: ${what}${this.#reasons()}`)
      await this.clock.advance(25)
    }
  }

  /** What the tasks say is wrong, for the message of a test that waits in vain. */
  #reasons(): string {
    const tasks = this.#workers.flatMap(({ handle }) => handle.status().tasks)
    return tasks.map((t) => `\n  ${t.task} ${t.state} ${t.reason ?? ''}`).join('')
  }

  /** All records of a partition that a read_committed reader sees. */
  async records(topic: TopicKind, partition: number = 0): Promise<readonly LogRecord[]> {
    return await this.run(readAll(this.log, topicName(topic, PREFIX), partition))
  }

  async said(partition: number = 0): Promise<readonly string[]> {
    const records = await this.records('alerts', partition)
    return records.map(({ value }) => {
      const body: unknown = JSON.parse(Buffer.from(value ?? []).toString())
      return typeof body === 'object' && body !== null && 'summary' in body
        ? String(body.summary)
        : ''
    })
  }

  async journal(partition: number = 0): Promise<readonly ChainedEntry[]> {
    const entries: ChainedEntry[] = []
    const at = { topic: topicName('journal', PREFIX), partition }
    const read = async (): Promise<void> => {
      for await (const entry of readJournal(this.log, at)) entries.push(entry)
    }
    await this.run(read())
    return entries
  }

  /** Every record sent to the partition lies in a committed slice or skip. */
  async drained(partition: number = 0): Promise<boolean> {
    const used = usedRanges(await this.journal(partition))
    return this.sent
      .filter((sent) => sent.partition === partition)
      .every(({ topic, offset }) => used.some((u) => u.topic === topic && offset < u.to))
  }

  /**
   * The invariants I1 to I4 on what was committed: outputs are the single-threaded fold of the
   * journal; every input lies in exactly one slice or skip; gens grow by one.
   */
  async problems(partition: number = 0): Promise<readonly string[]> {
    const journal = await this.journal(partition)
    const said = (await this.said(partition)).filter((line) => !line.startsWith('woken'))
    const expected = await this.#fold(journal, partition)
    const problems: string[] = []
    if (JSON.stringify(said) !== JSON.stringify(expected))
      problems.push(`said ${JSON.stringify(said)}, the fold says ${JSON.stringify(expected)}`)
    const gens = journal.flatMap(({ entry }) => (entry.kind === 'fence' ? [entry.gen] : []))
    if (gens.some((gen, i) => gen !== i + 1)) problems.push(`gens ${gens.join(' ')}`)
    return [...problems, ...holes(usedRanges(journal))]
  }

  async #fold(journal: readonly ChainedEntry[], partition: number): Promise<readonly string[]> {
    const inputs = new Map<TopicKind, readonly LogRecord[]>()
    for (const topic of INPUT_TOPICS) inputs.set(topic, await this.records(topic, partition))
    const lines: string[] = []
    let n = 0
    for (const { entry } of journal) {
      if (entry.kind !== 'steps') continue
      for (const { topic, from, to } of entry.steps.flatMap((step) => step.slices))
        for (const { offset, value } of inputs.get(topic) ?? [])
          if (offset >= from && offset < to)
            lines.push(toyLine(++n, { topic, offset, value: Buffer.from(value ?? []).toString() }))
    }
    return lines
  }

  async stop(): Promise<void> {
    for (const worker of this.#workers) worker.kill()
    const stops = this.#workers.map((worker) => worker.handle.stop())
    await this.run(Promise.all(stops))
    await this.run(this.log.close())
  }
}

interface Used {
  readonly topic: TopicKind
  readonly from: number
  readonly to: number
}

function usedRanges(journal: readonly ChainedEntry[]): readonly Used[] {
  return journal.flatMap(({ entry }): readonly Used[] => {
    if (entry.kind === 'steps') return entry.steps.flatMap((step) => step.slices)
    if (entry.kind !== 'skip') return []
    const { topic, offset } = entry.record
    return [{ topic, from: entry.from, to: offset + 1 }]
  })
}

function holes(used: readonly Used[]): readonly string[] {
  return INPUT_TOPICS.flatMap((topic) => {
    let position = 0
    return used
      .filter((range) => range.topic === topic)
      .flatMap(({ from, to }) => {
        const expected = position
        position = to
        return from === expected ? [] : [`${topic} goes on at ${from}, not at ${expected}`]
      })
  })
}

async function readAll(log: LogPort, topic: string, partition: number): Promise<LogRecord[]> {
  const reader = log.reader({ isolation: 'read_committed' })
  try {
    reader.assign({ topic, partition }, 'earliest')
    const records: LogRecord[] = []
    for (;;) {
      const [fetched] = await reader.poll(0)
      for (const batch of fetched?.batches ?? []) records.push(...copyRecords(batch))
      if (fetched === undefined || fetched.caughtUp) return records
    }
  } finally {
    await reader.close()
  }
}

/** Between a worker and the log: open, paused (requests wait) or cut (nothing passes, for ever). */
class Gate {
  #state: 'open' | 'paused' | 'cut' = 'open'
  #waiting: (() => void)[] = []

  wrap(inner: Transport): Transport {
    return async (api, request, limits) => {
      await this.#pass()
      const answer = await inner(api, request, limits)
      await this.#pass()
      return answer
    }
  }

  get isCut(): boolean {
    return this.#state === 'cut'
  }

  cut(): void {
    this.#state = 'cut'
  }

  pause(): void {
    this.#state = 'paused'
  }

  resume(): void {
    if (this.#state === 'paused') this.#state = 'open'
    for (const wake of this.#waiting.splice(0)) wake()
  }

  async #pass(): Promise<void> {
    while (this.#state === 'paused')
      await new Promise<void>((resolve) => {
        this.#waiting.push(resolve)
      })
    if (this.#state === 'cut') await new Promise(() => undefined)
  }
}

export const TOY_CLUSTER = clusterId('toy-cluster')
