// One partition: a list of stored batches with Kafka's offsets. High watermark = next offset (one
// replica); the last stable offset ends before the first open transaction. Old batches go by
// retention, deleted records or compaction.
import type { Isolation } from '../../../runtime/ports.ts'
import { type BatchHeader, type Crc32c, FIELD, walkRecords } from '../../../runtime/record-batch.ts'
import { encodeMarker, stampBatch } from '../../../runtime/record-batch-encode.ts'
import { ByteCursor } from '../../../runtime/varint.ts'
import type { ErrorCode, Failure } from '../../client/error-codes.ts'
import type { FetchedPartition, ProducerIdentity, RequestOf } from '../../client/protocol.ts'
import { compactBatches, type StoredBatch, wholeHeader } from './compaction.ts'
import { ProducerStates, type StoredAs } from './producer-states.ts'
import type { TopicConfig } from './topic-config.ts'
import { validateBatch } from './validate.ts'

export type AppendResult = ({ readonly error: 'NONE' } & StoredAs) | { readonly error: Failure }

export interface PartitionOptions {
  readonly config: TopicConfig
  readonly crc32c: Crc32c
  /**
   * Compaction runs by itself when this many bytes came since the last pass, and as many as it
   * left.
   */
  readonly compactAfterBytes: number
}

interface Chunks {
  readonly chunks: readonly Uint8Array[]
  readonly to: number
}

type FetchPartition = RequestOf<'fetch'>['partitions'][number]

const NOTHING: readonly never[] = []

export class PartitionLog {
  readonly config: TopicConfig
  readonly producers: ProducerStates = new ProducerStates()
  readonly #crc32c: Crc32c
  readonly #compactAfterBytes: number
  readonly #watchers = new Set<() => void>()
  #batches: StoredBatch[] = []
  #bytes = 0
  #dirtyBytes = 0
  #start = 0
  #next = 0

  constructor(options: PartitionOptions) {
    this.config = options.config
    this.#crc32c = options.crc32c
    this.#compactAfterBytes = options.compactAfterBytes
  }

  get logStartOffset(): number {
    return this.#start
  }

  get sizeBytes(): number {
    return this.#bytes
  }

  endOffset(isolation: Isolation): number {
    if (isolation === 'read_uncommitted') return this.#next
    return this.producers.firstOpenOffset() ?? this.#next
  }

  /**
   * Called after every change a waiting reader may care about, until the returned function is
   * called.
   */
  watch(onChange: () => void): () => void {
    this.#watchers.add(onChange)
    return () => this.#watchers.delete(onChange)
  }

  changed(): void {
    for (const onChange of this.#watchers) onChange()
  }

  /**
   * Takes a copy of a client's batch; a repeated one is answered with where it was stored the first
   * time.
   */
  append(batch: Uint8Array, nowMs: number): AppendResult {
    const validation = validateBatch(batch, this.config, { nowMs, crc32c: this.#crc32c })
    if (validation.error !== 'NONE') return validation
    const { header } = validation
    const admission = this.producers.admit(header)
    if (admission.kind === 'refused') return { error: admission.error }
    if (admission.kind === 'duplicate') return { error: 'NONE', ...admission.stored }
    const stored = { baseOffset: this.#next, appendMs: this.config.appendTime ? nowMs : null }
    this.#store(new Uint8Array(batch), nowMs)
    this.producers.appended(header, stored, nowMs)
    this.#tidy(nowMs)
    this.changed()
    return { error: 'NONE', ...stored }
  }

  /** Ends a producer's transaction in this partition. */
  appendMarker(type: 'commit' | 'abort', producer: ProducerIdentity, nowMs: number): void {
    const bytes = encodeMarker(type, { ...producer, nowMs }, this.#crc32c)
    const header = this.#store(bytes, nowMs)
    this.producers.ended(header, header.baseOffset, type === 'commit', nowMs)
    this.#tidy(nowMs)
    this.changed()
  }

  /** Whether a read from `offset` would bring anything, or an error. */
  hasNews(offset: number, isolation: Isolation, nowMs: number): boolean {
    this.retain(nowMs)
    if (offset < this.#start || offset > this.#next) return true
    if (offset === this.#next) return false
    const batch = this.#batches[this.#indexOf(offset)]
    return batch !== undefined && batch.header.baseOffset < this.endOffset(isolation)
  }

  read(
    { topic, partition, offset, maxBytes }: FetchPartition,
    isolation: Isolation,
    nowMs: number,
  ): FetchedPartition {
    this.retain(nowMs)
    const isInside = offset >= this.#start && offset <= this.#next
    const endOffset = this.endOffset(isolation)
    const { chunks, to } = isInside
      ? this.#chunks({ offset, endOffset, maxBytes })
      : { chunks: NOTHING, to: offset }
    return {
      topic,
      partition,
      error: isInside ? 'NONE' : 'OFFSET_OUT_OF_RANGE',
      chunks,
      aborted:
        isInside && isolation === 'read_committed' ? this.producers.abortedIn(offset, to) : NOTHING,
      endOffset,
      heldBack: endOffset < this.#next,
      logStartOffset: this.#start,
    }
  }

  #chunks(from: { offset: number; endOffset: number; maxBytes: number }): Chunks {
    const { offset, endOffset, maxBytes } = from
    if (offset >= endOffset) return { chunks: NOTHING, to: offset }
    const chunks: Uint8Array[] = []
    let size = 0
    let to = offset
    for (let i = this.#indexOf(offset); i < this.#batches.length; i++) {
      const batch = this.#batches[i]
      if (batch === undefined || batch.header.baseOffset >= endOffset) break
      size += batch.bytes.length
      if (chunks.length > 0 && size > maxBytes) break
      chunks.push(batch.bytes)
      to = batch.header.lastOffset + 1
    }
    return { chunks, to }
  }

  /** First offset whose time stamp is at or after `timestampMs`, or -1. */
  offsetAt(timestampMs: number, isolation: Isolation): number {
    const end = this.endOffset(isolation)
    for (const { header, bytes } of this.#batches) {
      if (header.maxTimestampMs < timestampMs || header.lastOffset < this.#start) continue
      let found = -1
      walkRecords(
        header,
        new ByteCursor(bytes, FIELD.records, header.end),
        (view) => {
          if (found < 0 && view.timestampMs >= timestampMs) found = view.offset
        },
        this.#start,
      )
      if (found >= 0) return found < end ? found : -1
    }
    return -1
  }

  /** Moves the log's start; -1 = to the end. */
  deleteBefore(offset: number): ErrorCode {
    const target = offset === -1 ? this.#next : offset
    if (target < 0 || target > this.#next) return 'OFFSET_OUT_OF_RANGE'
    this.#startAt(Math.max(this.#start, target))
    return 'NONE'
  }

  /** One pass of the cleaner; nothing happens where the topic is not compacted. */
  compact(nowMs: number): void {
    const last = this.#batches.at(-1)
    if (!this.config.compact || last === undefined) return
    const stableTo = this.endOffset('read_committed')
    // Kafka never cleans its active segment; here that is the last batch.
    const limit = Math.min(stableTo, last.header.baseOffset)
    this.#batches = compactBatches({
      batches: this.#batches,
      stableTo,
      limit,
      aborted: this.producers.abortedIn(0, this.#next),
      deleteRetentionMs: this.config.deleteRetentionMs,
      nowMs,
      crc32c: this.#crc32c,
    })
    this.producers.forgetAborted(limit)
    this.#bytes = this.#batches.reduce((sum, batch) => sum + batch.bytes.length, 0)
    this.#dirtyBytes = 0
  }

  #store(bytes: Uint8Array, nowMs: number): BatchHeader {
    const appendTimeMs = this.config.appendTime ? nowMs : null
    stampBatch(bytes, { baseOffset: this.#next, appendTimeMs }, this.#crc32c)
    const header = wholeHeader(bytes)
    this.#batches.push({ header, bytes, deleteAfterMs: null })
    this.#bytes += bytes.length
    this.#dirtyBytes += bytes.length
    this.#next = header.lastOffset + 1
    return header
  }

  #tidy(nowMs: number): void {
    this.retain(nowMs)
    const clean = this.#bytes - this.#dirtyBytes
    if (this.config.compact && this.#dirtyBytes > Math.max(this.#compactAfterBytes, clean))
      this.compact(nowMs)
  }

  /**
   * Drops old batches below the last stable offset; the newest batch stays unless its time is over.
   */
  retain(nowMs: number): void {
    const { retentionMs, retentionBytes } = this.config
    if (!this.config.delete || !this.#isOverdue(nowMs)) return
    const stableTo = this.endOffset('read_committed')
    let drop = 0
    let size = this.#bytes
    for (const { header, bytes } of this.#batches) {
      const isOld = retentionMs !== null && header.maxTimestampMs < nowMs - retentionMs
      const isLast = drop === this.#batches.length - 1
      const isTooMuch = retentionBytes !== null && size > retentionBytes && !isLast
      if (header.lastOffset >= stableTo || !(isOld || isTooMuch)) break
      size -= bytes.length
      drop++
    }
    const lastDropped = this.#batches[drop - 1]
    if (lastDropped !== undefined) this.#startAt(lastDropped.header.lastOffset + 1)
  }

  /** Whether the oldest batch may be over: asked with every request, and hardly ever true. */
  #isOverdue(nowMs: number): boolean {
    const { retentionMs, retentionBytes } = this.config
    if (retentionBytes !== null && this.#bytes > retentionBytes) return true
    const oldestMs = this.#batches[0]?.header.maxTimestampMs ?? Infinity
    return retentionMs !== null && oldestMs < nowMs - retentionMs
  }

  #startAt(offset: number): void {
    this.#start = offset
    const keepFrom = this.#indexOf(offset)
    for (const { bytes } of this.#batches.splice(0, keepFrom)) this.#bytes -= bytes.length
    this.#dirtyBytes = Math.min(this.#dirtyBytes, this.#bytes)
    this.producers.forgetAborted(offset)
  }

  /** Index of the first batch that ends at or behind `offset`. */
  #indexOf(offset: number): number {
    let low = 0
    let high = this.#batches.length
    while (low < high) {
      const middle = (low + high) >>> 1
      const last = this.#batches[middle]?.header.lastOffset ?? Number.POSITIVE_INFINITY
      if (last < offset) low = middle + 1
      else high = middle
    }
    return low
  }
}
