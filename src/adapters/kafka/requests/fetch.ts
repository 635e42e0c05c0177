// Fetch version 10, without a session: every request names all its partitions. Stored batches are
// views of the answer, not copies. From version 11 on a follower answers as well (KIP-392), with an
// end that may lie behind what was written before the request: then who reads to it has not caught
// up. To version 10 only the leader answers.
import type { Isolation, TopicPartition } from '../../../runtime/ports.ts'
import type { AbortedTransaction } from '../../../runtime/record-batch-select.ts'
import type { FetchedPartition, FetchPartition } from '../../client/protocol.ts'
import { type ErrorCode, errorName } from '../../client/error-codes.ts'
import type { KafkaRequest } from '../wire.ts'
import type { ByteReader } from './bytes.ts'
import { answersFor, kafkaRequest, readPartitions, writePartitions } from './codec.ts'

/** Bound of a whole answer; one partition's first batch is always returned. */
const MAX_BYTES = 32 * 1_048_576
/** Sender is a consumer; no session; no log start offset to compare. */
const NONE = -1
const NO_SESSION = 0

export interface FetchRequest {
  readonly isolation: Isolation
  readonly maxWaitMs: number
  readonly partitions: readonly FetchPartition[]
}

/** Number of an isolation level on the wire. */
export function isolationLevel(isolation: Isolation): number {
  return isolation === 'read_committed' ? 1 : 0
}

/** Answers in the order of `partitions`. */
export function fetchRequest(request: FetchRequest): KafkaRequest<FetchedPartition[]> {
  const { isolation, maxWaitMs, partitions } = request
  return kafkaRequest(
    { apiKey: 1, apiVersion: 10, apiName: 'Fetch' },
    (body) => {
      body.int32(NONE).int32(Math.ceil(maxWaitMs)).int32(1).int32(MAX_BYTES)
      body.int8(isolationLevel(isolation)).int32(NO_SESSION).int32(NONE)
      writePartitions(body, partitions, ({ partition, leaderEpoch, offset, maxBytes }) => {
        body.int32(partition).int32(leaderEpoch).int64(offset).int64(NONE).int32(maxBytes)
      })
      body.array([], () => {}) // topics to forget
    },
    (body) => {
      body.int32() // throttle time
      const error = errorName(body.int16())
      body.int32() // session
      const answered = readPartitions(body, (at) => readFetched(body, at, isolation))
      if (error !== 'NONE') return partitions.map((at) => refused(at, error))
      return answersFor(partitions, answered)
    },
  )
}

/** Field by field and not spread: this is most of what a quiet reader does. */
function readFetched(
  body: ByteReader,
  { topic, partition }: TopicPartition,
  isolation: Isolation,
): FetchedPartition {
  const error = errorName(body.int16())
  const highWatermark = body.int64()
  const lastStableOffset = body.int64()
  const logStartOffset = body.int64()
  const aborted = body.array(
    (): AbortedTransaction => ({ producerId: body.int64(), firstOffset: body.int64() }),
  )
  const records = body.bytes()
  return {
    topic,
    partition,
    error,
    chunks: records.length === 0 ? [] : [records],
    aborted: aborted.sort((a, b) => a.firstOffset - b.firstOffset),
    endOffset: isolation === 'read_committed' ? lastStableOffset : highWatermark,
    heldBack: isolation === 'read_committed' && lastStableOffset < highWatermark,
    logStartOffset,
  }
}

function refused({ topic, partition }: FetchPartition, error: ErrorCode): FetchedPartition {
  const nothing = { chunks: [], aborted: [], endOffset: -1, heldBack: false, logStartOffset: -1 }
  return { topic, partition, error, ...nothing }
}
