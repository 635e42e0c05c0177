// What a transactional writer asks of its coordinator: InitProducerId version 4 (the first that
// tells PRODUCER_FENCED, and takes the current identity: KIP-360), AddPartitionsToTxn version 1 and
// EndTxn version 1. From AddPartitionsToTxn 4 and EndTxn 5 on, brokers would change the epoch with
// every transaction (KIP-890), which is another protocol.
import type { TopicPartition } from '../../../runtime/ports.ts'
import type { ProducerIdentity, RequestOf, ResponseOf } from '../../client/protocol.ts'
import { type ErrorCode, errorName } from '../../client/error-codes.ts'
import type { KafkaRequest } from '../wire.ts'
import { answersFor, kafkaRequest, readPartitions, writePartitions } from './codec.ts'

const NOBODY: ProducerIdentity = { producerId: -1, producerEpoch: -1 }

export function initProducerIdRequest(
  request: RequestOf<'initProducerId'>,
): KafkaRequest<ResponseOf<'initProducerId'>> {
  const { transactionalId, timeoutMs, current } = request
  const { producerId, producerEpoch } = current ?? NOBODY
  return kafkaRequest(
    { apiKey: 22, apiVersion: 4, apiName: 'InitProducerId', flexible: true },
    (body) => {
      body.compactString(transactionalId).int32(timeoutMs)
      body.int64(producerId).int16(producerEpoch).noTags()
    },
    (body) => {
      body.int32() // throttle time
      const answer = {
        error: errorName(body.int16()),
        producerId: body.int64(),
        producerEpoch: body.int16(),
      }
      body.skipTags()
      return answer
    },
  )
}

/**
 * One error for all: partitions are added together or not at all, and those that are not to blame
 * are answered OPERATION_NOT_ATTEMPTED.
 */
export function addPartitionsRequest(
  request: RequestOf<'addPartitionsToTxn'>,
): KafkaRequest<ResponseOf<'addPartitionsToTxn'>> {
  const { transactionalId, producerId, producerEpoch, partitions } = request
  return kafkaRequest(
    { apiKey: 24, apiVersion: 1, apiName: 'AddPartitionsToTxn' },
    (body) => {
      body.string(transactionalId).int64(producerId).int16(producerEpoch)
      writePartitions(body, partitions, ({ partition }) => body.int32(partition))
    },
    (body) => {
      body.int32() // throttle time
      const answered = readPartitions(body, (at) => ({ ...at, error: errorName(body.int16()) }))
      return { error: firstToBlame(answersFor(partitions, answered)) }
    },
  )
}

function firstToBlame(answers: readonly (TopicPartition & { error: ErrorCode })[]): ErrorCode {
  const failed = answers.filter(({ error }) => error !== 'NONE')
  const blamed = failed.find(({ error }) => error !== 'OPERATION_NOT_ATTEMPTED')
  return (blamed ?? failed[0])?.error ?? 'NONE'
}

export function endTxnRequest(request: RequestOf<'endTxn'>): KafkaRequest<ResponseOf<'endTxn'>> {
  const { transactionalId, producerId, producerEpoch, commit } = request
  return kafkaRequest(
    { apiKey: 26, apiVersion: 1, apiName: 'EndTxn' },
    (body) => {
      body.string(transactionalId).int64(producerId).int16(producerEpoch).bool(commit)
    },
    (body) => {
      body.int32() // throttle time
      return { error: errorName(body.int16()) }
    },
  )
}
