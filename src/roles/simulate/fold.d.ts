import type { Decoder } from '../../contracts/decode.ts'
import type { JournalEntry, JournalStep } from '../../contracts/journal.ts'
import type { TopicKind } from '../../contracts/topics.ts'
import type { CreateCore, Output, TaskCore } from '../../core/kernel/step.ts'
import type { SeenBatch } from './batches.ts'
export declare function sha256(bytes: Uint8Array): Uint8Array
export declare function stateOf(core: TaskCore): string
export interface FoldOptions {
  readonly task: string
  readonly partition: number
  /** Visible batches of an input from its first to its last, those of the slices and more. */
  readonly inputs: ReadonlyMap<TopicKind, SeenBatch[]>
  readonly createCore: CreateCore
  readonly decoder: Decoder
  readonly problem: (what: string) => void
  /** An output that must be visible, in order. */
  readonly expect: (output: Output, gen: number) => void
  /** A record that must have a dead letter. */
  readonly expectLetter: (topic: TopicKind, partition: number, to: number) => void
  /** After each step: its log time, and the largest append time of its records (0: none). */
  readonly stepped: (step: JournalStep, appendMs: number) => void
}
export declare class Fold {
  #private
  seq: number
  gen: number
  entries: number
  constructor(options: FoldOptions)
  /** Next offset of an input to be used. */
  position(topic: TopicKind): number
  /** The state's digest, hex; null before genesis. */
  digest(): string | null
  next(entry: JournalEntry): void
}
