// Fetch: batches are views of the answer, and no length in it is believed.
import { describe, expect, it } from 'vitest'
import { MalformedAnswer } from '../../../../src/adapters/kafka/requests/bytes.ts'
import { fetchRequest } from '../../../../src/adapters/kafka/requests/fetch.ts'
import type { Isolation } from '../../../../src/runtime/ports.ts'
import { type Example, FAR, holds, PRODUCER_ID, topicsOf } from './example.ts'
import { answer, arrayOf } from './kafkajs-codec.ts'

const MANY = 2 ** 31 - 1

const fetch: Example = {
  request: fetchRequest({
    isolation: 'read_committed',
    maxWaitMs: 500,
    partitions: [
      { topic: 'a', partition: 0, leaderEpoch: -1, offset: FAR, maxBytes: 1_048_576 },
      { topic: 'a', partition: 3, leaderEpoch: -1, offset: 0, maxBytes: 1_048_576 },
      { topic: 'ä', partition: 1, leaderEpoch: -1, offset: 7, maxBytes: 10 },
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
        return to.writeBytes(partition === 0 ? Buffer.from('two batches') : null)
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
      heldBack: true,
      logStartOffset: 4,
    },
    {
      topic: 'a',
      partition: 3,
      error: 'NONE',
      chunks: [],
      aborted: [],
      endOffset: FAR + 10,
      heldBack: true,
      logStartOffset: 4,
    },
    {
      topic: 'ä',
      partition: 1,
      error: 'OFFSET_OUT_OF_RANGE',
      chunks: [],
      aborted: [],
      endOffset: FAR + 10,
      heldBack: true,
      logStartOffset: 4,
    },
  ],
}

holds(fetch)

function request(isolation: Isolation) {
  return fetchRequest({
    isolation,
    maxWaitMs: 0.5,
    partitions: [{ topic: 'a', partition: 0, leaderEpoch: -1, offset: 3, maxBytes: 100 }],
  })
}

interface Fields {
  readonly error?: number
  readonly topics?: number
  readonly partitions?: number
  readonly aborted?: number
  readonly recordBytes?: number
}

/** An answer about a/0 whose counts and lengths are as told, with 5 bytes of records. */
function answering(fields: Fields): Buffer {
  const { error = 0, topics = 1, partitions = 1, aborted = -1, recordBytes = 5 } = fields
  return Buffer.concat([
    answer().writeInt32(0).writeInt16(error).writeInt32(0).writeInt32(topics).buffer,
    answer().writeString('a').writeInt32(partitions).writeInt32(0).writeInt16(0).buffer,
    answer().writeInt64(20).writeInt64(10).writeInt64(2).writeInt32(aborted).buffer,
    answer().writeInt32(recordBytes).buffer,
    Buffer.from('bytes'),
  ])
}

describe('Fetch', () => {
  it('batches are views of the answer', async () => {
    const [first] = (await fetch.request.decode(fetch.answer)) as { chunks: Buffer[] }[]
    expect(first?.chunks[0]?.buffer).toBe(fetch.answer.buffer)
  })

  it('the end is the last stable offset, or the high watermark', () => {
    const bytes = answering({})
    expect(request('read_committed').decode(bytes)).toMatchObject([{ endOffset: 10 }])
    expect(request('read_uncommitted').decode(bytes)).toMatchObject([{ endOffset: 20 }])
  })

  it('a wait is never rounded down to none', async () => {
    const body = await request('read_committed').encode()
    expect(body.readInt32BE(4)).toBe(1)
  })

  it('what is refused as a whole is refused for each partition', () => {
    const bytes = answer().writeInt32(0).writeInt16(56).writeInt32(0).writeInt32(0).buffer
    expect(request('read_committed').decode(bytes)).toMatchObject([
      { topic: 'a', partition: 0, error: 'KAFKA_STORAGE_ERROR', chunks: [] },
    ])
  })

  it.each<readonly [string, Fields]>([
    ['more topics than bytes', { topics: MANY }],
    ['fewer than no topics', { topics: -2 }],
    ['more partitions than bytes', { partitions: MANY }],
    ['fewer than no partitions', { partitions: -(2 ** 31) }],
    ['more aborted transactions than bytes', { aborted: MANY }],
    ['fewer than no aborted transactions', { aborted: -2 }],
    ['longer records than the answer', { recordBytes: 6 }],
    ['records of the largest length', { recordBytes: MANY }],
    ['records of a length below null', { recordBytes: -2 }],
    ['shorter records than are sent', { recordBytes: 4 }],
  ])('%s: refused at once', (_name, fields) => {
    const before = process.memoryUsage().arrayBuffers
    expect(() => request('read_committed').decode(answering(fields))).toThrow(MalformedAnswer)
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(1_000_000)
  })
})
