// What was written is what is read: order, places, bytes, headers, times, sizes.
import assert from 'node:assert/strict'
import type { OutgoingRecord, RecordHeader } from '../../../src/contracts/record.ts'
import { headersOf } from '../../../src/runtime/record-batch.ts'
import type { ConformanceCase } from '../rig.ts'
import {
  bytes,
  commitOnce,
  copied,
  expectCode,
  fencedWriter,
  pollUntil,
  read,
  readTexts,
  records,
  text,
  topicOf,
  untilStable,
} from '../steps.ts'

const HOUR_MS = 3_600_000
const numbers = (count: number, from = 0): string[] =>
  Array.from({ length: count }, (_, i) => String(from + i))

const headersSurvive = async (
  rig: Parameters<ConformanceCase['run']>[0],
  headers: readonly RecordHeader[],
): Promise<void> => {
  const { log } = await rig.connect()
  const at = { topic: await topicOf(rig, log), partition: 0 }
  const [plain] = records(rig, at, ['x'])
  assert.ok(plain)
  await commitOnce(rig, log, [{ ...plain, headers }, plain])
  const found = await read(rig, log, at, { count: 2 })
  assert.deepEqual(found[0]?.headers, headers)
  assert.deepEqual(found[1]?.headers, [])
}

export const RECORD_CASES: readonly ConformanceCase[] = [
  {
    id: 'order',
    title: 'records of a partition come back in the order in which they were written',
    story: 'A fold of records in another order is another state.',
    async run(rig) {
      const { log } = await rig.connect()
      const at = { topic: await topicOf(rig, log), partition: 0 }
      const writer = await fencedWriter(rig, log)
      for (let i = 0; i < 10; i++) await writer.commit(records(rig, at, numbers(40, 40 * i)))
      const producer = log.producer()
      for (let i = 10; i < 15; i++) await producer.send(records(rig, at, numbers(40, 40 * i)))
      const found = await read(rig, log, at, { count: 600 })
      assert.deepEqual(
        found.map((record) => text(record.value)),
        numbers(600),
      )
      for (const [i, record] of found.entries())
        assert.ok(i === 0 || record.offset > (found[i - 1]?.offset ?? -1), 'offsets grow')
    },
  },
  {
    id: 'partitions-explicit',
    title: 'every record lies in the partition it was written to, and nowhere else',
    story: 'One service, one partition, one owner: a partitioner behind our back breaks law 3.',
    async run(rig) {
      const { log } = await rig.connect()
      const topic = await topicOf(rig, log, { partitions: 5 })
      const all = [3, 0, 4, 1, 3, 2, 0, 3]
      await commitOnce(
        rig,
        log,
        all.flatMap((partition, i) => records(rig, { topic, partition }, [`${partition}:${i}`])),
      )
      await log
        .producer()
        .send(all.flatMap((p) => records(rig, { topic, partition: p }, [`${p}:s`])))
      for (let partition = 0; partition < 5; partition++) {
        const expected = all.flatMap((p, i) => (p === partition ? [`${p}:${i}`] : []))
        expected.push(...expected.map(() => `${partition}:s`))
        const at = { topic, partition }
        assert.deepEqual(await readTexts(rig, log, at, { count: expected.length }), expected)
      }
    },
  },
  {
    id: 'appended-places',
    title: 'commit and send say truly where the records lie',
    story: 'Command ids are derived from the place of a journal entry.',
    async run(rig) {
      const { log } = await rig.connect()
      const topic = await topicOf(rig, log, { partitions: 2 })
      const one = { topic, partition: 0 }
      const two = { topic, partition: 1 }
      const writer = await fencedWriter(rig, log)
      const producer = log.producer()
      const answers = [
        ...(await writer.commit([...records(rig, one, ['a', 'b']), ...records(rig, two, ['c'])])),
        ...(await producer.send(records(rig, two, ['d', 'e', 'f']))),
        ...(await writer.commit(records(rig, one, ['g']))),
      ]
      const ranges = answers.map((a) => [a.partition, a.baseOffset, a.lastOffset])
      const found = [
        ...(await read(rig, log, one, { count: 3 })),
        ...(await read(rig, log, two, { count: 4 })),
      ]
      const placeOf = (value: string): readonly (number | undefined)[] => {
        const record = found.find((r) => text(r.value) === value)
        return [record?.partition, record?.offset]
      }
      const expected = [
        ['a', 'b'],
        ['c', 'c'],
        ['d', 'f'],
        ['g', 'g'],
      ].map(([first = '', last = '']) => [...placeOf(first), placeOf(last)[1]])
      assert.deepEqual(ranges, expected)
    },
  },
  {
    id: 'headers',
    title: 'headers keep order, duplicates, empty and null values, odd names and any bytes',
    story:
      'The visited path and the trace travel in headers; kafkajs turns duplicates into arrays.',
    run: (rig) =>
      headersSurvive(rig, [
        { key: 'a', value: bytes('1') },
        { key: 'a', value: bytes('2') },
        { key: 'empty', value: new Uint8Array(0) },
        { key: 'null', value: null },
        { key: '', value: bytes('no name') },
        { key: '__proto__', value: bytes('x') },
        { key: 'größe-日本-🙂', value: bytes('ü') },
        { key: 'binary', value: Uint8Array.of(0xff, 0xfe, 0, 0x80, 0xc3) },
        { key: 'a', value: bytes('3') },
      ]),
  },
  {
    id: 'header-60kb',
    title: 'a header of 60 kB survives',
    story: 'Lengths above 16 bits are where codecs break.',
    run: (rig) =>
      headersSurvive(rig, [
        { key: 'big', value: Uint8Array.from({ length: 60_000 }, (_, i) => i % 251) },
      ]),
  },
  {
    id: 'null-and-empty',
    title: 'null and empty keys and values are four different things',
    story: 'An empty value is a value; null deletes.',
    async run(rig) {
      const { log } = await rig.connect()
      const at = { topic: await topicOf(rig, log), partition: 0 }
      const none = new Uint8Array(0)
      const pairs: [Uint8Array | null, Uint8Array | null][] = [
        [null, null],
        [none, null],
        [null, none],
        [none, none],
        [bytes('k'), bytes('v')],
      ]
      await commitOnce(
        rig,
        log,
        pairs.map(([key, value]) => ({
          ...at,
          key,
          value,
          timestampMs: Math.floor(rig.clock.nowMs()),
        })),
      )
      const found = await read(rig, log, at, { count: 5 })
      assert.deepEqual(
        found.map(({ key, value }) => [key, value]),
        pairs,
      )
    },
  },
  {
    id: 'tombstone',
    title: 'a null value in a compacted topic is shown as null',
    story: 'A view that never hears of a removal keeps the dead for ever.',
    async run(rig) {
      const { log } = await rig.connect()
      const config = { 'cleanup.policy': 'compact' }
      const at = { topic: await topicOf(rig, log, { config }), partition: 0 }
      const [record] = records(rig, at, ['alive'])
      assert.ok(record)
      await commitOnce(rig, log, [record, { ...record, value: null }])
      const found = await read(rig, log, at, { count: 2 })
      assert.deepEqual(
        found.map(({ key, value }) => [text(key), text(value)]),
        [
          ['key', 'alive'],
          ['key', null],
        ],
      )
    },
  },
  {
    id: 'compacted-needs-keys',
    title: 'a compacted topic refuses records without a key',
    story: 'Kafka answers INVALID_RECORD; a kinder log would hide the defect until production.',
    async run(rig) {
      const { log } = await rig.connect()
      const config = { 'cleanup.policy': 'compact' }
      const at = { topic: await topicOf(rig, log, { config }), partition: 0 }
      const [record] = records(rig, at, ['x'])
      assert.ok(record)
      await expectCode(log.producer().send([{ ...record, key: null }]), 'INVALID_REQUEST')
      assert.deepEqual(await readTexts(rig, log, at, { count: 0 }), [])
    },
  },
  {
    id: 'big-batch',
    title: '3,000 records of 300 bytes in one commit',
    story: 'A restore after an outage is one large commit, not many small ones.',
    async run(rig) {
      const { log } = await rig.connect()
      const at = { topic: await topicOf(rig, log), partition: 0 }
      const values = numbers(3_000).map((n) => n.padEnd(300, '.'))
      await commitOnce(rig, log, records(rig, at, values))
      assert.deepEqual(await readTexts(rig, log, at, { count: 3_000 }), values)
    },
  },
  {
    id: 'split',
    title: 'more records than one batch may hold go in several, in order',
    story: 'Edge topics take 64 kB a batch; a spool of an hour is more.',
    async run(rig) {
      const { log } = await rig.connect()
      const config = { 'max.message.bytes': '2000' }
      const at = { topic: await topicOf(rig, log, { config }), partition: 0 }
      const values = numbers(60).map((n) => n.padEnd(150, '.'))
      const appended = await commitOnce(rig, log, records(rig, at, values))
      assert.ok(appended.length >= 5, `${appended.length} batches`)
      await log.producer().send(records(rig, at, values))
      assert.deepEqual(await readTexts(rig, log, at, { count: 120 }), [...values, ...values])
    },
  },
  {
    id: 'too-large',
    title:
      'a record larger than the topic takes is TOO_LARGE, nothing is written, the writer goes on',
    story: 'One oversized output must not take its transaction, or the task, down with it.',
    async run(rig) {
      const { log } = await rig.connect()
      const config = { 'max.message.bytes': '2000' }
      const small = { topic: await topicOf(rig, log, { config }), partition: 0 }
      const other = { topic: await topicOf(rig, log), partition: 0 }
      const writer = await fencedWriter(rig, log)
      const huge = records(rig, small, ['x'.repeat(3_000)])
      const commit = writer.commit([...records(rig, other, ['lost with it']), ...huge])
      await expectCode(commit, 'TOO_LARGE')
      await writer.commit([...records(rig, other, ['after']), ...records(rig, small, ['after'])])
      const producer = log.producer()
      await expectCode(producer.send(huge), 'TOO_LARGE')
      await producer.send(records(rig, small, ['and after']))
      assert.deepEqual(await readTexts(rig, log, other, { count: 1 }), ['after'])
      assert.deepEqual(await readTexts(rig, log, small, { count: 2 }), ['after', 'and after'])
    },
  },
  {
    id: 'create-time',
    title: 'a topic with CreateTime keeps the producer’s times, in whatever order they are',
    story:
      'A batch whose largest time is not its last breaks offsets-by-time if it is not the maximum.',
    async run(rig) {
      const { log } = await rig.connect()
      const at = { topic: await topicOf(rig, log), partition: 0 }
      const now = Math.floor(rig.clock.nowMs())
      const times = [now, now - 50_000, now + 1_000, now - 3, now]
      const [record] = records(rig, at, ['x'])
      assert.ok(record)
      const out = times.map((timestampMs): OutgoingRecord => ({ ...record, timestampMs }))
      const [appended] = await commitOnce(rig, log, out)
      assert.equal(appended?.appendMs, null)
      const found = await read(rig, log, at, { count: 5 })
      assert.deepEqual(
        found.map((r) => r.timestampMs),
        times,
      )
    },
  },
  {
    id: 'append-time',
    title: 'a topic with LogAppendTime shows the log’s time, never the producer’s',
    story: 'No host clock decides anything: agents with wrong clocks write to these topics.',
    async run(rig) {
      const { log } = await rig.connect()
      const config = { 'message.timestamp.type': 'LogAppendTime' }
      const at = { topic: await topicOf(rig, log, { config }), partition: 0 }
      const writer = await fencedWriter(rig, log)
      const [record] = records(rig, at, ['x'])
      assert.ok(record)
      const appended: number[] = []
      for (const timestampMs of [0, 1_000, record.timestampMs + 99 * HOUR_MS]) {
        const [answer] = await writer.commit([{ ...record, timestampMs }, record])
        assert.ok(answer)
        assert.ok(answer.appendMs !== null, 'the append time is told')
        assert.ok(Math.abs(answer.appendMs - rig.clock.nowMs()) < 60_000, 'and is the log’s own')
        appended.push(answer.appendMs, answer.appendMs)
        await rig.clock.sleep(20)
      }
      const reader = log.reader({ isolation: 'read_committed' })
      reader.assign(at, 'earliest')
      const fetched = await pollUntil(rig, reader, (all) => copied(all).length === 6)
      assert.deepEqual(
        copied(fetched).map((r) => r.timestampMs),
        appended,
      )
      for (const batch of fetched.flatMap((part) => part.batches))
        assert.ok(appended.includes(batch.maxTimestampMs), 'the batch carries the append time')
      assert.deepEqual(
        appended,
        appended.toSorted((a, b) => a - b),
      )
    },
  },
  {
    id: 'timestamp-refused',
    title: 'a CreateTime two hours ahead is refused, nothing is written, the writer goes on',
    story:
      'Kafka 4 refuses what is an hour ahead; a broken host clock must not look like an outage.',
    async run(rig) {
      const { log } = await rig.connect()
      const at = { topic: await topicOf(rig, log, { partitions: 2 }), partition: 0 }
      const other = { ...at, partition: 1 }
      const [good] = records(rig, at, ['good'])
      assert.ok(good)
      const ahead = { ...good, timestampMs: good.timestampMs + 2 * HOUR_MS }
      const writer = await fencedWriter(rig, log)
      const commit = writer.commit([...records(rig, other, ['lost with it']), ahead])
      await expectCode(commit, 'TIMESTAMP_REFUSED')
      await writer.commit([good, ...records(rig, other, ['good'])])
      const producer = log.producer()
      await expectCode(producer.send([ahead]), 'TIMESTAMP_REFUSED')
      await producer.send([good])
      assert.deepEqual(await readTexts(rig, log, at, { count: 2 }), ['good', 'good'])
      assert.deepEqual(await readTexts(rig, log, other, { count: 1 }), ['good'])
    },
  },
  {
    id: 'batch-facts',
    title: 'a batch tells its range, its count, its checksum, and walks without copying',
    story:
      'Steps carry the checksums of their batches, so that changed input is told from a defect.',
    async run(rig) {
      const { log } = await rig.connect()
      const at = { topic: await topicOf(rig, log), partition: 0 }
      const header = { key: 'h', value: bytes('1') }
      const out = records(rig, at, ['a', 'bb', 'ccc']).map((r) => ({ ...r, headers: [header] }))
      const [appended] = await commitOnce(rig, log, out)
      assert.ok(appended)
      await untilStable(rig, log, at, appended.lastOffset + 1)
      const crcs: number[] = []
      for (let i = 0; i < 2; i++) {
        const reader = log.reader({ isolation: 'read_committed' })
        reader.assign(at, 0)
        const [fetched] = await pollUntil(rig, reader, (all) => copied(all).length === 3)
        const batch = fetched?.batches[0]
        assert.ok(batch)
        assert.deepEqual(
          [batch.topic, batch.partition, batch.baseOffset, batch.lastOffset, batch.recordCount],
          [at.topic, 0, appended.baseOffset, appended.lastOffset, 3],
        )
        const lengths: number[] = []
        batch.visit((view) => {
          lengths.push(view.valueEnd - view.valueStart)
          assert.deepEqual(headersOf(view), [header])
        }, appended.baseOffset + 1)
        assert.deepEqual(lengths, [2, 3])
        crcs.push(batch.crc)
      }
      assert.equal(crcs[0], crcs[1])
      assert.notEqual(crcs[0], 0)
    },
  },
]
