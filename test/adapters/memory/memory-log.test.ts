// The embedded log as the product uses it: on the host's clock, in one process with everything
// else.
import { setTimeout as delay } from 'node:timers/promises'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { expect, test } from 'vitest'
import { createMemoryLog } from '../../../src/adapters/memory/memory-log.ts'
import { systemClock } from '../../../src/runtime/clock.ts'
import { copyRecords } from '../../../src/runtime/record-batch.ts'
import { VirtualClock } from '../../support/virtual-clock.ts'

const SETUP = { transactionalId: 'w', transactionTimeoutMs: 5_000, deadlineMs: 5_000 }
const GROUP = {
  group: 'g',
  metadata: () => new Uint8Array(0),
  assign: () => new Map(),
  sessionTimeoutMs: 3_000,
  rebalanceTimeoutMs: 2_000,
  heartbeatMs: 100,
}
const AT = { topic: 't', partition: 0 }
const record = (value: string) => ({
  ...AT,
  key: null,
  value: new TextEncoder().encode(value),
  timestampMs: Date.now(),
})

test('on the host’s clock: commit, wake a waiting reader, time out, close', async () => {
  const log = createMemoryLog()
  await log.admin().createTopics([{ topic: 't', partitions: 1, config: {} }])
  const writer = log.writer(SETUP)
  await writer.fence()
  const reader = log.reader({ isolation: 'read_committed' })
  reader.assign(AT, 'earliest')
  await reader.poll(0)
  const waiting = reader.poll(10_000)
  const startMs = systemClock.monotonicMs()
  await writer.commit([record('a')])
  const [fetched] = await waiting
  expect(systemClock.monotonicMs() - startMs).toBeLessThan(1_000)
  expect(fetched?.batches.flatMap((batch) => copyRecords(batch)).length).toBe(1)
  const [quiet] = await reader.poll(20)
  expect(quiet?.to).toBe(quiet?.from)
  await log.close()
  await expect(reader.poll(1)).rejects.toMatchObject({ code: 'CLOSED' })
})

test('after close nothing sleeps any more', async () => {
  const clock = new VirtualClock()
  const log = createMemoryLog({ clock })
  const stop = clock.pump()
  const { broker } = log
  await log.admin().createTopics([{ topic: 't', partitions: 1, config: {} }])
  const writer = log.writer(SETUP)
  await writer.fence()
  await writer.commit([{ ...record('a'), timestampMs: clock.nowMs() }])
  const other = broker.connect()
  const reader = other.reader({ isolation: 'read_committed' })
  reader.assign(AT, 'earliest')
  await reader.poll(0)
  const waiting = reader.poll(60_000).catch((error: unknown) => error)
  await log.join(GROUP).next()
  await other.close()
  await log.close()
  expect(await waiting).toMatchObject({ code: 'CLOSED' })
  stop()
  await delay(5)
  expect(clock.sleeping).toBe(0)
})

test('after close the process has no timer of ours left', async () => {
  const timers = (): number =>
    process.getActiveResourcesInfo().filter((name) => name === 'Timeout').length
  const before = timers()
  const log = createMemoryLog()
  await log.admin().createTopics([{ topic: 't', partitions: 1, config: {} }])
  const writer = log.writer(SETUP)
  await writer.fence()
  await writer.commit([record('a')])
  await log.join(GROUP).next()
  expect(timers()).toBeGreaterThan(before)
  await log.close()
  expect(timers()).toBeLessThanOrEqual(before)
})

// In one process with sockets and heartbeats: a replay of a long topic must not hold them up.
test('a reader that always finds something starves no timers', async () => {
  const log = createMemoryLog()
  await log.admin().createTopics([{ topic: 't', partitions: 1, config: {} }])
  const producer = log.producer()
  for (let i = 0; i < 400; i++) await producer.send([record(`${i}`)])
  let fired = 0
  const timer = setInterval(() => fired++, 1)
  const untilMs = performance.now() + 100
  const reader = log.reader({ isolation: 'read_committed', maxBytesPerPartition: 1 })
  while (performance.now() < untilMs) {
    reader.assign(AT, 'earliest')
    for (let i = 0; i < 100; i++) await reader.poll(0)
  }
  clearInterval(timer)
  expect(fired).toBeGreaterThan(5)
  await log.close()
})

test('a client whose requests are wrapped, and one with a clock of its own', async () => {
  const log = createMemoryLog({ clusterId: 'mine' })
  const seen: string[] = []
  const client = log.broker.connect({
    transport: (inner) => (api, request, limits) => {
      seen.push(api)
      return inner(api, request, limits)
    },
  })
  expect(await client.clusterId()).toBe('mine')
  expect(seen).toEqual(['describeCluster'])
  // A host whose clock stands still never gives up waiting; it is answered all the same.
  const frozen = log.broker.connect({ clock: new VirtualClock(0) })
  expect(await frozen.clusterId()).toBe('mine')
  await log.close()
  await expect(client.clusterId()).rejects.toMatchObject({ code: 'UNAVAILABLE' })
})

test('the cluster id is random and looks like one of Kafka’s', async () => {
  const ids = await Promise.all(
    [createMemoryLog(), createMemoryLog()].map((log) => log.clusterId()),
  )
  expect(new Set(ids).size).toBe(2)
  for (const id of ids) expect(id).toMatch(/^[\w-]{22}$/)
})

/** What is still held after the collector has run; `--expose-gc` for one function. */
async function heldOf(made: readonly WeakRef<object>[]): Promise<number> {
  setFlagsFromString('--expose-gc')
  const gc: unknown = runInNewContext('gc')
  if (typeof gc !== 'function') throw new Error('no collector')
  await delay(20)
  gc()
  return made.filter((ref) => ref.deref() !== undefined).length
}

test('what is closed is not held by its connection', async () => {
  // A connection kept every client ever made on it, with what it had last read, until the
  // connection itself was closed: in a process that lives for weeks each `healstream tail`, each
  // policy applied and each restore stayed for ever.
  const log = createMemoryLog()
  await log.admin().createTopics([{ topic: 't', partitions: 1, config: {} }])
  const connection = log.broker.connect()
  const use = async (): Promise<readonly WeakRef<object>[]> => {
    const reader = connection.reader({ isolation: 'read_committed' })
    reader.assign(AT, 'earliest')
    await reader.poll(0)
    const clients = [reader, connection.producer(), connection.writer(SETUP), connection.admin()]
    const member = connection.join(GROUP)
    await member.next()
    await member.leave()
    await Promise.all(clients.map((client) => client.close()))
    return [...clients, member].map((client) => new WeakRef(client))
  }
  const made: WeakRef<object>[] = []
  for (let i = 0; i < 20; i++) made.push(...(await use()))
  expect(await heldOf(made)).toBeLessThan(10)
  await log.close()
})
