// The idempotent producer: one batch in flight per partition, repeated with the same sequence
// number until it is answered; batches of one leader that are ready at the same time share a
// request. A batch given up in doubt ends the producer id: the next send starts with a new one, so
// that the numbers of the old one can never hide or double a later batch. An id that the log no
// longer knows (expired, or its numbers lost with a leader) ends as well, and the batch that found
// out goes again under a new one, but only while no attempt at it can have been stored.
import type { OutgoingRecord } from '../../contracts/record.ts'
import { LogError } from '../../runtime/log-error.ts'
import type { Appended, IdempotentProducer } from '../../runtime/ports.ts'
import { type ProducerIdentity, partitionKey } from './protocol.ts'
import {
  byPartition,
  encodePartition,
  nextSequence,
  type OutgoingBatch,
  type PartitionRecords,
} from './batching.ts'
import type { ErrorCode, Failure } from './error-codes.ts'
import { ProduceGate } from './produce-gate.ts'
import { type Connection, expectNone, refusal, Session } from './session.ts'
import { store, type Stored } from './storing.ts'

const DEFAULT_DEADLINE_MS = 5_000
/** So often a send goes on under a new id; a log that keeps losing them has another trouble. */
const MAX_LOSSES = 2

/** The log knows nothing, or something else, of this producer id. */
const ID_LOST: ReadonlySet<ErrorCode> = new Set<Failure>([
  'INVALID_PRODUCER_EPOCH',
  'INVALID_PRODUCER_ID_MAPPING',
  'OUT_OF_ORDER_SEQUENCE_NUMBER',
  'PRODUCER_FENCED',
  'UNKNOWN_PRODUCER_ID',
])

interface Identity extends ProducerIdentity {
  readonly sequences: Map<string, number>
}

export class Producer implements IdempotentProducer {
  readonly #session: Session
  readonly #deadlineMs: number
  readonly #gate: ProduceGate
  /** The last job of each partition; the next one waits for it. */
  readonly #tails = new Map<string, Promise<unknown>>()
  #identity: Promise<Identity> | null = null
  /** What the promise has brought. */
  #current: Identity | null = null

  constructor(connection: Connection, deadlineMs: number = DEFAULT_DEADLINE_MS) {
    this.#session = new Session(connection)
    this.#deadlineMs = deadlineMs
    this.#gate = new ProduceGate(this.#session, { transactionalId: null, byLeader: true })
  }

  async send(records: readonly OutgoingRecord[]): Promise<readonly Appended[]> {
    if (this.#session.isClosed) throw new LogError('CLOSED', 'used after close()')
    const deadlineMs = this.#session.clock.monotonicMs() + this.#deadlineMs
    const jobs = byPartition(records).map((part) => this.#enqueue(part, deadlineMs))
    const results = await Promise.allSettled(jobs)
    const failed = results.find((result) => result.status === 'rejected')
    if (failed !== undefined) throw failed.reason
    return results.flatMap((result) => (result.status === 'fulfilled' ? result.value : []))
  }

  close(): Promise<void> {
    this.#session.close()
    return Promise.resolve()
  }

  #enqueue(part: PartitionRecords, deadlineMs: number): Promise<Appended[]> {
    const key = partitionKey(part)
    const before = this.#tails.get(key) ?? Promise.resolve()
    const job = before.then(
      () => this.#sendPartition(part, deadlineMs),
      () => this.#sendPartition(part, deadlineMs),
    )
    this.#tails.set(key, job)
    const forget = (): void => {
      if (this.#tails.get(key) === job) this.#tails.delete(key)
    }
    job.then(forget, forget)
    return job
  }

  async #sendPartition(part: PartitionRecords, deadlineMs: number): Promise<Appended[]> {
    if (this.#session.clock.monotonicMs() >= deadlineMs)
      throw new LogError('UNAVAILABLE', 'earlier sends to the partition took all the time')
    const { crc32c, topics } = this.#session
    const { maxMessageBytes } = await topics.get(part.topic, deadlineMs)
    const appended: Appended[] = []
    let { records } = part
    for (let losses = 0; records.length > 0; ) {
      const identity = await this.#initialised(deadlineMs)
      const sequence = identity.sequences.get(partitionKey(part)) ?? 0
      const own = { ...identity, transactional: false, sequence }
      for (const batch of encodePartition(
        { ...part, records },
        { ...own, maxMessageBytes, crc32c },
      )) {
        const stored = await this.#sendBatch(batch, identity, deadlineMs)
        if (isIdLost(stored) && ++losses <= MAX_LOSSES) break
        appended.push(placeOf(batch, stored))
        records = records.slice(batch.recordCount)
      }
    }
    return appended
  }

  async #sendBatch(batch: OutgoingBatch, identity: Identity, deadlineMs: number): Promise<Stored> {
    const stored = await store(this.#session, this.#gate, { batch, deadlineMs }).catch(
      (error: unknown): never => {
        this.#retire(identity)
        throw error
      },
    )
    const key = partitionKey(batch)
    if (stored.kind === 'stored') {
      const sequence = identity.sequences.get(key) ?? 0
      identity.sequences.set(key, nextSequence(sequence, batch.recordCount))
    } else if (stored.mayBeStored || isIdLost(stored)) this.#retire(identity)
    return stored
  }

  async #initialised(deadlineMs: number): Promise<Identity> {
    this.#identity ??= this.#initialise(deadlineMs)
    try {
      return await this.#identity
    } catch (error) {
      this.#identity = null
      throw error
    }
  }

  async #initialise(deadlineMs: number): Promise<Identity> {
    const request = { transactionalId: null, timeoutMs: 1, current: null }
    const { answer } = await this.#session.ask('initProducerId', request, deadlineMs)
    expectNone('initProducerId', answer.error)
    const { producerId, producerEpoch } = answer
    this.#current = { producerId, producerEpoch, sequences: new Map() }
    return this.#current
  }

  /** At once: who is in doubt must not wait for the next id, nor fail with it. */
  #retire(identity: Identity): void {
    if (this.#current !== identity) return
    this.#current = null
    this.#identity = null
  }
}

/** Nothing of it is stored, and it may go again under a new id. */
function isIdLost(stored: Stored): boolean {
  return stored.kind === 'refused' && !stored.mayBeStored && ID_LOST.has(stored.error)
}

function placeOf({ topic, partition }: OutgoingBatch, stored: Stored): Appended {
  const at = { topic, partition }
  if (stored.kind === 'stored')
    return stored.appended ?? { ...at, baseOffset: -1, lastOffset: -1, appendMs: null }
  const last = stored.kind === 'refused' ? stored.error : (stored.cause?.message ?? 'no time')
  // What became of a batch does not matter where its topic is gone.
  const isGone = stored.kind === 'refused' && stored.error === 'UNKNOWN_TOPIC_OR_PARTITION'
  if (stored.mayBeStored && !isGone) {
    const message = `it is not known whether ${topic}/${partition} has the batch: ${last}`
    throw new LogError('IN_DOUBT', message, { at })
  }
  if (stored.kind === 'refused' && !ID_LOST.has(stored.error))
    throw refusal('produce', stored.error, at)
  throw new LogError('UNAVAILABLE', `${topic}/${partition} takes nothing now: ${last}`, { at })
}
