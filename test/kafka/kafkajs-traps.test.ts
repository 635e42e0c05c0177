// What kafkajs' own producer and consumer do wrong (docs/kafka.md), each as a story that our
// clients have to live through on a real broker. Those that a conformance case holds are named at
// the end; CT-1 is in broker-faults.test.ts, CT-7, 8, 11 and 14 are in
// test/runtime/record-batch*.test.ts, CT-10 and 13 in test/adapters/serde.
import assert from 'node:assert/strict'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { CASES } from '../conformance/cases.ts'
import { createKafkaRig, type KafkaRig } from '../conformance/kafka-rig.ts'
import {
  codeOf,
  copied,
  expectCode,
  fencedWriter,
  pollUntil,
  read,
  readTexts,
  records,
  text,
  timed,
  topicOf,
} from '../conformance/steps.ts'
import { isFull } from '../support/full.ts'
import { startKafka, type TestKafka } from '../support/kafka/cluster.ts'

let kafka: TestKafka
beforeAll(async () => {
  kafka = await startKafka({ nodes: 1 })
})
afterAll(() => kafka.stop())

const rigs: KafkaRig[] = []
function newRig(): KafkaRig {
  const rig = createKafkaRig({ brokers: kafka.brokers, replicas: 1 })
  rigs.push(rig)
  return rig
}
afterEach(async () => {
  await Promise.all(rigs.splice(0).map((rig) => rig.close()))
})

test('CT-2: of two sends at once, the first one’s answer lost, both are stored', async () => {
  // kafkajs rolls the sequence number back for the first, gives it to the second, and the broker
  // takes the second for a copy: log [A, A], B acknowledged and never stored.
  const rig = newRig()
  const { log, link } = await rig.connect()
  const at = { topic: await topicOf(rig, log), partition: 0 }
  const producer = log.producer()
  link.disturb('Produce', 'lose answer')
  const both = [['A'], ['B']].map((values) => producer.send(records(rig, at, values)))
  const [first, second] = (await Promise.all(both)).flat()
  assert.deepEqual([first?.baseOffset, second?.baseOffset], [0, 1])
  assert.deepEqual(await readTexts(rig, log, at, { count: 2 }), ['A', 'B'])
})

test('CT-3: after a transaction given up, the next one of the same writer is stored', async () => {
  // kafkajs uses the numbers of the first, aborted batch again: the second transaction commits
  // without an error and holds nothing.
  const rig = newRig()
  const { log, link } = await rig.connect()
  const at = { topic: await topicOf(rig, log), partition: 0 }
  const writer = await fencedWriter(rig, log, { deadlineMs: 2_500 })
  const lost = link.disturb('Produce', 'lose answer', 1_000)
  await expectCode(writer.commit(records(rig, at, ['given up'])), 'ABORTED')
  await lost.release()
  await writer.renew()
  await writer.commit(records(rig, at, ['second']))
  await writer.commit(records(rig, at, ['third']))
  assert.deepEqual(await readTexts(rig, log, at, { count: 2 }), ['second', 'third'])
})

if (isFull)
  test('CT-4: a send is tried until its deadline, not six times', async () => {
    // kafkajs documents endless retries of idempotent sends and gives up after six, 6.7 s.
    const rig = newRig()
    const { log, link } = await rig.connect()
    const at = { topic: await topicOf(rig, log), partition: 0 }
    const producer = log.producer({ deadlineMs: 30_000 })
    link.disturb('Produce', 'lose request', 8)
    await producer.send(records(rig, at, ['after eight']))
    assert.deepEqual(await readTexts(rig, log, at, { count: 1 }), ['after eight'])
  })

test('CT-9: an error thrown while records are visited harms nobody but its thrower', async () => {
  // kafkajs takes a TypeError of a handler for fatal: the consumer is dead, the process lives.
  const rig = newRig()
  const { log } = await rig.connect()
  const at = { topic: await topicOf(rig, log), partition: 0 }
  const producer = log.producer()
  await producer.send(records(rig, at, ['one']))
  const reader = log.reader({ isolation: 'read_committed' })
  reader.assign(at, 'earliest')
  const fetched = await pollUntil(rig, reader, (all) => all.some((part) => part.to === 1))
  const visit = (): void =>
    fetched.at(-1)?.batches[0]?.visit(() => {
      throw new TypeError('a defect of ours')
    })
  assert.throws(visit, TypeError)
  await producer.send(records(rig, at, ['two']))
  const later = await pollUntil(rig, reader, (all) => copied(all).length === 1)
  assert.deepEqual(
    copied(later).map(({ value }) => text(value)),
    ['two'],
  )
})

test('CT-12: clients that wait for nothing cost next to nothing', async () => {
  // kafkajs looks at its idle queues 900 times a second: 5 % of a core, for nothing.
  const rig = newRig()
  const { log } = await rig.connect()
  const at = { topic: await topicOf(rig, log), partition: 0 }
  for (let i = 0; i < 6; i++) {
    await log.producer().send(records(rig, at, [`${i}`]))
    await (await fencedWriter(rig, log)).commit(records(rig, at, [`${i}`]))
  }
  await rig.clock.sleep(500)
  const before = process.cpuUsage()
  await rig.clock.sleep(2_000)
  const { user, system } = process.cpuUsage(before)
  const share = (user + system) / 2_000_000
  assert.ok(share < 0.04, `${(100 * share).toFixed(1)} % of a core`)
})

test('CT-17: two readers of one log have positions of their own', async () => {
  // Two consumers of one Kafka object share their offsets: the first one starts again from 0.
  const rig = newRig()
  const { log } = await rig.connect()
  const at = { topic: await topicOf(rig, log), partition: 0 }
  await log.producer().send(records(rig, at, ['a', 'b', 'c']))
  const [one, two] = [0, 1].map(() => log.reader({ isolation: 'read_committed' }))
  assert.ok(one && two)
  one.assign(at, 'earliest')
  await pollUntil(rig, one, () => one.position(at) === 3)
  two.assign(at, 1)
  await two.poll(0)
  two.unassign(at)
  assert.equal(one.position(at), 3)
  assert.deepEqual(copied(await one.poll(50)), [])
})

test('CT-18: with brokers silent a send ends at its deadline, closing takes no time', async () => {
  // kafkajs: send() still pending after 110 s, disconnect() 59.9 s.
  const rig = newRig()
  const { log, link } = await rig.connect()
  const at = { topic: await topicOf(rig, log), partition: 0 }
  const producer = log.producer({ deadlineMs: 2_000 })
  await producer.send(records(rig, at, ['a']))
  link.cut()
  const tookMs = await timed(rig, () =>
    expectCode(producer.send(records(rig, at, ['b'])), 'IN_DOUBT'),
  )
  assert.ok(tookMs < 3_500, `took ${tookMs} ms`)
  const waiting = codeOf(log.producer({ deadlineMs: 60_000 }).send(records(rig, at, ['c'])))
  const closedMs = await timed(rig, () => log.close())
  assert.ok(closedMs < 2_000, `closed in ${closedMs} ms`)
  assert.equal(await waiting, 'CLOSED')
})

test('CT-19: the largest time of a batch is the largest number', async () => {
  // kafkajs sorts time stamps as text: of [9, 10, 1700000000000] it takes 9 for the largest, and
  // the broker's index of times is wrong for ever.
  const rig = newRig()
  const { log } = await rig.connect()
  const config = { 'retention.ms': '-1' }
  const at = { topic: await topicOf(rig, log, { config }), partition: 0 }
  const times = [9, 10, 1_700_000_000_000]
  const [plain] = records(rig, at, ['x'])
  assert.ok(plain)
  await log.producer().send(times.map((timestampMs) => ({ ...plain, timestampMs })))
  const found = await Promise.all(
    [9, 10, 11, 1_700_000_000_000, 1_700_000_000_001].map((timestampMs) =>
      log.admin().offsets([at], { timestampMs }, 'read_committed'),
    ),
  )
  assert.deepEqual(found.flat(), [0, 1, 2, 2, -1])
  assert.equal((await read(rig, log, at, { count: 3 })).length, 3)
})

describe('held by conformance cases', () => {
  test.each([
    ['CT-5', 'a commit without an answer', ['end-never-answered', 'end-never-arrives']],
    ['CT-5', 'and the writer after it', ['renew-after-doubt']],
    ['CT-6', 'a position given is where reading begins', ['reassign']],
    ['CT-15', 'header names such as __proto__', ['headers']],
    ['CT-16', 'a header without a value', ['headers']],
  ])('%s: %s', (_, __, ids) => {
    expect(CASES.map(({ id }) => id)).toEqual(expect.arrayContaining(ids))
  })
})
