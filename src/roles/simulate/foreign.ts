// Strangers at the input topics: transactions that stay open and hold readers back, are committed
// late or aborted; values that are no Avro, and records that the simulated core refuses or dies of.
import { crc32c } from '../../adapters/client/crc32c.ts'
import type { ProducerIdentity, Transport } from '../../adapters/client/protocol.ts'
import type { OutgoingRecord } from '../../contracts/record.ts'
import { topicName, type TopicKind } from '../../contracts/topics.ts'
import { encodeUtf8 } from '../../contracts/utf8.ts'
import { encodeBatch } from '../../runtime/record-batch-encode.ts'
import type { SimNode } from './node.ts'
import type { Random } from './random.ts'

/** A value that makes the simulated core throw, and one that ends its process. */
export const POISON: Uint8Array = encodeUtf8('simulated poison')
export const DEADLY: Uint8Array = encodeUtf8('simulated death')

export interface ForeignOptions {
  readonly node: SimNode
  readonly ask: Transport
  readonly random: Random
  readonly prefix: string
  readonly partitions: number
}

const TIMEOUT_MS = 5_000
const OPEN_TOPICS: readonly TopicKind[] = ['remote', 'signals', 'telemetry', 'service-events']

export class Foreign {
  readonly #options: ForeignOptions
  #count = 0

  constructor(options: ForeignOptions) {
    this.#options = options
  }

  /** An open transaction on an input; its end is drawn too: late, aborted, or left to time out. */
  async transaction(): Promise<void> {
    const { random, prefix, partitions, node } = this.#options
    this.#count++
    const transactionalId = `foreign-${this.#count}`
    const at = {
      topic: topicName(random.pick(OPEN_TOPICS), prefix),
      partition: random.int(0, partitions - 1),
    }
    const identity = await this.#identity(transactionalId)
    const ask = this.#options.ask
    await ask('addPartitionsToTxn', { ...identity, transactionalId, partitions: [at] }, LIMITS)
    const batch = this.#batch(at, random.bytes(24), identity)
    await ask('produce', { transactionalId, partitions: [{ ...at, batch }] }, LIMITS)
    await node.sleep(random.between(50, 7_000))
    if (random.chance(0.3)) return
    await ask('endTxn', { ...identity, transactionalId, commit: random.chance(0.5) }, LIMITS)
  }

  /** A value that nobody can decode. */
  async garbage(): Promise<void> {
    const { random } = this.#options
    await this.#plain(random.pick(OPEN_TOPICS), random.bytes(random.int(1, 60)))
  }

  async poison(value: Uint8Array): Promise<void> {
    await this.#plain('signals', value)
  }

  async #plain(topic: TopicKind, value: Uint8Array): Promise<void> {
    const { random, prefix, partitions } = this.#options
    const at = { topic: topicName(topic, prefix), partition: random.int(0, partitions - 1) }
    const batch = this.#batch(at, value, null)
    const request = { transactionalId: null, partitions: [{ ...at, batch }] }
    await this.#options.ask('produce', request, LIMITS)
  }

  async #identity(transactionalId: string): Promise<ProducerIdentity> {
    const request = { transactionalId, timeoutMs: TIMEOUT_MS, current: null }
    const { producerId, producerEpoch } = await this.#options.ask('initProducerId', request, LIMITS)
    return { producerId, producerEpoch }
  }

  #batch(
    at: { readonly topic: string; readonly partition: number },
    value: Uint8Array,
    identity: ProducerIdentity | null,
  ): Uint8Array {
    const timestampMs = this.#options.node.nowMs()
    const record: OutgoingRecord = { ...at, key: encodeUtf8('stranger'), value, timestampMs }
    const fields = {
      transactional: identity !== null,
      producerId: identity?.producerId ?? -1,
      producerEpoch: identity?.producerEpoch ?? -1,
      baseSequence: identity === null ? -1 : 0,
    }
    return encodeBatch([record], fields, crc32c)
  }
}

const LIMITS = { timeoutMs: 60_000 }
