// What lies in the log for a read_committed reader, asked of the brokers without a client, and the
// place up to which each partition was looked at.
import {
  type FetchedPartition,
  partitionKey,
  type Transport,
} from '../../adapters/client/protocol.ts'
import type { TopicPartition } from '../../runtime/ports.ts'
import { type SeenBatch, type SeenRecord, visibleBatches } from './batches.ts'

const MOST_BYTES = 1_000_000_000

export class Stored {
  readonly #ask: Transport
  readonly #next = new Map<string, number>()

  constructor(ask: Transport) {
    this.#ask = ask
  }

  /** What has become visible since the last look, batch by batch. */
  async newBatches(at: TopicPartition): Promise<readonly SeenBatch[]> {
    const from = this.#next.get(partitionKey(at)) ?? 0
    const answer = await this.#fetch(at, from)
    if (answer.error === 'OFFSET_OUT_OF_RANGE') {
      this.#next.set(partitionKey(at), answer.logStartOffset)
      return await this.newBatches(at)
    }
    const { batches, to } = visibleBatches(answer.chunks, answer.aborted, from)
    this.#next.set(partitionKey(at), to)
    return batches
  }

  async newRecords(at: TopicPartition): Promise<readonly SeenRecord[]> {
    const batches = await this.newBatches(at)
    return batches.flatMap(({ records }) => records ?? [])
  }

  async #fetch(at: TopicPartition, offset: number): Promise<FetchedPartition> {
    const partitions = [{ ...at, leaderEpoch: -1, offset, maxBytes: MOST_BYTES }]
    const request = { node: 0, isolation: 'read_committed', maxWaitMs: 0, partitions } as const
    const answer = await this.#ask('fetch', request, { timeoutMs: 1_000 })
    const [found] = answer.partitions
    if (found === undefined) throw new RangeError(`no answer about ${partitionKey(at)}`)
    return found
  }
}
