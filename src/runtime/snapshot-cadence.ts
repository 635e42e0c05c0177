// When a task writes a snapshot. What decides is the tail: what a restore would have to step again
// has to be done in time, by all tasks that one worker may have to take over at once. Within that,
// snapshots wait until they are at most a fifth of the bytes that came in. Checkpoints are the same
// image in a topic that is kept as long as the journal: one an hour of log time while something
// happens, one a day while nothing does.
import { NO_TAIL, replayMs, type Tail, withStep } from './snapshot-tail.ts'

export interface SnapshotPlan {
  /** Longest time that the tails of the tasks which a worker restores at once may take. */
  readonly tailMs: number
  /** Snapshots per bytes of input that are aimed at. */
  readonly share: number
  readonly checkpointEveryMs: number
  /** A checkpoint is written anew after this even if nothing has happened. */
  readonly renewEveryMs: number
  /** Between two pieces, so that there is room for what is urgent. */
  readonly paceMs: number
  /** What a graceful close may spend on a checkpoint. */
  readonly closeMs: number
}

export const SNAPSHOT_PLAN: SnapshotPlan = {
  tailMs: 2_000,
  share: 0.2,
  checkpointEveryMs: 3_600_000,
  renewEveryMs: 86_400_000,
  paceMs: 40,
  closeMs: 500,
}

/** Of the longest tail: here a snapshot is taken that costs little, here one that costs much. */
const EARLY = 0.4
const LATE = 0.75

/** The tail that one task may have: of a group of two, one takes over half of all tasks. */
export function tailShareMs(plan: SnapshotPlan, partitions: number): number {
  return plan.tailMs / Math.max(1, Math.ceil(partitions / 2))
}

export class Cadence {
  readonly #plan: SnapshotPlan
  readonly #tailMs: number
  #tail: Tail
  #checkpointMs: number
  /** Steps since the newest checkpoint's image. */
  #stepsSinceCheckpoint: number
  /** Size of the last one, bytes; null before the first. */
  #lastBytes: number | null = null

  constructor(
    plan: SnapshotPlan,
    from: {
      readonly partitions: number
      readonly tail: Tail
      readonly checkpointMs: number
    },
  ) {
    this.#plan = plan
    this.#tailMs = tailShareMs(plan, from.partitions)
    this.#tail = from.tail
    this.#stepsSinceCheckpoint = from.tail.steps
    this.#checkpointMs = from.checkpointMs
  }

  /** Log time of the newest checkpoint known. */
  get checkpointMs(): number {
    return this.#checkpointMs
  }

  /** Time that a restore would take for the steps since the last image. */
  get replayMs(): number {
    return replayMs(this.#tail)
  }

  stepped(
    slices: readonly { readonly records: number; readonly bytes: number }[],
    coreMs: number,
  ): void {
    this.#tail = withStep(this.#tail, slices, coreMs)
    this.#stepsSinceCheckpoint++
  }

  /** What is to be written at this commit, if anything. `nowMs`: log time. */
  due(nowMs: number): 'snapshot' | 'checkpoint' | null {
    const age = nowMs - this.#checkpointMs
    const { checkpointEveryMs, renewEveryMs, share } = this.#plan
    if (age >= renewEveryMs) return 'checkpoint'
    if (age >= checkpointEveryMs && this.#stepsSinceCheckpoint > 0) return 'checkpoint'
    if (this.#tail.steps === 0 || this.replayMs < this.#tailMs * EARLY) return null
    const isCheap = (this.#lastBytes ?? 0) <= share * this.#tail.bytes
    return isCheap || this.replayMs >= this.#tailMs * LATE ? 'snapshot' : null
  }

  /** An image was taken; the tail begins anew behind it. */
  taken(kind: 'snapshot' | 'checkpoint', sizeBytes: number, nowMs: number): void {
    this.#tail = NO_TAIL
    this.#lastBytes = sizeBytes
    if (kind !== 'checkpoint') return
    this.#checkpointMs = nowMs
    this.#stepsSinceCheckpoint = 0
  }
}
