import type { AbortedTransaction } from '../../runtime/record-batch-select.ts'
import type { RecordView } from '../../contracts/record.ts'
/** A visible batch of one partition. */
export interface SeenBatch {
  readonly baseOffset: number
  readonly lastOffset: number
  /** Its checksum, as stored. */
  readonly crc: number
  /** Largest time in it; the append time where the topic has that. */
  readonly timeMs: number
  /** null: its records cannot be read. */
  readonly records: readonly SeenRecord[] | null
}
/** A view that is never moved. */
export type SeenRecord = Readonly<RecordView>
/**
 * Visible batches of what a fetch brought, in order, and where the next one begins. Control batches
 * end the transaction of their producer; what an aborted one holds is left out.
 */
export declare function visibleBatches(
  chunks: readonly Uint8Array[],
  aborted: readonly AbortedTransaction[],
  from: number,
): {
  readonly batches: readonly SeenBatch[]
  readonly to: number
}
/** A key or a value; null for Kafka's null. */
export declare function bytesOf(record: SeenRecord, part: 'key' | 'value'): Uint8Array | null
/** 32 bits by which the same bytes are known again. */
export declare function printOf(bytes: Uint8Array | null): number
