// The transaction coordinator, after Kafka's, for clients that know no transaction version 2 (as
// kafkajs):
//
//   Empty ─addPartitions─► Ongoing ─endTxn─► PrepareCommit,Abort ─markers─► CompleteCommit,Abort
//     ▲                     │   ▲                                                   │
//     └───initProducerId────┼───┴───────────────────addPartitions───────────────────┘
//                           └─time-out, or initProducerId of another: epoch + 1 ─► PrepareAbort
//
// EndTxn is answered before the markers are written, so what was committed may be seen a little
// later and the next request may meet CONCURRENT_TRANSACTIONS. A commit does not change the epoch:
// a late EndTxn can end the next transaction of the same epoch (DESIGN.md section 11); clients
// guard against it, the broker does not.
import type { TopicPartition } from '../../../runtime/ports.ts'
import type { BatchHeader } from '../../../runtime/record-batch.ts'
import type { ErrorCode } from '../../client/error-codes.ts'
import { type ProducerIdentity, partitionKey, type RequestOf } from '../../client/protocol.ts'
import type { PartitionLog } from './partition-log.ts'
import type { Cancel, Timers } from './timers.ts'

/** Kafka's transaction.max.timeout.ms. */
const MAX_TIMEOUT_MS = 900_000
/** The last epoch is kept for fencing; then the id is given up for a new one. */
const LAST_EPOCH = 32_766

type State =
  | 'Empty'
  | 'Ongoing'
  | 'PrepareCommit'
  | 'PrepareAbort'
  | 'CompleteCommit'
  | 'CompleteAbort'

interface Transaction {
  producerId: number
  epoch: number
  /**
   * Epoch before a bump asked for by its owner, so that the same bump asked twice is answered
   * alike; else -1.
   */
  previousEpoch: number
  timeoutMs: number
  state: State
  readonly partitions: Map<string, TopicPartition>
  cancelTimeout: Cancel
}

export interface TransactionOptions {
  readonly timers: Timers
  readonly partition: (at: TopicPartition) => PartitionLog | null
  /** Time between the answer to EndTxn and the markers. */
  readonly markerDelayMs: number
}

const none: Cancel = () => {}
const refuse = (error: ErrorCode): { error: ErrorCode } & ProducerIdentity => ({
  error,
  producerId: -1,
  producerEpoch: -1,
})

export class TransactionCoordinator {
  readonly #options: TransactionOptions
  readonly #transactions = new Map<string, Transaction>()
  #nextProducerId = 1000

  constructor(options: TransactionOptions) {
    this.#options = options
  }

  initProducerId(request: RequestOf<'initProducerId'>): { error: ErrorCode } & ProducerIdentity {
    const { transactionalId, timeoutMs, current } = request
    if (transactionalId === null)
      return { error: 'NONE', producerId: this.#nextProducerId++, producerEpoch: 0 }
    if (transactionalId === '') return refuse('INVALID_REQUEST')
    if (timeoutMs <= 0 || timeoutMs > MAX_TIMEOUT_MS) return refuse('INVALID_TRANSACTION_TIMEOUT')
    const txn = this.#transactions.get(transactionalId)
    if (txn === undefined) {
      if (current !== null) return refuse('INVALID_PRODUCER_ID_MAPPING')
      return this.#identity(this.#create(transactionalId, timeoutMs))
    }
    const isRepeated =
      current !== null &&
      current.producerId === txn.producerId &&
      current.producerEpoch === txn.previousEpoch
    if (current !== null && !isRepeated && !isSame(txn, current))
      return refuse('INVALID_PRODUCER_EPOCH')
    if (isPreparing(txn)) return refuse('CONCURRENT_TRANSACTIONS')
    if (txn.state === 'Ongoing') {
      this.#fence(txn)
      return refuse('CONCURRENT_TRANSACTIONS')
    }
    if (!isRepeated) this.#bump(txn, current !== null)
    txn.timeoutMs = timeoutMs
    txn.state = 'Empty'
    return this.#identity(txn)
  }

  addPartitions(request: RequestOf<'addPartitionsToTxn'>): { error: ErrorCode } {
    const txn = this.#transactions.get(request.transactionalId)
    const error = mismatch(txn, request)
    if (txn === undefined || error !== null)
      return { error: error ?? 'INVALID_PRODUCER_ID_MAPPING' }
    if (isPreparing(txn)) return { error: 'CONCURRENT_TRANSACTIONS' }
    if (request.partitions.some((at) => this.#options.partition(at) === null))
      return { error: 'UNKNOWN_TOPIC_OR_PARTITION' }
    if (txn.state !== 'Ongoing') {
      txn.state = 'Ongoing'
      txn.partitions.clear()
      txn.cancelTimeout = this.#options.timers.after(txn.timeoutMs, () => this.#fence(txn))
    }
    for (const at of request.partitions) txn.partitions.set(partitionKey(at), at)
    return { error: 'NONE' }
  }

  endTxn(request: RequestOf<'endTxn'>): { error: ErrorCode } {
    const txn = this.#transactions.get(request.transactionalId)
    const error = mismatch(txn, request)
    if (txn === undefined || error !== null)
      return { error: error ?? 'INVALID_PRODUCER_ID_MAPPING' }
    const { commit } = request
    switch (txn.state) {
      case 'Ongoing':
        this.#end(txn, commit ? 'commit' : 'abort')
        return { error: 'NONE' }
      case 'PrepareCommit':
        return { error: commit ? 'CONCURRENT_TRANSACTIONS' : 'INVALID_TXN_STATE' }
      case 'PrepareAbort':
        return { error: commit ? 'INVALID_TXN_STATE' : 'CONCURRENT_TRANSACTIONS' }
      case 'CompleteCommit':
        return { error: commit ? 'NONE' : 'INVALID_TXN_STATE' }
      case 'CompleteAbort':
        return { error: commit ? 'INVALID_TXN_STATE' : 'NONE' }
      case 'Empty':
        return { error: 'INVALID_TXN_STATE' }
    }
  }

  /** May this batch be written: its transaction is open and holds the partition. */
  checkProduce(transactionalId: string | null, header: BatchHeader, at: TopicPartition): ErrorCode {
    if (transactionalId === null) return header.transactional ? 'INVALID_TXN_STATE' : 'NONE'
    if (!header.transactional) return 'INVALID_RECORD'
    const txn = this.#transactions.get(transactionalId)
    const error = mismatch(txn, header)
    if (txn === undefined || error !== null) return error ?? 'INVALID_PRODUCER_ID_MAPPING'
    const isOpen = txn.state === 'Ongoing' && txn.partitions.has(partitionKey(at))
    return isOpen ? 'NONE' : 'INVALID_TXN_STATE'
  }

  #create(transactionalId: string, timeoutMs: number): Transaction {
    const txn: Transaction = {
      producerId: this.#nextProducerId++,
      epoch: 0,
      previousEpoch: -1,
      timeoutMs,
      state: 'Empty',
      partitions: new Map(),
      cancelTimeout: none,
    }
    this.#transactions.set(transactionalId, txn)
    return txn
  }

  #identity(txn: Transaction): { error: ErrorCode } & ProducerIdentity {
    return { error: 'NONE', producerId: txn.producerId, producerEpoch: txn.epoch }
  }

  #bump(txn: Transaction, byOwner: boolean): void {
    txn.previousEpoch = byOwner ? txn.epoch : -1
    if (txn.epoch < LAST_EPOCH) {
      txn.epoch++
      return
    }
    txn.producerId = this.#nextProducerId++
    txn.epoch = 0
    txn.previousEpoch = -1
  }

  /**
   * Aborts an open transaction under a new epoch, so that its writer can neither produce nor commit
   * any more.
   */
  #fence(txn: Transaction): void {
    if (txn.state !== 'Ongoing') return
    txn.epoch++
    txn.previousEpoch = -1
    this.#end(txn, 'abort')
  }

  #end(txn: Transaction, type: 'commit' | 'abort'): void {
    txn.cancelTimeout()
    txn.state = type === 'commit' ? 'PrepareCommit' : 'PrepareAbort'
    const producer = { producerId: txn.producerId, producerEpoch: txn.epoch }
    const { timers, partition, markerDelayMs } = this.#options
    const complete = (): void => {
      for (const at of txn.partitions.values())
        partition(at)?.appendMarker(type, producer, timers.nowMs())
      txn.partitions.clear()
      txn.state = type === 'commit' ? 'CompleteCommit' : 'CompleteAbort'
    }
    if (markerDelayMs > 0) timers.after(markerDelayMs, complete)
    else complete()
  }
}

function isPreparing({ state }: Transaction): boolean {
  return state === 'PrepareCommit' || state === 'PrepareAbort'
}

function isSame(txn: Transaction, { producerId, producerEpoch }: ProducerIdentity): boolean {
  return producerId === txn.producerId && producerEpoch === txn.epoch
}

function mismatch(txn: Transaction | undefined, claimed: ProducerIdentity): ErrorCode | null {
  if (txn === undefined || claimed.producerId !== txn.producerId)
    return 'INVALID_PRODUCER_ID_MAPPING'
  return claimed.producerEpoch === txn.epoch ? null : 'INVALID_PRODUCER_EPOCH'
}
