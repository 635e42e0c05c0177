// One request of each kind, the same in kafkajs' words where it speaks that version, an answer to it
// written by kafkajs' encoder, and what that answer says.
import { addPartitionsRequest } from '../../../../src/adapters/kafka/requests/transactions.ts'
import { endTxnRequest } from '../../../../src/adapters/kafka/requests/transactions.ts'
import { initProducerIdRequest } from '../../../../src/adapters/kafka/requests/transactions.ts'
import { fetchRequest } from '../../../../src/adapters/kafka/requests/fetch.ts'
import {
  heartbeatRequest,
  joinGroupRequest,
  leaveGroupRequest,
  syncGroupRequest,
} from '../../../../src/adapters/kafka/requests/groups.ts'
import { metadataRequest } from '../../../../src/adapters/kafka/requests/metadata.ts'
import {
  deleteRecordsRequest,
  listOffsetsRequest,
} from '../../../../src/adapters/kafka/requests/offsets.ts'
import { produceRequest } from '../../../../src/adapters/kafka/requests/produce.ts'
import {
  createTopicsRequest,
  deleteTopicsRequest,
  describeConfigsRequest,
} from '../../../../src/adapters/kafka/requests/topics.ts'
import type { KafkaRequest } from '../../../../src/adapters/kafka/wire.ts'
import { answer, arrayOf, type Encoder } from './kafkajs-codec.ts'

export interface Example {
  readonly request: KafkaRequest<unknown>
  /** null: kafkajs does not speak the version. */
  readonly kafkajs: object | null
  readonly answer: Buffer
  readonly says: unknown
}

/** Beyond 2^32, so that both halves of a 64-bit field count. */
export const FAR = 5_000_000_123
const PRODUCER_ID = 9_007_199_254_740_000

function topicsOf(
  topics: Readonly<Record<string, readonly number[]>>,
  write: (to: Encoder, partition: number) => Encoder,
): Encoder {
  return arrayOf(Object.entries(topics), (to, [topic, partitions]) =>
    to
      .writeString(topic)
      .writeEncoder(
        arrayOf(partitions, (inner, partition) => write(inner.writeInt32(partition), partition)),
      ),
  )
}

const batches = { '0': Buffer.from('batch zero'), '1': Buffer.from('batch one') }

export const produce: Example = {
  request: produceRequest({
    transactionalId: 'hs.0',
    timeoutMs: 900,
    partitions: [
      { topic: 'a', partition: 1, batch: batches['1'] },
      { topic: 'b', partition: 0, batch: batches['0'] },
    ],
  }),
  // kafkajs encodes records itself: compared in a test of its own.
  kafkajs: null,
  answer: answer()
    .writeEncoder(
      topicsOf({ b: [0], a: [1] }, (to, partition) =>
        to
          .writeInt16(partition === 1 ? 0 : 6)
          .writeInt64(partition === 1 ? FAR : -1)
          .writeInt64(partition === 1 ? 1_700_000_000_000 : -1)
          .writeInt64(0),
      ),
    )
    .writeInt32(0).buffer,
  says: [
    { topic: 'a', partition: 1, error: 'NONE', baseOffset: FAR, appendMs: 1_700_000_000_000 },
    {
      topic: 'b',
      partition: 0,
      error: 'NOT_LEADER_OR_FOLLOWER',
      baseOffset: -1,
      appendMs: null,
    },
  ],
}

export const fetch: Example = {
  request: fetchRequest({
    isolation: 'read_committed',
    maxWaitMs: 500,
    partitions: [
      { topic: 'a', partition: 0, offset: FAR, maxBytes: 1_048_576 },
      { topic: 'a', partition: 3, offset: 0, maxBytes: 1_048_576 },
      { topic: 'ä', partition: 1, offset: 7, maxBytes: 10 },
    ],
  }),
  kafkajs: {
    replicaId: -1,
    maxWaitTime: 500,
    minBytes: 1,
    maxBytes: 32 * 1_048_576,
    isolationLevel: 1,
    topics: [
      {
        topic: 'a',
        partitions: [
          { partition: 0, fetchOffset: String(FAR), maxBytes: 1_048_576 },
          { partition: 3, fetchOffset: '0', maxBytes: 1_048_576 },
        ],
      },
      { topic: 'ä', partitions: [{ partition: 1, fetchOffset: '7', maxBytes: 10 }] },
    ],
  },
  answer: answer()
    .writeInt32(0)
    .writeInt16(0)
    .writeInt32(0)
    .writeEncoder(
      topicsOf({ ä: [1], a: [3, 0] }, (to, partition) => {
        to.writeInt16(partition === 1 ? 1 : 0)
        to.writeInt64(FAR + 20)
          .writeInt64(FAR + 10)
          .writeInt64(4)
        const aborted = partition === 0 ? [FAR + 5, FAR, FAR + 2] : []
        to.writeEncoder(
          arrayOf(aborted, (inner, offset) => inner.writeInt64(PRODUCER_ID).writeInt64(offset)),
        )
        return to.writeInt32(-1).writeBytes(partition === 0 ? Buffer.from('two batches') : null)
      }),
    ).buffer,
  says: [
    {
      topic: 'a',
      partition: 0,
      error: 'NONE',
      chunks: [Buffer.from('two batches')],
      aborted: [FAR, FAR + 2, FAR + 5].map((firstOffset) => ({
        producerId: PRODUCER_ID,
        firstOffset,
      })),
      endOffset: FAR + 10,
      logStartOffset: 4,
    },
    {
      topic: 'a',
      partition: 3,
      error: 'NONE',
      chunks: [],
      aborted: [],
      endOffset: FAR + 10,
      logStartOffset: 4,
    },
    {
      topic: 'ä',
      partition: 1,
      error: 'OFFSET_OUT_OF_RANGE',
      chunks: [],
      aborted: [],
      endOffset: FAR + 10,
      logStartOffset: 4,
    },
  ],
}

const listOffsets: Example = {
  request: listOffsetsRequest({
    isolation: 'read_committed',
    at: { timestampMs: 1_700_000_000_000 },
    partitions: [
      { topic: 'a', partition: 0 },
      { topic: 'b', partition: 2 },
    ],
  }),
  kafkajs: {
    replicaId: -1,
    isolationLevel: 1,
    topics: [
      { topic: 'a', partitions: [{ partition: 0, timestamp: 1_700_000_000_000 }] },
      { topic: 'b', partitions: [{ partition: 2, timestamp: 1_700_000_000_000 }] },
    ],
  },
  answer: answer()
    .writeInt32(0)
    .writeEncoder(
      topicsOf({ a: [0], b: [2] }, (to, partition) =>
        to
          .writeInt16(partition === 0 ? 0 : 78)
          .writeInt64(-1)
          .writeInt64(partition === 0 ? FAR : -1),
      ),
    ).buffer,
  says: [
    { topic: 'a', partition: 0, error: 'NONE', offset: FAR },
    { topic: 'b', partition: 2, error: 'OFFSET_NOT_AVAILABLE', offset: -1 },
  ],
}

const metadata: Example = {
  request: metadataRequest(['a', 'none']),
  kafkajs: { topics: ['a', 'none'], allowAutoTopicCreation: false },
  answer: answer()
    .writeInt32(0)
    .writeEncoder(
      arrayOf([1, 2], (to, node) =>
        to.writeInt32(node).writeString('127.0.0.1').writeInt32(9092).writeString(null),
      ),
    )
    .writeString('cluster')
    .writeInt32(2)
    .writeEncoder(
      arrayOf(['a', 'none'], (to, name) =>
        to
          .writeInt16(name === 'a' ? 0 : 3)
          .writeString(name)
          .writeBoolean(false)
          .writeEncoder(
            arrayOf(name === 'a' ? [0] : [], (inner, partition) => {
              inner.writeInt16(5).writeInt32(partition).writeInt32(-1)
              for (const nodes of [[1, 2], [1], [2]])
                inner.writeEncoder(arrayOf(nodes, (list, node) => list.writeInt32(node)))
              return inner
            }),
          ),
      ),
    ).buffer,
  says: {
    brokers: [
      { node: 1, host: '127.0.0.1', port: 9092 },
      { node: 2, host: '127.0.0.1', port: 9092 },
    ],
    clusterId: 'cluster',
    controller: 2,
    topics: [
      {
        name: 'a',
        error: 'NONE',
        partitions: [{ error: 'LEADER_NOT_AVAILABLE', partition: 0, leader: -1 }],
      },
      { name: 'none', error: 'UNKNOWN_TOPIC_OR_PARTITION', partitions: [] },
    ],
  },
}

const createTopics: Example = {
  request: createTopicsRequest({
    topics: [
      { topic: 'a', partitions: 12, config: { 'cleanup.policy': 'compact' } },
      { topic: 'b', partitions: 1, replicas: 1, config: {} },
    ],
    defaultReplicas: 3,
    timeoutMs: 900,
  }),
  kafkajs: {
    topics: [
      {
        topic: 'a',
        numPartitions: 12,
        replicationFactor: 3,
        configEntries: [{ name: 'cleanup.policy', value: 'compact' }],
      },
      { topic: 'b', numPartitions: 1, replicationFactor: 1 },
    ],
    timeout: 900,
    validateOnly: false,
  },
  answer: answer()
    .writeInt32(0)
    .writeEncoder(
      arrayOf(['b', 'a'], (to, name) =>
        to
          .writeString(name)
          .writeInt16(name === 'a' ? 0 : 36)
          .writeString(name === 'a' ? null : 'exists'),
      ),
    ).buffer,
  says: ['NONE', 'TOPIC_ALREADY_EXISTS'],
}

const deleteTopics: Example = {
  request: deleteTopicsRequest(['a', 'b'], 900),
  kafkajs: { topics: ['a', 'b'], timeout: 900 },
  answer: answer()
    .writeInt32(0)
    .writeEncoder(
      arrayOf(['b', 'a'], (to, name) => to.writeString(name).writeInt16(name === 'a' ? 0 : 41)),
    ).buffer,
  says: ['NONE', 'NOT_CONTROLLER'],
}

const deleteRecords: Example = {
  request: deleteRecordsRequest([{ topic: 'a', partition: 1, beforeOffset: FAR }], 900),
  kafkajs: {
    topics: [{ topic: 'a', partitions: [{ partition: 1, offset: String(FAR) }] }],
    timeout: 900,
  },
  answer: answer()
    .writeInt32(0)
    .writeEncoder(topicsOf({ a: [1] }, (to) => to.writeInt64(FAR).writeInt16(0))).buffer,
  says: [{ topic: 'a', partition: 1, error: 'NONE' }],
}

const describeConfigs: Example = {
  request: describeConfigsRequest(['a']),
  kafkajs: { resources: [{ type: 2, name: 'a', configNames: [] }], includeSynonyms: false },
  answer: answer()
    .writeInt32(0)
    .writeEncoder(
      arrayOf(['a'], (to, name) =>
        to
          .writeInt16(0)
          .writeString(null)
          .writeInt8(2)
          .writeString(name)
          .writeEncoder(
            arrayOf(['cleanup.policy', 'hidden'], (inner, key) =>
              inner
                .writeString(key)
                .writeString(key === 'hidden' ? null : 'compact')
                .writeBoolean(false)
                .writeInt8(5)
                .writeBoolean(key === 'hidden')
                .writeEncoder(
                  arrayOf(['log.cleanup.policy'], (list, synonym) =>
                    list.writeString(synonym).writeString('delete').writeInt8(5),
                  ),
                ),
            ),
          ),
      ),
    ).buffer,
  says: [{ name: 'a', error: 'NONE', config: { 'cleanup.policy': 'compact' } }],
}

const initProducerId: Example = {
  request: initProducerIdRequest({
    transactionalId: 'hs.0',
    timeoutMs: 5_000,
    current: { producerId: PRODUCER_ID, producerEpoch: 7 },
  }),
  kafkajs: null,
  answer: answer()
    .writeInt32(0)
    .writeInt16(90)
    .writeInt64(PRODUCER_ID)
    .writeInt16(8)
    // Tagged fields of a later day: two of them, with 3 and 0 bytes.
    .writeUVarInt(2)
    .writeUVarInt(0)
    .writeUVarInt(3)
    .writeInt8(1)
    .writeInt16(2)
    .writeUVarInt(300)
    .writeUVarInt(0).buffer,
  says: { error: 'PRODUCER_FENCED', producerId: PRODUCER_ID, producerEpoch: 8 },
}

const addPartitionsToTxn: Example = {
  request: addPartitionsRequest({
    transactionalId: 'hs.0',
    producerId: PRODUCER_ID,
    producerEpoch: 3,
    partitions: [
      { topic: 'a', partition: 0 },
      { topic: 'b', partition: 2 },
      { topic: 'a', partition: 1 },
    ],
  }),
  kafkajs: {
    transactionalId: 'hs.0',
    producerId: String(PRODUCER_ID),
    producerEpoch: 3,
    topics: [
      { topic: 'a', partitions: [0, 1] },
      { topic: 'b', partitions: [2] },
    ],
  },
  answer: answer()
    .writeInt32(0)
    .writeEncoder(
      topicsOf({ a: [0, 1], b: [2] }, (to, partition) => to.writeInt16(partition === 2 ? 3 : 55)),
    ).buffer,
  says: { error: 'UNKNOWN_TOPIC_OR_PARTITION' },
}

const endTxn: Example = {
  request: endTxnRequest({
    transactionalId: 'hs.0',
    producerId: PRODUCER_ID,
    producerEpoch: 3,
    commit: true,
  }),
  kafkajs: {
    transactionalId: 'hs.0',
    producerId: String(PRODUCER_ID),
    producerEpoch: 3,
    transactionResult: true,
  },
  answer: answer().writeInt32(0).writeInt16(51).buffer,
  says: { error: 'CONCURRENT_TRANSACTIONS' },
}

const joinGroup: Example = {
  request: joinGroupRequest({
    group: 'workers',
    memberId: '',
    metadata: Buffer.from('about me'),
    sessionTimeoutMs: 3_000,
    rebalanceTimeoutMs: 4_000,
  }),
  kafkajs: {
    groupId: 'workers',
    sessionTimeout: 3_000,
    rebalanceTimeout: 4_000,
    memberId: '',
    protocolType: 'healstream',
    groupProtocols: [{ name: 'healstream', metadata: Buffer.from('about me') }],
  },
  answer: answer()
    .writeInt32(0)
    .writeInt16(0)
    .writeInt32(12)
    .writeString('healstream')
    .writeString('m1')
    .writeString('m1')
    .writeEncoder(
      arrayOf(['m1', 'm2'], (to, id) =>
        to
          .writeString(id)
          .writeString(null)
          .writeBytes(Buffer.from(`about ${id}`)),
      ),
    ).buffer,
  says: {
    error: 'NONE',
    generation: 12,
    leader: 'm1',
    memberId: 'm1',
    members: [
      { memberId: 'm1', metadata: Buffer.from('about m1') },
      { memberId: 'm2', metadata: Buffer.from('about m2') },
    ],
  },
}

const syncGroup: Example = {
  request: syncGroupRequest({
    group: 'workers',
    memberId: 'm1',
    generation: 12,
    assignments: new Map([['m2', Buffer.from([1, 2])]]),
  }),
  kafkajs: {
    groupId: 'workers',
    generationId: 12,
    memberId: 'm1',
    groupAssignment: [{ memberId: 'm2', memberAssignment: Buffer.from([1, 2]) }],
  },
  answer: answer()
    .writeInt32(0)
    .writeInt16(0)
    .writeBytes(Buffer.from([3])).buffer,
  says: { error: 'NONE', assignment: Buffer.from([3]) },
}

const heartbeat: Example = {
  request: heartbeatRequest({ group: 'workers', memberId: 'm1', generation: 12 }),
  kafkajs: { groupId: 'workers', groupGenerationId: 12, memberId: 'm1' },
  answer: answer().writeInt32(0).writeInt16(27).buffer,
  says: { error: 'REBALANCE_IN_PROGRESS' },
}

const leaveGroup: Example = {
  request: leaveGroupRequest({ group: 'workers', memberId: 'm1' }),
  kafkajs: { groupId: 'workers', memberId: 'm1' },
  answer: answer()
    .writeInt32(0)
    .writeInt16(0)
    .writeEncoder(arrayOf(['m1'], (to, id) => to.writeString(id).writeString(null).writeInt16(25)))
    .buffer,
  says: { error: 'UNKNOWN_MEMBER_ID' },
}

export const EXAMPLES: readonly Example[] = [
  ...[produce, fetch, listOffsets, deleteRecords, metadata, createTopics, deleteTopics],
  ...[describeConfigs, initProducerId, addPartitionsToTxn, endTxn],
  ...[joinGroup, syncGroup, heartbeat, leaveGroup],
]
