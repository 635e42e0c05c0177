// Members on real Kafka, each with its thread: the main loop busy, hanging, killed, stopped; the
// way to the brokers cut; rounds without end are in member-rounds.test.ts.
import { type ChildProcess, spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, test } from 'vitest'
import { createKafkaLog } from '../../src/adapters/kafka/kafka-log.ts'
import { systemClock } from '../../src/runtime/clock.ts'
import type { LogPort } from '../../src/runtime/ports.ts'
import { FaultProxy } from '../support/fault-proxy.ts'
import { startKafka } from '../support/kafka/cluster.ts'
import { joined, type Player, type Said, shared, TASKS, tasksOf, until } from './members.ts'

const SESSION_MS = 3_000
const TIMES = { sessionTimeoutMs: SESSION_MS, rebalanceTimeoutMs: 2_000, heartbeatMs: 300 }
const CHILD = fileURLToPath(new URL('member-child.mjs', import.meta.url))

let brokers: readonly string[] = []
beforeAll(async () => {
  const kafka = await startKafka({ nodes: 1 })
  brokers = kafka.brokers
  return () => kafka.stop()
})

const closers: (() => Promise<unknown>)[] = []
afterAll(async () => {
  for (const close of closers.splice(0).toReversed()) await close()
})

const groupName = (): string => `member-${randomBytes(6).toString('hex')}`

interface Child extends Player {
  readonly process: ChildProcess
  /** The main loop stands still. */
  block(ms: number): void
}

const last = ({ events }: Player): Said | undefined => events.at(-1)
const kinds = ({ events }: Player): string[] => events.map(({ kind }) => kind)

const wait = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms))

function open(addresses: readonly string[]): LogPort {
  const log = createKafkaLog({ brokers: addresses, clock: systemClock })
  closers.push(() => log.close())
  return log
}

/** A member in this process. */
function member(group: string, log: LogPort = open(brokers)): Player {
  return joined(log, group, TIMES)
}

/** A member in a process of its own. */
function child(group: string): Child {
  const setup = { brokers, group, tasks: TASKS.length, ...TIMES }
  const started = spawn(process.execPath, [CHILD, JSON.stringify(setup)], {
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  const gone = new Promise((resolve) => started.once('exit', resolve))
  closers.push(() => {
    started.kill('SIGKILL')
    return gone
  })
  const events: Said[] = []
  createInterface({ input: started.stdout }).on('line', (line) => {
    const said: Said = JSON.parse(line)
    events.push(said)
  })
  return {
    process: started,
    events,
    block: (ms) => started.stdin.write(`block ${ms}\n`),
  }
}

test.concurrent('a main loop that stands still for less than a session keeps its tasks', async ({
  expect,
}) => {
  const group = groupName()
  // The leader is asked for the assignment, so it is the one that stays awake.
  const leader = member(group)
  await until('the leader is there', () => tasksOf(leader).length > 0)
  const busy = child(group)
  await shared(leader, busy)
  const before = busy.events.length
  busy.block(SESSION_MS - 500)
  await until('it is back', () => last(busy)?.kind === 'unblocked')
  await wait(1_000)
  expect(kinds(busy).slice(before)).toEqual(['unblocked'])
})

test.concurrent('a round while a main loop is busy goes on with what it said before', async ({
  expect,
}) => {
  const group = groupName()
  const leader = member(group)
  await until('the leader is there', () => tasksOf(leader).length > 0)
  const busy = child(group)
  await shared(leader, busy)
  const before = busy.events.length
  busy.block(SESSION_MS - 200)
  await wait(200)
  const third = member(group)
  const tookMs = await until('the third has its share', () => tasksOf(third).length > 0)
  expect(tookMs).toBeLessThan(SESSION_MS)
  await shared(leader, busy, third)
  expect(kinds(busy).slice(before)).not.toContain('lost')
})

test.concurrent('a main loop that hangs gives its tasks away, and learns `lost` first', async ({
  expect,
}) => {
  // Story: a heartbeat from a thread of its own goes on for ever, and nobody gets the tasks of a
  // worker that sits in an endless loop.
  const group = groupName()
  const other = member(group)
  await until('the other is there', () => tasksOf(other).length > 0)
  const hanging = child(group)
  await shared(other, hanging)
  const before = hanging.events.length
  hanging.block(2 * SESSION_MS)
  await until('the other has all', () => tasksOf(other).length === TASKS.length)
  // The hanging one has not said anything: it was all decided without it.
  expect(hanging.events.length).toBe(before)
  await shared(other, hanging)
  expect(kinds(hanging).slice(before)).toEqual(['unblocked', 'lost', 'assigned'])
})

test.concurrent('kill -9: the others have its tasks after its session', async ({ expect }) => {
  const group = groupName()
  const other = member(group)
  const doomed = child(group)
  await shared(other, doomed)
  doomed.process.kill('SIGKILL')
  const tookMs = await until('the other has all', () => tasksOf(other).length === TASKS.length)
  expect(tookMs).toBeGreaterThan(SESSION_MS - 1_000)
  expect(tookMs).toBeLessThan(SESSION_MS + 3_000)
})

test.concurrent('a stopped member that goes on after its session learns `lost` first', async ({
  expect,
}) => {
  const group = groupName()
  const other = member(group)
  const stopped = child(group)
  await shared(other, stopped)
  const before = stopped.events.length
  stopped.process.kill('SIGSTOP')
  await until('the other has all', () => tasksOf(other).length === TASKS.length)
  await wait(500)
  stopped.process.kill('SIGCONT')
  await shared(other, stopped)
  expect(kinds(stopped).slice(before)).toEqual(['lost', 'assigned'])
})

test.concurrent('a member cut off knows before another has its tasks, and comes back', async ({
  expect,
}) => {
  const group = groupName()
  const link = await FaultProxy.start(brokers)
  closers.push(() => link.close())
  const other = member(group)
  const lonely = member(group, open(link.brokers))
  await shared(other, lonely)
  link.cut()
  await until('told', () => last(lonely)?.kind === 'lost')
  expect(tasksOf(other).length).toBeLessThan(TASKS.length)
  await until('the other has all', () => tasksOf(other).length === TASKS.length)
  link.restore()
  await shared(other, lonely)
})

test.concurrent('connections that are reset are opened again, and no task moves', async ({
  expect,
}) => {
  const group = groupName()
  const link = await FaultProxy.start(brokers)
  closers.push(() => link.close())
  const alone = member(group, open(link.brokers))
  await until('it is there', () => tasksOf(alone).length > 0)
  for (let i = 0; i < 5; i++) {
    await wait(400)
    link.reset()
  }
  await wait(SESSION_MS + 500)
  expect(kinds(alone)).toEqual(['assigned'])
})

test.concurrent('leave() takes less than a second while no broker answers', async ({ expect }) => {
  const link = await FaultProxy.start(brokers)
  closers.push(() => link.close())
  const log = open(link.brokers)
  const alone = member(groupName(), log)
  await until('it is there', () => tasksOf(alone).length > 0)
  link.cut()
  const startMs = performance.now()
  await log.close()
  expect(performance.now() - startMs).toBeLessThan(1_500)
})

test.concurrent('a session that the brokers do not allow is refused in words', async ({
  expect,
}) => {
  const log = open(brokers)
  const membership = log.join({
    group: groupName(),
    ...TIMES,
    sessionTimeoutMs: 100,
    metadata: () => new Uint8Array(1),
    assign: () => new Map(),
  })
  await expect(membership.next()).rejects.toMatchObject({
    code: 'INVALID_REQUEST',
    message: expect.stringMatching(/100 ms.*group\.min\.session\.timeout\.ms/),
  })
})
