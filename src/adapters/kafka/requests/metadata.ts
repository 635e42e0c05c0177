// Metadata version 7: the brokers, and the partitions of topics with their leaders and the leaders'
// epochs.
import { type ErrorCode, errorName } from '../../client/error-codes.ts'
import type { KafkaRequest } from '../wire.ts'
import type { ByteReader } from './bytes.ts'
import { answersForNames, kafkaRequest } from './codec.ts'

export interface BrokerAddress {
  readonly node: number
  readonly host: string
  readonly port: number
}

export interface PartitionMetadata {
  readonly error: ErrorCode
  readonly partition: number
  /** -1: there is none now. */
  readonly leader: number
  /** Grows with every change of leader. */
  readonly leaderEpoch: number
}

export interface TopicMetadata {
  readonly name: string
  readonly error: ErrorCode
  readonly partitions: readonly PartitionMetadata[]
}

export interface ClusterMetadata {
  readonly brokers: readonly BrokerAddress[]
  readonly clusterId: string | null
  /** Node that takes changes of topics; -1: none is known. */
  readonly controller: number
  /** In the order asked. */
  readonly topics: readonly TopicMetadata[]
}

/** Never creates topics. */
export function metadataRequest(names: readonly string[]): KafkaRequest<ClusterMetadata> {
  return kafkaRequest(
    { apiKey: 3, apiVersion: 7, apiName: 'Metadata' },
    (body) => {
      body.array(names, (name) => body.string(name)).bool(false)
    },
    (body) => {
      body.int32() // throttle time
      const brokers = body.array(() => {
        const address = { node: body.int32(), host: body.string(), port: body.int32() }
        body.nullableString() // rack
        return address
      })
      const clusterId = body.nullableString()
      const controller = body.int32()
      const topics = body.array(() => readTopic(body))
      return { brokers, clusterId, controller, topics: answersForNames(names, topics) }
    },
  )
}

function readTopic(body: ByteReader): TopicMetadata {
  const error = errorName(body.int16())
  const name = body.string()
  body.bool() // internal
  const partitions = body.array(() => {
    const partition = {
      error: errorName(body.int16()),
      partition: body.int32(),
      leader: body.int32(),
      leaderEpoch: body.int32(),
    }
    // Replicas, those in sync, those offline.
    for (let i = 0; i < 3; i++) body.array(() => body.int32())
    return partition
  })
  return { name, error, partitions }
}
