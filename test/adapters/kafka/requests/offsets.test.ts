// ListOffsets and DeleteRecords.
import {
  deleteRecordsRequest,
  listOffsetsRequest,
} from '../../../../src/adapters/kafka/requests/offsets.ts'
import { type Example, FAR, holds, topicsOf } from './example.ts'
import { answer } from './kafkajs-codec.ts'

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

holds(listOffsets)
holds(deleteRecords)
