// A corpus of records that nobody should send (F49), through real topics to a real worker: each
// ends in its bucket and in no other (I27), none of them kills or holds up anybody, and the good
// record behind each is used as soon as any other (I28), on its own partition and beside it.
import assert from 'node:assert/strict'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { DeadLetter, IncidentEvent } from '../../src/contracts/records.ts'
import type { TopicKind } from '../../src/contracts/topics.ts'
import { systemClock } from '../../src/runtime/clock.ts'
import { isVisible, recordsOf, settle } from '../nemesis/checker/batches.ts'
import { Source } from '../nemesis/checker/collect.ts'
import { startKafka, type TestKafka } from '../support/kafka/cluster.ts'
import { BYTES, UNREAD } from './corpus/bytes.ts'
import { type Bucket, type Poison, utf8, type Whom } from './corpus/poison.ts'
import { TELEMETRY } from './corpus/telemetry.ts'
import { WORDS } from './corpus/words.ts'
import { rawBatch } from './hostile-batches.ts'
import { Stalls } from './stalls.ts'
import { type RigWorker, WorkerRig } from './worker-rig.ts'

const CORPUS: readonly Poison[] = [...BYTES, ...UNREAD, ...TELEMETRY, ...WORDS]
/** Where the poison goes, and where nothing but good records do. */
const [SICK, WELL] = [0, 1] as const
const PACE_MS = 20
/** Letters with bytes are ten a minute for each source: so many entries are of one. */
const PER_SOURCE = 7
const STALL_MS = 100
/** A commit a second, a second more as promised; the rest is for a busy machine. */
const SOON_MS = 4_000

let kafka: TestKafka
let rig: WorkerRig
let source: Source
let worker: RigWorker
beforeAll(async () => {
  kafka = await startKafka({ nodes: 1 })
  rig = await WorkerRig.begin({ kafka: { brokers: kafka.brokers }, partitions: 2 })
  source = new Source(kafka.brokers, rig.prefix)
  await source.partitions()
  worker = await rig.worker()
})
afterAll(async () => {
  source?.close()
  await rig?.end()
  await kafka?.stop()
})

function serviceOn(partition: number, name: string): string {
  for (let i = 0; ; i++) if (rig.partitionOf(`${name}-${i}`) === partition) return `${name}-${i}`
}

interface Sent {
  readonly poison: Poison
  readonly document: string
  readonly error: string
  readonly from: number
  readonly to: number
  /** Services that said they are there right behind it, on each partition. */
  readonly behind: readonly string[]
}

function good(service: string): Buffer {
  const event = { service_name: service, action: 'register', cluster_id: 'elsewhere' }
  const value = { ...event, timestamp: Date.now(), instance_id: service }
  return rawBatch([{ key: utf8(service), value: utf8(JSON.stringify(value)) }])
}

type Made = Pick<Sent, 'poison' | 'document' | 'behind'> & { readonly batch: Buffer }

function makeAll(): readonly Made[] {
  const foreign = serviceOn(WELL, 'foreign')
  return CORPUS.map((poison, i) => {
    const service = serviceOn(SICK, `sick-${Math.floor(i / PER_SOURCE)}`)
    const whom: Whom = {
      service,
      instance: `${service}-${i}`,
      agent: `agent-of-${service}`,
      seq: i + 1,
      nowMs: Date.now(),
      foreign,
      encoder: rig.serde,
    }
    const behind = [SICK, WELL].map((partition) => serviceOn(partition, `behind-${i}`))
    return { poison, batch: poison.batch(whom), behind, document: `p-${service}-${i + 1} ` }
  })
}

async function sendAll(made: readonly Made[]): Promise<readonly Sent[]> {
  const sent: Sent[] = []
  for (const { poison, batch, behind, document } of made) {
    const { error, baseOffset: from } = await rig.put(poison.kind, SICK, batch)
    for (const [partition, service] of behind.entries())
      await rig.put('service-events', partition, good(service))
    sent.push({ poison, document, error, from, to: from + batch.readInt32BE(57), behind })
    await systemClock.sleep(PACE_MS)
  }
  return sent
}

/** Broker's time by key, of what can be read. */
async function timesOf(kind: TopicKind): Promise<ReadonlyMap<string, number>> {
  const found = new Map<string, number>()
  for (const partition of [SICK, WELL])
    for (const settled of settle(await source.read(kind, partition, 0)).filter(isVisible))
      for (const { key } of recordsOf(settled.batch))
        if (key !== null && !found.has(String(key))) found.set(String(key), settled.endedMs)
  return found
}

/** How long each good record took until the registry had it. */
async function delays(sent: readonly Sent[]): Promise<readonly number[]> {
  const said = await timesOf('service-events')
  const rows = new Map([...(await timesOf('registry'))].map(([key, ms]) => [instanceOf(key), ms]))
  return sent
    .flatMap(({ behind }) => behind)
    .map((service) => {
      const [from, to] = [said.get(service), rows.get(service)]
      assert.ok(from !== undefined && to !== undefined, `${service} is in the registry`)
      return to - from
    })
}

const instanceOf = (key: string): string => key.slice(key.lastIndexOf('/') + 1)

function bucketOf(
  one: Sent,
  { letters, told }: { letters: readonly DeadLetter[]; told: readonly IncidentEvent[] },
): Bucket {
  const { poison, document, error, from, to } = one
  if (error !== 'NONE') return 'broker'
  const topics = [poison.kind, rig.topic(poison.kind)]
  const own = letters.filter(
    ({ origin_topic, origin_partition: partition, origin_offset: at }) =>
      topics.includes(origin_topic) && partition === SICK && at >= from && at < to,
  )
  const reasons = new Set(own.map(({ stage, reason }) => (stage === 'poison' ? stage : reason)))
  if (reasons.size > 0) return [...reasons].join(' and ')
  if (poison.kind !== 'policies') return 'taken'
  return told.some(({ summary }) => summary.includes(document)) ? 'told' : 'taken'
}

test('each ends in its bucket; who comes behind it does not wait', async () => {
  expect(CORPUS.length).toBeGreaterThanOrEqual(150)
  expect(new Set(CORPUS.map(({ name }) => name)).size).toBe(CORPUS.length)
  const made = makeAll()
  const stalls = new Stalls()
  const sent = await sendAll(made)
  await rig.registered(sent.at(-1)?.behind ?? [])
  const stallMs = stalls.stop()
  const letters = (await rig.records('dlq')).filter(({ task }) => task !== 'fleet')
  const told = (await rig.records('incidents')).filter(({ event }) => event === 'refused')
  const found = sent.map((one) => [one.poison.name, bucketOf(one, { letters, told })])
  expect(found).toEqual(CORPUS.map(({ name, ends }) => [name, ends]))
  expect(stallMs).toBeLessThan(STALL_MS)
  expect(Math.max(...(await delays(sent)))).toBeLessThan(SOON_MS)
})

test('nobody died of it, and another worker comes to the same state', async () => {
  expect(worker.events.filter(({ kind }) => kind === 'poison_skipped')).toEqual([])
  const running = { state: 'Running', reason: null, gen: 1 }
  expect(worker.handle.status().tasks).toMatchObject([running, running, running])
  await rig.replays(worker)
})
