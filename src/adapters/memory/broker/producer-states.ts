// What a partition remembers of its producers: epoch, sequence, the last batches (so that a
// repeated one is answered, not stored again), open transactions and the list of aborted ones.
// After Kafka's ProducerStateManager.
import type { BatchHeader } from '../../../runtime/record-batch.ts'
import type { AbortedTransaction } from '../../../runtime/record-batch-select.ts'
import type { Failure } from '../../client/error-codes.ts'

/** Kafka remembers this many batches per producer. */
const REMEMBERED_BATCHES = 5
/** Kafka's producer.id.expiration.ms. */
const EXPIRY_MS = 86_400_000
/** Sequence numbers are 31 bits and wrap to 0. */
const SEQUENCE_SPAN = 2 ** 31

export interface StoredAs {
  readonly baseOffset: number
  readonly appendMs: number | null
}

interface RememberedBatch extends StoredAs {
  readonly firstSequence: number
  readonly lastSequence: number
}

interface ProducerState {
  epoch: number
  batches: RememberedBatch[]
  usedAtMs: number
}

export interface Aborted extends AbortedTransaction {
  /** Offset of the abort marker. */
  readonly lastOffset: number
}

export type Admission =
  | { readonly kind: 'append' }
  | { readonly kind: 'duplicate'; readonly stored: StoredAs }
  | { readonly kind: 'refused'; readonly error: Failure }

const APPEND: Admission = { kind: 'append' }

export class ProducerStates {
  readonly #states = new Map<number, ProducerState>()
  /** First offset of the open transaction, by producer id. */
  readonly #open = new Map<number, number>()
  /** Lowest sequence that came outside of any transaction, by producer id. */
  readonly #outside = new Map<number, { readonly epoch: number; readonly lowest: number }>()
  /** In the order of their markers. */
  #aborted: Aborted[] = []

  /** Decides about a batch by its producer's epoch and sequence. */
  admit(header: BatchHeader): Admission {
    if (header.producerId < 0) return APPEND
    if (this.#isAfterOutsider(header))
      return { kind: 'refused', error: 'OUT_OF_ORDER_SEQUENCE_NUMBER' }
    const state = this.#states.get(header.producerId)
    // After expiry or deletion nothing is known of a producer, and any sequence is taken.
    if (state === undefined) return APPEND
    if (header.producerEpoch < state.epoch)
      return { kind: 'refused', error: 'INVALID_PRODUCER_EPOCH' }
    const first = header.baseSequence
    if (header.producerEpoch > state.epoch)
      return first === 0 ? APPEND : { kind: 'refused', error: 'OUT_OF_ORDER_SEQUENCE_NUMBER' }
    const last = lastSequence(header)
    const stored = state.batches.find((b) => b.firstSequence === first && b.lastSequence === last)
    if (stored !== undefined) return { kind: 'duplicate', stored }
    const previous = state.batches.at(-1)
    const expected = previous === undefined ? null : (previous.lastSequence + 1) % SEQUENCE_SPAN
    // A marker alone leaves an epoch without a sequence: then the epoch must begin at 0.
    if (first === (expected ?? 0)) return APPEND
    return { kind: 'refused', error: 'OUT_OF_ORDER_SEQUENCE_NUMBER' }
  }

  /**
   * A transactional batch came while its producer had no transaction here: a late copy. Kafka takes
   * it for one that came too early, and until the next transaction of the producer has ended, or it
   * has a new epoch, wants to see nothing that lies behind it (VerificationStateEntry).
   */
  cameOutside({ producerId, producerEpoch: epoch, baseSequence }: BatchHeader): void {
    const known = this.#outside.get(producerId)
    const isLower = known?.epoch === epoch && baseSequence < known.lowest
    if (known === undefined || epoch > known.epoch || isLower)
      this.#outside.set(producerId, { epoch, lowest: baseSequence })
  }

  /** The batch was stored. */
  appended(header: BatchHeader, stored: StoredAs, nowMs: number): void {
    if (header.producerId < 0) return
    const state = this.#of(header.producerId, header.producerEpoch, nowMs)
    if (header.transactional && !this.#open.has(header.producerId))
      this.#open.set(header.producerId, stored.baseOffset)
    state.batches.push({
      firstSequence: header.baseSequence,
      lastSequence: lastSequence(header),
      ...stored,
    })
    if (state.batches.length > REMEMBERED_BATCHES) state.batches.shift()
  }

  /** A marker was stored at `offset`: the producer's transaction here is over. */
  ended(header: BatchHeader, offset: number, commit: boolean, nowMs: number): void {
    const { producerId } = header
    this.#of(producerId, header.producerEpoch, nowMs)
    const firstOffset = this.#open.get(producerId)
    this.#open.delete(producerId)
    this.#outside.delete(producerId)
    if (firstOffset !== undefined && !commit)
      this.#aborted.push({ producerId, firstOffset, lastOffset: offset })
  }

  /** First offset of any open transaction. */
  firstOpenOffset(): number | null {
    let first: number | null = null
    for (const offset of this.#open.values()) if (first === null || offset < first) first = offset
    return first
  }

  /** Aborted transactions that touch from ≤ offset < to, in the order of their first offset. */
  abortedIn(from: number, to: number): readonly Aborted[] {
    const found: Aborted[] = []
    // They are in the order of their markers, and readers are mostly at the end.
    for (let i = this.#aborted.length - 1; i >= 0; i--) {
      const txn = this.#aborted[i]
      if (txn === undefined || txn.lastOffset < from) break
      if (txn.firstOffset < to) found.push(txn)
    }
    return found.sort((a, b) => a.firstOffset - b.firstOffset)
  }

  /** Forgets aborted transactions that ended before `offset`: their records are gone. */
  forgetAborted(offset: number): void {
    if (this.#aborted.length > 0)
      this.#aborted = this.#aborted.filter((txn) => txn.lastOffset >= offset)
  }

  #isAfterOutsider({ producerId, producerEpoch, baseSequence }: BatchHeader): boolean {
    const outsider = this.#outside.get(producerId)
    return outsider?.epoch === producerEpoch && baseSequence > outsider.lowest
  }

  #of(producerId: number, epoch: number, nowMs: number): ProducerState {
    let state = this.#states.get(producerId)
    if (state === undefined) {
      this.#expire(nowMs)
      state = { epoch, batches: [], usedAtMs: nowMs }
    } else {
      // Kept in order of use, so that expiry looks at the oldest only.
      this.#states.delete(producerId)
    }
    if (state.epoch !== epoch) {
      state.epoch = epoch
      state.batches = []
    }
    state.usedAtMs = nowMs
    this.#states.set(producerId, state)
    return state
  }

  #expire(nowMs: number): void {
    for (const [producerId, state] of this.#states) {
      if (nowMs - state.usedAtMs < EXPIRY_MS) return
      if (!this.#open.has(producerId)) this.#states.delete(producerId)
    }
  }
}

function lastSequence(header: BatchHeader): number {
  return (header.baseSequence + header.recordCount - 1) % SEQUENCE_SPAN
}
