// Metadata.
import { expect, it } from 'vitest'
import { metadataRequest } from '../../../../src/adapters/kafka/requests/metadata.ts'
import { type Example, holds } from './example.ts'
import { answer, arrayOf, kafkajsCodec } from './kafkajs-codec.ts'

const metadata: Example = {
  request: metadataRequest(['a', 'none']),
  kafkajs: null,
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
              inner.writeInt16(5).writeInt32(partition).writeInt32(-1).writeInt32(6)
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
        partitions: [{ error: 'LEADER_NOT_AVAILABLE', partition: 0, leader: -1, leaderEpoch: 6 }],
      },
      { name: 'none', error: 'UNKNOWN_TOPIC_OR_PARTITION', partitions: [] },
    ],
  },
}

holds(metadata)

// kafkajs speaks up to version 6, whose question is the same.
it('is asked as kafkajs asks', async () => {
  const args = { topics: ['a', 'none'], allowAutoTopicCreation: false }
  const { buffer } = await kafkajsCodec('Metadata', 6, args).request.encode()
  expect((await metadata.request.encode()).toString('hex')).toBe(buffer.toString('hex'))
})
