// Produce: the batch goes into the request as it is, and an answer is about what was asked.
import { describe, expect, it } from 'vitest'
import { MalformedAnswer } from '../../../../src/adapters/kafka/requests/bytes.ts'
import { produceRequest } from '../../../../src/adapters/kafka/requests/produce.ts'
import { type Example, FAR, holds, topicsOf } from './example.ts'
import { answer, arrayOf, kafkajsCodec } from './kafkajs-codec.ts'

const TIMEOUT_MS = 900

const batches = { '0': Buffer.from('batch zero'), '1': Buffer.from('batch one') }

const produce: Example = {
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

holds(produce)

function request(partitions: readonly (readonly [string, number])[]) {
  return produceRequest({
    transactionalId: null,
    timeoutMs: TIMEOUT_MS,
    partitions: partitions.map(([topic, partition]) => ({
      topic,
      partition,
      batch: Buffer.from('batch'),
    })),
  })
}

function answering(partitions: readonly (readonly [string, number])[]): Buffer {
  return answer()
    .writeEncoder(
      arrayOf(partitions, (to, [topic, partition]) =>
        to
          .writeString(topic)
          .writeEncoder(
            arrayOf([partition], (inner, index) =>
              inner.writeInt32(index).writeInt16(0).writeInt64(5).writeInt64(-1).writeInt64(0),
            ),
          ),
      ),
    )
    .writeInt32(0).buffer
}

describe('Produce', () => {
  it.each(['hs.0', null])('is written as kafkajs writes it, transaction %s', async (id) => {
    const theirs = kafkajsCodec('Produce', 7, {
      transactionalId: id,
      acks: -1,
      timeout: TIMEOUT_MS,
      producerId: 3,
      producerEpoch: 1,
      topicData: [
        {
          topic: 'a',
          partitions: [
            {
              partition: 4,
              firstSequence: 0,
              messages: [{ value: Buffer.from('v'), headers: {} }],
            },
          ],
        },
      ],
    })
    const { buffer } = await theirs.request.encode()
    // Transactional id, acks, time-out, count of topics, topic, count of partitions, index, size.
    const before = 2 + (id?.length ?? 0) + 2 + 4 + 4 + 3 + 4 + 4 + 4
    const batch = buffer.subarray(before)
    const ours = produceRequest({
      transactionalId: id,
      timeoutMs: TIMEOUT_MS,
      partitions: [{ topic: 'a', partition: 4, batch }],
    })
    expect((await ours.encode()).toString('hex')).toBe(buffer.toString('hex'))
  })

  it('copies large batches whole, next to each other', async () => {
    const batches = [Buffer.alloc(900_000, 1), Buffer.alloc(1_100_000, 2)]
    const body = await produceRequest({
      transactionalId: null,
      timeoutMs: TIMEOUT_MS,
      partitions: batches.map((batch, partition) => ({ topic: 'a', partition, batch })),
    }).encode()
    for (const batch of batches) expect(body.includes(batch)).toBe(true)
    expect(body.length).toBe(2_000_000 + 2 + 2 + 4 + 4 + 3 + 4 + 2 * 8)
  })

  // kafkajs takes an answer that leaves a partition out for success, and the records are lost: send
  // to two partitions, one leader moves, the other answers twice.
  it('an answer that leaves a partition out is no success', () => {
    const asked = request([
      ['a', 0],
      ['a', 1],
    ])
    expect(() => asked.decode(answering([['a', 0]]))).toThrow(MalformedAnswer)
    expect(() =>
      asked.decode(
        answering([
          ['a', 0],
          ['a', 0],
        ]),
      ),
    ).toThrow(MalformedAnswer)
    expect(() =>
      asked.decode(
        answering([
          ['a', 0],
          ['b', 1],
        ]),
      ),
    ).toThrow(MalformedAnswer)
    expect(() =>
      asked.decode(
        answering([
          ['a', 0],
          ['a', 1],
          ['a', 2],
        ]),
      ),
    ).toThrow(MalformedAnswer)
    expect(
      asked.decode(
        answering([
          ['a', 1],
          ['a', 0],
        ]),
      ),
    ).toMatchObject([{ partition: 0 }, { partition: 1 }])
  })

  it('the producer keeps its time where the topic keeps it', () => {
    const [stored] = request([['a', 0]]).decode(answering([['a', 0]])) as { appendMs: unknown }[]
    expect(stored?.appendMs).toBe(null)
  })
})
