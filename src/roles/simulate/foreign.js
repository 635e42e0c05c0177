// Strangers at the input topics: transactions that stay open and hold readers back, are committed
// late or aborted; values that are no Avro, and records that the simulated core refuses or dies of.
import { crc32c } from '../../adapters/client/crc32c.js'
import { topicName } from '../../contracts/topics.js'
import { encodeUtf8 } from '../../contracts/utf8.js'
import { encodeBatch } from '../../runtime/record-batch-encode.js'
/** A value that begins so makes the simulated core throw; `deadly` ends its process. */
export const POISON = encodeUtf8('simulated poison')
export const DEADLY = encodeUtf8('simulated death')
const TIMEOUT_MS = 5_000
const OPEN_TOPICS = ['remote', 'signals', 'telemetry', 'service-events']
export class Foreign {
  #options
  #count = 0
  constructor(options) {
    this.#options = options
  }
  /** An open transaction on an input; its end is drawn too: late, aborted, or left to time out. */
  async transaction() {
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
  async garbage() {
    const { random } = this.#options
    await this.#plain(random.pick(OPEN_TOPICS), random.bytes(random.int(1, 60)))
  }
  async poison(value) {
    await this.#plain('signals', value)
  }
  async #plain(topic, value) {
    const { random, prefix, partitions } = this.#options
    const at = { topic: topicName(topic, prefix), partition: random.int(0, partitions - 1) }
    const batch = this.#batch(at, value, null)
    const request = { transactionalId: null, partitions: [{ ...at, batch }] }
    await this.#options.ask('produce', request, LIMITS)
  }
  async #identity(transactionalId) {
    const request = { transactionalId, timeoutMs: TIMEOUT_MS, current: null }
    const { producerId, producerEpoch } = await this.#options.ask('initProducerId', request, LIMITS)
    return { producerId, producerEpoch }
  }
  #batch(at, value, identity) {
    const timestampMs = this.#options.node.nowMs()
    const record = { ...at, key: encodeUtf8('stranger'), value, timestampMs }
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
//# sourceMappingURL=foreign.js.map
