// OffsetCommit and OffsetFetch of a group without members.
import {
  commitOffsetsRequest,
  fetchOffsetsRequest,
} from '../../../../src/adapters/kafka/requests/group-offsets.ts'
import { type Example, FAR, holds, topicsOf } from './example.ts'
import { answer } from './kafkajs-codec.ts'

const PARTITIONS = [
  { topic: 'a', partition: 0 },
  { topic: 'a', partition: 2 },
  { topic: 'b', partition: 1 },
]
const TOPICS = { a: [0, 2], b: [1] }

const commitOffsets: Example = {
  request: commitOffsetsRequest({
    group: 'notifier',
    positions: PARTITIONS.map((at) => ({ ...at, offset: FAR })),
  }),
  kafkajs: {
    groupId: 'notifier',
    groupGenerationId: -1,
    memberId: '',
    topics: [
      {
        topic: 'a',
        partitions: [
          { partition: 0, offset: FAR },
          { partition: 2, offset: FAR },
        ],
      },
      { topic: 'b', partitions: [{ partition: 1, offset: FAR }] },
    ],
  },
  answer: answer()
    .writeInt32(0)
    .writeEncoder(topicsOf(TOPICS, (to, partition) => to.writeInt16(partition === 2 ? 16 : 0)))
    .buffer,
  says: {
    error: 'NOT_COORDINATOR',
    partitions: PARTITIONS.map((at) => ({
      ...at,
      error: at.partition === 2 ? 'NOT_COORDINATOR' : 'NONE',
    })),
  },
}

const fetchOffsets: Example = {
  request: fetchOffsetsRequest({ group: 'notifier', partitions: PARTITIONS }),
  kafkajs: {
    groupId: 'notifier',
    topics: [
      { topic: 'a', partitions: [{ partition: 0 }, { partition: 2 }] },
      { topic: 'b', partitions: [{ partition: 1 }] },
    ],
  },
  answer: answer()
    .writeInt32(0)
    .writeEncoder(
      topicsOf(TOPICS, (to, partition) =>
        to
          .writeInt64(partition === 2 ? -1 : FAR)
          .writeString('')
          .writeInt16(0),
      ),
    )
    .writeInt16(0).buffer,
  says: {
    error: 'NONE',
    partitions: PARTITIONS.map((at) => ({
      ...at,
      offset: at.partition === 2 ? -1 : FAR,
      error: 'NONE',
    })),
  },
}

holds(commitOffsets)
holds(fetchOffsets)
