import type { Transport } from '../../adapters/client/protocol.ts'
import type { Decoder, Encoder } from '../../contracts/decode.ts'
import { type TopicKind } from '../../contracts/topics.ts'
import type { CreateCore } from '../../core/kernel/step.ts'
import type { History } from './history.ts'
export interface CheckedTask {
  readonly task: string
  readonly partition: number
  readonly journal: TopicKind
  readonly inputs: readonly TopicKind[]
  readonly createCore: CreateCore
}
export interface CheckerOptions {
  readonly ask: Transport
  readonly decoder: Decoder
  readonly encoder: Encoder
  readonly prefix: string
  readonly partitions: number
  readonly tasks: readonly CheckedTask[]
  readonly history: History
  readonly problem: (what: string) => void
  /** Log time from which everything has to be used promptly; Infinity: not yet. */
  readonly promptFromMs: () => number
}
export interface CheckerFigures {
  steps: number
  entries: number
  inputs: number
  outputs: number
  gens: number
  skips: number
  /** Worst lag once all was well, ms. */
  lagMs: number
}
export declare class Checker {
  #private
  readonly figures: CheckerFigures
  constructor(options: CheckerOptions)
  /** Looks at everything that was committed before `untilMs` (append time). */
  advance(untilMs: number): Promise<void>
  /** Everything has come to rest: nothing may be missing, and nothing left over. */
  finish(): Promise<void>
}
/** All kinds that outsiders write. */
export declare const INPUT_KINDS: readonly TopicKind[]
