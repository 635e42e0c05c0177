// The idempotent producer: one batch in flight per partition, repeated with the same sequence
// number until it is answered. A batch given up in doubt ends the producer id: the next send starts
// with a new one, so that the numbers of the old one can never hide or double a later batch.
import type { OutgoingRecord } from '../../contracts/record.ts'
import { LogError } from '../../runtime/log-error.ts'
import type { Appended, IdempotentProducer } from '../../runtime/ports.ts'
import { type ProducerIdentity, partitionKey } from './protocol.ts'
import {
  appendedFrom,
  byPartition,
  encodePartition,
  nextSequence,
  type OutgoingBatch,
  type PartitionRecords,
} from './batching.ts'
import { type Connection, expectNone, Session } from './session.ts'

const DEFAULT_DEADLINE_MS = 5_000

interface Identity extends ProducerIdentity {
  readonly sequences: Map<string, number>
}

export class Producer implements IdempotentProducer {
  readonly #session: Session
  readonly #deadlineMs: number
  /** The last job of each partition; the next one waits for it. */
  readonly #tails = new Map<string, Promise<unknown>>()
  #identity: Promise<Identity> | null = null

  constructor(connection: Connection, deadlineMs: number = DEFAULT_DEADLINE_MS) {
    this.#session = new Session(connection)
    this.#deadlineMs = deadlineMs
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
    const identity = await this.#initialised(deadlineMs)
    const key = partitionKey(part)
    const sequence = identity.sequences.get(key) ?? 0
    const producer = { ...identity, transactional: false, sequence }
    const appended: Appended[] = []
    for (const batch of await encodePartition(this.#session, part, producer)) {
      appended.push(await this.#sendBatch(batch, identity, deadlineMs))
      const used = identity.sequences.get(key) ?? 0
      identity.sequences.set(key, nextSequence(used, batch.recordCount))
    }
    return appended
  }

  async #sendBatch(
    { topic, partition, batch, recordCount }: OutgoingBatch,
    identity: Identity,
    deadlineMs: number,
  ): Promise<Appended> {
    const request = { transactionalId: null, partitions: [{ topic, partition, batch }] }
    const { answer } = await this.#session
      .attempt('produce', request, deadlineMs)
      .catch(async (error: unknown) => {
        if (!(error instanceof LogError) || error.code !== 'UNAVAILABLE') throw error
        await this.#retire(identity)
        const at = { topic, partition }
        throw new LogError('IN_DOUBT', 'no answer to produce', { cause: error, at })
      })
    const [stored] = answer.partitions
    if (stored === undefined || stored.topic !== topic || stored.partition !== partition)
      throw new LogError('INVALID_REQUEST', 'the answer to produce is about something else')
    if (stored.error === 'UNKNOWN_TOPIC_OR_PARTITION') this.#session.topics.forget(topic)
    if (stored.error === 'OUT_OF_ORDER_SEQUENCE_NUMBER') await this.#retire(identity)
    expectNone('produce', stored.error, { topic, partition })
    return appendedFrom(stored, recordCount)
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
    return { producerId, producerEpoch, sequences: new Map() }
  }

  async #retire(identity: Identity): Promise<void> {
    if (this.#identity !== null && (await this.#identity) === identity) this.#identity = null
  }
}
