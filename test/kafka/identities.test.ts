// Identities that a broker forgets or uses up: transactional ids and producer ids that expire,
// epochs that wrap. One broker of its own, with short memories.
import assert from 'node:assert/strict'
import { afterAll, afterEach, beforeAll, beforeEach, test } from 'vitest'
import { createKafkaRig, type KafkaRig } from '../conformance/kafka-rig.ts'
import {
  expectCode,
  fencedWriter,
  readTexts,
  records,
  topicOf,
  untilStable,
} from '../conformance/steps.ts'
import { isFull } from '../support/full.ts'
import { startKafka, type TestKafka } from '../support/kafka/cluster.ts'

const EXPIRED_MS = 4_000
const SETTINGS = {
  'transactional.id.expiration.ms': '1500',
  'transaction.remove.expired.transaction.cleanup.interval.ms': '300',
  'producer.id.expiration.ms': '1500',
  'producer.id.expiration.check.interval.ms': '300',
}
/** Kafka's epochs are 16 bits; the last one is kept back for the broker's own fencing. */
const EPOCHS = 32_767

let kafka: TestKafka
beforeAll(async () => {
  kafka = await startKafka({ nodes: 1, own: true, set: SETTINGS })
})
afterAll(() => kafka.stop())

let rig: KafkaRig
beforeEach(() => {
  rig = createKafkaRig({ brokers: kafka.brokers, replicas: 1 })
})
afterEach(() => rig.close())

test('a transactional id that expired is FENCED; fenced again, its writer goes on', async () => {
  // A task idle for a week finds INVALID_PRODUCER_ID_MAPPING: the broker no longer knows whose the
  // id was, so nobody can prove to be its owner. Only a fence, decided by the group, may take it
  // again.
  const { log } = await rig.connect()
  const at = { topic: await topicOf(rig, log), partition: 0 }
  const writer = await fencedWriter(rig, log)
  await writer.commit(records(rig, at, ['before']))
  await rig.clock.sleep(EXPIRED_MS)
  await expectCode(writer.commit(records(rig, at, ['expired'])), 'FENCED')
  await expectCode(writer.renew(), 'FENCED')
  await writer.fence()
  await writer.commit(records(rig, at, ['after']))
  assert.deepEqual(await readTexts(rig, log, at, { count: 2 }), ['before', 'after'])
})

test('a producer whose id the broker has forgotten goes on without hole or double', async () => {
  // Agents are quiet for days; kafkajs' producer stops for ever on UNKNOWN_PRODUCER_ID.
  const { log } = await rig.connect()
  const at = { topic: await topicOf(rig, log), partition: 0 }
  const producer = log.producer()
  for (const value of ['a', 'b']) await producer.send(records(rig, at, [value]))
  await rig.clock.sleep(EXPIRED_MS)
  for (const value of ['c', 'd']) await producer.send(records(rig, at, [value]))
  assert.deepEqual(await readTexts(rig, log, at, { count: 4 }), ['a', 'b', 'c', 'd'])
})

test('records deleted under a producer do not end it', async () => {
  // With the last batch of a producer its numbers were gone from older brokers (KAFKA-5793).
  const { log } = await rig.connect()
  const at = { topic: await topicOf(rig, log), partition: 0 }
  const producer = log.producer()
  await producer.send(records(rig, at, ['a', 'b']))
  await log.admin().deleteRecords(at, 2)
  await producer.send(records(rig, at, ['c']))
  assert.deepEqual(await readTexts(rig, log, at, { count: 1 }), ['c'])
})

if (isFull)
  test('epochs wrap: the writer gets another producer id, and a zombie stays fenced', async () => {
    // A writer that takes a new epoch after every doubt gets there in a year of bad nights. The
    // epoch starts again from 0 under a new id: whoever compares epochs alone takes the zombie for
    // newer.
    const { log } = await rig.connect()
    const at = { topic: await topicOf(rig, log), partition: 0 }
    const transactionalId = rig.unique('writer')
    const zombie = await fencedWriter(rig, log, { transactionalId })
    await zombie.commit(records(rig, at, ['first']))
    const writer = await fencedWriter(rig, log, { transactionalId })
    for (let i = 0; i < EPOCHS; i++) await writer.fence()
    await writer.commit(records(rig, at, ['wrapped']))
    await expectCode(zombie.commit(records(rig, at, ['zombie'])), 'FENCED')
    for (let i = 0; i < 3; i++) await writer.renew()
    await writer.commit(records(rig, at, ['renewed']))
    await untilStable(rig, log, at, 6)
    const expected = ['first', 'wrapped', 'renewed']
    assert.deepEqual(await readTexts(rig, log, at, { count: 3 }), expected)
  }, 600_000)
