// A record of the log as every layer sees it: where it lies, when the log took it, and the bytes.
// The hot path never makes an object per record: a reader moves one RecordView over a batch and
// calls a visitor.

/** Where a record lies. `offset` counts from 0 in its partition, as Kafka's do. */
export interface RecordPlace {
  readonly topic: string
  readonly partition: number
  readonly offset: number
}

/**
 * One record during a visit: positions into `buffer`, valid only until the visitor returns.
 * A null key or value has start and end -1 (a value of -1 is Kafka's tombstone).
 */
export interface RecordView {
  buffer: Uint8Array
  offset: number
  /**
   * Append time of the log where the topic says so, else the producer's time; epoch milliseconds.
   */
  timestampMs: number
  keyStart: number
  keyEnd: number
  valueStart: number
  valueEnd: number
  headersStart: number
  headerCount: number
}

export type RecordVisitor = (view: RecordView) => void

/** Header of a record: name and bytes (null is legal in Kafka). */
export interface RecordHeader {
  readonly key: string
  readonly value: Uint8Array | null
}

/** A record copied out of its batch, for everything that is not the hot path. */
export interface LogRecord extends RecordPlace {
  readonly timestampMs: number
  readonly key: Uint8Array | null
  readonly value: Uint8Array | null
  readonly headers: readonly RecordHeader[]
}

/**
 * A record to be written. The partition is always explicit: no partitioner runs behind our back.
 */
export interface OutgoingRecord {
  readonly topic: string
  readonly partition: number
  readonly key: Uint8Array | null
  readonly value: Uint8Array | null
  readonly headers?: readonly RecordHeader[]
  /** Producer's time, epoch milliseconds (ignored by topics with append time). */
  readonly timestampMs: number
}
