// The broker by its requests: what only shows when no client guards against it.
import { expect, test } from 'vitest'
import { Broker } from '../../../src/adapters/memory/broker/broker.ts'
import { crc32c } from '../../../src/adapters/client/crc32c.ts'
import type { ProducerIdentity, ResponseOf } from '../../../src/adapters/client/protocol.ts'
import { copyRecords, FIELD } from '../../../src/runtime/record-batch.ts'
import {
  type BatchFields,
  encodeBatch,
  stampBatch,
} from '../../../src/runtime/record-batch-encode.ts'
import { selectBatches } from '../../../src/runtime/record-batch-select.ts'
import { VirtualClock } from '../../support/virtual-clock.ts'

const AT = { topic: 'topic', partition: 0 }
const TXN = 'txn'
const KIB = 1_024

async function started(
  config: Readonly<Record<string, string>> = {},
): Promise<{ broker: Broker; clock: VirtualClock }> {
  const clock = new VirtualClock()
  const broker = new Broker({
    clock,
    clusterId: 'cluster',
    crc32c,
    markerDelayMs: 0,
    retentionBytes: 64 * KIB,
    compactAfterBytes: 16 * KIB,
  })
  await broker.handle('createTopics', { topics: [{ topic: AT.topic, partitions: 1, config }] })
  return { broker, clock }
}

function batchOf(clock: VirtualClock, value: string, fields: BatchFields): Uint8Array {
  const text = new TextEncoder()
  const timestampMs = clock.nowMs()
  return encodeBatch(
    [{ key: text.encode('k'), value: text.encode(value), timestampMs }],
    fields,
    crc32c,
  )
}

async function produce(
  broker: Broker,
  batch: Uint8Array,
  transactionalId: string | null = null,
): Promise<ResponseOf<'produce'>['partitions'][number] | undefined> {
  const partitions = [{ ...AT, batch }]
  return (await broker.handle('produce', { transactionalId, partitions })).partitions[0]
}

async function visible(broker: Broker): Promise<string[]> {
  const isolation = 'read_committed'
  const partitions = [{ ...AT, leaderEpoch: -1, offset: 0, maxBytes: 1e6 }]
  const [answer] = (await broker.handle('fetch', { node: 0, isolation, maxWaitMs: 0, partitions }))
    .partitions
  if (answer === undefined) throw new Error('no answer')
  const fetched = selectBatches(answer, { from: 0, sentMs: 0, compacted: false, crc32c })
  return fetched.batches.flatMap((batch) =>
    copyRecords(batch).map((record) => new TextDecoder().decode(record.value ?? undefined)),
  )
}

const init = (broker: Broker, current: ProducerIdentity | null = null) =>
  broker.handle('initProducerId', { transactionalId: TXN, timeoutMs: 5_000, current })

/** Begins a transaction and writes one record, without ending it. */
async function write(
  { broker, clock }: { broker: Broker; clock: VirtualClock },
  identity: ProducerIdentity,
  value: string,
  baseSequence: number,
): Promise<void> {
  const request = { ...identity, transactionalId: TXN, partitions: [AT] }
  expect(await broker.handle('addPartitionsToTxn', request)).toEqual({ error: 'NONE' })
  const batch = batchOf(clock, value, { ...identity, baseSequence, transactional: true })
  expect((await produce(broker, batch, TXN))?.error).toBe('NONE')
}

// A client asks for a commit, hears nothing, asks again and is told yes. Its first request is still
// on the way. It begins the next transaction, writes half of it, and then the old request arrives.
test('a late EndTxn commits the next transaction of the same epoch', async () => {
  const log = await started()
  const { producerId, producerEpoch } = await init(log.broker)
  const identity = { producerId, producerEpoch }
  const commit = { ...identity, transactionalId: TXN, commit: true }
  await write(log, identity, 'first', 0)
  expect(await log.broker.handle('endTxn', commit)).toEqual({ error: 'NONE' })
  await write(log, identity, 'half of the second', 1)
  expect(await visible(log.broker)).toEqual(['first'])
  expect(await log.broker.handle('endTxn', commit)).toEqual({ error: 'NONE' })
  expect(await visible(log.broker)).toEqual(['first', 'half of the second'])
  log.broker.close()
})

test('under a new epoch the late EndTxn is refused', async () => {
  const log = await started()
  const { producerId, producerEpoch } = await init(log.broker)
  const identity = { producerId, producerEpoch }
  const commit = { ...identity, transactionalId: TXN, commit: true }
  await write(log, identity, 'first', 0)
  await log.broker.handle('endTxn', commit)
  const next = await init(log.broker, identity)
  expect(next).toEqual({ error: 'NONE', producerId, producerEpoch: producerEpoch + 1 })
  // The same bump asked twice is answered alike; a zombie's is not.
  expect(await init(log.broker, identity)).toEqual(next)
  const stranger = { producerId, producerEpoch: producerEpoch - 1 }
  expect((await init(log.broker, stranger)).error).toBe('INVALID_PRODUCER_EPOCH')
  await write(log, { producerId, producerEpoch: next.producerEpoch }, 'second', 0)
  expect((await log.broker.handle('endTxn', commit)).error).toBe('INVALID_PRODUCER_EPOCH')
  expect(await visible(log.broker)).toEqual(['first'])
  log.broker.close()
})

test('the epoch does not wrap: a used-up producer id is replaced', async () => {
  const { broker } = await started()
  const first = await init(broker)
  let last = first
  for (let i = 0; i < 33_000; i++) {
    last = await init(broker)
    expect(last.error).toBe('NONE')
    expect(last.producerEpoch).toBeLessThan(32_767)
  }
  expect(last.producerId).not.toBe(first.producerId)
  broker.close()
})

test('sequence numbers: a repeat is answered alike, a gap or an old epoch is refused', async () => {
  const { broker, clock } = await started()
  const send = (producerEpoch: number, baseSequence: number) =>
    produce(broker, batchOf(clock, 'v', { producerId: 7, producerEpoch, baseSequence }))
  expect((await send(1, 0))?.baseOffset).toBe(0)
  expect((await send(1, 1))?.baseOffset).toBe(1)
  expect(await send(1, 0)).toMatchObject({ error: 'NONE', baseOffset: 0 })
  expect((await send(1, 3))?.error).toBe('OUT_OF_ORDER_SEQUENCE_NUMBER')
  expect((await send(0, 2))?.error).toBe('INVALID_PRODUCER_EPOCH')
  expect((await send(2, 2))?.error).toBe('OUT_OF_ORDER_SEQUENCE_NUMBER')
  expect((await send(2, 0))?.baseOffset).toBe(2)
  // A batch older than the five that are remembered is not stored again either.
  for (let i = 1; i < 8; i++) await send(2, i)
  expect((await send(2, 1))?.error).toBe('OUT_OF_ORDER_SEQUENCE_NUMBER')
  expect(await visible(broker)).toHaveLength(10)
  broker.close()
})

test('what no client of ours sends is refused', async () => {
  const { broker, clock } = await started()
  const good = (): Uint8Array => batchOf(clock, 'v', {})
  const forged = (change: (bytes: Uint8Array) => void): Uint8Array => {
    const bytes = good()
    change(bytes)
    const crc = crc32c(bytes.subarray(FIELD.attributes))
    new DataView(bytes.buffer).setUint32(FIELD.crc, crc)
    return bytes
  }
  const flipped = good()
  flipped[flipped.length - 1] = 1
  const two = new Uint8Array([...good(), ...good()])
  const stamped = good()
  stampBatch(stamped, { baseOffset: 0, appendTimeMs: 1 }, crc32c)
  const refused: [Uint8Array, string][] = [
    [flipped, 'CORRUPT_MESSAGE'],
    [two, 'CORRUPT_MESSAGE'],
    [new Uint8Array(5), 'CORRUPT_MESSAGE'],
    [forged((b) => b.set([0, 4], FIELD.attributes)), 'UNSUPPORTED_COMPRESSION_TYPE'],
    [forged((b) => b.set([0, 0x20], FIELD.attributes)), 'INVALID_RECORD'],
    [forged((b) => b.set([0, 0, 0, 9], FIELD.lastOffsetDelta)), 'INVALID_RECORD'],
    [batchOf(clock, 'v', { transactional: true }), 'INVALID_TXN_STATE'],
    [stamped, 'INVALID_RECORD'],
  ]
  for (const [batch, error] of refused) expect((await produce(broker, batch))?.error).toBe(error)
  expect(await visible(broker)).toEqual([])
  broker.close()
})

test('a stored batch does not change when the sender changes its buffer', async () => {
  const { broker, clock } = await started()
  const batch = batchOf(clock, 'kept', {})
  await produce(broker, batch)
  batch.fill(0)
  expect(await visible(broker)).toEqual(['kept'])
  broker.close()
})

test('a partition is bounded by its size, and says where it begins', async () => {
  const { broker, clock } = await started({ 'retention.ms': '-1' })
  for (let i = 0; i < 2_000; i++) await produce(broker, batchOf(clock, 'x'.repeat(500), {}))
  expect(broker.sizeBytes()).toBeLessThanOrEqual(64 * KIB)
  const isolation = 'read_committed'
  const ask = { isolation, at: 'earliest', partitions: [AT] } as const
  const [start] = (await broker.handle('listOffsets', ask)).partitions
  expect(start?.offset).toBeGreaterThan(1_800)
  broker.close()
})

test('a compacted partition is bounded by its keys', async () => {
  const { broker, clock } = await started({ 'cleanup.policy': 'compact' })
  const text = new TextEncoder()
  let largest = 0
  for (let i = 0; i < 5_000; i++) {
    const record = {
      key: text.encode(`key ${i % 20}`),
      value: text.encode(`${i}`.padEnd(200)),
      timestampMs: clock.nowMs(),
    }
    await produce(broker, encodeBatch([record], {}, crc32c))
    largest = Math.max(largest, broker.sizeBytes())
  }
  expect(largest).toBeLessThan(32 * KIB)
  const isolation = 'read_committed'
  const partitions = [{ ...AT, leaderEpoch: -1, offset: 0, maxBytes: 1e6 }]
  const [answer] = (await broker.handle('fetch', { node: 0, isolation, maxWaitMs: 0, partitions }))
    .partitions
  if (answer === undefined) throw new Error('no answer')
  const { batches, gap } = selectBatches(answer, { from: 0, sentMs: 0, compacted: true, crc32c })
  const values = new Map(
    batches.flatMap((batch) =>
      copyRecords(batch).map((r) => [
        new TextDecoder().decode(r.key ?? undefined),
        new TextDecoder().decode(r.value ?? undefined).trim(),
      ]),
    ),
  )
  expect(gap).toBe(null)
  expect([...values.values()].toSorted()).toEqual(
    Array.from({ length: 20 }, (_, i) => String(4_980 + i)),
  )
  broker.close()
})

test('retention never passes an open transaction', async () => {
  const log = await started({ 'retention.ms': '1000' })
  const { producerId, producerEpoch } = await init(log.broker)
  await produce(log.broker, batchOf(log.clock, 'old', {}))
  await write(log, { producerId, producerEpoch }, 'open', 0)
  await log.clock.advance(3_000)
  await produce(log.broker, batchOf(log.clock, 'new', {}))
  const isolation = 'read_uncommitted'
  const ask = { isolation, at: 'earliest', partitions: [AT] } as const
  expect((await log.broker.handle('listOffsets', ask)).partitions[0]?.offset).toBe(1)
  // Its own time-out ends it; then it may go.
  await log.clock.advance(4_000)
  expect((await log.broker.handle('listOffsets', ask)).partitions[0]?.offset).toBe(4)
  log.broker.close()
})
