// An unclean election on real brokers: the leader dies with records that the one elected after it
// never had, and before the reader polls again there are more than there were. What reader-
// truncation.test.ts says of new leaders has to be what Kafka answers, too.
import { randomBytes } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { beforeAll, expect, test } from 'vitest'
import { createKafkaLog } from '../../src/adapters/kafka/kafka-log.ts'
import { systemClock } from '../../src/runtime/clock.ts'
import type { LogPort, LogReader } from '../../src/runtime/ports.ts'
import { startKafka, type TestKafka } from '../support/kafka/cluster.ts'
import { Operator } from './operator.ts'

const [LEADER, STALE] = [1, 2]
const UNCLEAN = { 'unclean.leader.election.enable': 'true', 'min.insync.replicas': '1' }

let kafka: TestKafka
let operator: Operator
let log: LogPort

beforeAll(async () => {
  kafka = await startKafka({ nodes: 3, own: true })
  operator = await Operator.connect(kafka.brokers)
  log = createKafkaLog({ brokers: kafka.brokers, clock: systemClock })
  return async () => {
    await log.close()
    await operator.close()
    await kafka.stop()
  }
}, 120_000)

async function until(what: string, holds: () => Promise<boolean>): Promise<void> {
  for (const endMs = performance.now() + 60_000; !(await holds().catch(() => false)); ) {
    if (performance.now() > endMs) throw new Error(`not within a minute: ${what}`)
    await sleep(200)
  }
}

async function send(at: { topic: string; partition: number }, count: number): Promise<void> {
  const producer = log.producer({ deadlineMs: 30_000 })
  const record = { ...at, key: null, value: randomBytes(20), timestampMs: Date.now() }
  for (let i = 0; i < count; i++) await producer.send([record])
  await producer.close()
}

/** The position once nothing new has come for a while, or the error that came. */
async function readAll(reader: LogReader, at: Parameters<LogReader['position']>[0]) {
  for (let quiet = 0; quiet < 4; ) {
    try {
      const fetched = await reader.poll(500)
      quiet = fetched.some(({ from, to }) => to > from) ? 0 : quiet + 1
    } catch (error) {
      if (!(error instanceof Error) || !error.message.includes('no leader has answered'))
        throw error
    }
  }
  return reader.position(at)
}

test('whoever read what the elected leader never had is told so; others read on', async () => {
  const at = { topic: `cut-${randomBytes(4).toString('hex')}`, partition: 0 }
  const other = { ...at, partition: 1 }
  const places = [
    [LEADER, STALE],
    [3, STALE],
  ]
  // It may be made before every broker knows of it, and then this is refused.
  await operator.createTopic(at.topic, places, UNCLEAN).catch(() => undefined)
  await until('it is there', async () => (await operator.inSync(at.topic, 0)).length > 0)
  const open = (): LogReader => log.reader({ isolation: 'read_committed' })
  const [reader, behind, claims] = [open(), open(), open()]
  await send(at, 5)
  await send(other, 5)
  await until(
    'both replicas have all',
    async () => (await operator.inSync(at.topic, 0)).length === 2,
  )
  behind.assign(at, 0)
  expect(await readAll(behind, at)).toBe(5)
  await kafka.kill9(STALE)
  await until(
    'it is missed',
    async () => (await operator.inSync(at.topic, 0)).join() === `${LEADER}`,
  )
  await send(at, 10)
  reader.assign(at, 0)
  reader.assign(other, 0)
  expect(await readAll(reader, at)).toBe(15)
  // It has not read what is before its position, as after a restore.
  claims.assign(at, 15)
  expect(await readAll(claims, at)).toBe(15)
  await kafka.kill9(LEADER)
  await kafka.restart(STALE)
  await until('the stale one leads', async () => (await operator.leaderOf(at.topic, 0)) === STALE)
  await send(at, 40)
  await send(other, 1)
  await kafka.restart(LEADER)

  const lost = { code: 'POSITION_LOST', at }
  await expect(readAll(reader, at)).rejects.toMatchObject(lost)
  await expect(readAll(reader, at)).rejects.toThrow(/position 15 .* up to offset 5 only/)
  await expect(readAll(claims, at)).rejects.toMatchObject(lost)
  reader.unassign(at)
  expect(await readAll(reader, other)).toBe(6)
  expect(await readAll(behind, at)).toBe(45)
  // Clean changes of leader, back and forth, are nothing to anybody.
  await until('all are there', () => operator.isWhole())
  await operator.moveLeader(at.topic, 0)
  await send(at, 1)
  expect(await readAll(behind, at)).toBe(46)
  for (const one of [reader, behind, claims]) await one.close()
}, 240_000)
