// The idempotent producer: requests shared by the batches of one leader, and what is said of a
// batch when the log loses sight of its producer.
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { createMemoryLog, type MemoryLog } from '../../../src/adapters/memory/memory-log.ts'
import type { OutgoingRecord } from '../../../src/contracts/record.ts'
import { LogError } from '../../../src/runtime/log-error.ts'
import type { IdempotentProducer } from '../../../src/runtime/ports.ts'
import { copyRecords } from '../../../src/runtime/record-batch.ts'
import { Nodes } from '../../support/nodes.ts'
import { Script } from '../../support/script.ts'
import { VirtualClock } from '../../support/virtual-clock.ts'

let clock: VirtualClock
let log: MemoryLog
let script: Script
let nodes: Nodes
let producer: IdempotentProducer

beforeEach(async () => {
  clock = new VirtualClock()
  log = createMemoryLog({ clock })
  script = new Script()
  nodes = new Nodes(2)
  const config = { 'max.message.bytes': '2000' }
  await clock.run(log.admin().createTopics([{ topic: 't', partitions: 4, config }]))
  const port = log.broker.connect({ transport: (inner) => script.wrap(nodes.wrap(inner)) })
  producer = port.producer({ deadlineMs: 3_000 })
  await clock.run(producer.send(to(3, 'first')))
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
    const appended = await clock.run(producer.send(records))
    return appended.map(({ baseOffset, lastOffset }) => `${baseOffset}-${lastOffset}`).join(' ')
  } catch (error) {
    if (error instanceof LogError) return error.code
    throw error
  }
}

async function stored(partition: number): Promise<string[]> {
  const reader = log.reader({ isolation: 'read_committed' })
  reader.assign({ topic: 't', partition }, 'earliest')
  const found: string[] = []
  for (let i = 0; i < 3; i++)
    for (const { batches, from } of await clock.run(reader.poll(10)))
      for (const batch of batches)
        for (const { value } of copyRecords(batch, from))
          found.push(
            Buffer.from(value ?? [])
              .toString()
              .slice(0, 9),
          )
  await reader.close()
  return found
}

describe('requests', () => {
  test('batches of one leader go together, those of another by themselves', async () => {
    const all = [0, 1, 2, 3].flatMap((partition) => to(partition, `v${partition}`))
    expect(await outcome(all)).toBe('0-0 0-0 0-0 1-1')
    expect(script.of('produce').toSorted()).toEqual(['t/0 t/2 NONE NONE', 't/1 t/3 NONE NONE'])
  })

  test('for one partition nobody is asked who leads it', async () => {
    await outcome(to(0, 'a'))
    expect(script.said.map(({ api }) => api)).toEqual(['produce'])
  })

  test('sends that are not waited for: one batch of a partition on its way, in order', async () => {
    const sends = Array.from({ length: 10 }, (_, i) => producer.send(to(i % 2, `s${i}`)))
    await clock.run(Promise.all(sends))
    expect(script.of('produce')).toHaveLength(10)
    expect(await stored(0)).toEqual(['s0', 's2', 's4', 's6', 's8'])
  })

  test('one partition in trouble does not hold up the others of its leader', async () => {
    const error = 'NOT_ENOUGH_REPLICAS'
    script.play({ api: 'produce', fate: 'refused', error, only: 't/2', times: 1_000 })
    const stuck = producer.send(to(2, 'stuck'))
    stuck.catch(() => undefined)
    await clock.advance(10)
    const startMs = clock.monotonicMs()
    for (let i = 0; i < 5; i++) await outcome(to(0, `a${i}`))
    expect(clock.monotonicMs() - startMs).toBeLessThan(50)
    // It was never taken, and that is known.
    await expect(clock.run(stuck)).rejects.toMatchObject({ code: 'UNAVAILABLE' })
    script.clear()
    expect(await outcome(to(2, 'later'))).toBe('0-0')
    expect(await stored(2)).toEqual(['later'])
  })

  test('what does not fit is split; too large by itself, nothing is sent', async () => {
    const long = ['a', 'b', 'c'].map((name) => `${name}${'.'.repeat(900)}`)
    expect(await outcome(to(0, ...long))).toBe('0-1 2-2')
    expect(await outcome(to(0, 'x', 'y'.repeat(3_000)))).toBe('TOO_LARGE')
    expect(await outcome(to(0, 'z'))).toBe('3-3')
  })

  test('idle it has nothing to do', async () => {
    await outcome(to(0, 'a'))
    await clock.advance(0)
    const before = script.said.length
    await clock.advance(3_600_000)
    expect(script.said.length).toBe(before)
    expect(clock.sleeping).toBe(0)
  })
})

describe('an id that is lost', () => {
  test.each([
    'UNKNOWN_PRODUCER_ID',
    'OUT_OF_ORDER_SEQUENCE_NUMBER',
    'INVALID_PRODUCER_EPOCH',
    'INVALID_PRODUCER_ID_MAPPING',
    'PRODUCER_FENCED',
  ] as const)('%s at once: it was not stored and goes again under a new one', async (error) => {
    await outcome(to(0, 'a'))
    script.clear()
    script.play({ api: 'produce', fate: 'refused', error })
    expect(await outcome(to(0, 'b', 'c'))).toBe('1-2')
    expect(script.said.map(({ api }) => api)).toEqual(['produce', 'initProducerId', 'produce'])
    expect(await outcome(to(0, 'd'))).toBe('3-3')
    expect(await stored(0)).toEqual(['a', 'b', 'c', 'd'])
  })

  test('after an attempt without an answer it may be stored: IN_DOUBT, never doubled', async () => {
    script.play(
      { api: 'produce', fate: 'done' },
      { api: 'produce', fate: 'refused', error: 'OUT_OF_ORDER_SEQUENCE_NUMBER' },
    )
    expect(await outcome(to(0, 'a'))).toBe('IN_DOUBT')
    expect(await outcome(to(0, 'b'))).toBe('1-1')
    expect(await stored(0)).toEqual(['a', 'b'])
  })

  test('a log that loses every id is given up', async () => {
    const error = 'UNKNOWN_PRODUCER_ID'
    script.play({ api: 'produce', fate: 'refused', error, times: 1_000 })
    expect(await outcome(to(0, 'a'))).toBe('UNAVAILABLE')
    expect(script.said.length).toBeLessThan(10)
  })

  test('a duplicate that is not remembered is stored, but nobody knows where', async () => {
    script.play({ api: 'produce', fate: 'done', error: 'DUPLICATE_SEQUENCE_NUMBER' })
    expect(await outcome(to(0, 'a'))).toBe('-1--1')
    expect(await outcome(to(0, 'b'))).toBe('1-1')
    expect(await stored(0)).toEqual(['a', 'b'])
  })
})

describe('what may have been stored', () => {
  test.each([
    ['NOT_ENOUGH_REPLICAS', 'UNAVAILABLE'],
    ['LEADER_NOT_AVAILABLE', 'UNAVAILABLE'],
    ['THROTTLING_QUOTA_EXCEEDED', 'UNAVAILABLE'],
    ['CORRUPT_MESSAGE', 'UNAVAILABLE'],
    ['NOT_ENOUGH_REPLICAS_AFTER_APPEND', 'IN_DOUBT'],
    ['NOT_LEADER_OR_FOLLOWER', 'IN_DOUBT'],
    ['REQUEST_TIMED_OUT', 'IN_DOUBT'],
    ['NETWORK_EXCEPTION', 'IN_DOUBT'],
    ['KAFKA_STORAGE_ERROR', 'IN_DOUBT'],
    ['UNKNOWN_TOPIC_OR_PARTITION', 'TOPIC_GONE'],
    ['TOPIC_AUTHORIZATION_FAILED', 'NOT_AUTHORIZED'],
    ['INVALID_TIMESTAMP', 'TIMESTAMP_REFUSED'],
  ] as const)('%s to the end is %s', async (error, code) => {
    script.play({ api: 'produce', fate: 'refused', error, times: 1_000 })
    const startMs = clock.monotonicMs()
    expect(await outcome(to(0, 'a'))).toBe(code)
    expect(clock.monotonicMs() - startMs).toBeLessThanOrEqual(3_000)
    script.clear()
    expect(await outcome(to(0, 'b'))).toBe('0-0')
  })
})
