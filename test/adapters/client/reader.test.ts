// The reader over several leaders: each for itself, none of them trusted, and one fetch ahead.
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
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
  nodes = new Nodes(2)
  const topics = ['t', 'u'].map((topic) => ({ topic, partitions: 2, config: {} }))
  await clock.run(log.admin().createTopics(topics))
  const port = log.broker.connect({ transport: nodes.wrap })
  reader = port.reader({ isolation: 'read_committed' })
})

afterEach(async () => {
  await reader.close()
  await log.close()
  await clock.advance(0)
  expect(clock.sleeping).toBe(0)
})

async function send(at: { topic: string; partition: number }, count: number): Promise<void> {
  const producer = log.producer()
  const record = { ...at, key: null, value: new Uint8Array(1), timestampMs: clock.nowMs() }
  await clock.run(producer.send(Array.from({ length: count }, () => record)))
  await producer.close()
}

const poll = (waitMs: number): Promise<readonly Fetched[]> => clock.run(reader.poll(waitMs))
const ranges = (fetched: readonly Fetched[]): string[] =>
  fetched.map(({ topic, partition, from, to }) => `${topic}${partition} ${from}-${to}`)

async function took(work: () => Promise<unknown>): Promise<number> {
  const startMs = clock.monotonicMs()
  await work()
  return clock.monotonicMs() - startMs
}

/** Both partitions assigned and their ends known. */
async function started(): Promise<void> {
  reader.assign(ONE, 'latest')
  reader.assign(TWO, 'latest')
  expect(ranges(await poll(0))).toEqual(expect.arrayContaining(['t0 0-0', 't1 0-0']))
}

describe('several leaders', () => {
  test('each is asked for its own partitions, in one request of its own', async () => {
    reader.assign({ topic: 'u', partition: 0 }, 'latest')
    await started()
    const fetches = nodes.seen.filter(({ api }) => api === 'fetch')
    expect(fetches.map(({ partitions }) => partitions.toSorted()).toSorted()).toEqual([
      ['t/0', 'u/0'],
      ['t/1'],
    ])
  })

  test.each(['silent', 'down'] as const)('one that is %s holds up nobody else', async (state) => {
    // One request for all leaders, or one queue of answers, made every record wait for the slowest.
    await started()
    nodes.set(1, state)
    await clock.run(reader.poll(0))
    for (let i = 0; i < 20; i++) {
      await send(ONE, 1)
      const tookMs = await took(async () => {
        const fetched = await poll(1_000)
        expect(ranges(fetched)).toContain(`t0 ${i}-${i + 1}`)
      })
      expect(tookMs).toBeLessThan(5)
    }
    for (let i = 0; i < 20; i++) expect(await took(() => poll(250))).toBeLessThanOrEqual(300)
    nodes.set(1, 'up')
    await send(TWO, 1)
    const back = await took(async () => {
      while (reader.position(TWO) === 0) await poll(250)
    })
    expect(back).toBeLessThan(4_000)
  })

  test('of a silent leader nothing is said, of a quiet one that it is quiet', async () => {
    await started()
    nodes.set(1, 'silent')
    for (let i = 0; i < 8; i++) expect(ranges(await poll(250))).toEqual(['t0 0-0'])
  })

  test('one that is away for ten seconds is not stormed', async () => {
    await started()
    nodes.set(1, 'down')
    const before = nodes.seen.length
    const untilMs = clock.monotonicMs() + 10_000
    while (clock.monotonicMs() < untilMs) await poll(250)
    expect(nodes.asked('fetch', 1)).toBeGreaterThan(10)
    // 20 ms, doubled up to half a second: a leader looked up and asked for each.
    expect(nodes.seen.length - before).toBeLessThan(40 + 2 * 26)
  })

  test('nobody answers: UNAVAILABLE, and nothing was lost', async () => {
    await started()
    nodes.set(0, 'down')
    nodes.set(1, 'silent')
    await expect(clock.run(reader.poll(100))).rejects.toMatchObject({ code: 'UNAVAILABLE' })
    await send(ONE, 2)
    nodes.set(0, 'up')
    expect(await took(() => poll(1_000))).toBeLessThan(700)
    expect(reader.position(ONE)).toBe(2)
  })

  test('a leader that moves takes its records with it', async () => {
    await started()
    for (let i = 0; i < 6; i++) {
      nodes.move(ONE, (i + 1) % 2)
      await send(ONE, 1)
      const before = nodes.seen.length
      const tookMs = await took(async () => {
        while (reader.position(ONE) === i) await poll(250)
      })
      expect(tookMs).toBeLessThan(400)
      expect(nodes.seen.length - before).toBeLessThan(12)
    }
  })
})

describe('one fetch ahead', () => {
  test('the next is under way while the last is worked on, and no further one', async () => {
    await started()
    await send(ONE, 1)
    await poll(250)
    await send(ONE, 2)
    await send(ONE, 3)
    const before = nodes.asked('fetch', 0)
    await clock.advance(10_000)
    expect(nodes.asked('fetch', 0)).toBe(before)
    // It came with the first of the two sends; when it was sent is told.
    const ahead = (await poll(0)).find(({ partition }) => partition === 0)
    expect(ahead).toMatchObject({ from: 1, to: 3 })
    expect(ahead?.sentMs).toBeLessThan(clock.monotonicMs() - 9_000)
    expect(reader.position(ONE)).toBe(3)
    expect(ranges(await poll(250))).toEqual(['t0 3-6'])
  })

  test('positions move when a poll shows it, not when it comes', async () => {
    await started()
    await send(ONE, 1)
    await poll(250)
    await send(ONE, 1)
    await clock.advance(100)
    expect(reader.position(ONE)).toBe(1)
  })

  test('what comes for a partition that was assigned anew meanwhile is dropped', async () => {
    // Set back after a commit that failed, a task must not be shown what lies further on.
    await started()
    await send(ONE, 3)
    await poll(250)
    await send(ONE, 2)
    await clock.advance(10)
    reader.assign(ONE, 1)
    expect(reader.position(ONE)).toBe(1)
    expect(ranges(await poll(250))).toContain('t0 1-5')
    reader.unassign(TWO)
    reader.assign(ONE, 4)
    expect(ranges(await poll(250))).toEqual(['t0 4-5'])
  })

  test('an aborted poll loses nothing of it', async () => {
    await started()
    const stop = new AbortController()
    const aborted = reader.poll(10_000, stop.signal)
    aborted.catch(() => undefined)
    await clock.advance(10)
    const reason = new Error('enough')
    stop.abort(reason)
    await expect(aborted).rejects.toBe(reason)
    await send(ONE, 2)
    await clock.advance(10)
    expect(await took(async () => expect(ranges(await poll(250))).toContain('t0 0-2'))).toBe(0)
  })

  test('a partition that joins is reported at once, whatever the others wait for', async () => {
    await started()
    const u = { topic: 'u', partition: 0 }
    await send(u, 1)
    const stop = new AbortController()
    const waiting = reader.poll(10_000, stop.signal).catch(() => [])
    await clock.advance(50)
    stop.abort()
    await waiting
    reader.assign(u, 'latest')
    expect(await took(async () => expect(ranges(await poll(10_000))).toContain('u0 1-1'))).toBe(0)
  })

  test('partitions that join one by one do not make a leader answer for nothing', async () => {
    // Sixty tasks of a worker began to read within a second of a rebalance. Each let go of the
    // fetch before it, which the broker answered all the same, with up to 32 MB for nobody; and
    // behind these answers the last one waited for longer than it was waited for.
    const delayMs = 100
    const port = log.broker.connect({
      transport: (inner) => async (api, request, limits) => {
        if (api === 'fetch') await clock.sleep(delayMs)
        return await nodes.wrap(inner)(api, request, limits)
      },
    })
    const slow = port.reader({ isolation: 'read_committed' })
    const topics = Array.from({ length: 20 }, (_, i) => ({
      topic: `n${i}`,
      partitions: 1,
      config: {},
    }))
    await clock.run(log.admin().createTopics(topics))
    const parts = topics.map(({ topic }) => ({ topic, partition: 0 }))
    const heard = new Set<string>()
    for (const at of parts) {
      slow.assign(at, 0)
      const stop = new AbortController()
      const polled = slow.poll(1_000, stop.signal).catch(() => [])
      await clock.advance(10)
      stop.abort()
      for (const { topic } of await polled) heard.add(topic)
    }
    while (heard.size < parts.length)
      for (const { topic } of await clock.run(slow.poll(100))) heard.add(topic)
    // As many as there is time for one after the other, not one for each that joins.
    expect(nodes.asked('fetch')).toBeLessThan(8)
    await slow.close()
    await clock.advance(delayMs)
  })

  test('close ends a poll at once, with leaders that do not answer', async () => {
    await started()
    nodes.set(0, 'silent')
    nodes.set(1, 'silent')
    const waiting = reader.poll(10_000)
    waiting.catch(() => undefined)
    await clock.advance(50)
    await reader.close()
    await expect(waiting).rejects.toMatchObject({ code: 'CLOSED' })
    await expect(reader.poll(0)).rejects.toMatchObject({ code: 'CLOSED' })
  })
})
