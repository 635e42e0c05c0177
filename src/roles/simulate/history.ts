// What clients outside of the engine know: which of their records the log has taken, and where.
// Nothing else may be called acknowledged.
import type { Appended, IdempotentProducer } from '../../runtime/ports.ts'
import type { OutgoingRecord } from '../../contracts/record.ts'
import { partitionKey } from '../../adapters/client/protocol.ts'
import { printOf } from './batches.ts'

/** A record that the log has taken: its value's print, by offset. */
export type Acknowledged = Map<number, number>

export class History {
  readonly #byPartition = new Map<string, Acknowledged>()
  acknowledged: number = 0
  /** Sends without a definite answer: their records may be there or not. */
  doubtful: number = 0

  /** Sends, and writes down what was answered. Resolves with whether it was taken. */
  async send(producer: IdempotentProducer, records: readonly OutgoingRecord[]): Promise<boolean> {
    try {
      this.took(records, await producer.send(records))
      return true
    } catch {
      this.doubtful++
      return false
    }
  }

  /** `places`: one or more per partition, in the order of its records. */
  took(records: readonly OutgoingRecord[], places: readonly Appended[]): void {
    const offsets = new Map<string, number[]>()
    for (const place of places) {
      const list = offsets.get(partitionKey(place)) ?? []
      for (let at = place.baseOffset; at >= 0 && at <= place.lastOffset; at++) list.push(at)
      offsets.set(partitionKey(place), list)
    }
    for (const record of records) {
      const key = partitionKey(record)
      const offset = offsets.get(key)?.shift()
      if (offset === undefined) continue
      const known: Acknowledged = this.#byPartition.get(key) ?? new Map()
      this.#byPartition.set(key, known)
      known.set(offset, printOf(record.value))
      this.acknowledged++
    }
  }

  /** By partition. */
  get all(): ReadonlyMap<string, Acknowledged> {
    return this.#byPartition
  }
}
