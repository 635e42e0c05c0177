// From what a log answered to what a reader may show: checksums verified, markers and aborted
// transactions left out, holes in the offsets named. The same rules for every log (Kafka's consumer
// protocol, read_committed).
import { LogError } from './log-error.ts'
import type { Fetched, RecordBatch, TopicPartition } from './ports.ts'
import {
  type BatchHeader,
  type Crc32c,
  controlType,
  openBatch,
  readBatchHeader,
  verifyCrc,
} from './record-batch.ts'

/**
 * A transaction that was aborted: its batches from `firstOffset` to the abort marker are not shown.
 */
export interface AbortedTransaction {
  readonly producerId: number
  readonly firstOffset: number
}

/**
 * One partition of a fetch answer. `chunks`: batches one after another; the last of a chunk may be
 * cut.
 */
export interface PartitionAnswer extends TopicPartition {
  readonly chunks: readonly Uint8Array[]
  /** In the order of `firstOffset`; empty for read_uncommitted. */
  readonly aborted: readonly AbortedTransaction[]
  readonly endOffset: number
  /** As in Fetched. */
  readonly heldBack: boolean
  readonly logStartOffset: number
}

export interface SelectOptions {
  /** Position that was asked for. */
  readonly from: number
  /** When it was asked for, monotonic. */
  readonly sentMs: number
  /** The topic is compacted: missing offsets are no gap. */
  readonly compacted: boolean
  readonly crc32c: Crc32c
  /** Told of each batch, shown or not, that is of another epoch than the one before it. */
  readonly onEpoch?: (leaderEpoch: number, from: number) => void
  /**
   * Records of a compressed batch, bounded; without it, or when it throws `CORRUPT`, the batch is
   * shown as one that cannot be read.
   */
  readonly decompress?: (bytes: Uint8Array, header: BatchHeader) => Uint8Array | null
}

interface Selection {
  readonly batches: RecordBatch[]
  readonly abortedProducers: Set<number>
  next: number
  nextAborted: number
  epoch: number
  gap: { from: number; to: number } | null
}

/** Errors: `CORRUPT` for a bad checksum, a malformed batch, or offsets going back. */
export function selectBatches(answer: PartitionAnswer, options: SelectOptions): Fetched {
  const state: Selection = {
    batches: [],
    abortedProducers: new Set(),
    next: options.from,
    nextAborted: 0,
    epoch: -1,
    gap: null,
  }
  for (const chunk of answer.chunks) {
    for (let at = 0; ; ) {
      const header = readBatchHeader(chunk, at)
      if (header === null) break
      take(state, answer, { chunk, header }, options)
      at = header.end
    }
  }
  return {
    topic: answer.topic,
    partition: answer.partition,
    from: options.from,
    to: state.next,
    batches: state.batches,
    gap: state.gap,
    endOffset: answer.endOffset,
    logStartOffset: answer.logStartOffset,
    caughtUp: state.next >= answer.endOffset,
    heldBack: answer.heldBack,
    sentMs: options.sentMs,
  }
}

function take(
  state: Selection,
  answer: PartitionAnswer,
  batch: { readonly chunk: Uint8Array; readonly header: BatchHeader },
  options: SelectOptions,
): void {
  const { chunk, header } = batch
  verifyCrc(chunk, header, options.crc32c)
  const isFirst = state.next === options.from
  if (header.lastOffset < state.next) {
    // A log may answer with the batches before the position, but never go back behind one it has
    // shown.
    if (isFirst) return
    throw new LogError('CORRUPT', `batch at offset ${header.baseOffset} comes out of order`)
  }
  if (header.baseOffset > state.next && !options.compacted)
    state.gap ??= { from: state.next, to: header.baseOffset }
  state.next = header.lastOffset + 1
  if (header.leaderEpoch !== state.epoch) {
    state.epoch = header.leaderEpoch
    options.onEpoch?.(header.leaderEpoch, header.baseOffset)
  }
  if (isVisible(state, answer, chunk, header)) {
    const records = header.compression === 0 ? null : unpacked(batch, options)
    state.batches.push(openBatch(answer, chunk, header, records))
  }
}

function unpacked(
  { chunk, header }: { readonly chunk: Uint8Array; readonly header: BatchHeader },
  { decompress }: SelectOptions,
): Uint8Array | string | null {
  try {
    return decompress?.(chunk, header) ?? null
  } catch (error) {
    if (error instanceof LogError && error.code === 'CORRUPT') return error.message
    throw error
  }
}

function isVisible(
  state: Selection,
  answer: PartitionAnswer,
  chunk: Uint8Array,
  header: BatchHeader,
): boolean {
  for (;;) {
    const aborted = answer.aborted[state.nextAborted]
    if (aborted === undefined || aborted.firstOffset > header.lastOffset) break
    state.abortedProducers.add(aborted.producerId)
    state.nextAborted++
  }
  if (header.control) {
    if (header.recordCount > 0 && controlType(chunk, header) === 'abort')
      state.abortedProducers.delete(header.producerId)
    return false
  }
  if (header.transactional && state.abortedProducers.has(header.producerId)) return false
  return header.recordCount > 0
}
