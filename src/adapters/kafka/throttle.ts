// What a broker says about its quota: in which answers, and where in them (KIP-219: the answer
// comes at once and the client is to wait; in older versions the broker waits itself).
import type { KafkaRequest } from './wire.ts'

/** First version whose answer asks the client to wait, by API key; the later APIs all do. */
const FIRST_VERSIONS: ReadonlyMap<number, number> = new Map([
  [0, 6], // Produce
  [1, 8], // Fetch
  [2, 3], // ListOffsets
  [3, 6], // Metadata
  [8, 4], // OffsetCommit
  [9, 4], // OffsetFetch
  [10, 2], // FindCoordinator
  [11, 3], // JoinGroup
  [12, 2], // Heartbeat
  [13, 2], // LeaveGroup
  [14, 2], // SyncGroup
  [19, 3], // CreateTopics
  [20, 2], // DeleteTopics
  [21, 1], // DeleteRecords
  [22, 1], // InitProducerId
  [23, 2], // OffsetForLeaderEpoch
  [24, 1], // AddPartitionsToTxn
  [26, 1], // EndTxn
  [32, 2], // DescribeConfigs
])
const PRODUCE = 0
const INT32_BYTES = 4

/** Milliseconds the broker asks to wait before the next request on this connection; 0: none. */
export function throttleMs(request: KafkaRequest<unknown>, body: Buffer): number {
  const first = FIRST_VERSIONS.get(request.apiKey)
  if (first === undefined || request.apiVersion < first || body.length < INT32_BYTES) return 0
  // All begin with it but Produce, which ends with it.
  if (request.apiKey !== PRODUCE) return Math.max(0, body.readInt32BE(0))
  return request.flexible ? 0 : Math.max(0, body.readInt32BE(body.length - INT32_BYTES))
}
