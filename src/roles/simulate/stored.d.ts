import { type Transport } from '../../adapters/client/protocol.ts'
import type { TopicPartition } from '../../runtime/ports.ts'
import { type SeenBatch, type SeenRecord } from './batches.ts'
export declare class Stored {
  #private
  constructor(ask: Transport)
  /** What has become visible since the last look, batch by batch. */
  newBatches(at: TopicPartition): Promise<readonly SeenBatch[]>
  newRecords(at: TopicPartition): Promise<readonly SeenRecord[]>
}
