// The doors to the world: the log, the clock, the codec, the drivers. Adapters implement these and
// nothing else; one conformance suite (test/conformance) runs on every log. The memory log may
// never be kinder than Kafka.
import type { OutgoingRecord, RecordVisitor } from '../contracts/record.ts'

/** Host time. Wall time is for people and record time stamps; only monotonic time measures. */
export interface Clock {
  nowMs(): number
  /** Milliseconds from an arbitrary start, never going back. */
  monotonicMs(): number
  /** Rejects with the signal's reason when aborted. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>
  /** Acts once, unless the function that it answers is called before. Default: by `sleep`. */
  timer?(ms: number, act: () => void): () => void
  /**
   * Between two stretches of work: lets everything else of this process have its turn. Default: a
   * turn of the event loop.
   */
  turn?(): Promise<void>
}

/** A topic and a partition. */
export interface TopicPartition {
  readonly topic: string
  readonly partition: number
}

/**
 * A batch as the log holds it (Kafka's record batch v2), not decoded. Control and aborted batches
 * never appear.
 */
export interface RecordBatch extends TopicPartition {
  readonly baseOffset: number
  /** Offset of the last record the batch was written with (compaction may have removed records). */
  readonly lastOffset: number
  readonly recordCount: number
  /** CRC-32C as stored in the batch; verified by the reader. */
  readonly crc: number
  /** Largest time stamp in the batch: the append time where the topic uses append time. */
  readonly maxTimestampMs: number
  /** As stored, for whoever has to keep what cannot be read. Not to be changed. */
  readonly bytes: Uint8Array
  /**
   * Walks the records with offset ≥ `fromOffset` (default: all) without allocating per record.
   * Errors: LogError `CORRUPT` where the records cannot be read although the checksum is right.
   */
  visit(visitor: RecordVisitor, fromOffset?: number): void
  /**
   * Why `visit` would fail, or null. Walks all records; a broker takes offsets that go back and
   * whatever compression its topic allows.
   */
  unreadable(): string | null
}

/**
 * What one poll brought from one partition. `from` is the position asked for, `to` the next one;
 * offsets in between that no batch covers are control batches, aborted or compacted records. When
 * that cannot be told (the log answered with offsets missing for no such reason), `gap` names the
 * range and the caller must not go on deciding.
 */
export interface Fetched extends TopicPartition {
  readonly from: number
  readonly to: number
  readonly batches: readonly RecordBatch[]
  readonly gap: { readonly from: number; readonly to: number } | null
  /**
   * Last stable offset (read_committed) or high watermark (read_uncommitted) when the log answered.
   */
  readonly endOffset: number
  readonly logStartOffset: number
  /** `to` had reached `endOffset` when the log answered. */
  readonly caughtUp: boolean
  /**
   * Behind `endOffset` lie records that an open transaction holds back, of anybody: who has caught
   * up does not know of everything that was sent.
   */
  readonly heldBack: boolean
  /**
   * When the request was sent that brought this, on the reader's monotonic clock: what the log held
   * by then is in this answer or in one before it. May lie before the poll (fetched ahead).
   */
  readonly sentMs: number
}

export type StartPosition = number | 'earliest' | 'latest'
export type Isolation = 'read_committed' | 'read_uncommitted'

export interface ReadOptions {
  readonly isolation: Isolation
  /**
   * Soft bound of one poll, per partition; at least one batch is always returned. Default 1 MiB.
   */
  readonly maxBytesPerPartition?: number
}

/**
 * Reads assigned partitions, without a group. One poll at a time.
 * Errors: LogError (`POSITION_LOST` when retention passed the position, `CORRUPT` on a bad
 * checksum, …).
 */
export interface LogReader {
  /**
   * Starts reading a partition; a position already held is replaced. 'earliest'/'latest' resolve at
   * the first poll.
   */
  assign(at: TopicPartition, position: StartPosition): void
  unassign(at: TopicPartition): void
  /**
   * Waits up to `maxWaitMs` for something new. The answer has one entry for every partition that
   * the log has answered for since the last poll, also where it had nothing new (`to` = `from`, no
   * batches). Of a partition that is left out nothing is known: its leader has not answered. The
   * first poll after `assign` does not wait for news. Positions move only when the poll resolves;
   * after a rejection nothing was lost. `UNAVAILABLE` only when no leader answered at all.
   */
  poll(maxWaitMs: number, signal?: AbortSignal): Promise<readonly Fetched[]>
  /** Next offset to be read, or null before 'earliest'/'latest' was resolved. */
  position(at: TopicPartition): number | null
  close(): Promise<void>
}

/** Where and when the log took a batch. */
export interface Appended extends TopicPartition {
  /**
   * −1, as `lastOffset`, where an idempotent producer is told that the log has the batch but no
   * longer where (a repeated request that was answered too late to be remembered).
   */
  readonly baseOffset: number
  readonly lastOffset: number
  /** Log append time, epoch ms, or null where the topic keeps the producer's time. */
  readonly appendMs: number | null
}

export interface WriterOptions {
  readonly transactionalId: string
  /** A dead writer holds read_committed readers back for this long. ≤ 5,000. */
  readonly transactionTimeoutMs: number
  /** After this a commit without a definite answer fails with `IN_DOUBT`. */
  readonly deadlineMs: number
}

/**
 * Transactional writer: the only one that may write a task's partitions. `commit` is atomic over
 * its records, in their order within a partition; one commit at a time. After any error but
 * `TOO_LARGE` and `TIMESTAMP_REFUSED` (nothing was written) the writer is used up until the next
 * `fence()` or `renew()`.
 */
export interface TransactionalWriter {
  /**
   * Takes the transactional id: older writers are fenced and an open transaction of theirs is
   * settled first.
   */
  fence(): Promise<void>
  /**
   * Makes a used-up writer usable again under a new epoch, but only while the id is still its own:
   * `FENCED` when somebody else has taken it, or the log ended its transaction for it (never fences
   * back; KIP-360). Needs a `fence()` before.
   */
  renew(): Promise<void>
  commit(records: readonly OutgoingRecord[]): Promise<readonly Appended[]>
  /** Closes without settling anything. */
  close(): Promise<void>
}

/**
 * Idempotent producer for agents and operators: one request in flight per partition, never
 * reordered or doubled.
 */
export interface IdempotentProducer {
  send(records: readonly OutgoingRecord[]): Promise<readonly Appended[]>
  close(): Promise<void>
}

export interface GroupMember {
  readonly memberId: string
  /**
   * What the member said about itself when it joined (our own layout, see runtime/member-facts.ts).
   */
  readonly metadata: Uint8Array
}

/** What the group's leader gives a member. Tasks are numbers. */
export interface GroupShare {
  /** To own. */
  readonly tasks: readonly number[]
  /** To follow, so that it can be taken over without a restore. */
  readonly standby: readonly number[]
  /** Of `standby`, what it will own: once it has caught up it asks for a new round. */
  readonly coming: readonly number[]
  /** Newest behaviour and snapshot format that every member has. */
  readonly behaviour: number
  readonly format: number
}

export interface JoinOptions {
  readonly group: string
  readonly metadata: () => Uint8Array
  /**
   * Runs on the group's leader. Every number must be owned at most once; what is left out stays
   * unowned.
   */
  readonly assign: (members: readonly GroupMember[]) => ReadonlyMap<string, GroupShare>
  readonly sessionTimeoutMs: number
  readonly rebalanceTimeoutMs: number
  readonly heartbeatMs: number
}

export type GroupEvent =
  | ({
      readonly kind: 'assigned'
      readonly generation: number
      readonly memberId: string
    } & GroupShare)
  /**
   * Ownership can no longer be proven (session ran out, unknown member): stop acting, then wait for
   * `assigned`.
   */
  | { readonly kind: 'lost'; readonly reason: string }

/**
 * Membership of a consumer group: a hint about who should own what. The fence is the truth
 * (DESIGN.md law 5).
 */
export interface Membership {
  /** The next event; events are not skipped. Rejects with LogError `CLOSED` after `leave()`. */
  next(): Promise<GroupEvent>
  /**
   * How long ownership is proven from now on if nothing more is heard, ms. 0 or less: nothing may
   * be stepped or sent, also when `lost` has not been read yet (this process may have stood still).
   */
  provenForMs(): number
  /** Asks for a new round (metadata changed). */
  rejoin(): void
  leave(): Promise<void>
}

export interface TopicSetup {
  readonly topic: string
  readonly partitions: number
  readonly replicas?: number
  /**
   * Kafka's own names: `cleanup.policy`, `retention.ms`, `message.timestamp.type`,
   * `max.message.bytes`, …
   */
  readonly config: Readonly<Record<string, string>>
}

export interface TopicDescription {
  readonly topic: string
  readonly partitions: number
  readonly config: Readonly<Record<string, string>>
}

export interface LogAdmin {
  /** Creates what is missing; topics that exist are left alone. */
  createTopics(topics: readonly TopicSetup[]): Promise<void>
  /** null for topics that do not exist. */
  describeTopics(names: readonly string[]): Promise<readonly (TopicDescription | null)[]>
  /**
   * `at`: 'earliest', 'latest' (last stable offset for read_committed) or the first offset at or
   * after a time (-1 = none).
   */
  offsets(
    partitions: readonly TopicPartition[],
    at: 'earliest' | 'latest' | { readonly timestampMs: number },
    isolation: Isolation,
  ): Promise<readonly number[]>
  deleteRecords(at: TopicPartition, beforeOffset: number): Promise<void>
  deleteTopics(names: readonly string[]): Promise<void>
  /**
   * Where a group that has no members has got to, in the order asked; null: it has said nothing of
   * the partition, or longer ago than the log remembers (Kafka: `offsets.retention.minutes`).
   */
  positions(
    group: string,
    partitions: readonly TopicPartition[],
  ): Promise<readonly (number | null)[]>
  /** Errors: `MEMBER_LOST` while the group has members; `TOPIC_GONE`. */
  savePositions(
    group: string,
    positions: readonly (TopicPartition & { readonly offset: number })[],
  ): Promise<void>
  close(): Promise<void>
}

/** The log: the only way to it. */
export interface LogPort {
  readonly name: 'memory' | 'kafka'
  /** The broker's real `cluster.id`. */
  clusterId(): Promise<string>
  reader(options: ReadOptions): LogReader
  writer(options: WriterOptions): TransactionalWriter
  producer(options?: { readonly deadlineMs?: number }): IdempotentProducer
  join(options: JoinOptions): Membership
  admin(): LogAdmin
  close(): Promise<void>
}
