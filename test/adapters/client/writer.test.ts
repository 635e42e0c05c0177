// The transactional writer against answers that are errors: what is asked again and how, what a
// commit says in the end, and that what it says is true.
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { ErrorCode } from '../../../src/adapters/client/error-codes.ts'
import { createMemoryLog, type MemoryLog } from '../../../src/adapters/memory/memory-log.ts'
import type { OutgoingRecord } from '../../../src/contracts/record.ts'
import { LogError } from '../../../src/runtime/log-error.ts'
import type { TransactionalWriter } from '../../../src/runtime/ports.ts'
import { copyRecords } from '../../../src/runtime/record-batch.ts'
import { Script } from '../../support/script.ts'
import { VirtualClock } from '../../support/virtual-clock.ts'

const SETUP = { transactionalId: 'w', transactionTimeoutMs: 5_000, deadlineMs: 4_000 }

let clock: VirtualClock
let log: MemoryLog
let script: Script
let writer: TransactionalWriter

beforeEach(async () => {
  clock = new VirtualClock()
  log = createMemoryLog({ clock })
  script = new Script()
  const config = { 'max.message.bytes': '2000' }
  await clock.run(log.admin().createTopics([{ topic: 't', partitions: 3, config }]))
  writer = log.broker.connect({ transport: script.wrap }).writer(SETUP)
  await clock.run(writer.fence())
  script.clear()
})

afterEach(() => log.close())

const to = (partition: number, ...values: string[]): OutgoingRecord[] =>
  values.map((value) => {
    const timestampMs = clock.nowMs()
    return { topic: 't', partition, key: null, value: Buffer.from(value), timestampMs }
  })

async function outcome(records: readonly OutgoingRecord[]): Promise<string> {
  try {
    await clock.run(writer.commit(records))
    return 'committed'
  } catch (error) {
    if (error instanceof LogError) return error.code
    throw error
  }
}

/** Values visible to read_committed, by partition. */
async function visible(): Promise<string[][]> {
  await clock.advance(20)
  const found: string[][] = [[], [], []]
  const reader = log.reader({ isolation: 'read_committed' })
  for (let partition = 0; partition < 3; partition++)
    reader.assign({ topic: 't', partition }, 'earliest')
  for (let i = 0; i < 4; i++)
    for (const { partition, batches, from } of await clock.run(reader.poll(10)))
      for (const batch of batches)
        for (const { value } of copyRecords(batch, from))
          found[partition]?.push(
            Buffer.from(value ?? [])
              .toString()
              .slice(0, 9),
          )
  await reader.close()
  return found
}

describe('one Produce for all partitions', () => {
  test('what does not fit into one batch follows in the next request', async () => {
    const long = ['a', 'b', 'c'].map((name) => `${name}${'.'.repeat(900)}`)
    expect(await outcome([...to(0, ...long), ...to(1, 'x'), ...to(2, ...long)])).toBe('committed')
    expect(script.of('produce')).toEqual(['t/0 t/1 t/2 NONE NONE NONE', 't/0 t/2 NONE NONE'])
    expect(script.of('addPartitionsToTxn')).toEqual(['NONE'])
    expect((await visible()).map((values) => values.length)).toEqual([3, 1, 3])
  })

  test.each([
    'NOT_LEADER_OR_FOLLOWER',
    'NOT_ENOUGH_REPLICAS',
    'NOT_ENOUGH_REPLICAS_AFTER_APPEND',
    'REQUEST_TIMED_OUT',
    'NETWORK_EXCEPTION',
    'CORRUPT_MESSAGE',
    'UNKNOWN_SERVER_ERROR',
    'UNKNOWN_TOPIC_OR_PARTITION',
  ] as const)('%s about one: only that one is asked again', async (error) => {
    for (const fate of ['refused', 'done'] as const) {
      script.clear()
      script.play({ api: 'produce', fate, error, only: 't/1' })
      expect(await outcome([...to(0, 'a'), ...to(1, 'b'), ...to(2, 'c')])).toBe('committed')
      expect(script.of('produce')).toEqual([`t/0 t/1 t/2 NONE ${error} NONE`, 't/1 NONE'])
    }
    expect(await visible()).toEqual([
      ['a', 'a'],
      ['b', 'b'],
      ['c', 'c'],
    ])
  })

  test('a partition that the answer leaves out is not taken for stored', async () => {
    // kafkajs reports success for a partition whose answer is missing, and the records are gone.
    script.play({ api: 'produce', fate: 'refused', only: 't/1' })
    expect(await outcome([...to(0, 'a'), ...to(1, 'b')])).toBe('committed')
    expect(script.of('produce')).toEqual(['t/0 t/1 NONE', 't/1 NONE'])
    expect(await visible()).toEqual([['a'], ['b'], []])
  })

  test.each([
    ['TOPIC_AUTHORIZATION_FAILED', 'NOT_AUTHORIZED'],
    ['PRODUCER_FENCED', 'FENCED'],
    ['INVALID_PRODUCER_EPOCH', 'FENCED'],
    ['INVALID_PRODUCER_ID_MAPPING', 'FENCED'],
    ['UNKNOWN_PRODUCER_ID', 'ABORTED'],
    ['OUT_OF_ORDER_SEQUENCE_NUMBER', 'ABORTED'],
    ['DUPLICATE_SEQUENCE_NUMBER', 'ABORTED'],
    ['INVALID_TXN_STATE', 'ABORTED'],
    ['INVALID_RECORD', 'INVALID_REQUEST'],
  ] as const)('%s ends in %s, and nothing is ever shown', async (error, code) => {
    script.play({ api: 'produce', fate: 'done', error, only: 't/1' })
    expect(await outcome([...to(0, 'a'), ...to(1, 'b')])).toBe(code)
    expect(await outcome(to(0, 'more'))).toBe('INVALID_REQUEST')
    await clock.run(writer.renew())
    expect(await outcome(to(0, 'after'))).toBe('committed')
    expect(await visible()).toEqual([['after'], [], []])
  })

  test.each([
    ['MESSAGE_TOO_LARGE', 'TOO_LARGE'],
    ['RECORD_LIST_TOO_LARGE', 'TOO_LARGE'],
    ['INVALID_TIMESTAMP', 'TIMESTAMP_REFUSED'],
  ] as const)('%s ends in %s; the writer goes on', async (error, code) => {
    script.play({ api: 'produce', fate: 'refused', error, only: 't/1' })
    expect(await outcome([...to(0, 'a'), ...to(1, 'b')])).toBe(code)
    expect(await outcome([...to(0, 'c'), ...to(1, 'd')])).toBe('committed')
    expect(await visible()).toEqual([['c'], ['d'], []])
  })

  test('too few replicas to the end: ABORTED within the deadline, with the reason', async () => {
    const error = 'NOT_ENOUGH_REPLICAS'
    script.play({ api: 'produce', fate: 'refused', error, only: 't/1', times: 1_000 })
    const startMs = clock.monotonicMs()
    const failed = clock.run(writer.commit([...to(0, 'a'), ...to(1, 'b')]))
    await expect(failed).rejects.toMatchObject({
      code: 'ABORTED',
      at: { topic: 't', partition: 1 },
    })
    await expect(failed).rejects.toThrow('NOT_ENOUGH_REPLICAS')
    expect(clock.monotonicMs() - startMs).toBeLessThanOrEqual(SETUP.deadlineMs)
    expect(script.of('produce').length).toBeLessThan(40)
    script.clear()
    await clock.run(writer.renew())
    expect(await outcome(to(1, 'after'))).toBe('committed')
    expect(await visible()).toEqual([[], ['after'], []])
  })
})

const COORDINATION: readonly ErrorCode[] = [
  'COORDINATOR_LOAD_IN_PROGRESS',
  'COORDINATOR_NOT_AVAILABLE',
  'NOT_COORDINATOR',
  'NETWORK_EXCEPTION',
  'REQUEST_TIMED_OUT',
  'CONCURRENT_TRANSACTIONS',
  'UNKNOWN_SERVER_ERROR',
]

describe('the coordinator', () => {
  const newEpochs = (): number =>
    script.of('initProducerId').filter((answer) => answer === 'NONE').length

  test.each(COORDINATION)('%s is asked again, wherever it comes', async (error) => {
    for (const api of ['addPartitionsToTxn', 'endTxn'] as const) {
      for (const fate of ['refused', 'done'] as const) {
        script.play({ api, fate, error })
        expect(await outcome(to(0, `${api} ${fate}`))).toBe('committed')
      }
    }
    script.play({ api: 'initProducerId', fate: 'refused', error, times: 3 })
    await clock.run(writer.fence())
    expect(await outcome(to(0, 'fenced'))).toBe('committed')
    expect((await visible())[0]).toHaveLength(5)
  })

  test.each([
    ['NOT_COORDINATOR', true],
    ['COORDINATOR_NOT_AVAILABLE', true],
    ['REQUEST_TIMED_OUT', true],
    ['CONCURRENT_TRANSACTIONS', false],
    ['COORDINATOR_LOAD_IN_PROGRESS', false],
  ] as const)('after %s a new epoch: %s', async (error, isNew) => {
    // A coordinator that lost its place may have written the end all the same; only those two say
    // that nothing was done.
    for (const api of ['addPartitionsToTxn', 'endTxn'] as const) {
      script.clear()
      script.play({ api, fate: 'refused', error })
      expect(await outcome(to(0, 'a'))).toBe('committed')
      expect(await outcome(to(0, 'b'))).toBe('committed')
      expect(newEpochs()).toBe(isNew ? 1 : 0)
    }
  })

  test('a repeated Produce too takes a new epoch before the next transaction', async () => {
    script.play({ api: 'produce', fate: 'done' })
    expect(await outcome(to(0, 'a'))).toBe('committed')
    expect(newEpochs()).toBe(0)
    expect(await outcome(to(0, 'b'))).toBe('committed')
    expect(newEpochs()).toBe(1)
    expect((await visible())[0]).toEqual(['a', 'b'])
  })

  test('busy with the last transaction it is asked again soon, then less often', async () => {
    // Asked every 2 ms while a broker was away, a coordinator answered five hundred times a second.
    const error = 'CONCURRENT_TRANSACTIONS'
    script.play({ api: 'addPartitionsToTxn', fate: 'refused', error, times: 3 })
    const startMs = clock.monotonicMs()
    await outcome(to(0, 'a'))
    expect(clock.monotonicMs() - startMs).toBeLessThan(10)
    script.clear()
    script.play({ api: 'addPartitionsToTxn', fate: 'refused', error, times: 1_000_000 })
    expect(await outcome(to(0, 'b'))).toBe('ABORTED')
    expect(script.said.length).toBeLessThan(50)
  })

  test('an end that stays unanswered, or answered so, is IN_DOUBT', async () => {
    for (const line of [{}, { error: 'COORDINATOR_NOT_AVAILABLE' as const }]) {
      script.clear()
      script.play({ api: 'endTxn', fate: 'refused', times: 1_000, ...line })
      const startMs = clock.monotonicMs()
      expect(await outcome(to(0, 'doubt'))).toBe('IN_DOUBT')
      expect(clock.monotonicMs() - startMs).toBeLessThanOrEqual(SETUP.deadlineMs)
      script.clear()
      await clock.run(writer.renew())
    }
    expect((await visible())[0]).toEqual([])
  })

  test('the id expired: FENCED; taken anew it has another producer id and goes on', async () => {
    script.play({ api: 'endTxn', fate: 'refused', error: 'INVALID_PRODUCER_ID_MAPPING' })
    expect(await outcome(to(0, 'a'))).toBe('FENCED')
    await clock.run(writer.fence())
    expect(await outcome(to(0, 'b'))).toBe('committed')
    expect((await visible())[0]).toEqual(['b'])
  })
})
