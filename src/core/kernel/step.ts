// What a task core is asked and what it answers. The runtime builds Steps from the log and journals
// them; the core answers with records. Nothing else passes between the two, so the same steps give
// the same bytes anywhere.
import type { Decoder } from '../../contracts/decode.ts'
import type { RecordVisitor } from '../../contracts/record.ts'
import type { RecordOf } from '../../contracts/records.ts'
import type { TopicKind } from '../../contracts/topics.ts'

/** The visible records of one range of one partition: `from` ≤ offset < `to`. */
export interface Slice {
  readonly topic: TopicKind
  readonly partition: number
  readonly from: number
  readonly to: number
  visit(visitor: RecordVisitor): void
}

/**
 * One call of the core. Times are the log's (epoch milliseconds), never a host clock's.
 * `asOf[topic]`: log time up to which the reader has reached the last stable offset; absent = never
 * reached yet. `behind`: the reader has not caught up; such a step folds and judges but takes no
 * action.
 */
export interface Step {
  readonly seq: number
  readonly nowMs: number
  readonly behind: boolean
  readonly asOf: Readonly<Partial<Record<TopicKind, number>>>
  readonly slices: readonly Slice[]
}

/**
 * A record the core wants written, before sealing (schema ids, signatures and headers are the
 * runtime's).
 */
export type Output = { [K in OutputTopic]: OutputOf<K> }[OutputTopic]

export type OutputTopic =
  | 'commands'
  | 'incidents'
  | 'health'
  | 'registry'
  | 'observations'
  | 'alerts'
  | 'dlq'
  | 'fleet'

export interface OutputOf<K extends OutputTopic> {
  readonly topic: K
  readonly key: string
  /** Default: the task's own. */
  readonly partition?: number
  /** null is a tombstone (compacted topics only). */
  readonly body: RecordOf[K] | null
}

export interface Outcome {
  readonly outputs: readonly Output[]
  /**
   * Commit at once: a command, an incident, a lease spend or a change of raw health is among the
   * outputs.
   */
  readonly urgent: boolean
  /** Log time at which the core wants an empty step at the latest, or null. */
  readonly wakeAtMs: number | null
}

/** What a core is born with; all of it is journalled (genesis, fence, upgrade). */
export interface CoreContext {
  readonly clusterId: string
  readonly taskId: string
  readonly partition: number
  readonly partitionCount: number
  readonly behaviour: number
  /** Of the latency histograms' grid. */
  readonly scale: 4 | 5
  /**
   * When the journal was begun anew after it was lost, epoch ms; absent: it never was. What was
   * done before is not known then: nothing is acted on before a person has said so.
   */
  readonly afterLossMs?: number
  /** SHA-256, handed in because the core has no crypto of its own. */
  readonly sha256: (bytes: Uint8Array) => Uint8Array
  readonly decoder: Decoder
}

/** One engine runs any core: P service tasks and the fleet task. */
export interface TaskCore {
  step(step: Step): Outcome
  /**
   * The whole state as it is now, in pieces (image.ts). They stand still while steps go on, so they
   * may be read later; the same journal gives the same bytes. The state's digest is the SHA-256
   * over all of them.
   */
  image(): readonly Uint8Array[]
  /** Takes effect from the next step on (journalled as `upgrade`). */
  setBehaviour(behaviour: number): void
}

/**
 * Makes a core, empty or as an image says. Errors: AssertionError for an image that is not one of
 * this core's.
 */
export type CreateCore = (context: CoreContext, image: Uint8Array | null) => TaskCore
