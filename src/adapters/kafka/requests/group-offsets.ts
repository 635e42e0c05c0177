// OffsetCommit version 5 and OffsetFetch version 4, of a group that has no members: positions that
// somebody keeps on the log for its own next start.
import type { GroupPosition, RequestOf, ResponseOf } from '../../client/protocol.ts'
import { type ErrorCode, errorName } from '../../client/error-codes.ts'
import type { TopicPartition } from '../../../runtime/ports.ts'
import type { KafkaRequest } from '../wire.ts'
import { answersFor, kafkaRequest, readPartitions, writePartitions } from './codec.ts'

/** Of no round, and by no member. */
const NO_GENERATION = -1
const NO_MEMBER = ''
const NO_METADATA = null

/** Answers in the order of `positions`. */
export function commitOffsetsRequest({
  group,
  positions,
}: RequestOf<'commitOffsets'>): KafkaRequest<ResponseOf<'commitOffsets'>> {
  return kafkaRequest(
    { apiKey: 8, apiVersion: 5, apiName: 'OffsetCommit' },
    (body) => {
      body.string(group).int32(NO_GENERATION).string(NO_MEMBER)
      writePartitions(body, positions, ({ partition, offset }: GroupPosition) => {
        body.int32(partition).int64(offset).string(NO_METADATA)
      })
    },
    (body) => {
      body.int32() // throttle time
      const answered = readPartitions(body, (at) => ({ ...at, error: errorName(body.int16()) }))
      const partitions = answersFor(positions, answered)
      return { error: coordinatorError(partitions), partitions }
    },
  )
}

/** What is wrong with the coordinator is said of every partition. */
function coordinatorError(partitions: readonly { readonly error: ErrorCode }[]): ErrorCode {
  const wrong = partitions.find(
    ({ error }) => error === 'NOT_COORDINATOR' || error === 'COORDINATOR_NOT_AVAILABLE',
  )
  return wrong?.error ?? 'NONE'
}

interface Position extends TopicPartition {
  readonly error: ErrorCode
  readonly offset: number
}

/** Answers in the order of `partitions`. */
export function fetchOffsetsRequest({
  group,
  partitions,
}: RequestOf<'fetchOffsets'>): KafkaRequest<ResponseOf<'fetchOffsets'>> {
  return kafkaRequest(
    { apiKey: 9, apiVersion: 4, apiName: 'OffsetFetch' },
    (body) => {
      body.string(group)
      writePartitions(body, partitions, ({ partition }) => {
        body.int32(partition)
      })
    },
    (body) => {
      body.int32() // throttle time
      const answered = readPartitions(body, (at): Position => {
        const offset = body.int64()
        body.nullableString() // metadata
        return { ...at, offset, error: errorName(body.int16()) }
      })
      const error = errorName(body.int16())
      // Without its coordinator an answer speaks of no partition.
      return { error, partitions: error === 'NONE' ? answersFor(partitions, answered) : [] }
    },
  )
}
