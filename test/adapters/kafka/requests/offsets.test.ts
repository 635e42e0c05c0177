// ListOffsets, DeleteRecords and OffsetForLeaderEpoch.
import { expect, it } from 'vitest'
import {
  deleteRecordsRequest,
  epochEndsRequest,
  listOffsetsRequest,
} from '../../../../src/adapters/kafka/requests/offsets.ts'
import { type Example, FAR, holds, topicsOf } from './example.ts'
import { answer, arrayOf } from './kafkajs-codec.ts'

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

const epochEnds: Example = {
  request: epochEndsRequest([
    { topic: 'a', partition: 2, leaderEpoch: 7, epoch: 5 },
    { topic: 'a', partition: 3, leaderEpoch: 9, epoch: 0 },
  ]),
  kafkajs: null,
  answer: answer()
    .writeInt32(0)
    .writeEncoder(
      arrayOf(['a'], (to, topic) =>
        to.writeString(topic).writeEncoder(
          arrayOf([3, 2], (inner, partition) =>
            inner
              .writeInt16(partition === 2 ? 0 : 74)
              .writeInt32(partition)
              .writeInt32(partition === 2 ? 4 : -1)
              .writeInt64(partition === 2 ? FAR : -1),
          ),
        ),
      ),
    ).buffer,
  says: [
    { topic: 'a', partition: 2, error: 'NONE', epoch: 4, endOffset: FAR },
    { topic: 'a', partition: 3, error: 'FENCED_LEADER_EPOCH', epoch: -1, endOffset: -1 },
  ],
}

holds(epochEnds)
// Kafka's schema of version 3: replica, topics; of a partition its index, its leader's epoch and
// the epoch that is asked about.
it('asks as the protocol says', async () => {
  const written =
    'ffffffff' +
    '00000001' +
    '000161' +
    '00000002' +
    '000000020000000700000005' +
    '000000030000000900000000'
  expect((await epochEnds.request.encode()).toString('hex')).toBe(written)
})
holds(listOffsets)
holds(deleteRecords)
