// Restore by replay: the journal is read from its beginning, the ranges it names are read again, a
// fresh core makes exactly the same steps, and what it says is compared with the recorded digests.
// Nothing is sent. A difference stops the task (HS_DIVERGED) unless an `override` entry behind it
// says that a person has accepted it. Stepping lets the event loop run every few milliseconds, so
// that heartbeats do not suffer from a long journal.
import { createHash } from 'node:crypto'
import type { Decoder } from '../contracts/decode.ts'
import { HsError } from '../contracts/failure.ts'
import type { ClusterId, TaskId } from '../contracts/ids.ts'
import type {
  FenceEntry,
  GenesisEntry,
  InputPosition,
  JournalEntry,
  JournalStep,
  StepsEntry,
} from '../contracts/journal.ts'
import { topicName, type TopicKind } from '../contracts/topics.ts'
import { BEHAVIOUR_FIRST, BEHAVIOUR_LATEST, knowsBehaviour } from '../core/kernel/behaviour.ts'
import { hex } from '../core/kernel/canonical.ts'
import type { CreateCore, Outcome, TaskCore } from '../core/kernel/step.ts'
import type { Instruments } from './instruments.ts'
import { type ChainedEntry, journalEnd, OrderCheck, readJournal, sha256 } from './journal.ts'
import type { AsOf } from './log-time.ts'
import { isUnreadable } from './pass-over.ts'
import { OutputsDigest } from './pending.ts'
import type { Clock, LogPort } from './ports.ts'
import { ReplaySource } from './replay-source.ts'
import type { CheckedSlice, TaskInput } from './stepper.ts'

/**
 * Records (a step counts as many) stepped without letting heartbeats through: a few milliseconds.
 */
const STRETCH_RECORDS = 5_000
const STEP_WEIGHT = 50
const PROGRESS_EVERY_MS = 1_000

/** What a task is, whoever runs it. */
export interface TaskSpec {
  readonly task: TaskId
  readonly partition: number
  /** In the order of slices. */
  readonly inputs: readonly TaskInput[]
  readonly journal: TopicKind
}

export interface RestoreOptions {
  readonly log: LogPort
  readonly clock: Clock
  readonly decoder: Decoder
  readonly createCore: CreateCore
  readonly instruments: Instruments
  readonly prefix: string
  readonly group: string
  readonly clusterId: ClusterId
  readonly spec: TaskSpec
  readonly signal: AbortSignal
}

export interface Restored {
  readonly genesis: GenesisEntry
  readonly core: TaskCore
  /** Digest of the core's state, 32 bytes. */
  readonly stateDigest: Uint8Array
  /** By input. */
  readonly positions: readonly number[]
  readonly tip: Uint8Array
  readonly gen: number
  readonly seq: number
  readonly nowMs: number
  readonly asOf: AsOf
  readonly wakeAtMs: number | null
  readonly behaviour: number
  readonly lastFence: FenceEntry | null
  /** Something was journalled behind the last fence: that life came further than its positions. */
  readonly movedSinceFence: boolean
  /** Skips behind the last step: bounds how much a broken core may throw away. */
  readonly skipsInRow: number
}

export function stateDigestOf(core: TaskCore): Uint8Array {
  const hash = createHash('sha256')
  for (const piece of core.image()) hash.update(piece)
  return new Uint8Array(hash.digest())
}

/**
 * Errors: HS_NO_GENESIS, HS_FOREIGN_CLUSTER, HS_CHAIN_BROKEN, HS_DIVERGED, HS_INPUT_CHANGED,
 * HS_CONFIG (another group owns it); LogError of the log; the signal's reason.
 */
export async function restore(options: RestoreOptions): Promise<Restored> {
  const { log, spec, prefix } = options
  const at = { topic: topicName(spec.journal, prefix), partition: spec.partition }
  const replay = new Replay(options)
  const startMs = options.clock.monotonicMs()
  const end = await journalEnd(log, at)
  let toldMs = startMs
  try {
    for await (const chained of readJournal(log, at, options.signal)) {
      await replay.next(chained)
      const nowMs = options.clock.monotonicMs()
      if (nowMs - toldMs < PROGRESS_EVERY_MS) continue
      toldMs = nowMs
      options.instruments.emit('task_restoring', { task: spec.task, offset: chained.offset, end })
    }
    const restored = replay.done(`${at.topic}-${at.partition}`)
    const ms = Math.round(options.clock.monotonicMs() - startMs)
    options.instruments.emit('task_restored', { task: spec.task, steps: restored.seq, ms })
    return restored
  } finally {
    await replay.close()
  }
}

class Replay {
  readonly #options: RestoreOptions
  readonly #source: ReplaySource
  readonly #order = new OrderCheck()
  #genesis: GenesisEntry | null = null
  #core: TaskCore | null = null
  #positions: number[] = []
  #asOf: Partial<Record<TopicKind, number>> = {}
  #nowMs = 0
  #wakeAtMs: number | null = null
  #behaviour = 0
  #lastFence: FenceEntry | null = null
  #movedSinceFence = false
  /** A person has written an override behind the last fence. */
  #overridden = false
  #skipsInRow = 0
  /** First difference that no override has accepted yet. */
  #divergence: HsError | null = null
  #stretch = 0

  constructor(options: RestoreOptions) {
    this.#options = options
    this.#source = new ReplaySource(options.log, options.spec.inputs, options)
  }

  async next(chained: ChainedEntry): Promise<void> {
    this.#order.next(chained)
    const { entry } = chained
    this.#movedSinceFence = entry.kind !== 'fence'
    await this.#apply(entry, `entry at offset ${chained.offset}`)
  }

  close(): Promise<void> {
    return this.#source.close()
  }

  done(place: string): Restored {
    const genesis = this.#genesis
    const core = this.#core
    if (genesis === null || core === null)
      throw new HsError('HS_NO_GENESIS', `the journal ${place} is empty`)
    if (this.#divergence !== null) throw this.#divergence
    this.#checkGroup(this.#lastFence)
    return {
      genesis,
      core,
      stateDigest: stateDigestOf(core),
      positions: this.#positions,
      tip: this.#order.tip,
      gen: this.#order.gen,
      seq: this.#order.steps,
      nowMs: this.#nowMs,
      asOf: this.#asOf,
      wakeAtMs: this.#wakeAtMs,
      behaviour: this.#behaviour,
      lastFence: this.#lastFence,
      movedSinceFence: this.#movedSinceFence,
      skipsInRow: this.#skipsInRow,
    }
  }

  async #apply(entry: JournalEntry, place: string): Promise<void> {
    switch (entry.kind) {
      case 'genesis':
        this.#begin(entry, place)
        return
      case 'fence':
        this.#checkPositions(entry.positions, place)
        this.#checkState(entry.stateDigest, place)
        this.#lastFence = entry
        this.#overridden = false
        return
      case 'steps':
        await this.#steps(entry, place)
        return
      case 'skip':
        this.#move(entry.record, { from: entry.from, to: entry.record.offset + 1, place })
        if (!isUnreadable(entry)) this.#skipsInRow++
        return
      case 'gap':
        this.#move(entry, { from: entry.from, to: entry.to, place })
        return
      case 'upgrade':
        this.#behaves(entry.behaviour, place)
        this.#living().setBehaviour(entry.behaviour)
        return
      case 'override':
        this.#divergence = null
        this.#overridden = true
    }
  }

  #begin(genesis: GenesisEntry, place: string): void {
    const { spec, clusterId, prefix, decoder, createCore } = this.#options
    if (genesis.clusterId !== clusterId)
      throw new HsError(
        'HS_FOREIGN_CLUSTER',
        `the journal of ${spec.task} belongs to cluster ${genesis.clusterId}, this is ${clusterId}`,
      )
    if (genesis.task !== spec.task || genesis.prefix !== prefix)
      throw new HsError(
        'HS_CHAIN_BROKEN',
        `the genesis of ${spec.task} is that of ${genesis.task} with prefix ${genesis.prefix}`,
      )
    this.#genesis = genesis
    this.#behaves(genesis.behaviour, place)
    this.#nowMs = genesis.atMs
    this.#positions = spec.inputs.map(
      ({ topic, partition }) =>
        genesis.positions.find((p) => p.topic === topic && p.partition === partition)?.offset ?? 0,
    )
    const context = {
      clusterId,
      taskId: spec.task,
      partition: spec.partition,
      partitionCount: genesis.partitions,
      behaviour: genesis.behaviour,
      sha256,
      decoder,
    }
    this.#core = createCore(context, null)
  }

  /** An older binary must not go on with a judgement that it does not have. */
  #behaves(behaviour: number, place: string): void {
    if (!knowsBehaviour(behaviour))
      throw new HsError(
        'HS_CONFIG',
        `${place}: behaviour ${behaviour} is in force, this build knows ${BEHAVIOUR_FIRST} to ` +
          `${BEHAVIOUR_LATEST}`,
        { fix: 'Run a newer healstream on this cluster.' },
      )
    this.#behaviour = behaviour
  }

  async #steps(entry: StepsEntry, place: string): Promise<void> {
    const digest = new OutputsDigest()
    for (const step of entry.steps) {
      const outcome = await this.#step(step, place)
      digest.add(step.seq, outcome.outputs)
    }
    if (entry.steps.length > 0) this.#skipsInRow = 0
    const found = digest.done()
    if (digest.count !== entry.outputs || !sameBytes(found, entry.outputsDigest))
      this.#diverged(
        `${place}: steps ${entry.steps[0]?.seq ?? 0} and on gave ${digest.count} outputs with ` +
          `digest ${short(found)}, recorded are ${entry.outputs} ` +
          `with ${short(entry.outputsDigest)}`,
      )
    if (entry.stateDigest !== null) this.#checkState(entry.stateDigest, place)
  }

  async #step(recorded: JournalStep, place: string): Promise<Outcome> {
    const slices: CheckedSlice[] = []
    for (const slice of recorded.slices) {
      const index = this.#move(slice, { from: slice.from, to: slice.to, place })
      slices.push(await this.#source.slice(index, slice))
    }
    for (const { topic, atMs } of recorded.asOf) this.#asOf[topic] = atMs
    this.#nowMs = recorded.nowMs
    await this.#breathe(slices)
    const { seq, nowMs, behind } = recorded
    try {
      const asOf = { ...this.#asOf }
      const outcome = this.#living().step({ seq, nowMs, behind, asOf, slices })
      this.#wakeAtMs = outcome.wakeAtMs
      return outcome
    } catch (error) {
      if (this.#divergence !== null) throw this.#divergence
      throw new HsError('HS_DIVERGED', `${place}: step ${seq} failed, it had succeeded`, {
        cause: error,
      })
    }
  }

  /** Every offset of an input is used once: ranges follow one another without a hole. */
  #move(
    at: TaskInput,
    { from, to, place }: { readonly from: number; readonly to: number; readonly place: string },
  ): number {
    const { inputs } = this.#options.spec
    const index = inputs.findIndex((i) => i.topic === at.topic && i.partition === at.partition)
    const position = this.#positions[index]
    if (position !== from || to < from)
      throw new HsError(
        'HS_CHAIN_BROKEN',
        `${place}: ${at.topic}-${at.partition} from ${from} to ${to} follows ${position ?? 'none'}`,
      )
    this.#positions[index] = to
    return index
  }

  #checkPositions(recorded: readonly InputPosition[], place: string): void {
    for (const [i, { topic, partition }] of this.#options.spec.inputs.entries()) {
      const found = recorded.find((p) => p.topic === topic && p.partition === partition)
      if (found?.offset !== this.#positions[i])
        throw new HsError(
          'HS_CHAIN_BROKEN',
          `${place}: fence at ${topic}-${partition}@${found?.offset ?? 'none'}, ` +
            `the steps before it end at ${this.#positions[i] ?? 'none'}`,
        )
    }
  }

  /** Two groups would take the task from each other for ever. */
  #checkGroup(fence: FenceEntry | null): void {
    const { group, spec } = this.#options
    if (fence === null || fence.group === group || this.#overridden) return
    throw new HsError(
      'HS_CONFIG',
      `${spec.task} belongs to group ${fence.group}, this is ${group}`,
      {
        fix: 'Give all workers of a cluster the same group.',
      },
    )
  }

  #checkState(recorded: Uint8Array, place: string): void {
    const found = stateDigestOf(this.#living())
    if (!sameBytes(found, recorded))
      this.#diverged(`${place}: the state is ${short(found)}, recorded is ${short(recorded)}`)
  }

  #diverged(what: string): void {
    this.#divergence ??= new HsError('HS_DIVERGED', what)
  }

  #living(): TaskCore {
    if (this.#core === null) throw new HsError('HS_CHAIN_BROKEN', 'the journal has no genesis')
    return this.#core
  }

  async #breathe(slices: readonly CheckedSlice[]): Promise<void> {
    for (const slice of slices) this.#stretch += slice.records
    this.#stretch += STEP_WEIGHT
    if (this.#stretch < STRETCH_RECORDS) return
    this.#options.signal.throwIfAborted()
    await new Promise((resolve) => setImmediate(resolve))
    this.#stretch = 0
  }
}

function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  return Buffer.compare(a, b) === 0
}

function short(bytes: Uint8Array): string {
  return hex(bytes.subarray(0, 6))
}
