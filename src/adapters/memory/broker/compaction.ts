// Compaction of a partition, after Kafka's log cleaner: the last record of a key stays, offsets
// keep their gaps, tombstones stay for delete.retention.ms after the first pass that saw them,
// aborted records go. Markers stay until the pass after their transaction's records are gone.
import { LogError } from '../../../runtime/log-error.ts'
import {
  type BatchHeader,
  type Crc32c,
  FIELD,
  headersOf,
  readBatchHeader,
  walkRecords,
} from '../../../runtime/record-batch.ts'
import { type BatchRecord, encodeBatch } from '../../../runtime/record-batch-encode.ts'
import { ByteCursor } from '../../../runtime/varint.ts'
import type { Aborted } from './producer-states.ts'

/** A batch in a partition. `bytes` are never changed once stored: readers hold them. */
export interface StoredBatch {
  readonly header: BatchHeader
  readonly bytes: Uint8Array
  /** From then on tombstones and markers in it may go; null before the first pass. */
  readonly deleteAfterMs: number | null
}

export interface CompactionInput {
  readonly batches: readonly StoredBatch[]
  /** Last stable offset. */
  readonly stableTo: number
  /** Batches from here on are left alone: open transactions, and the last batch. */
  readonly limit: number
  readonly aborted: readonly Aborted[]
  readonly deleteRetentionMs: number
  readonly nowMs: number
  readonly crc32c: Crc32c
}

/** The batches after one pass; unchanged ones are the same objects. */
export function compactBatches(input: CompactionInput): StoredBatch[] {
  const isAborted = abortedTest(input.aborted)
  const last = lastOffsets(input, isAborted)
  const kept: StoredBatch[] = []
  for (const batch of input.batches) {
    if (batch.header.baseOffset >= input.limit) kept.push(batch)
    else {
      const cleaned = cleanBatch(batch, input, { last, isAborted })
      if (cleaned !== null) kept.push(cleaned)
    }
  }
  return kept
}

interface Survey {
  readonly last: ReadonlyMap<string, number>
  readonly isAborted: (batch: StoredBatch) => boolean
}

function abortedTest(aborted: readonly Aborted[]): (batch: StoredBatch) => boolean {
  return ({ header }) =>
    header.transactional &&
    !header.control &&
    aborted.some(
      (txn) =>
        txn.producerId === header.producerId &&
        txn.firstOffset <= header.baseOffset &&
        header.lastOffset < txn.lastOffset,
    )
}

/** The last committed offset of every key, over what is stable, the last batch included. */
function lastOffsets(
  input: CompactionInput,
  isAborted: (batch: StoredBatch) => boolean,
): ReadonlyMap<string, number> {
  const last = new Map<string, number>()
  for (const batch of input.batches) {
    const { header } = batch
    if (header.lastOffset >= input.stableTo || header.control || isAborted(batch)) continue
    walkRecords(header, cursorOf(batch), (view) => {
      last.set(keyText(view.buffer, view.keyStart, view.keyEnd), view.offset)
    })
  }
  return last
}

/** null: nothing is left of the batch. */
function cleanBatch(
  batch: StoredBatch,
  input: CompactionInput,
  survey: Survey,
): StoredBatch | null {
  const { header, deleteAfterMs } = batch
  const isDue = deleteAfterMs !== null && deleteAfterMs <= input.nowMs
  const horizon = deleteAfterMs ?? input.nowMs + input.deleteRetentionMs
  if (header.control) return isDue ? null : { ...batch, deleteAfterMs: horizon }
  if (survey.isAborted(batch)) return null
  const kept: BatchRecord[] = []
  let tombstones = 0
  walkRecords(header, cursorOf(batch), (view) => {
    const key = keyText(view.buffer, view.keyStart, view.keyEnd)
    if (survey.last.get(key) !== view.offset) return
    if (view.valueStart < 0 && isDue) return
    if (view.valueStart < 0) tombstones++
    kept.push({
      key: view.keyStart < 0 ? null : view.buffer.subarray(view.keyStart, view.keyEnd),
      value: view.valueStart < 0 ? null : view.buffer.subarray(view.valueStart, view.valueEnd),
      headers: headersOf(view),
      timestampMs: view.timestampMs,
      offset: view.offset,
    })
  })
  if (kept.length === 0) return null
  const marked = tombstones > 0 ? horizon : null
  if (kept.length === header.recordCount) return { ...batch, deleteAfterMs: marked }
  return { ...batch, ...reencoded(batch, kept, input.crc32c), deleteAfterMs: marked }
}

function reencoded(
  { header }: StoredBatch,
  kept: readonly BatchRecord[],
  crc32c: Crc32c,
): Pick<StoredBatch, 'bytes' | 'header'> {
  const bytes = encodeBatch(
    kept,
    {
      baseOffset: header.baseOffset,
      lastOffset: header.lastOffset,
      transactional: header.transactional,
      producerId: header.producerId,
      producerEpoch: header.producerEpoch,
      baseSequence: header.baseSequence,
      ...(header.appendTime ? { appendTimeMs: header.maxTimestampMs } : {}),
    },
    crc32c,
  )
  return { bytes, header: wholeHeader(bytes) }
}

/** Header of a batch that fills its buffer. Errors: `CORRUPT` when it does not. */
export function wholeHeader(bytes: Uint8Array): BatchHeader {
  const header = readBatchHeader(bytes)
  if (header === null || header.end !== bytes.length)
    throw new LogError('CORRUPT', `${bytes.length} bytes are not one whole batch`)
  return header
}

function cursorOf({ bytes, header }: StoredBatch): ByteCursor {
  return new ByteCursor(bytes, FIELD.records, header.end)
}

function keyText(buffer: Uint8Array, start: number, end: number): string {
  if (start < 0) return ''
  return Buffer.from(buffer.buffer, buffer.byteOffset + start, end - start).toString('latin1')
}
