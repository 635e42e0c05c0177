// Clients that are not ours write service events in plain JSON, keyed by service: librdkafka
// (kcat), kafkajs, Kafka's own Java tool. A service has one partition; what a client puts elsewhere
// is a dead letter that names the setting to change, and nothing else suffers.
import assert from 'node:assert/strict'
import kafkajs, { type ICustomPartitioner } from 'kafkajs'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { partitionFor } from '../../src/contracts/partitioner.ts'
import type { DeadLetter } from '../../src/contracts/records.ts'
import { startKafka, type TestKafka } from '../support/kafka/cluster.ts'
import { consoleProducer, feed } from './console-producer.ts'
import { type RigWorker, WorkerRig } from './worker-rig.ts'

const PARTITIONS = 4
const SERVICES = 12

let kafka: TestKafka
let rig: WorkerRig
let worker: RigWorker
beforeAll(async () => {
  kafka = await startKafka({ nodes: 1 })
  rig = await WorkerRig.begin({ kafka: { brokers: kafka.brokers }, partitions: PARTITIONS })
  worker = await rig.worker()
})
afterAll(async () => {
  await rig.end()
  await kafka.stop()
})

interface Message {
  readonly key: string
  readonly value: string
}

/** One event for each of a dozen services of a client; the instance is named as the service. */
function events(client: string): readonly Message[] {
  return Array.from({ length: SERVICES }, (_, i) => {
    const service = `${client}-${i}`
    const event = {
      service_name: service,
      action: 'register',
      cluster_id: 'elsewhere',
      timestamp: Date.now(),
      instance_id: service,
    }
    return { key: service, value: JSON.stringify(event) }
  })
}

const kcat = (messages: readonly Message[], ...more: readonly string[]): Promise<void> => {
  const to = ['-b', kafka.brokers.join(), '-t', rig.topic('service-events')]
  return feed('kcat', ['-P', ...to, '-K', '|', ...more], messages)
}

async function withKafkajs(
  messages: readonly Message[],
  createPartitioner: ICustomPartitioner,
): Promise<void> {
  const client = new kafkajs.Kafka({
    brokers: [...kafka.brokers],
    logLevel: kafkajs.logLevel.NOTHING,
  })
  const producer = client.producer({ createPartitioner })
  await producer.connect()
  await producer.send({ topic: rig.topic('service-events'), messages: [...messages] })
  await producer.disconnect()
}

/** What came of a client's events: its instances in the registry, its dead letters. */
async function outcome(messages: readonly Message[], refused: number) {
  const names = messages.map(({ key }) => key)
  const of = (letter: DeadLetter): string => Buffer.from(letter.key ?? []).toString()
  let letters: readonly DeadLetter[] = []
  let admitted: ReadonlySet<string> = new Set()
  const isAllThere = (): boolean => letters.length + admitted.size === messages.length
  await expect
    .poll(
      async () => {
        const rows = await rig.records('registry')
        const found = rows.map(({ instance }) => String(instance))
        admitted = new Set(found.filter((name) => names.includes(name)))
        letters = (await rig.records('dlq')).filter((letter) => names.includes(of(letter)))
        return isAllThere()
      },
      { timeout: 15_000, interval: 50 },
    )
    .toBe(true)
  expect(letters).toHaveLength(refused)
  return { admitted, letters }
}

const right = (key: string): number => partitionFor(key, PARTITIONS)

/** Partition in which each key lies, as a reader of no group sees it. */
async function places(messages: readonly Message[]): Promise<ReadonlyMap<string, number>> {
  const found = new Map<string, number>()
  const reader = rig.log.reader({ isolation: 'read_committed' })
  for (let partition = 0; partition < PARTITIONS; partition++)
    reader.assign({ topic: rig.topic('service-events'), partition }, 'earliest')
  const names = new Set(messages.map(({ key }) => key))
  while (found.size < names.size)
    for (const { batches, partition } of await reader.poll(100))
      for (const batch of batches)
        batch.visit(({ buffer, keyStart, keyEnd }) => {
          const key = Buffer.from(buffer.subarray(Math.max(keyStart, 0), keyEnd)).toString()
          if (keyStart >= 0 && names.has(key)) found.set(key, partition)
        })
  await reader.close()
  return found
}

/** Those in their right partition are admitted, the others refused with what to do. */
async function checkMisplaced(messages: readonly Message[]): Promise<readonly string[]> {
  const placed = await places(messages)
  const wrong = messages.map(({ key }) => key).filter((key) => placed.get(key) !== right(key))
  const { admitted, letters } = await outcome(messages, wrong.length)
  for (const letter of letters) {
    const key = Buffer.from(letter.key ?? []).toString()
    expect(wrong).toContain(key)
    expect(admitted).not.toContain(key)
    expect(letter).toMatchObject({
      reason: 'foreign_partition',
      origin_topic: 'service-events',
      origin_partition: placed.get(key),
    })
    expect(letter.detail).toContain('partitioner=murmur2_random')
    const sent = messages.find((message) => message.key === key)
    expect(Buffer.from(letter.value ?? []).toString()).toBe(sent?.value)
  }
  return wrong
}

describe('librdkafka (kcat)', () => {
  test('its default partitioner puts services elsewhere: letters name the setting', async () => {
    const messages = events('rd-default')
    await kcat(messages)
    expect((await checkMisplaced(messages)).length).toBeGreaterThan(0)
  })

  test('with that setting all of them are admitted', async () => {
    const messages = events('rd-murmur')
    await kcat(messages, '-X', 'partitioner=murmur2_random')
    expect((await outcome(messages, 0)).admitted.size).toBe(SERVICES)
  })

  test('without a key, with another key, without a value, not JSON: a reason each', async () => {
    const [event] = events('rd-odd')
    assert.ok(event)
    const partition = right(event.key)
    const place = { topic: rig.topic('service-events'), partition }
    const [from] = await rig.log.admin().offsets([place], 'latest', 'read_committed')
    const at = ['-p', String(partition)]
    await kcat([{ key: 'not-the-service', value: event.value }], ...at)
    await kcat([{ key: event.key, value: '' }], ...at, '-Z')
    await kcat([{ key: event.key, value: 'register me' }], ...at)
    await kcat([{ key: event.key, value: '{"service_name":"x","act' }], ...at)
    await kcat([{ key: '', value: event.value }], ...at, '-Z')
    await kcat([event], ...at)
    await rig.registered([event.key])
    const isMine = (letter: DeadLetter): boolean =>
      letter.origin_partition === partition && letter.origin_offset >= (from ?? 0)
    const letters = (await rig.records('dlq')).filter(isMine)
    expect(letters.map(({ reason }) => reason)).toEqual([
      'key_mismatch',
      'empty',
      'not_avro',
      'invalid',
      'key_mismatch',
    ])
    expect(letters.every(({ detail }) => detail.length > 10)).toBe(true)
  })
})

describe('kafkajs', () => {
  test('its default partitioner agrees with Kafka', async () => {
    const messages = events('js-default')
    await withKafkajs(messages, kafkajs.Partitioners.DefaultPartitioner)
    expect((await outcome(messages, 0)).admitted.size).toBe(SERVICES)
  })

  test('its legacy partitioner does not for every key', async () => {
    const messages = events('js-legacy')
    await withKafkajs(messages, kafkajs.Partitioners.LegacyPartitioner)
    expect((await checkMisplaced(messages)).length).toBeGreaterThan(0)
  })
})

describe('Kafka’s console producer', () => {
  test.each(['none', 'gzip', 'snappy', 'lz4', 'zstd'])('compressing with %s', async (codec) => {
    const messages = events(`java-${codec}`)
    await consoleProducer(kafka, { topic: rig.topic('service-events'), codec }, messages)
    expect((await outcome(messages, 0)).admitted.size).toBe(SERVICES)
  })
})

test('after all of that another worker comes to the same state', async () => {
  await rig.replays(worker)
})
