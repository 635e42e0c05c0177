// The journal of a task: what each step was made of, who owned the task, what was passed over and
// why. Kept as long as the replay window, so its layout is our own, fixed and numbered (DESIGN.md
// section 5). One entry is one record of hs.journal; each holds the SHA-256 of the one before, so
// nothing can be changed, dropped or put in unnoticed.
// Bytes: journal-codec.ts.
import type { ClusterId, TaskId } from './ids.ts'
import type { TopicKind } from './topics.ts'

/** Number of the layout; a reader refuses numbers it does not know. */
export const JOURNAL_LAYOUT = 1
/** Largest entry in bytes (DESIGN.md section 5). */
export const ENTRY_BYTES_MAX: number = 256 * 1024
/** Longest text in an entry (reason, who), bytes of UTF-8; longer ones are cut by the writer. */
export const TEXT_BYTES_MAX = 1_024

/** SHA-256, handed in because contracts have no crypto of their own. */
export type Sha256 = (bytes: Uint8Array) => Uint8Array
export const HASH_BYTES = 32

/** Codes of topics in entries: for ever, whatever becomes of the list in topics.ts. */
export const TOPIC_CODES: Readonly<Record<TopicKind, number>> = {
  policies: 1,
  operator: 2,
  fleet: 3,
  'service-events': 4,
  remote: 5,
  results: 6,
  signals: 7,
  telemetry: 8,
  observations: 9,
  commands: 10,
  incidents: 11,
  health: 12,
  registry: 13,
  journal: 14,
  snapshots: 15,
  checkpoints: 16,
  'fleet-journal': 17,
  'fleet-snapshots': 18,
  'fleet-checkpoints': 19,
  alerts: 20,
  dlq: 21,
}

/** Scale of the histograms' grid where nothing else is asked for: P99 within 2.2 %. */
export const DEFAULT_SCALE = 4
/** The first format whose genesis says the scale. */
export const FORMAT_WITH_SCALE = 2

/** Next offset to be used of one input. */
export interface InputPosition {
  readonly topic: TopicKind
  readonly partition: number
  readonly offset: number
}

/** Birth of a task: written once by `healstream init`. */
export interface GenesisEntry {
  readonly kind: 'genesis'
  readonly clusterId: ClusterId
  readonly task: TaskId
  /** P. */
  readonly partitions: number
  /** Prefix of the topic names. */
  readonly prefix: string
  readonly positions: readonly InputPosition[]
  readonly behaviour: number
  /** Snapshot format. */
  readonly format: number
  /** Scale of the latency histograms; formats before 2 had none of their own. */
  readonly scale: 4 | 5
  /** Policies may enforce at once. */
  readonly dev: boolean
  /** When, by the initialising host; epoch ms. */
  readonly atMs: number
  /**
   * Last entry known of a journal that was lost (offset 0 and NO_HASH: none is known); null for a
   * new cluster. After a loss nothing is acted on before a person has released it.
   */
  readonly lastTip: { readonly offset: number; readonly hash: Uint8Array } | null
}

/** A member has taken the task, restored it, and runs it from here on. */
export interface FenceEntry {
  readonly kind: 'fence'
  /** Own count of fences, from 1; strictly growing. */
  readonly gen: number
  readonly member: string
  readonly group: string
  /** Generation of the group that gave the task to the member. */
  readonly generation: number
  /**
   * How often the task was taken while a record waited that no life before came past, from 1
   * (poison search from the third; from there on it counts for the named record).
   */
  readonly attempt: number
  /** The record that is tried alone in this life; null outside the poison search. */
  readonly suspect: InputPosition | null
  readonly positions: readonly InputPosition[]
  /** Digest of the restored state. */
  readonly stateDigest: Uint8Array
}

export interface JournalSlice {
  readonly topic: TopicKind
  readonly partition: number
  readonly from: number
  readonly to: number
  /** Fold of the checksums of the batches in it, unsigned 32 bits. */
  readonly crc: number
}

export interface JournalStep {
  readonly seq: number
  readonly nowMs: number
  readonly behind: boolean
  /** Only what changed since the step before. */
  readonly asOf: readonly { readonly topic: TopicKind; readonly atMs: number }[]
  readonly slices: readonly JournalSlice[]
}

/** Steps since the last entry; with none it is a sign of life. */
export interface StepsEntry {
  readonly kind: 'steps'
  /** Consecutive seq. */
  readonly steps: readonly JournalStep[]
  /** Number of outputs of all these steps. */
  readonly outputs: number
  /** SHA-256 over the canonical bytes of the outputs, before sealing. */
  readonly outputsDigest: Uint8Array
  /** Digest of the state after the last of the steps, now and then. */
  readonly stateDigest: Uint8Array | null
  /** Offset in hs.snapshots of the newest full image's header. */
  readonly snapshot: number | null
}

/** A record that the core could not take; its bytes are in hs.dlq. */
export interface SkipEntry {
  readonly kind: 'skip'
  readonly record: InputPosition
  /**
   * Position before: offsets from here up to the record's were invisible, or lie with it in batches
   * that cannot be read.
   */
  readonly from: number
  readonly reason: string
}

/** Offsets of an input that were lost and accepted as lost. */
export interface GapEntry {
  readonly kind: 'gap'
  readonly topic: TopicKind
  readonly partition: number
  readonly from: number
  readonly to: number
  readonly by: string
}

/** From the next step on. */
export interface UpgradeEntry {
  readonly kind: 'upgrade'
  readonly behaviour: number
  readonly format: number
}

/** A person has accepted that entries before this one do not replay as recorded. */
export interface OverrideEntry {
  readonly kind: 'override'
  readonly why: string
  readonly who: string
}

export type JournalEntry =
  | GenesisEntry
  | FenceEntry
  | StepsEntry
  | SkipEntry
  | GapEntry
  | UpgradeEntry
  | OverrideEntry

/** The hash before the first entry. */
export const NO_HASH: Uint8Array = new Uint8Array(HASH_BYTES)
