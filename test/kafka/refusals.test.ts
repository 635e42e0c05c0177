// What a broker refuses although the client thought it would not: settings of a topic that changed
// after the client had asked for them.
import assert from 'node:assert/strict'
import { afterAll, afterEach, beforeAll, beforeEach, test } from 'vitest'
import { createKafkaRig, type KafkaRig } from '../conformance/kafka-rig.ts'
import { expectCode, fencedWriter, readTexts, records, topicOf } from '../conformance/steps.ts'
import { startKafka, type TestKafka } from '../support/kafka/cluster.ts'
import { Operator } from './operator.ts'

let kafka: TestKafka
let operator: Operator
beforeAll(async () => {
  kafka = await startKafka({ nodes: 1 })
  operator = await Operator.connect(kafka.brokers)
})
afterAll(async () => {
  await operator.close()
  await kafka.stop()
})

let rig: KafkaRig
beforeEach(() => {
  rig = createKafkaRig({ brokers: kafka.brokers, replicas: 1 })
})
afterEach(() => rig.close())

test('a batch larger than the topic takes by now is TOO_LARGE and harms nothing', async () => {
  // Somebody lowers max.message.bytes under running workers: MESSAGE_TOO_LARGE comes from the
  // broker, in the middle of a transaction whose other half is stored already.
  const { log } = await rig.connect()
  const at = { topic: await topicOf(rig, log), partition: 0 }
  const other = { topic: await topicOf(rig, log), partition: 0 }
  const writer = await fencedWriter(rig, log)
  const producer = log.producer()
  await writer.commit(records(rig, at, ['before']))
  await producer.send(records(rig, at, ['before']))
  await operator.configure(at.topic, { 'max.message.bytes': '2000' })
  await rig.clock.sleep(300)
  const large = records(rig, at, ['x'.repeat(3_000)])
  await expectCode(writer.commit([...records(rig, other, ['with it']), ...large]), 'TOO_LARGE')
  await expectCode(producer.send(large), 'TOO_LARGE')
  await writer.commit([...records(rig, other, ['after']), ...records(rig, at, ['after'])])
  await producer.send(records(rig, at, ['after']))
  const expected = ['before', 'before', 'after', 'after']
  assert.deepEqual(await readTexts(rig, log, at, { count: 4 }), expected)
  assert.deepEqual(await readTexts(rig, log, other, { count: 1 }), ['after'])
})

test('a time too far ahead by now is TIMESTAMP_REFUSED, and harms nothing else', async () => {
  // A host whose clock is wrong must hear of it, and its right records must get through.
  const { log } = await rig.connect()
  const at = { topic: await topicOf(rig, log), partition: 0 }
  const [good] = records(rig, at, ['good'])
  assert.ok(good)
  const ahead = { ...good, timestampMs: good.timestampMs + 60_000 }
  const writer = await fencedWriter(rig, log)
  const producer = log.producer()
  await writer.commit([ahead])
  await producer.send([ahead])
  await operator.configure(at.topic, { 'message.timestamp.after.max.ms': '1000' })
  await rig.clock.sleep(300)
  await expectCode(writer.commit([good, ahead]), 'TIMESTAMP_REFUSED')
  await expectCode(producer.send([ahead]), 'TIMESTAMP_REFUSED')
  await writer.commit([good])
  await producer.send([good])
  assert.equal((await readTexts(rig, log, at, { count: 4 })).length, 4)
})
