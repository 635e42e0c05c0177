// What a run of a task is given and how it can end.
import type { Encoder } from '../contracts/decode.ts'
import type { FenceEntry } from '../contracts/journal.ts'
import type { Chain, ChainAnswer } from './chain.ts'
import type { Instruments } from './instruments.ts'
import type { Clock } from './ports.ts'
import type { PoisonError } from './reaction.ts'
import type { Restored, TaskSpec } from './replay.ts'
import type { SealContext } from './seal.ts'
import type { SnapshotPlan } from './snapshot-cadence.ts'

/** The task's inputs at the worker's readers. */
export interface Feed {
  /** Reads every input from these positions on, in the order of the spec. */
  read(positions: readonly number[]): void
  stop(): void
}

/** Poison search: records are stepped one by one. */
export interface Careful {
  /** By input: until all of them are passed; null = for `left` records. */
  readonly until: readonly number[] | null
  /** The record that is tried first, alone. */
  readonly suspect: { readonly input: number } | null
  /** Each record is committed before the next is tried: the process may die of it. */
  readonly commitEach: boolean
  readonly left: number
}

export interface RunOptions {
  readonly clock: Clock
  readonly encoder: Encoder
  readonly instruments: Instruments
  readonly spec: TaskSpec
  readonly seal: SealContext
  readonly restored: Restored
  readonly chain: Chain
  /** The entry of this life, and the answer to it: where the log's time begins. */
  readonly fence: FenceEntry
  readonly fenced: ChainAnswer
  readonly plan: SnapshotPlan
  readonly feed: Feed
  readonly careful: Careful | null
  readonly onSuspended: (reason: string | null) => void
  /** The task's ownership is proven: else nothing is stepped (invariant I32). */
  readonly isProven: () => boolean
}

export type RunEnd =
  | { readonly kind: 'closed' }
  | { readonly kind: 'failed'; readonly error: unknown; readonly during: 'read' | 'commit' }
  /**
   * The core threw. `until`: where the step would have ended, by input; null for a step of none.
   */
  | {
      readonly kind: 'poison'
      readonly error: PoisonError
      readonly until: readonly number[] | null
    }
  /** The record was found and skipped; the core that threw is not to be used any more. */
  | { readonly kind: 'skipped' }
