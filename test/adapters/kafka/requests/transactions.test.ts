// InitProducerId, AddPartitionsToTxn and EndTxn.
import { expect, it } from 'vitest'
import {
  addPartitionsRequest,
  endTxnRequest,
  initProducerIdRequest,
} from '../../../../src/adapters/kafka/requests/transactions.ts'
import { type Example, holds, PRODUCER_ID, topicsOf } from './example.ts'
import { answer } from './kafkajs-codec.ts'

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

holds(initProducerId)
holds(addPartitionsToTxn)
holds(endTxn)

it('InitProducerId is written as the protocol says (compact string, tags)', async () => {
  const request = initProducerIdRequest({
    transactionalId: 'hs.0',
    timeoutMs: 5_000,
    current: { producerId: 258, producerEpoch: 7 },
  })
  expect((await request.encode()).toString('hex')).toBe(
    ['05', '68732e30', '00001388', '0000000000000102', '0007', '00'].join(''),
  )
  const first = initProducerIdRequest({ transactionalId: null, timeoutMs: 1, current: null })
  expect((await first.encode()).toString('hex')).toBe(
    ['00', '00000001', 'ffffffffffffffff', 'ffff', '00'].join(''),
  )
})
