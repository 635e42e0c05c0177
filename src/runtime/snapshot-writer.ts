// Writing snapshots beside a running task. The image is taken at a commit, where it stands still
// while steps go on; its pieces then go along with ordinary commits, one in each, and the header
// last. Nothing waits for it: a run that ends drops what it has not finished, and pieces without a
// header mean nothing.
//
//   due ─► image (at a commit) ─► that commit answered ─► piece … piece ─► header ─► pointer
import type { Encoder } from '../contracts/decode.ts'
import type { FenceEntry } from '../contracts/journal.ts'
import type { OutgoingRecord } from '../contracts/record.ts'
import { topicName } from '../contracts/topics.ts'
import type { Chain, ChainAnswer } from './chain.ts'
import type { Instruments } from './instruments.ts'
import type { Clock } from './ports.ts'
import type { Restored, TaskSpec } from './replay.ts'
import { Cadence, type SnapshotPlan } from './snapshot-cadence.ts'
import type { RuntimeHead } from './snapshot-head.ts'
import { type JournalPlace, SnapshotParts } from './snapshot-parts.ts'
import { snapshotTopics } from './snapshot-reader.ts'
import type { CheckedSlice } from './stepper.ts'

/** A tail that replays in this time is not worth a checkpoint at the end. */
const CLOSE_TAIL_MS = 20
/** A piece that has waited this long goes along with an urgent commit too. */
const STARVED_AFTER_MS = 1_000

export interface SnapshotWriterOptions {
  readonly clock: Clock
  readonly encoder: Encoder
  readonly instruments: Instruments
  readonly spec: TaskSpec
  readonly prefix: string
  readonly plan: SnapshotPlan
  readonly chain: Chain
  readonly restored: Restored
  /** Of this life. */
  readonly fence: FenceEntry
}

/** State at a commit, by input where it is of inputs. */
export interface Captured
  extends Omit<RuntimeHead, 'genesis' | 'lastFence' | 'checkpointMs' | 'positions'> {
  readonly positions: readonly number[]
  /** Of the core's image. */
  readonly pieces: readonly Uint8Array[]
}

interface Writing {
  readonly parts: SnapshotParts
  readonly kind: 'snapshot' | 'checkpoint'
  readonly startMs: number
  /** Once the commit it was taken at is answered. */
  journal: JournalPlace | null
  /** Offset of the first piece, once it is answered. */
  firstOffset: number
  inFlight: 'part' | 'header' | null
  /** The next piece is not sent before, monotonic. */
  nextMs: number
}

export class SnapshotWriter {
  readonly #options: SnapshotWriterOptions
  readonly #cadence: Cadence
  #writing: Writing | null = null
  #pointer: number | null = null

  constructor(options: SnapshotWriterOptions) {
    const { tail, checkpointMs, genesis } = options.restored
    const { partitions } = genesis
    this.#options = options
    this.#cadence = new Cadence(options.plan, { partitions, tail, checkpointMs })
  }

  /** When it wants a commit for itself, monotonic. */
  get dueMs(): number {
    const writing = this.#writing
    const isReady = writing !== null && writing.journal !== null && writing.inFlight === null
    return isReady ? writing.nextMs : Infinity
  }

  stepped(slices: readonly CheckedSlice[], coreMs: number): void {
    this.#cadence.stepped(slices, coreMs)
  }

  /** Offset of a finished snapshot's header that no entry of the journal names yet. */
  takePointer(): number | null {
    const pointer = this.#pointer
    this.#pointer = null
    return pointer
  }

  /** At a commit that has an entry, before it is sent. `logMs`: log time. */
  boundary(logMs: number, capture: () => Captured): void {
    if (this.#writing !== null) return
    const kind = this.#cadence.due(logMs)
    if (kind !== null) this.#writing = this.#begin(kind, logMs, capture())
  }

  /** What goes along with the commit that is made now; urgent ones stay small. */
  take(isUrgent: boolean): readonly OutgoingRecord[] {
    const writing = this.#writing
    const nowMs = this.#options.clock.monotonicMs()
    if (writing === null || this.dueMs > nowMs) return []
    // Who is urgent all the time must not keep snapshots from being written.
    if (isUrgent && nowMs < writing.nextMs + STARVED_AFTER_MS) return []
    return [this.#next(writing)]
  }

  /** A commit was answered. */
  committed(answer: ChainAnswer): void {
    const writing = this.#writing
    if (writing === null) return
    const { clock, plan } = this.#options
    writing.nextMs = clock.monotonicMs() + plan.paceMs
    writing.journal ??= answer.entry
    if (writing.inFlight !== null) this.#answered(writing, answer)
  }

  /** A checkpoint where it can be had in time. `answer`: to the last entry. Never throws. */
  async atClose(answer: ChainAnswer, capture: () => Captured): Promise<void> {
    const { chain, clock, plan } = this.#options
    const untilMs = clock.monotonicMs() + plan.closeMs
    if (answer.entry === null || this.#cadence.replayMs < CLOSE_TAIL_MS) return
    const captured = capture()
    const writing = this.#begin('checkpoint', captured.nowMs, captured)
    this.#writing = writing
    writing.journal = answer.entry
    try {
      let slowestMs = answer.tookMs
      while (this.#writing !== null) {
        const leftMs = (writing.parts.left + 1) * slowestMs
        if (clock.monotonicMs() + leftMs > untilMs) return
        const answered = await chain.append([this.#next(writing)], [])
        slowestMs = Math.max(slowestMs, answered.tookMs)
        this.#answered(writing, answered)
      }
    } catch {
      // The next owner has fenced, or the log does not answer: the tail is enough.
    }
  }

  #begin(kind: Writing['kind'], logMs: number, { pieces, ...captured }: Captured): Writing {
    const { clock, encoder, prefix, spec, restored, fence: lastFence } = this.#options
    const { genesis } = restored
    const topics = snapshotTopics(spec)
    const isCheckpoint = kind === 'checkpoint'
    const checkpointMs = isCheckpoint ? logMs : this.#cadence.checkpointMs
    const positions = spec.inputs.map((input, i) => ({
      ...input,
      offset: captured.positions[i] ?? 0,
    }))
    const parts = new SnapshotParts({
      head: { ...captured, genesis, lastFence, positions, checkpointMs },
      pieces,
      topic: isCheckpoint ? topics.checkpoints : topics.snapshots,
      partition: spec.partition,
      prefix,
      encoder,
      atMs: clock.nowMs(),
    })
    this.#cadence.taken(kind, parts.sizeBytes, logMs)
    const startMs = clock.monotonicMs()
    const unsent = { journal: null, firstOffset: -1, inFlight: null, nextMs: startMs }
    return { parts, kind, startMs, ...unsent }
  }

  #next(writing: Writing): OutgoingRecord {
    const { parts, journal, firstOffset } = writing
    if (parts.left > 0) {
      writing.inFlight = 'part'
      return parts.part()
    }
    if (journal === null) throw new RangeError('a header before its entry of the journal')
    writing.inFlight = 'header'
    return parts.header(journal, firstOffset)
  }

  #answered(writing: Writing, { appended }: ChainAnswer): void {
    const { parts, kind, inFlight } = writing
    const { clock, instruments, prefix, spec } = this.#options
    writing.inFlight = null
    const topic = topicName(parts.topic, prefix)
    const offset = appended.find((a) => a.topic === topic)?.baseOffset ?? -1
    if (writing.firstOffset < 0) writing.firstOffset = offset
    if (inFlight !== 'header') return
    if (kind === 'snapshot') this.#pointer = offset
    this.#writing = null
    instruments.emit('snapshot_written', {
      task: spec.task,
      kind,
      offset,
      step: parts.seq,
      bytes: parts.sizeBytes,
      parts: parts.parts,
      ms: Math.round(clock.monotonicMs() - writing.startMs),
    })
  }
}
