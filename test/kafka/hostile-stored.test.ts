// Bytes that went bad where the broker keeps them, and bytes that it keeps compressed: a checksum
// that is wrong stops its task and says where (F54), and nobody else's; what is only packed in a
// way that nobody here unpacks costs its records alone, with the setting to change.
import assert from 'node:assert/strict'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { TopicKind } from '../../src/contracts/topics.ts'
import type { WorkerStatus } from '../../src/roles/worker/worker.ts'
import { startKafka, type TestKafka } from '../support/kafka/cluster.ts'
import { consoleProducer } from './console-producer.ts'
import { rawBatch } from './hostile-batches.ts'
import { Operator } from './operator.ts'
import { type RigWorker, WorkerRig } from './worker-rig.ts'

const PARTITIONS = 4
/** What goes bad: records not used yet, records used already, a journal, nothing. */
const [FRESH, USED, JOURNAL, WHOLE] = [0, 1, 2, 3] as const

let kafka: TestKafka
beforeAll(async () => {
  kafka = await startKafka({ nodes: 1, own: true })
})
afterAll(() => kafka.stop())

/** A service of a partition, by a number that tells it from others. */
function serviceOf(rig: WorkerRig, partition: number, n: number): string {
  for (let i = 0; ; i++) {
    const name = `s${n}-${i}`
    if (rig.partitionOf(name) === partition) return name
  }
}

function message(service: string): { key: string; value: string } {
  const record = { service_name: service, action: 'register', cluster_id: 'elsewhere' }
  const value = { ...record, timestamp: Date.now(), instance_id: service }
  return { key: service, value: JSON.stringify(value) }
}

function event(service: string): Buffer {
  const { key, value } = message(service)
  return rawBatch([{ key: Buffer.from(key), value: Buffer.from(value) }])
}

describe('a bit flips on the broker’s disk', () => {
  let rig: WorkerRig
  beforeAll(async () => {
    rig = await WorkerRig.begin({ kafka: { brokers: kafka.brokers }, partitions: PARTITIONS })
  })
  afterAll(() => rig.end())

  const everywhere = [FRESH, USED, JOURNAL, WHOLE]
  async function register(n: number): Promise<readonly string[]> {
    const services = everywhere.map((partition) => serviceOf(rig, partition, n))
    for (const [partition, service] of services.entries())
      await rig.put('service-events', partition, event(service))
    return services
  }

  /** Turns one bit of the last bytes of a partition's only segment; again, and it is as before. */
  function flip(kind: TopicKind, partition: number, fromEnd: number): void {
    const folder = join(kafka.folder, 'data-1', `${rig.topic(kind)}-${partition}`)
    const segment = join(folder, '00000000000000000000.log')
    const bytes = readFileSync(segment)
    const at = bytes.length - fromEnd
    bytes[at] = (bytes[at] ?? 0) ^ 4
    writeFileSync(segment, bytes)
  }

  /** While the broker does not run: it would trust its own memory. */
  async function withBrokerDown(change: () => void): Promise<void> {
    await kafka.end(1)
    change()
    await kafka.restart(1)
  }

  const spoil = (): void => {
    // Inside the value of the last event, and of the one before it.
    flip('service-events', FRESH, 40)
    flip('service-events', USED, 40)
    // Inside the last entry: behind it lies nothing but the marker of its transaction.
    flip('journal', JOURNAL, 120)
  }

  const isStill = ({ tasks }: WorkerStatus): boolean =>
    tasks.length > PARTITIONS && tasks.every(({ state }) => ['Running', 'Closed'].includes(state))

  test('its task stops and says where, the others go on; mended, all of it is there', async () => {
    const first = await rig.worker()
    const before = await register(1)
    await rig.registered(before)
    await rig.stop(first)
    const fresh = serviceOf(rig, FRESH, 2)
    await rig.put('service-events', FRESH, event(fresh))
    await withBrokerDown(spoil)

    const worker = await rig.worker({
      settled: (status) => isStill(status) && stopped(status) === 3,
    })
    const later = serviceOf(rig, WHOLE, 3)
    await rig.put('service-events', WHOLE, event(later))
    await rig.registered([later])
    const { tasks, ready } = worker.handle.status()
    expect(ready).toBe(false)
    const states = tasks.map(({ state }) => state)
    expect(states).toEqual(['Closed', 'Closed', 'Closed', 'Running', 'Running'])
    const reasons = tasks.map(({ reason }) => String(reason))
    expect(reasons[FRESH]).toMatch(/CORRUPT.*service-events.*checksum of the batch at offset 1/)
    expect(reasons[USED]).toMatch(/CORRUPT.*service-events.*checksum of the batch at offset 0/)
    expect(reasons[JOURNAL]).toMatch(/CORRUPT.*journal.*checksum of the batch at offset/)
    const told = worker.events.filter(({ kind }) => kind === 'task_stopped')
    expect(told.map(({ fields }) => fields['task']).toSorted()).toEqual(['s0', 's1', 's2'])
    expect((await rig.records('dlq')).length).toBe(0)
    await rig.stop(worker)

    await withBrokerDown(spoil)
    const heir = await rig.worker()
    await rig.registered([...before, fresh, later])
    await rig.replays(heir)
  })

  const stopped = ({ tasks }: WorkerStatus): number =>
    tasks.filter(({ state }) => state === 'Closed').length
})

describe('a topic that keeps what clients compress', () => {
  const SERVICES = 12
  let rig: WorkerRig
  let worker: RigWorker
  let operator: Operator
  beforeAll(async () => {
    rig = await WorkerRig.begin({ kafka: { brokers: kafka.brokers }, partitions: 1 })
    operator = await Operator.connect(kafka.brokers)
    await operator.configure(rig.topic('service-events'), { 'compression.type': 'producer' })
    worker = await rig.worker()
  })
  afterAll(async () => {
    await operator.close()
    await rig.end()
  })

  const send = async (codec: string): Promise<readonly string[]> => {
    const names = Array.from({ length: SERVICES }, (_, i) => `${codec}-${i}`)
    const topic = rig.topic('service-events')
    await consoleProducer(kafka, { topic, codec }, names.map(message))
    return names
  }

  test('gzip is unpacked', async () => {
    await rig.registered(await send('gzip'))
    expect(await rig.records('dlq')).toEqual([])
  })

  test.each(['snappy', 'lz4', 'zstd'])(
    '%s ends in the dead letters, with the setting named',
    async (codec) => {
      const place = { topic: rig.topic('service-events'), partition: 0 }
      const end = async (): Promise<number> =>
        (await rig.log.admin().offsets([place], 'latest', 'read_committed'))[0] ?? -1
      const from = await end()
      await send(codec)
      const to = await end()
      assert.equal(to - from, SERVICES)
      await rig.put('service-events', 0, event(`after-${codec}`))
      await rig.registered([`after-${codec}`])
      const letters = await rig.letters(1, { kind: 'service-events', from, to })
      expect(letters.reduce((sum, { count }) => sum + count, 0)).toBe(SERVICES)
      for (const { reason, detail } of letters) {
        expect(reason).toBe('unreadable_batch')
        expect(detail).toContain(`compressed with ${codec}; set compression.type=uncompressed`)
      }
      expect(worker.handle.status().tasks).toMatchObject([
        { state: 'Running', gen: 1 },
        { task: 'fleet', gen: 1 },
      ])
    },
  )

  test('and another worker comes to the same state', () => rig.replays(worker))
})
