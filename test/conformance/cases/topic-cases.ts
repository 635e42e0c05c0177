// Topics, offsets by time, compaction, and topics that go away.
import assert from 'node:assert/strict'
import type { OutgoingRecord } from '../../../src/contracts/record.ts'
import type { LogPort, TopicPartition } from '../../../src/runtime/ports.ts'
import type { ConformanceCase, ConformanceRig } from '../rig.ts'
import {
  bytes,
  copied,
  expectCode,
  fencedWriter,
  leaveOpenTransaction,
  pollRefused,
  pollUntil,
  read,
  records,
  text,
  timed,
  topicOf,
} from '../steps.ts'

const COMPACTED = {
  'cleanup.policy': 'compact',
  'delete.retention.ms': '0',
  'min.cleanable.dirty.ratio': '0.01',
  'segment.ms': '100',
}

/** Writes key=value pairs one batch each; `k=` alone is a tombstone. */
async function write(
  rig: ConformanceRig,
  log: LogPort,
  at: TopicPartition,
  pairs: readonly string[],
): Promise<void> {
  const producer = log.producer()
  for (const pair of pairs) {
    const [key = '', value = ''] = pair.split('=')
    const record: OutgoingRecord = {
      ...at,
      key: bytes(key),
      value: value === '' ? null : bytes(value),
      timestampMs: Math.floor(rig.clock.nowMs()),
    }
    await producer.send([record])
  }
  await producer.close()
}

async function contents(
  rig: ConformanceRig,
  log: LogPort,
  at: TopicPartition,
  count: number,
): Promise<string[]> {
  const found = await read(rig, log, at, { count })
  return found.map(({ offset, key, value }) => `${offset}:${text(key)}=${text(value) ?? ''}`)
}

export const TOPIC_CASES: readonly ConformanceCase[] = [
  {
    id: 'cluster-id',
    title: 'the cluster id is the same for all clients',
    story:
      'A journal is bound to the broker’s own id, so that a worker on the wrong cluster stops.',
    async run(rig) {
      const one = await (await rig.connect()).log.clusterId()
      const two = await (await rig.connect()).log.clusterId()
      assert.ok(one.length > 0)
      assert.equal(one, two)
    },
  },
  {
    id: 'topics',
    title: 'topics are created once, described as they are, and left alone after that',
    story: 'A second init with other settings must not change a topic that holds history.',
    async run(rig) {
      const { log } = await rig.connect()
      const admin = log.admin()
      const topic = await topicOf(rig, log, {
        partitions: 3,
        config: { 'retention.ms': '123456', 'message.timestamp.type': 'LogAppendTime' },
      })
      await admin.createTopics([{ topic, partitions: 9, config: { 'retention.ms': '1' } }])
      const [found, missing] = await admin.describeTopics([topic, rig.unique('missing')])
      assert.equal(missing, null)
      assert.equal(found?.partitions, 3)
      assert.equal(found?.config['retention.ms'], '123456')
      assert.equal(found?.config['message.timestamp.type'], 'LogAppendTime')
      assert.ok(found?.config['max.message.bytes'] !== undefined, 'defaults are shown too')
    },
  },
  {
    id: 'topics-refused',
    title: 'settings and names that Kafka does not know are refused',
    story: 'A typo in a setting would otherwise be found in production.',
    async run(rig) {
      const { log } = await rig.connect()
      const admin = log.admin()
      const topic = rig.unique('refused')
      const bad = { topic, partitions: 1, config: { 'retention.millis': '1' } }
      await expectCode(admin.createTopics([bad]), 'INVALID_REQUEST')
      const worse = { topic, partitions: 1, config: { 'cleanup.policy': 'sometimes' } }
      await expectCode(admin.createTopics([worse]), 'INVALID_REQUEST')
      const name = { topic: 'no/slash', partitions: 1, config: {} }
      await expectCode(admin.createTopics([name]), 'INVALID_REQUEST')
      assert.deepEqual(await admin.describeTopics([topic]), [null])
    },
  },
  {
    id: 'offsets-by-time',
    title: 'offsets by time give the first record at or after it, or -1',
    story: 'Replay of an incident starts at a time, not at an offset.',
    async run(rig) {
      const { log } = await rig.connect()
      const at = { topic: await topicOf(rig, log), partition: 0 }
      const base = Math.floor(rig.clock.nowMs()) - 10_000
      const [plain] = records(rig, at, ['x'])
      assert.ok(plain)
      const producer = log.producer()
      const stamps = [
        [0, 100],
        [50, 300],
        [400, 200],
      ]
      for (const batch of stamps)
        await producer.send(batch.map((ms) => ({ ...plain, timestampMs: base + ms })))
      const at_ = async (ms: number): Promise<number | undefined> => {
        const when = { timestampMs: base + ms }
        return (await log.admin().offsets([at], when, 'read_committed'))[0]
      }
      const asked = [-1_000, 0, 1, 100, 101, 300, 301, 400, 401]
      const found = await Promise.all(asked.map(at_))
      assert.deepEqual(found, [0, 0, 1, 1, 3, 3, 4, 4, -1])
    },
  },
  {
    id: 'offsets-of-several',
    title: 'offsets of several partitions come in the order asked',
    story: 'A genesis entry records the first position of every input.',
    async run(rig) {
      const { log } = await rig.connect()
      const topic = await topicOf(rig, log, { partitions: 3 })
      const sizes = [2, 0, 5]
      for (const [partition, size] of sizes.entries())
        if (size > 0)
          await log
            .producer()
            .send(records(rig, { topic, partition }, Array.from({ length: size }, String)))
      const partitions = [2, 0, 1].map((partition) => ({ topic, partition }))
      const admin = log.admin()
      assert.deepEqual(await admin.offsets(partitions, 'latest', 'read_committed'), [5, 2, 0])
      assert.deepEqual(await admin.offsets(partitions, 'earliest', 'read_committed'), [0, 0, 0])
      const missing = [{ topic: rig.unique('missing'), partition: 0 }]
      await expectCode(admin.offsets(missing, 'latest', 'read_committed'), 'TOPIC_GONE')
    },
  },
  {
    id: 'compaction',
    title: 'compaction keeps the last record of a key, offsets keep their gaps, which are no gap',
    story: 'A view is rebuilt from what is left; a reader must not take the holes for loss.',
    async run(rig) {
      const { log } = await rig.connect()
      const at = { topic: await topicOf(rig, log, { config: COMPACTED }), partition: 0 }
      await write(rig, log, at, ['a=1', 'b=1', 'a=2', 'c=1', 'b=2', 'a=3', 'z=1', 'end=1'])
      const slow = log.reader({ isolation: 'read_committed', maxBytesPerPartition: 1 })
      slow.assign(at, 'earliest')
      const one = await pollUntil(rig, slow, (all) => copied(all).length > 0)
      assert.equal(copied(one).length, 1)
      await rig.compact(at.topic)
      const left = (await contents(rig, log, at, 5)).filter((line) => !line.includes(':filler='))
      assert.deepEqual(left, ['3:c=1', '4:b=2', '5:a=3', '6:z=1', '7:end=1'])
      const rest = await pollUntil(rig, slow, (all) => (all.at(-1)?.to ?? 0) >= 8)
      // What was fetched ahead is shown as it was then.
      const offsets = [...copied(one), ...copied(rest)].map((r) => r.offset)
      assert.deepEqual(
        offsets.filter((offset) => offset >= 3 && offset <= 7),
        [3, 4, 5, 6, 7],
      )
    },
  },
  {
    id: 'compaction-tombstones',
    title: 'a tombstone outlives the first compaction and goes in a later one',
    story: 'A view that was away for a moment has to hear of the removal once.',
    async run(rig) {
      const { log } = await rig.connect()
      const config = { ...COMPACTED, 'delete.retention.ms': '8000' }
      const at = { topic: await topicOf(rig, log, { config }), partition: 0 }
      await write(rig, log, at, ['gone=1', 'stays=1', 'gone=', 'end=1', 'end=2'])
      await rig.compact(at.topic)
      const first = await contents(rig, log, at, 3)
      assert.ok(!first.includes('0:gone=1'), 'the value is gone')
      assert.ok(first.includes('2:gone='), 'the tombstone is there')
      await rig.clock.sleep(8_500)
      await write(rig, log, at, ['end=3'])
      await rig.compact(at.topic)
      const second = await contents(rig, log, at, 2)
      assert.ok(!second.some((line) => line.includes('gone')), second.join())
      assert.ok(second.includes('1:stays=1'))
    },
  },
  {
    id: 'compaction-transactions',
    title: 'compaction removes aborted records, and nothing for the sake of an open transaction',
    story: 'If an uncommitted record could replace a committed one, an abort would lose both.',
    async run(rig) {
      const { log } = await rig.connect()
      const at = { topic: await topicOf(rig, log, { config: COMPACTED }), partition: 0 }
      const pair = (value: string): OutgoingRecord[] => records(rig, at, [value])
      const writer = await fencedWriter(rig, log)
      await writer.commit(pair('committed'))
      const setup = { transactionTimeoutMs: 1_000 }
      await leaveOpenTransaction(rig, pair('never committed'), setup)
      await rig.compact(at.topic)
      await rig.clock.sleep(3_000)
      await write(rig, log, at, ['end=1', 'end=2'])
      await rig.compact(at.topic)
      const found = await read(rig, log, at, { count: 2 })
      const values = found.filter((r) => text(r.key) === 'key').map((r) => text(r.value))
      assert.deepEqual(values, ['committed'])
      await writer.commit(pair('newer'))
      const after = await read(rig, log, at, { count: found.length + 1 })
      assert.equal(text(after.at(-1)?.value), 'newer')
    },
  },
  {
    id: 'topic-gone',
    title: 'reading and writing a topic that was deleted is TOPIC_GONE',
    story: 'Somebody deletes a topic of a running worker: it has to stop, not to wait.',
    async run(rig) {
      const { log } = await rig.connect()
      const at = { topic: await topicOf(rig, log), partition: 0 }
      const writer = await fencedWriter(rig, log)
      const producer = log.producer({ deadlineMs: 3_000 })
      await writer.commit(records(rig, at, ['a']))
      await producer.send(records(rig, at, ['b']))
      const reader = log.reader({ isolation: 'read_committed' })
      reader.assign(at, 'earliest')
      await pollUntil(rig, reader, (all) => copied(all).length === 2)
      const waiting = pollRefused(rig, reader)
      await log.admin().deleteTopics([at.topic])
      const tookMs = await timed(rig, async () => assert.equal((await waiting).code, 'TOPIC_GONE'))
      assert.ok(tookMs < 5_000, `took ${tookMs} ms`)
      await expectCode(producer.send(records(rig, at, ['c'])), 'TOPIC_GONE')
      await expectCode(writer.commit(records(rig, at, ['c'])), 'TOPIC_GONE')
      assert.deepEqual(await log.admin().describeTopics([at.topic]), [null])
    },
  },
  {
    id: 'topic-missing',
    title: 'a topic or partition that never was is TOPIC_GONE, and is not created',
    story: 'Topics made by accident have the wrong number of partitions for ever.',
    async run(rig) {
      const { log } = await rig.connect()
      const missing = { topic: rig.unique('missing'), partition: 0 }
      const beyond = { topic: await topicOf(rig, log), partition: 7 }
      for (const at of [missing, beyond]) {
        const reader = log.reader({ isolation: 'read_committed' })
        reader.assign(at, 0)
        assert.equal((await pollRefused(rig, reader)).code, 'TOPIC_GONE')
        await expectCode(log.producer().send(records(rig, at, ['x'])), 'TOPIC_GONE')
        const writer = await fencedWriter(rig, log)
        await expectCode(writer.commit(records(rig, at, ['x'])), 'TOPIC_GONE')
      }
      assert.deepEqual(await log.admin().describeTopics([missing.topic]), [null])
    },
  },
]
