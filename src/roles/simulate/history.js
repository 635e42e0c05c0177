import { partitionKey } from '../../adapters/client/protocol.js'
import { printOf } from './batches.js'
export class History {
  #byPartition = new Map()
  acknowledged = 0
  /** Sends without a definite answer: their records may be there or not. */
  doubtful = 0
  /** Sends, and writes down what was answered. Resolves with whether it was taken. */
  async send(producer, records) {
    try {
      this.took(records, await producer.send(records))
      return true
    } catch {
      this.doubtful++
      return false
    }
  }
  /** `places`: one or more per partition, in the order of its records. */
  took(records, places) {
    const offsets = new Map()
    for (const place of places) {
      const list = offsets.get(partitionKey(place)) ?? []
      for (let at = place.baseOffset; at >= 0 && at <= place.lastOffset; at++) list.push(at)
      offsets.set(partitionKey(place), list)
    }
    for (const record of records) {
      const key = partitionKey(record)
      const offset = offsets.get(key)?.shift()
      if (offset === undefined) continue
      const known = this.#byPartition.get(key) ?? new Map()
      this.#byPartition.set(key, known)
      known.set(offset, printOf(record.value))
      this.acknowledged++
    }
  }
  /** By partition. */
  get all() {
    return this.#byPartition
  }
}
//# sourceMappingURL=history.js.map
