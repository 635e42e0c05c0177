// Metadata with authorised operations, settings of a broker, and the controller's clock.
import { expect, it } from 'vitest'
import {
  accessRequest,
  brokerConfigRequest,
  quorumTimeRequest,
} from '../../../../src/adapters/kafka/requests/inspection.ts'
import { type Example, FAR, holds } from './example.ts'
import { answer, arrayOf, type Encoder } from './kafkajs-codec.ts'

const NOTHING_KNOWN = -(2 ** 31)
const READ_AND_DESCRIBE = (1 << 3) | (1 << 8)
const DESCRIBE_CONFIGS = 1 << 10

const access: Example = {
  request: accessRequest(['a', 'b']),
  kafkajs: null,
  answer: answer()
    .writeInt32(0)
    .writeEncoder(
      arrayOf([3], (to, node) =>
        to.writeInt32(node).writeString('kafka-3').writeInt32(9092).writeString('rack'),
      ),
    )
    .writeString('cluster')
    .writeInt32(3)
    .writeEncoder(
      arrayOf(['a', 'b'], (to, name) =>
        to
          .writeInt16(name === 'a' ? 0 : 29)
          .writeString(name)
          .writeBoolean(false)
          .writeEncoder(
            arrayOf(name === 'a' ? [1] : [], (inner, partition) => {
              inner.writeInt16(0).writeInt32(partition).writeInt32(3).writeInt32(7)
              for (const nodes of [[3, 4], [3], []])
                inner.writeEncoder(arrayOf(nodes, (list, node) => list.writeInt32(node)))
              return inner
            }),
          )
          .writeInt32(name === 'a' ? READ_AND_DESCRIBE : NOTHING_KNOWN),
      ),
    )
    .writeInt32(DESCRIBE_CONFIGS).buffer,
  says: {
    brokers: [{ node: 3, host: 'kafka-3', port: 9092 }],
    clusterId: 'cluster',
    topics: [
      {
        name: 'a',
        error: 'NONE',
        partitions: [{ partition: 1, leader: 3, replicas: [3, 4], inSync: [3] }],
        operations: ['Read', 'Describe'],
      },
      { name: 'b', error: 'TOPIC_AUTHORIZATION_FAILED', partitions: [], operations: [] },
    ],
    operations: ['DescribeConfigs'],
  },
}

const brokerConfig: Example = {
  request: brokerConfigRequest(2, ['min.insync.replicas']),
  kafkajs: {
    resources: [{ type: 4, name: '2', configNames: ['min.insync.replicas'] }],
    includeSynonyms: false,
  },
  answer: answer()
    .writeInt32(0)
    .writeEncoder(
      arrayOf([2], (to, node) =>
        to
          .writeInt16(0)
          .writeString(null)
          .writeInt8(4)
          .writeString(String(node))
          .writeEncoder(
            arrayOf(['min.insync.replicas'], (inner, name) =>
              inner
                .writeString(name)
                .writeString('2')
                .writeBoolean(false)
                .writeInt8(4)
                .writeBoolean(false)
                .writeEncoder(arrayOf([], (none) => none)),
            ),
          ),
      ),
    ).buffer,
  says: { name: '2', error: 'NONE', config: { 'min.insync.replicas': '2' } },
}

/** A voter or a listener, as DescribeQuorum 1 tells of it. */
function replica(to: Encoder, id: number, seenMs: number): Encoder {
  return to.writeInt32(id).writeInt64(FAR).writeInt64(seenMs).writeInt64(-1).writeUVarInt(0)
}

function quorum(leader: number, seen: Readonly<Record<number, number>>): Buffer {
  const to = answer().writeInt16(0).writeUVarInt(2).writeUVarInt(3).writeInt8(97).writeInt8(98)
  to.writeUVarInt(2).writeInt32(0).writeInt16(0).writeInt32(leader).writeInt32(5).writeInt64(FAR)
  const voters = Object.entries(seen)
  to.writeUVarInt(voters.length + 1)
  for (const [id, seenMs] of voters) replica(to, Number(id), seenMs)
  // Nobody listens; no tagged fields of the partition, the topic, the answer.
  return to.writeUVarInt(1).writeUVarInt(0).writeUVarInt(0).writeUVarInt(0).buffer
}

const quorumTime: Example = {
  request: quorumTimeRequest(),
  kafkajs: null,
  answer: quorum(2, { 1: FAR - 30, 2: FAR }),
  says: { error: 'NONE', nowMs: FAR },
}

for (const example of [access, brokerConfig, quorumTime]) holds(example)

it('a leader that is not among the voters tells no time', () => {
  expect(quorumTimeRequest().decode(quorum(3, { 1: FAR }))).toMatchObject({ nowMs: null })
})
