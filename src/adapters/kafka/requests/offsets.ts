// ListOffsets version 3 and DeleteRecords version 1: both ends of a partition. OffsetForLeaderEpoch
// version 3: up to where a leader's log is that of an earlier leader (KIP-320).
import type { Isolation, TopicPartition } from '../../../runtime/ports.ts'
import { type ErrorCode, errorName } from '../../client/error-codes.ts'
import type { EpochEnd, EpochQuestion } from '../../client/protocol.ts'
import type { KafkaRequest } from '../wire.ts'
import { answersFor, kafkaRequest, readPartitions, writePartitions } from './codec.ts'
import { isolationLevel } from './fetch.ts'

const CONSUMER = -1
const LATEST = -1
const EARLIEST = -2

export type OffsetQuery = 'earliest' | 'latest' | { readonly timestampMs: number }

export interface PartitionOffset extends TopicPartition {
  readonly error: ErrorCode
  /** -1: no record at or after the time. */
  readonly offset: number
}

export interface ListOffsetsRequest {
  readonly isolation: Isolation
  readonly at: OffsetQuery
  readonly partitions: readonly TopicPartition[]
}

/** Answers in the order of `partitions`. */
export function listOffsetsRequest(request: ListOffsetsRequest): KafkaRequest<PartitionOffset[]> {
  const { isolation, partitions } = request
  const timestamp = timestampOf(request.at)
  return kafkaRequest(
    { apiKey: 2, apiVersion: 3, apiName: 'ListOffsets' },
    (body) => {
      body.int32(CONSUMER).int8(isolationLevel(isolation))
      writePartitions(body, partitions, ({ partition }) => {
        body.int32(partition).int64(timestamp)
      })
    },
    (body) => {
      body.int32() // throttle time
      const answered = readPartitions(body, (at): PartitionOffset => {
        const error = errorName(body.int16())
        body.int64() // time stamp
        return { ...at, error, offset: body.int64() }
      })
      return answersFor(partitions, answered)
    },
  )
}

function timestampOf(at: OffsetQuery): number {
  if (at === 'latest') return LATEST
  return at === 'earliest' ? EARLIEST : at.timestampMs
}

export interface RecordsBefore extends TopicPartition {
  readonly beforeOffset: number
}

/** Answers in the order of `partitions`. */
export function deleteRecordsRequest(
  partitions: readonly RecordsBefore[],
  timeoutMs: number,
): KafkaRequest<(TopicPartition & { readonly error: ErrorCode })[]> {
  return kafkaRequest(
    { apiKey: 21, apiVersion: 1, apiName: 'DeleteRecords' },
    (body) => {
      writePartitions(body, partitions, ({ partition, beforeOffset }) => {
        body.int32(partition).int64(beforeOffset)
      })
      body.int32(timeoutMs)
    },
    (body) => {
      body.int32() // throttle time
      const answered = readPartitions(body, (at) => {
        body.int64() // low watermark
        return { ...at, error: errorName(body.int16()) }
      })
      return answersFor(partitions, answered)
    },
  )
}

/** Answers in the order of `partitions`. */
export function epochEndsRequest(partitions: readonly EpochQuestion[]): KafkaRequest<EpochEnd[]> {
  return kafkaRequest(
    { apiKey: 23, apiVersion: 3, apiName: 'OffsetForLeaderEpoch' },
    (body) => {
      body.int32(CONSUMER)
      writePartitions(body, partitions, ({ partition, leaderEpoch, epoch }) => {
        body.int32(partition).int32(leaderEpoch).int32(epoch)
      })
    },
    (body) => {
      body.int32() // throttle time
      const topics = body.array(() => {
        const topic = body.string()
        // The only answer in which the error comes before the partition.
        return body.array((): EpochEnd => {
          const error = errorName(body.int16())
          const partition = body.int32()
          return { topic, partition, error, epoch: body.int32(), endOffset: body.int64() }
        })
      })
      return answersFor(partitions, topics.flat())
    },
  )
}
