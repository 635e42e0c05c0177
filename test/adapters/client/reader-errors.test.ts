// What a reader makes of answers that are errors, damaged, or not there: each about one partition
// and without loss to the others; told when it is true and not while it only looks so.
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { ErrorCode } from '../../../src/adapters/client/error-codes.ts'
import type { FetchedPartition } from '../../../src/adapters/client/protocol.ts'
import { createMemoryLog, type MemoryLog } from '../../../src/adapters/memory/memory-log.ts'
import type { Fetched, LogReader } from '../../../src/runtime/ports.ts'
import { Nodes } from '../../support/nodes.ts'
import { VirtualClock } from '../../support/virtual-clock.ts'

const ONE = { topic: 't', partition: 0 }
const TWO = { topic: 't', partition: 1 }

let clock: VirtualClock
let log: MemoryLog
let nodes: Nodes
let reader: LogReader

beforeEach(async () => {
  clock = new VirtualClock()
  log = createMemoryLog({ clock })
  // All on one node: an error in the same answer as news.
  nodes = new Nodes(1)
  await clock.run(log.admin().createTopics([{ topic: 't', partitions: 2, config: {} }]))
  reader = log.broker.connect({ transport: nodes.wrap }).reader({ isolation: 'read_committed' })
})

afterEach(async () => {
  await reader.close()
  await log.close()
})

async function send(at: { topic: string; partition: number }, count: number): Promise<void> {
  const record = { ...at, key: null, value: new Uint8Array(9), timestampMs: clock.nowMs() }
  await clock.run(log.producer().send(Array.from({ length: count }, () => record)))
}

const poll = (waitMs: number): Promise<readonly Fetched[]> => clock.run(reader.poll(waitMs))
const news = (fetched: readonly Fetched[]): string[] =>
  fetched.flatMap(({ partition, from, to }) => (to > from ? [`${partition} ${from}-${to}`] : []))

const bendTwo = (change: (answer: FetchedPartition) => FetchedPartition | null): void => {
  nodes.bendFetched = (answer) => (answer.partition === 1 ? change(answer) : answer)
}
const withError = (error: ErrorCode): void =>
  bendTwo((answer) => ({ ...answer, error, chunks: [], endOffset: -1, logStartOffset: -1 }))

/** Error of the first poll that has one, and when; polls before it bring nothing of partition 1. */
async function firstError(): Promise<{ error: unknown; afterMs: number }> {
  const startMs = clock.monotonicMs()
  for (let i = 0; i < 40; i++) {
    try {
      for (const { partition, to } of await poll(100)) expect([partition, to]).not.toEqual([1, 2])
    } catch (error) {
      return { error, afterMs: clock.monotonicMs() - startMs }
    }
  }
  return { error: null, afterMs: Infinity }
}

async function both(): Promise<void> {
  await send(ONE, 1)
  await send(TWO, 2)
  reader.assign(ONE, 0)
  reader.assign(TWO, 0)
}

const NOTHING_IS_SAID = 2_000

describe('an error about one partition', () => {
  test.each([
    ['TOPIC_AUTHORIZATION_FAILED', 'NOT_AUTHORIZED', 0],
    ['CORRUPT_MESSAGE', 'CORRUPT', 0],
    ['UNSUPPORTED_COMPRESSION_TYPE', 'INVALID_REQUEST', 0],
    ['UNKNOWN_TOPIC_OR_PARTITION', 'TOPIC_GONE', 500],
  ] as const)('%s: news of the others first, then it is told', async (error, code, sinceMs) => {
    await both()
    withError(error)
    expect(news(await poll(1_000))).toEqual(['0 0-1'])
    const told = await firstError()
    expect(told.error).toMatchObject({ code, at: TWO })
    expect(told.afterMs).toBeGreaterThanOrEqual(sinceMs)
    expect(told.afterMs).toBeLessThan(1_000)
    // The others go on, and where it stood it goes on too when the trouble is over.
    await send(ONE, 1)
    bendTwo((answer) => answer)
    const brought: string[] = []
    for (let i = 0; i < 5; i++) brought.push(...news(await poll(100)))
    expect(brought.toSorted()).toEqual(['0 1-2', '1 0-2'])
  })

  test.each([
    'NOT_LEADER_OR_FOLLOWER',
    'FENCED_LEADER_EPOCH',
    'UNKNOWN_LEADER_EPOCH',
    'LEADER_NOT_AVAILABLE',
    'KAFKA_STORAGE_ERROR',
    'OFFSET_NOT_AVAILABLE',
    'REPLICA_NOT_AVAILABLE',
    // A broker whose disk failed for a moment, or a newer code: tasks stopped for good.
    'UNKNOWN_SERVER_ERROR',
  ] as const)('%s passes, is asked again, and nobody is told', async (error) => {
    await both()
    withError(error)
    expect(news(await poll(1_000))).toEqual(['0 0-1'])
    const before = nodes.seen.length
    const untilMs = clock.monotonicMs() + NOTHING_IS_SAID
    while (clock.monotonicMs() < untilMs) expect(news(await poll(100))).toEqual([])
    expect(nodes.seen.length - before).toBeLessThan(90)
    bendTwo((answer) => answer)
    expect(news(await poll(1_000))).toEqual(['1 0-2'])
  })

  test('unknown for a moment is a broker that has not heard of it yet', async () => {
    // Right after a topic was made, or a broker came back, TOPIC_GONE stopped the task for good.
    await both()
    withError('UNKNOWN_TOPIC_OR_PARTITION')
    await poll(100)
    await poll(200)
    bendTwo((answer) => answer)
    expect(news(await poll(1_000))).toEqual(['1 0-2'])
  })

  test('left out of the answer it is asked for again', async () => {
    await both()
    bendTwo(() => null)
    expect(news(await poll(1_000))).toEqual(['0 0-1'])
    expect((await poll(100)).map(({ partition }) => partition)).toEqual([0])
    bendTwo((answer) => answer)
    expect(news(await poll(1_000))).toEqual(['1 0-2'])
  })

  test('a stranger in the answer changes nothing', async () => {
    await both()
    nodes.bendFetched = (answer) =>
      answer.partition === 1 ? { ...answer, topic: 'another' } : answer
    expect(news(await poll(1_000))).toEqual(['0 0-1'])
    expect(reader.position(TWO)).toBe(0)
  })

  const spoil = (answer: FetchedPartition): FetchedPartition => {
    const chunks = answer.chunks.map((chunk) => {
      const copy = new Uint8Array(chunk)
      copy[copy.length - 3] = 77
      return copy
    })
    return { ...answer, chunks }
  }

  test('a spoiled batch is CORRUPT; the others go on', async () => {
    await both()
    bendTwo(spoil)
    expect(news(await poll(1_000))).toEqual(['0 0-1'])
    const told = await firstError()
    expect(told.error).toMatchObject({ code: 'CORRUPT', at: TWO })
    expect(told.afterMs).toBeLessThan(1_000)
    await send(ONE, 1)
    expect(news(await poll(1_000))).toEqual(['0 1-2'])
  })

  // Told that no leader answers, a restore began again with a reader that knew of no doubt: for
  // ever, and nobody heard that the journal was damaged.
  test('while that is in doubt a poll never says that nobody answers', async () => {
    await both()
    reader.unassign(ONE)
    bendTwo(spoil)
    const { error } = await firstError()
    expect(error).toMatchObject({ code: 'CORRUPT', at: TWO })
  })

  test('a batch that was spoiled on its way is asked for again', async () => {
    // One flipped bit of a network card is stored nowhere, and stopped the task for a person.
    await both()
    let count = 0
    bendTwo((answer) => (count++ < 2 ? spoil(answer) : answer))
    expect(news(await poll(1_000))).toEqual(['0 0-1'])
    const brought: string[] = []
    for (let i = 0; i < 5; i++) brought.push(...news(await poll(100)))
    expect(brought).toEqual(['1 0-2'])
    expect(count).toBeGreaterThan(2)
  })
})

describe('a position that is not there', () => {
  test('below the start it is lost, and that is told at once', async () => {
    await both()
    await clock.run(log.admin().deleteRecords(TWO, 1))
    expect(news(await poll(1_000))).toEqual(['0 0-1'])
    const { error, afterMs } = await firstError()
    expect(error).toMatchObject({ code: 'POSITION_LOST', at: TWO })
    expect(String(error)).toContain('position 0 of t/1 is outside of 1 to 2')
    expect(afterMs).toBe(0)
  })

  test('beyond the end of a new leader it is not lost yet', async () => {
    await both()
    reader.assign(TWO, 5)
    await poll(0)
    await clock.advance(200)
    await send(TWO, 4)
    const found = await poll(1_000)
    expect(news(found)).toEqual(['1 5-6'])
  })

  test('beyond the end for good it is lost; the reader never jumps', async () => {
    await both()
    reader.assign(TWO, 5)
    expect(news(await poll(1_000))).toEqual(['0 0-1'])
    const { error, afterMs } = await firstError()
    expect(error).toMatchObject({ code: 'POSITION_LOST', at: TWO })
    expect(afterMs).toBeGreaterThanOrEqual(500)
    expect(reader.position(TWO)).toBe(5)
  })
})

// Story: partition 0 had been refused and was found again, its long poll was under way. Partition
// 1, new, had been refused too and was found a moment later. What was under way was given up for a
// fetch of both, which then was not sent: each had been asked for in this poll already. Nothing was
// under way, nobody looked again, and the poll never ended: a restore stood still for ever.
test('a fetch that is given up for one of both partitions is made up for', async () => {
  await send(ONE, 1)
  await send(TWO, 1)
  let refused: readonly number[] = []
  nodes.bendFetched = (answer): FetchedPartition => {
    if (!refused.includes(answer.partition)) return answer
    refused = refused.filter((partition) => partition !== answer.partition)
    const error = 'NOT_LEADER_OR_FOLLOWER'
    return { ...answer, error, chunks: [], endOffset: -1, logStartOffset: -1 }
  }
  reader.assign(ONE, 0)
  expect(news(await poll(100))).toEqual(['0 0-1'])
  refused = [0, 1]
  // The fetch ahead for partition 0 comes back without news, refused.
  await clock.advance(105)
  expect(refused).toEqual([1])
  reader.assign(TWO, 0)
  expect(news(await poll(1_000))).toEqual(['1 0-1'])
})
