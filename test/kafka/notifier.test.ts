// The notifier as a process of its own on real Kafka, killed by -9 under delivery while its pager
// fails in turn: every alert reaches it, and a receiver that honours keys has each once. The
// outcomes of incidents likewise, with a sink that was away (S0-52, S0-56).
import { randomBytes } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createKafkaLog } from '../../src/adapters/kafka/kafka-log.ts'
import { createSerde, type Serde } from '../../src/adapters/serde/serde.ts'
import { encodeUtf8 } from '../../src/contracts/utf8.ts'
import { systemClock as clock } from '../../src/runtime/clock.ts'
import { initCluster } from '../../src/runtime/init.ts'
import type { LogPort } from '../../src/runtime/ports.ts'
import { Receiver } from '../roles/notifier/receiver.ts'
import { anAlert, anEnd } from '../roles/notifier/records.ts'
import { isFull } from '../support/full.ts'
import { startKafka, type TestKafka } from '../support/kafka/cluster.ts'
import { type RoleProcess, startRole } from '../support/role-process.ts'

const folder = mkdtempSync(join(tmpdir(), 'healstream-notifier-'))
const prefix = `t${randomBytes(4).toString('hex')}.`
const pager = new Receiver()
const cmdb = new Receiver()
const started: RoleProcess[] = []
let kafka: TestKafka
let log: LogPort
let serde: Serde

beforeAll(async () => {
  kafka = await startKafka({ nodes: 1 })
  log = createKafkaLog({ brokers: kafka.brokers, clock })
  await initCluster(log, { clock, partitions: 2, prefix, dev: true })
  serde = await createSerde({ prefix })
})
afterAll(async () => {
  for (const role of started) await role.end('SIGKILL')
  await pager.stop()
  await cmdb.stop()
  await log.close()
  await kafka.stop()
  rmSync(folder, { recursive: true, force: true })
})

async function notifier(): Promise<RoleProcess> {
  const file = join(folder, 'notifier.yaml')
  const at = (one: Receiver): string => `kind: webhook, url: '${one.url}', groupWait: 20ms`
  writeFileSync(
    file,
    `notifier:
  sinks: [{name: pager, ${at(pager)}}, {name: cmdb, ${at(cmdb)}}]
  routes: {page: [pager]}
  outcomes: [cmdb]
`,
  )
  const role = startRole(['notifier', '--config', file], {
    HOME: folder,
    XDG_RUNTIME_DIR: folder,
    HEALSTREAM_KAFKA_BROKERS: kafka.brokers.join(','),
    HEALSTREAM_PREFIX: prefix,
    HEALSTREAM_GROUP: `${prefix}workers`,
  })
  started.push(role)
  await role.url()
  return role
}

async function tell(ids: readonly string[]): Promise<void> {
  const producer = log.producer()
  const at = { key: encodeUtf8('shop'), timestampMs: Date.now() }
  await producer.send(
    ids.flatMap((id, i) => {
      const partition = i % 2
      const alert = anAlert(id, { group: `g${i % 5}` })
      const end = anEnd(id)
      return [
        { ...at, topic: `${prefix}alerts`, partition, value: serde.encode('alerts', alert) },
        { ...at, topic: `${prefix}incidents`, partition, value: serde.encode('incidents', end) },
      ]
    }),
  )
  await producer.close()
}

/** Up to where the log knows of deliveries to the pager. */
async function noted(): Promise<readonly (number | null)[]> {
  const admin = log.admin()
  const places = [0, 1].map((partition) => ({ topic: `${prefix}alerts`, partition }))
  const positions = await admin.positions(`${prefix}workers-notifier.pager`, places)
  await admin.close()
  return positions
}

const ids = (round: number): string[] => Array.from({ length: 20 }, (_, i) => `${round}-${i}`)

/** Kills; each costs the session of a member. */
const ROUNDS = isFull ? 3 : 1

test('killed under delivery: nothing is lost, and each is known by its key', async () => {
  await pager.start()
  await cmdb.start()
  for (let round = 0; round < ROUNDS; round++) {
    pager.moods = ['takes', 'fails', 'loses its answer', 'is slow', 'takes']
    const role = await notifier()
    if (round === 0) await cmdb.stop()
    await tell(ids(round))
    const before = pager.asked
    await expect.poll(() => pager.asked - before, { timeout: 30_000 }).toBeGreaterThan(3)
    await role.end('SIGKILL')
    if (round === 0) await cmdb.start()
  }
  pager.moods = ['takes']
  const last = await notifier()
  const all = Array.from({ length: ROUNDS }, (_, round) => ids(round))
    .flat()
    .sort()
  await expect.poll(() => [...pager.once].sort(), { timeout: 40_000 }).toEqual(all)
  const keys = (): string[] => [...new Set(cmdb.taken.map(({ key }) => key))].sort()
  await expect.poll(keys, { timeout: 40_000 }).toEqual(all.map((id) => `${id}.healed`))
  // Once all is delivered and noted, the next one has nothing to do.
  await expect.poll(noted, { timeout: 30_000 }).toEqual([10 * ROUNDS, 10 * ROUNDS])
  expect((await last.end()).code).toBe(0)
  const asked = pager.asked
  const again = await notifier()
  const ready = async (): Promise<number> => (await fetch(`${await again.url()}/readyz`)).status
  await expect.poll(ready, { timeout: 30_000 }).toBe(200)
  await tell(['after'])
  await expect.poll(() => pager.once.includes('after'), { timeout: 30_000 }).toBe(true)
  expect(pager.asked - asked).toBe(1)
}, 240_000)
