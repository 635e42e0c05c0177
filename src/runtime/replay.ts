// A journal stepped again: the ranges it names are read, a core makes exactly the same steps, and
// what it says is compared with the recorded digests. Nothing is sent. It begins at the genesis or
// with a snapshot, takes one entry after another and can follow a journal for as long as it grows
// (restore.ts, standby.ts). A difference is kept until an `override` entry behind it says that a
// person has accepted it.
import { createHash } from 'node:crypto'
import type { Decoder } from '../contracts/decode.ts'
import { HsError } from '../contracts/failure.ts'
import type { ClusterId, TaskId } from '../contracts/ids.ts'
import type {
  FenceEntry,
  GenesisEntry,
  JournalEntry,
  JournalSlice,
  JournalStep,
  StepsEntry,
} from '../contracts/journal.ts'
import type { TopicKind } from '../contracts/topics.ts'
import type { CreateCore, Outcome, TaskCore } from '../core/kernel/step.ts'
import { type ChainedEntry, OrderCheck } from './journal.ts'
import type { AsOf } from './log-time.ts'
import { isUnreadable } from './pass-over.ts'
import { OutputsDigest } from './pending.ts'
import type { Clock, LogPort } from './ports.ts'
import {
  checkGenesis,
  checkGroup,
  checkPositions,
  contextOf,
  knownBehaviour,
  knownFormat,
  offsetOf,
  sameBytes,
  shortHash,
} from './replay-checks.ts'
import { ReplaySource } from './replay-source.ts'
import type { RuntimeHead } from './snapshot-head.ts'
import { NO_TAIL, type Tail, withStep } from './snapshot-tail.ts'
import type { CheckedSlice, TaskInput } from './stepper.ts'
import { Stretch } from './stretch.ts'

/** What a task is, whoever runs it. */
export interface TaskSpec {
  readonly task: TaskId
  readonly partition: number
  /** In the order of slices. */
  readonly inputs: readonly TaskInput[]
  readonly journal: TopicKind
}

export interface ReplayOptions {
  readonly log: LogPort
  readonly clock: Clock
  readonly decoder: Decoder
  readonly createCore: CreateCore
  readonly prefix: string
  readonly clusterId: ClusterId
  readonly spec: TaskSpec
  readonly signal: AbortSignal
}

/** A snapshot that was read whole, and the entry of the journal that it belongs to. */
export interface Base {
  readonly head: RuntimeHead
  /** The core's. */
  readonly image: Uint8Array
  readonly journal: { readonly offset: number; readonly hash: Uint8Array }
  /** Of its header. */
  readonly place: { readonly topic: TopicKind; readonly offset: number }
}

export interface Restored {
  readonly genesis: GenesisEntry
  readonly core: TaskCore
  /** Digest of the core's state, 32 bytes. */
  readonly stateDigest: Uint8Array
  /** By input. */
  readonly positions: readonly number[]
  /** Of the tip, in the journal. */
  readonly offset: number
  readonly tip: Uint8Array
  readonly gen: number
  readonly seq: number
  readonly nowMs: number
  readonly asOf: AsOf
  readonly wakeAtMs: number | null
  readonly behaviour: number
  /** Of snapshots. */
  readonly format: number
  readonly lastFence: FenceEntry | null
  /** Something was journalled behind the last fence: that life came further than its positions. */
  readonly movedSinceFence: boolean
  /** Skips behind the last step: bounds how much a broken core may throw away. */
  readonly skipsInRow: number
  /** What was stepped since the snapshot it began with. */
  readonly tail: Tail
  /** Log time of the newest checkpoint known. */
  readonly checkpointMs: number
}

export function stateDigestOf(core: TaskCore): Uint8Array {
  const hash = createHash('sha256')
  for (const piece of core.image()) hash.update(piece)
  return new Uint8Array(hash.digest())
}

export class Replay {
  readonly #options: ReplayOptions
  readonly #source: ReplaySource
  readonly #order: OrderCheck
  readonly #stretch: Stretch
  #signal: AbortSignal
  #offset = -1
  #tail: Tail = NO_TAIL
  #checkpointMs = 0
  #genesis: GenesisEntry | null = null
  #core: TaskCore | null = null
  #positions: number[] = []
  #asOf: Partial<Record<TopicKind, number>> = {}
  #nowMs = 0
  #wakeAtMs: number | null = null
  #behaviour = 0
  #format = 0
  #lastFence: FenceEntry | null = null
  #movedSinceFence = false
  /** A person has written an override behind the last fence. */
  #overridden = false
  #skipsInRow = 0
  /** First difference that no override has accepted yet. */
  #divergence: HsError | null = null

  /**
   * Begins at the genesis, or behind the entry that a snapshot belongs to. Errors: HS_CONFIG (of
   * another layout or judgement), AssertionError for an image that the core does not read.
   */
  constructor(options: ReplayOptions, base: Base | null) {
    this.#options = options
    this.#signal = options.signal
    this.#stretch = new Stretch(options.clock)
    this.#source = new ReplaySource(options.log, options.spec.inputs, options)
    if (base === null) this.#order = new OrderCheck()
    else {
      const { gen } = base.head.lastFence
      this.#order = new OrderCheck({ gen, steps: base.head.seq, tip: base.journal.hash })
      this.#load(base)
    }
  }

  /** Last step made. */
  get seq(): number {
    return this.#order.steps
  }

  get gen(): number {
    return this.#order.gen
  }

  /** Offset in the journal of the last entry taken; -1 for none. */
  get offset(): number {
    return this.#offset
  }

  /** Hash of the last entry taken. */
  get tip(): Uint8Array {
    return this.#order.tip
  }

  /** The first difference that nobody has accepted. */
  get divergence(): HsError | null {
    return this.#divergence
  }

  /** Of the core's state as it is now. */
  stateDigest(): Uint8Array {
    return stateDigestOf(this.#living())
  }

  /** From here on this signal ends it: it is handed on to somebody else. */
  bind(signal: AbortSignal): void {
    this.#signal = signal
    this.#source.bind(signal)
  }

  /** After an error it is of no use any more. */
  async next(chained: ChainedEntry): Promise<void> {
    this.#order.next(chained)
    const { entry } = chained
    this.#movedSinceFence = entry.kind !== 'fence'
    await this.#apply(entry, `entry at offset ${chained.offset}`)
    this.#offset = chained.offset
  }

  close(): Promise<void> {
    return this.#source.close()
  }

  /**
   * What there is to run on with. Errors: HS_NO_GENESIS, HS_DIVERGED, HS_INPUT_CHANGED, HS_CONFIG
   * (the group).
   */
  done(group: string): Restored {
    const genesis = this.#genesis
    const core = this.#core
    if (genesis === null || core === null)
      throw new HsError('HS_NO_GENESIS', `the journal of ${this.#options.spec.task} is empty`)
    if (this.#divergence !== null) throw this.#divergence
    if (!this.#overridden) checkGroup(this.#lastFence, group, this.#options.spec.task)
    return {
      genesis,
      core,
      stateDigest: stateDigestOf(core),
      positions: [...this.#positions],
      offset: this.#offset,
      tip: this.#order.tip,
      gen: this.#order.gen,
      seq: this.#order.steps,
      nowMs: this.#nowMs,
      asOf: { ...this.#asOf },
      wakeAtMs: this.#wakeAtMs,
      behaviour: this.#behaviour,
      format: this.#format,
      lastFence: this.#lastFence,
      movedSinceFence: this.#movedSinceFence,
      skipsInRow: this.#skipsInRow,
      tail: this.#tail,
      checkpointMs: this.#checkpointMs,
    }
  }

  async #apply(entry: JournalEntry, place: string): Promise<void> {
    switch (entry.kind) {
      case 'genesis':
        this.#begin(entry, place)
        return
      case 'fence':
        this.#checkPositions(entry, place)
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
        this.#behaviour = knownBehaviour(entry.behaviour, place)
        this.#format = knownFormat(entry.format, place)
        this.#living().setBehaviour(entry.behaviour)
        return
      case 'override':
        this.#divergence = null
        this.#overridden = true
    }
  }

  #begin(genesis: GenesisEntry, place: string): void {
    checkGenesis(genesis, this.#options)
    this.#genesis = genesis
    this.#behaviour = knownBehaviour(genesis.behaviour, place)
    this.#format = genesis.format
    this.#nowMs = genesis.atMs
    this.#checkpointMs = genesis.atMs
    const { inputs } = this.#options.spec
    this.#positions = inputs.map((input) => offsetOf(genesis.positions, input) ?? 0)
    this.#core = this.#create(genesis, null)
  }

  #load({ head, image, journal }: Base): void {
    const { genesis, lastFence } = head
    checkGenesis(genesis, this.#options)
    this.#genesis = genesis
    this.#behaviour = knownBehaviour(head.behaviour, 'the snapshot')
    this.#format = head.format
    this.#nowMs = head.nowMs
    this.#asOf = { ...head.asOf }
    this.#wakeAtMs = head.wakeAtMs
    this.#positions = this.#options.spec.inputs.map((input) => {
      const offset = offsetOf(head.positions, input)
      if (offset === null)
        throw new HsError('HS_CONFIG', `the snapshot knows nothing of input ${input.topic}`)
      return offset
    })
    this.#lastFence = lastFence
    this.#movedSinceFence = true
    this.#skipsInRow = head.skipsInRow
    this.#checkpointMs = head.checkpointMs
    this.#offset = journal.offset
    this.#core = this.#create(genesis, image)
  }

  #create(genesis: GenesisEntry, image: Uint8Array | null): TaskCore {
    this.#source.begin(this.#positions)
    const { createCore } = this.#options
    return createCore(contextOf(genesis, this.#behaviour, this.#options), image)
  }

  #checkPositions(fence: FenceEntry, place: string): void {
    const positions = this.#positions
    checkPositions(fence, this.#options.spec.inputs, { positions, place })
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
          `digest ${shortHash(found)}, recorded are ${entry.outputs} ` +
          `with ${shortHash(entry.outputsDigest)}`,
      )
    if (entry.stateDigest !== null) this.#checkState(entry.stateDigest, place)
  }

  async #step(recorded: JournalStep, place: string): Promise<Outcome> {
    const slices: CheckedSlice[] = []
    for (const slice of recorded.slices) {
      const index = this.#move(slice, { from: slice.from, to: slice.to, place })
      slices.push(await this.#sliceOf(index, slice))
    }
    for (const { topic, atMs } of recorded.asOf) this.#asOf[topic] = atMs
    this.#nowMs = recorded.nowMs
    await this.#stretch.before(slices, this.#signal)
    const { seq, nowMs, behind } = recorded
    const { clock } = this.#options
    const startMs = clock.monotonicMs()
    try {
      const asOf = { ...this.#asOf }
      const outcome = this.#living().step({ seq, nowMs, behind, asOf, slices })
      this.#wakeAtMs = outcome.wakeAtMs
      this.#tail = withStep(this.#tail, slices, clock.monotonicMs() - startMs)
      return outcome
    } catch (error) {
      if (this.#divergence !== null) throw this.#divergence
      throw new HsError('HS_DIVERGED', `${place}: step ${seq} failed, it had succeeded`, {
        cause: error,
      })
    }
  }

  /** What has changed or is gone counts for nothing, should a person accept that. */
  async #sliceOf(index: number, recorded: JournalSlice): Promise<CheckedSlice> {
    try {
      return await this.#source.slice(index, recorded)
    } catch (error) {
      if (!(error instanceof HsError) || error.code !== 'HS_INPUT_CHANGED') throw error
      this.#divergence ??= error
      return this.#source.passOver(index, recorded)
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

  #checkState(recorded: Uint8Array, place: string): void {
    const found = stateDigestOf(this.#living())
    if (!sameBytes(found, recorded))
      this.#diverged(
        `${place}: the state is ${shortHash(found)}, recorded is ${shortHash(recorded)}`,
      )
  }

  #diverged(what: string): void {
    this.#divergence ??= new HsError('HS_DIVERGED', what)
  }

  #living(): TaskCore {
    if (this.#core === null) throw new HsError('HS_CHAIN_BROKEN', 'the journal has no genesis')
    return this.#core
  }
}
