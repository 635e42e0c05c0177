// The door to the views: rows folded from six topics, kept where several projectors may read them.
// A store can be thrown away at any time and is folded again from the log; nothing decides from it
// (docs/DESIGN.md, law 1; reliability I7). One conformance suite runs on every store.
import type { RecordOf } from '../contracts/records.ts'

/** Topics the views are folded from. */
export const VIEW_TOPICS = [
  'health',
  'registry',
  'incidents',
  'commands',
  'results',
  'policies',
] as const
export type ViewTopic = (typeof VIEW_TOPICS)[number]

/** What one record says about one row; null takes the row away. */
export interface ViewChange {
  readonly id: string
  readonly offset: number
  /** A row is never overwritten by a lower version; a removal needs none. */
  readonly version: number
  readonly record: RecordOf[ViewTopic] | null
}

/** What came of a partition from one offset up to another, in the order of the log. */
export interface ViewSlice {
  readonly topic: ViewTopic
  readonly partition: number
  readonly from: number
  readonly to: number
  readonly changes: readonly ViewChange[]
}

export interface ViewRow {
  readonly topic: ViewTopic
  readonly partition: number
  readonly id: string
  readonly record: RecordOf[ViewTopic] | null
}

/** One whole fold of the log. Only one is shown; another may be under construction beside it. */
export interface ViewGeneration {
  readonly id: string
  /** Next offset by `viewPlace`; absent: nothing was folded yet. */
  readonly next: ReadonlyMap<string, number>
}

/** Where a reader of the rows stands; only the store that gave it knows what is in it. */
export interface ViewCursor {
  readonly generation: string
  /** Of each topic, that of the last row read. */
  readonly revisions: readonly number[]
  /** Of each topic, up to which removals were forgotten when the reader began. */
  readonly floors: readonly number[]
}

export interface ViewPage {
  /** The rows begin anew: what was read before is to be forgotten. */
  readonly reset: boolean
  /** Of each topic in the order in which they were written. */
  readonly rows: readonly ViewRow[]
  readonly cursor: ViewCursor
  /** False: this was everything that is there. */
  readonly more: boolean
  /** Everything that the log had taken up to then is in the rows, epoch ms; 0: not known. */
  readonly asOfMs: number
}

/**
 * `written`: all of it is there, what had been there before was passed over. `gap`: a slice begins
 * behind the position of the store, nothing was written. `gone`: the generation is no longer there
 * or not whole.
 */
export type ViewWritten = 'written' | 'gap' | 'gone'

export type ViewPublished = 'published' | 'overtaken' | 'gone'

/** Errors of every method: ViewError. */
export interface ViewStore {
  readonly name: 'memory' | 'redis'
  /** The generation that is shown and where its fold stands; null: none that can be used. */
  open(): Promise<ViewGeneration | null>
  /** A new, empty generation that nobody is shown. */
  begin(): Promise<ViewGeneration>
  /** Rows and positions in one atomic write. */
  write(generation: string, slices: readonly ViewSlice[], asOfMs: number): Promise<ViewWritten>
  /**
   * Shows a generation instead of the one shown when it began. `overtaken`: by now another one is
   * shown than then, and this one is dropped.
   */
  publish(generation: string): Promise<ViewPublished>
  /** What came after the cursor, at most `limit` rows of a topic; null: nothing is shown. */
  read(cursor: ViewCursor | null, limit: number): Promise<ViewPage | null>
  close(): Promise<void>
}

/** Why a store of views does not serve. */
export type ViewErrorCode =
  | 'UNREACHABLE'
  | 'SLOW'
  | 'READ_ONLY'
  | 'OUT_OF_MEMORY'
  | 'NOT_ALLOWED'
  | 'CORRUPT'
  | 'REFUSED'

export class ViewError extends Error {
  readonly code: ViewErrorCode

  constructor(code: ViewErrorCode, message: string, options?: ErrorOptions) {
    super(message, options)
    this.name = 'ViewError'
    this.code = code
  }
}

/** Most rows of a topic that a store keeps; those unchanged for longest go first. */
export type ViewLimits = Readonly<Record<ViewTopic, number>>

export const VIEW_LIMITS: ViewLimits = {
  health: 20_000,
  registry: 20_000,
  incidents: 20_000,
  commands: 2_000,
  results: 8_000,
  policies: 10_000,
}

/** Removals kept of a topic: who has not read them by then begins anew. */
export const REMOVALS_MAX = 10_000

export const viewPlace = (topic: ViewTopic, partition: number): string => `${topic}-${partition}`
