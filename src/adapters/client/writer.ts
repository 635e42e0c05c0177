// The transactional writer: AddPartitionsToTxn, one Produce for all partitions with sequence
// numbers of our own (what does not fit into one batch follows in further rounds), EndTxn. What is
// repeated and what is given up:
//
//   any request without an answer,   asked again, same epoch and sequence, until the deadline; of a
//   or with one to be asked again    Produce only the partitions it concerns
//   EndTxn, AddPartitions, Produce   a copy may still be on its way and would end, begin or spoil
//   repeated                         the next transaction of this epoch: a new epoch is taken
//                                    first, and only if the id is still ours (never fence back)
//   a batch refused (size, time)     the transaction is aborted; the writer stays usable
//   stored, but not said where       (a duplicate too old to be remembered) the same as refused for
//                                    another reason: nobody could be told its append time
//   the id expired at the log        FENCED: whoever comes next may have it, so it is taken anew
//   anything else                    used up until fence() or renew()
import type { OutgoingRecord } from '../../contracts/record.ts'
import { LogError, type LogErrorCode } from '../../runtime/log-error.ts'
import type { Appended, TransactionalWriter, WriterOptions } from '../../runtime/ports.ts'
import { type ProducerIdentity, partitionKey, type ResponseOf } from './protocol.ts'
import { byPartition, encodePartition, nextSequence, type OutgoingBatch } from './batching.ts'
import { ProduceGate } from './produce-gate.ts'
import {
  type Asked,
  type Connection,
  expectNone,
  isUnavailable,
  refusal,
  Session,
} from './session.ts'
import { store, type Stored } from './storing.ts'

type State = 'unfenced' | 'ready' | 'busy' | 'used up'

/** Errors after which nothing was written and the writer goes on. */
const HARMLESS: ReadonlySet<LogErrorCode> = new Set(['TOO_LARGE', 'TIMESTAMP_REFUSED'])

export class Writer implements TransactionalWriter {
  readonly #session: Session
  readonly #options: WriterOptions
  readonly #gate: ProduceGate
  #state: State = 'unfenced'
  #identity: ProducerIdentity = { producerId: -1, producerEpoch: -1 }
  /** Next sequence number by partition, in this epoch. */
  #sequences = new Map<string, number>()
  #needsNewEpoch = false

  constructor(connection: Connection, options: WriterOptions) {
    this.#session = new Session(connection)
    this.#options = options
    const { transactionalId } = options
    this.#gate = new ProduceGate(this.#session, { transactionalId, byLeader: false })
  }

  async fence(): Promise<void> {
    if (this.#state === 'busy') throw new LogError('INVALID_REQUEST', 'fence() during a commit')
    this.#state = 'used up'
    await this.#initialise(null, this.#deadline())
    this.#state = 'ready'
  }

  async renew(): Promise<void> {
    if (this.#state === 'busy') throw new LogError('INVALID_REQUEST', 'renew() during a commit')
    if (this.#identity.producerId < 0)
      throw new LogError('INVALID_REQUEST', 'renew() needs a fence() before')
    this.#state = 'used up'
    await this.#newEpoch(this.#deadline())
    this.#state = 'ready'
  }

  async commit(records: readonly OutgoingRecord[]): Promise<readonly Appended[]> {
    if (this.#state === 'busy') throw new LogError('INVALID_REQUEST', 'one commit at a time')
    if (this.#state !== 'ready') throw new LogError('INVALID_REQUEST', 'the writer needs fence()')
    if (records.length === 0) return []
    this.#state = 'busy'
    try {
      const appended = await this.#transaction(records)
      this.#state = 'ready'
      return appended
    } catch (error) {
      this.#state = isHarmless(error) ? 'ready' : 'used up'
      throw error
    }
  }

  close(): Promise<void> {
    this.#session.close()
    return Promise.resolve()
  }

  #deadline(): number {
    return this.#session.clock.monotonicMs() + this.#options.deadlineMs
  }

  /**
   * A new epoch while the id is ours. An open transaction of this epoch (left by us, or begun by a
   * late copy of a request) is aborted first: a log that has to do that itself takes us for a
   * zombie.
   */
  async #newEpoch(deadlineMs: number): Promise<void> {
    const { transactionalId } = this.#options
    const request = { ...this.#identity, transactionalId, commit: false }
    const { answer } = await this.#session.ask('endTxn', request, deadlineMs)
    if (answer.error !== 'INVALID_TXN_STATE') expectNone('endTxn', answer.error)
    await this.#initialise(this.#identity, deadlineMs)
  }

  /** Takes the transactional id (`current` null), or a new epoch of it while it is ours. */
  async #initialise(current: ProducerIdentity | null, deadlineMs: number): Promise<void> {
    const { transactionalId, transactionTimeoutMs: timeoutMs } = this.#options
    const request = { transactionalId, timeoutMs, current }
    const { answer } = await this.#session.ask('initProducerId', request, deadlineMs)
    expectNone('initProducerId', answer.error)
    this.#identity = { producerId: answer.producerId, producerEpoch: answer.producerEpoch }
    this.#sequences = new Map()
    this.#needsNewEpoch = false
  }

  async #transaction(records: readonly OutgoingRecord[]): Promise<readonly Appended[]> {
    const deadlineMs = this.#deadline()
    const parts = await this.#begin(records, deadlineMs)
    const appended = await this.#produceAll(parts, deadlineMs)
    const { isRepeated } = await this.#end(true, deadlineMs)
    this.#needsNewEpoch ||= isRepeated
    return appended
  }

  /** Everything before the first record is sent; without an answer here nothing has happened. */
  async #begin(
    records: readonly OutgoingRecord[],
    deadlineMs: number,
  ): Promise<readonly (readonly OutgoingBatch[])[]> {
    try {
      if (this.#needsNewEpoch) await this.#newEpoch(deadlineMs)
      const parts = await this.#encode(records, deadlineMs)
      const partitions = parts.flatMap((batches) => batches.slice(0, 1))
      const { answer, isRepeated } = await this.#session.ask(
        'addPartitionsToTxn',
        {
          ...this.#identity,
          transactionalId: this.#options.transactionalId,
          partitions: partitions.map(({ topic, partition }) => ({ topic, partition })),
        },
        deadlineMs,
      )
      this.#needsNewEpoch ||= isRepeated
      expectNone('addPartitionsToTxn', answer.error)
      return parts
    } catch (error) {
      throw gone(error)
    }
  }

  /** Sizes are checked for all partitions before any sequence number is used. */
  async #encode(
    records: readonly OutgoingRecord[],
    deadlineMs: number,
  ): Promise<readonly (readonly OutgoingBatch[])[]> {
    const parts: OutgoingBatch[][] = []
    const sequences = new Map(this.#sequences)
    // A commit over a slow way must not spend its time on asking for one topic after another.
    const names = [...new Set(records.map(({ topic }) => topic))]
    for (const part of byPartition(records)) {
      const sequence = sequences.get(partitionKey(part)) ?? 0
      const { crc32c, topics } = this.#session
      const { maxMessageBytes } = await topics.get(part.topic, deadlineMs, names)
      const own = { ...this.#identity, transactional: true, sequence }
      try {
        parts.push(encodePartition(part, { ...own, maxMessageBytes, crc32c }))
      } catch (error) {
        // A person may raise the limit, and have it tried again.
        topics.forget(part.topic)
        throw error
      }
      sequences.set(partitionKey(part), nextSequence(sequence, part.records.length))
    }
    this.#sequences = sequences
    return parts
  }

  async #produceAll(
    parts: readonly (readonly OutgoingBatch[])[],
    deadlineMs: number,
  ): Promise<readonly Appended[]> {
    const results = await Promise.allSettled(
      parts.map((batches) => this.#producePartition(batches, deadlineMs)),
    )
    const appended: Appended[] = []
    let failure: { readonly error: unknown } | null = null
    for (const result of results) {
      if (result.status === 'fulfilled') appended.push(...result.value)
      else failure = worse(failure, result.reason)
    }
    if (failure === null) return appended
    await this.#giveUp(failure.error, deadlineMs)
    throw gone(failure.error)
  }

  /** One batch after the other; the first ones of all partitions go into one request. */
  async #producePartition(
    batches: readonly OutgoingBatch[],
    deadlineMs: number,
  ): Promise<Appended[]> {
    const appended: Appended[] = []
    for (const batch of batches) {
      const stored = await store(this.#session, this.#gate, { batch, deadlineMs })
      appended.push(placeOf(batch, stored))
      if (stored.kind === 'stored') this.#needsNewEpoch ||= stored.isRepeated
    }
    return appended
  }

  /** Aborts a transaction that cannot be committed, so that nobody waits for its time-out. */
  async #giveUp(error: unknown, deadlineMs: number): Promise<void> {
    // The sequence numbers of refused batches were not used up at the log.
    this.#needsNewEpoch = true
    const code = error instanceof LogError ? error.code : null
    if (code === 'FENCED' || code === 'ABORTED' || code === 'CLOSED') return
    try {
      await this.#end(false, deadlineMs)
    } catch (cause) {
      // An error that leaves the writer usable must not hide that the transaction is still open.
      if (isHarmless(error) || (cause instanceof LogError && cause.code === 'FENCED')) throw cause
    }
  }

  async #end(commit: boolean, deadlineMs: number): Promise<Asked<ResponseOf<'endTxn'>>> {
    const { transactionalId } = this.#options
    const request = { ...this.#identity, transactionalId, commit }
    try {
      const asked = await this.#session.ask('endTxn', request, deadlineMs)
      expectNone('endTxn', asked.answer.error)
      return asked
    } catch (error) {
      if (!isUnavailable(error)) throw error
      if (!commit) throw gone(error)
      throw new LogError('IN_DOUBT', 'no definite answer to the commit', { cause: error })
    }
  }
}

/** Errors: `ABORTED` when it is not known where it lies, or whether it lies anywhere. */
function placeOf({ topic, partition }: OutgoingBatch, stored: Stored): Appended {
  const at = { topic, partition }
  if (stored.kind === 'refused') throw refusal('produce', stored.error, at)
  if (stored.kind === 'silent') {
    const { cause } = stored
    const why = cause === null ? '' : `: ${cause.message}`
    const message = `produce for ${topic}/${partition} was not answered in time${why}`
    throw new LogError('UNAVAILABLE', message, { cause, at })
  }
  if (stored.appended !== null) return stored.appended
  const message = `the log has a batch of ${topic}/${partition} twice and does not say where`
  throw new LogError('ABORTED', message, { at })
}

function isHarmless(error: unknown): boolean {
  return error instanceof LogError && HARMLESS.has(error.code)
}

/** Without a commit sent, no answer means: not committed, now or later. */
function gone(error: unknown): unknown {
  if (!isUnavailable(error)) return error
  const message = `the commit was not asked for: ${error.message}`
  return new LogError('ABORTED', message, {
    cause: error,
    ...(error.at === null ? {} : { at: error.at }),
  })
}

/** Of several failures the one that says most about the writer: fenced before anything else. */
function worse(
  known: { readonly error: unknown } | null,
  error: unknown,
): { readonly error: unknown } {
  const isFenced = error instanceof LogError && error.code === 'FENCED'
  return known === null || isFenced ? { error } : known
}
