// What `healstream doctor` asks of brokers and no client does: what the caller is allowed to do
// (Metadata version 8), settings of brokers (DescribeConfigs version 2), and the time of the
// controller's clock (DescribeQuorum version 1).
import { type ErrorCode, errorName } from '../../client/error-codes.ts'
import type { KafkaRequest } from '../wire.ts'
import type { ByteReader } from './bytes.ts'
import { answersForNames, kafkaRequest } from './codec.ts'
import type { BrokerAddress } from './metadata.ts'
import { readConfig } from './topics.ts'

const BROKER_RESOURCE = 4
const METADATA_LOG = '__cluster_metadata'

/** Kafka's AclOperation by its number, which is also its bit in a set of operations. */
const OPERATIONS = new Map([
  [3, 'Read'],
  [4, 'Write'],
  [5, 'Create'],
  [6, 'Delete'],
  [7, 'Alter'],
  [8, 'Describe'],
  [9, 'ClusterAction'],
  [10, 'DescribeConfigs'],
  [11, 'AlterConfigs'],
  [12, 'IdempotentWrite'],
])

export interface PartitionState {
  readonly partition: number
  /** -1: there is none now. */
  readonly leader: number
  readonly replicas: readonly number[]
  readonly inSync: readonly number[]
}

export interface TopicAccess {
  readonly name: string
  readonly error: ErrorCode
  readonly partitions: readonly PartitionState[]
  /** What the caller may do with it. */
  readonly operations: readonly string[]
}

export interface ClusterAccess {
  readonly brokers: readonly BrokerAddress[]
  readonly clusterId: string | null
  readonly topics: readonly TopicAccess[]
  /** What the caller may do with the cluster; empty too when it may not know. */
  readonly operations: readonly string[]
}

/** Metadata with what the caller is allowed to do. Never creates topics. */
export function accessRequest(names: readonly string[]): KafkaRequest<ClusterAccess> {
  return kafkaRequest(
    { apiKey: 3, apiVersion: 8, apiName: 'Metadata' },
    (body) => {
      body.array(names, (name) => body.string(name))
      body.bool(false).bool(true).bool(true) // no creation; operations on the cluster, on topics
    },
    (body) => {
      body.int32() // throttle time
      const brokers = body.array(() => {
        const address = { node: body.int32(), host: body.string(), port: body.int32() }
        body.nullableString() // rack
        return address
      })
      const clusterId = body.nullableString()
      body.int32() // controller
      const topics = answersForNames(
        names,
        body.array(() => readTopic(body)),
      )
      return { brokers, clusterId, topics, operations: operationsOf(body.int32()) }
    },
  )
}

function readTopic(body: ByteReader): TopicAccess {
  const error = errorName(body.int16())
  const name = body.string()
  body.bool() // internal
  const partitions = body.array(() => {
    body.int16() // error: told by the leader
    const at = { partition: body.int32(), leader: body.int32() }
    body.int32() // epoch of the leader
    const replicas = body.array(() => body.int32())
    const inSync = body.array(() => body.int32())
    body.array(() => body.int32()) // offline
    return { ...at, replicas, inSync }
  })
  return { name, error, partitions, operations: operationsOf(body.int32()) }
}

/** The smallest number of 32 bits means that nothing is known. */
function operationsOf(bits: number): readonly string[] {
  if (bits === -(2 ** 31)) return []
  return [...OPERATIONS].flatMap(([bit, name]) => ((bits & (1 << bit)) === 0 ? [] : [name]))
}

/** Settings of one broker, to be sent to it. */
export function brokerConfigRequest(
  node: number,
  names: readonly string[],
): KafkaRequest<{ readonly error: ErrorCode; readonly config: Readonly<Record<string, string>> }> {
  return kafkaRequest(
    { apiKey: 32, apiVersion: 2, apiName: 'DescribeConfigs' },
    (body) => {
      body.array([String(node)], (name) => {
        body.int8(BROKER_RESOURCE).string(name)
        body.array(names, (key) => body.string(key))
      })
      body.bool(false) // no synonyms
    },
    (body) => {
      body.int32() // throttle time
      const [answer] = body.array(() => readConfig(body))
      return answer ?? { error: 'UNKNOWN_SERVER_ERROR', config: {} }
    },
  )
}

/**
 * What the clock of the active controller showed when it answered, epoch ms; null without KRaft.
 * The leader of a quorum names itself with its own time (KIP-836).
 */
export function quorumTimeRequest(): KafkaRequest<{
  readonly error: ErrorCode
  readonly nowMs: number | null
}> {
  return kafkaRequest(
    { apiKey: 55, apiVersion: 1, apiName: 'DescribeQuorum', flexible: true },
    (body) => {
      // One topic, one partition.
      body.uvarint(2).compactString(METADATA_LOG).uvarint(2).int32(0).noTags().noTags().noTags()
    },
    (body) => {
      const error = errorName(body.int16())
      const times = compactArray(body, () => {
        body.skip(body.uvarint() - 1) // topic
        const partitions = compactArray(body, () => readQuorum(body))
        body.skipTags()
        return partitions
      }).flat()
      body.skipTags()
      const [first] = times
      if (error !== 'NONE' || first === undefined) return { error, nowMs: null }
      return first
    },
  )
}

function readQuorum(body: ByteReader): {
  readonly error: ErrorCode
  readonly nowMs: number | null
} {
  body.int32() // partition
  const error = errorName(body.int16())
  const leader = body.int32()
  body.int32() // epoch
  body.int64() // high watermark
  const replicas = [...readReplicas(body), ...readReplicas(body)]
  body.skipTags()
  const own = replicas.find(({ id }) => id === leader)
  return { error, nowMs: own !== undefined && own.seenMs > 0 ? own.seenMs : null }
}

/** Voters, or those that only listen, with the time they were last heard of. */
function readReplicas(body: ByteReader): { readonly id: number; readonly seenMs: number }[] {
  return compactArray(body, () => {
    const id = body.int32()
    body.int64() // end of its log
    const seenMs = body.int64()
    body.int64() // when it had caught up
    body.skipTags()
    return { id, seenMs }
  })
}

function compactArray<T>(body: ByteReader, read: () => T): T[] {
  const items: T[] = []
  for (let left = body.uvarint() - 1; left > 0; left--) items.push(read())
  return items
}
