// Produce version 7: batches that are encoded already go into the request as they are, copied once.
import type { ProducedPartition, ProducePartition } from '../../client/protocol.ts'
import { errorName } from '../../client/error-codes.ts'
import type { KafkaRequest } from '../wire.ts'
import { answersFor, kafkaRequest, readPartitions, writePartitions } from './codec.ts'

/** Answered when all in-sync replicas have it. */
const ALL_IN_SYNC = -1
/** More than the fields around one partition's batch take. */
const FIELD_BYTES = 300

export interface ProduceRequest {
  readonly transactionalId: string | null
  /** The broker answers REQUEST_TIMED_OUT when replicas take longer. */
  readonly timeoutMs: number
  readonly partitions: readonly ProducePartition[]
}

/** Answers in the order of `partitions`. */
export function produceRequest(request: ProduceRequest): KafkaRequest<ProducedPartition[]> {
  const { transactionalId, timeoutMs, partitions } = request
  const batchBytes = partitions.reduce((sum, { batch }) => sum + batch.length, 0)
  const capacity = batchBytes + FIELD_BYTES * (partitions.length + 1)
  return kafkaRequest(
    { apiKey: 0, apiVersion: 7, apiName: 'Produce', capacity },
    (body) => {
      body.string(transactionalId).int16(ALL_IN_SYNC).int32(timeoutMs)
      writePartitions(body, partitions, ({ partition, batch }) => {
        body.int32(partition).bytes(batch)
      })
    },
    (body) => {
      const answered = readPartitions(body, (at): ProducedPartition => {
        const error = errorName(body.int16())
        const baseOffset = body.int64()
        const appendMs = body.int64()
        body.int64() // log start offset
        return { ...at, error, baseOffset, appendMs: appendMs === -1 ? null : appendMs }
      })
      body.int32() // throttle time
      return answersFor(partitions, answered)
    },
  )
}
