import type { Appended, IdempotentProducer } from '../../runtime/ports.ts'
import type { OutgoingRecord } from '../../contracts/record.ts'
/** A record that the log has taken: its value's print, by offset. */
export type Acknowledged = Map<number, number>
export declare class History {
  #private
  acknowledged: number
  /** Sends without a definite answer: their records may be there or not. */
  doubtful: number
  /** Sends, and writes down what was answered. Resolves with whether it was taken. */
  send(producer: IdempotentProducer, records: readonly OutgoingRecord[]): Promise<boolean>
  /** `places`: one or more per partition, in the order of its records. */
  took(records: readonly OutgoingRecord[], places: readonly Appended[]): void
  /** By partition. */
  get all(): ReadonlyMap<string, Acknowledged>
}
