// Where a reader is, what it is told about the end, how long it waits, and what it must never pass
// over in silence.
import assert from 'node:assert/strict'
import { LogError } from '../../../src/runtime/log-error.ts'
import type { Fetched } from '../../../src/runtime/ports.ts'
import type { ConformanceCase } from '../rig.ts'
import {
  codeOf,
  commitOnce,
  copied,
  expectCode,
  fencedWriter,
  leaveOpenTransaction,
  PATIENCE_MS,
  pollRefused,
  pollUntil,
  read,
  readTexts,
  records,
  resolved,
  text,
  timed,
  topicOf,
  untilStable,
} from '../steps.ts'

const COMMITTED = { isolation: 'read_committed' } as const
const texts = (fetched: readonly Fetched[]): (string | null)[] =>
  copied(fetched).map((record) => text(record.value))

export const READING_CASES: readonly ConformanceCase[] = [
  {
    id: 'earliest-latest',
    title: 'earliest starts at the first record, latest behind the last committed one',
    story: 'An agent without a ledger starts at the end: an old command must not reach it.',
    async run(rig) {
      const { log } = await rig.connect()
      const at = { topic: await topicOf(rig, log), partition: 0 }
      await log.producer().send(records(rig, at, ['old']))
      const early = log.reader(COMMITTED)
      const late = log.reader(COMMITTED)
      early.assign(at, 'earliest')
      late.assign(at, 'latest')
      assert.equal(late.position(at), null)
      await resolved(rig, late, at)
      assert.equal(late.position(at), 1)
      await log.producer().send(records(rig, at, ['new']))
      const both = await pollUntil(rig, early, (all) => texts(all).length === 2)
      assert.deepEqual(texts(both), ['old', 'new'])
      assert.deepEqual(texts(await pollUntil(rig, late, (all) => texts(all).length > 0)), ['new'])
    },
  },
  {
    id: 'latest-is-stable',
    title: 'latest of a read_committed reader lies before an open transaction',
    story: 'Starting behind it would skip records that are committed a moment later.',
    async run(rig) {
      const { log } = await rig.connect()
      const at = { topic: await topicOf(rig, log), partition: 0 }
      const [before] = await log.producer().send(records(rig, at, ['before']))
      const setup = { transactionTimeoutMs: 2_000 }
      await leaveOpenTransaction(rig, records(rig, at, ['open']), setup)
      const reader = log.reader(COMMITTED)
      reader.assign(at, 'latest')
      await resolved(rig, reader, at)
      assert.equal(reader.position(at), (before?.lastOffset ?? 0) + 1)
      const [stable] = await log.admin().offsets([at], 'latest', 'read_committed')
      const [high] = await log.admin().offsets([at], 'latest', 'read_uncommitted')
      assert.equal(stable, 1)
      assert.equal(high, 2)
    },
  },
  {
    id: 'first-poll-reports',
    title: 'the first poll tells where an empty partition stands, without waiting',
    story: 'A task restoring an empty journal has to learn that it is at its end.',
    async run(rig) {
      const { log } = await rig.connect()
      const at = { topic: await topicOf(rig, log), partition: 0 }
      const reader = log.reader(COMMITTED)
      reader.assign(at, 'earliest')
      let first: readonly Fetched[] = []
      const tookMs = await timed(rig, async () => {
        while (first.length === 0) first = await reader.poll(PATIENCE_MS)
      })
      assert.ok(tookMs < PATIENCE_MS / 2, `took ${tookMs} ms`)
      assert.deepEqual(
        first.map((f) => [f.from, f.to, f.batches.length, f.endOffset, f.caughtUp, f.gap]),
        [[0, 0, 0, 0, true, null]],
      )
      const [again, ...more] = await reader.poll(50)
      assert.deepEqual([again?.from, again?.to, more.length], [0, 0, 0])
    },
  },
  {
    id: 'position-inside-batch',
    title: 'a position inside a batch shows the batch from there on',
    story: 'Slices of a step end where the core was stopped, and begin there again.',
    async run(rig) {
      const { log } = await rig.connect()
      const at = { topic: await topicOf(rig, log), partition: 0 }
      await log.producer().send(records(rig, at, ['a', 'b', 'c', 'd']))
      assert.deepEqual(await readTexts(rig, log, at, { from: 2, count: 2 }), ['c', 'd'])
      assert.deepEqual(await readTexts(rig, log, at, { from: 4, count: 0 }), [])
    },
  },
  {
    id: 'reassign',
    title: 'assign replaces a position, unassign ends reading, partitions are independent',
    story: 'A task that was taken away and given back starts from its journal, not where it was.',
    async run(rig) {
      const { log } = await rig.connect()
      const topic = await topicOf(rig, log, { partitions: 2 })
      const one = { topic, partition: 0 }
      const two = { topic, partition: 1 }
      const out = [...records(rig, one, ['1a', '1b']), ...records(rig, two, ['2a'])]
      await log.producer().send(out)
      const reader = log.reader(COMMITTED)
      reader.assign(one, 'earliest')
      reader.assign(two, 'earliest')
      await pollUntil(rig, reader, (all) => texts(all).length === 3)
      assert.deepEqual([reader.position(one), reader.position(two)], [2, 1])
      reader.assign(one, 1)
      reader.unassign(two)
      assert.deepEqual([reader.position(one), reader.position(two)], [1, null])
      await log.producer().send(out)
      const again = await pollUntil(rig, reader, (all) => texts(all).length >= 3)
      assert.deepEqual(texts(again), ['1b', '1a', '1b'])
    },
  },
  {
    id: 'set-back-while-ahead',
    title: 'what was fetched ahead of a position that is set back meanwhile is not shown',
    story: 'A task whose commit failed reads again from its journal, with records on their way.',
    async run(rig) {
      const { log } = await rig.connect()
      const at = { topic: await topicOf(rig, log), partition: 0 }
      const producer = log.producer()
      await producer.send(records(rig, at, ['a', 'b']))
      const reader = log.reader(COMMITTED)
      reader.assign(at, 0)
      await pollUntil(rig, reader, (all) => texts(all).length === 2)
      await producer.send(records(rig, at, ['c']))
      await rig.clock.sleep(100)
      reader.assign(at, 1)
      const again = await pollUntil(rig, reader, (all) => texts(all).length >= 2)
      assert.deepEqual(texts(again), ['b', 'c'])
      await producer.send(records(rig, at, ['d']))
      await rig.clock.sleep(100)
      assert.deepEqual(texts(await pollUntil(rig, reader, (all) => texts(all).length > 0)), ['d'])
    },
  },
  {
    id: 'caught-up',
    title: 'caughtUp is true exactly when the position has reached the end that is told',
    story:
      'Silence is judged up to where the reader is caught up; a lie here kills healthy services.',
    async run(rig) {
      const { log } = await rig.connect()
      const at = { topic: await topicOf(rig, log), partition: 0 }
      const writer = await fencedWriter(rig, log)
      const value = 'x'.repeat(400)
      for (let i = 0; i < 12; i++) await writer.commit(records(rig, at, [value, value]))
      await untilStable(rig, log, at, 36)
      const reader = log.reader({ ...COMMITTED, maxBytesPerPartition: 2_000 })
      reader.assign(at, 'earliest')
      const all = await pollUntil(rig, reader, (f) => f.at(-1)?.to === 36)
      assert.ok(all.length >= 4, `${all.length} polls`)
      for (const part of all) {
        assert.equal(part.endOffset, 36)
        assert.equal(part.caughtUp, part.to === 36, `to ${part.to}`)
      }
      assert.equal(texts(all).length, 24)
    },
  },
  {
    id: 'max-bytes',
    title: 'a poll is bounded, but always brings at least one batch',
    story: 'A batch larger than the bound must not stop its partition for ever.',
    async run(rig) {
      const { log } = await rig.connect()
      const at = { topic: await topicOf(rig, log), partition: 0 }
      const producer = log.producer()
      for (let i = 0; i < 6; i++) await producer.send(records(rig, at, ['y'.repeat(50_000)]))
      const reader = log.reader({ ...COMMITTED, maxBytesPerPartition: 1_000 })
      reader.assign(at, 'earliest')
      const all = await pollUntil(rig, reader, (f) => texts(f).length === 6)
      for (const part of all) assert.ok(part.batches.length <= 1, 'one batch at a time')
    },
  },
  {
    id: 'long-poll-wakes',
    title: 'a waiting poll comes back soon after something was committed',
    story: 'From fault to command in milliseconds: nobody waits for the end of a long poll.',
    async run(rig) {
      const { log } = await rig.connect()
      const at = { topic: await topicOf(rig, log), partition: 0 }
      const writer = await fencedWriter(rig, log)
      const reader = log.reader(COMMITTED)
      reader.assign(at, 'latest')
      await resolved(rig, reader, at)
      const waiting = timed(rig, () => pollUntil(rig, reader, (all) => texts(all).length === 1))
      await rig.clock.sleep(20)
      await writer.commit(records(rig, at, ['wake']))
      assert.ok((await waiting) < 2_000)
    },
  },
  {
    id: 'long-poll-ends',
    title: 'a poll with nothing new ends after its time and says so',
    story: 'Silence is only known of a partition that the log has answered for.',
    async run(rig) {
      const { log } = await rig.connect()
      const at = { topic: await topicOf(rig, log), partition: 0 }
      const reader = log.reader(COMMITTED)
      reader.assign(at, 'latest')
      await resolved(rig, reader, at)
      let brought: readonly Fetched[] = []
      const tookMs = await timed(rig, async () => {
        brought = await reader.poll(400)
      })
      assert.deepEqual(
        brought.map((f) => [f.from, f.to, f.batches.length, f.caughtUp]),
        [[0, 0, 0, true]],
      )
      assert.ok(tookMs >= 300 && tookMs < 3_000, `took ${tookMs} ms`)
    },
  },
  {
    id: 'poll-aborts',
    title: 'an aborted poll rejects at once with the reason; the reader goes on',
    story: 'A task that is being closed must not sit in a long poll.',
    async run(rig) {
      const { log } = await rig.connect()
      const at = { topic: await topicOf(rig, log), partition: 0 }
      const reader = log.reader(COMMITTED)
      reader.assign(at, 'latest')
      await resolved(rig, reader, at)
      const stop = new AbortController()
      const reason = new Error('enough')
      const poll = reader.poll(PATIENCE_MS, stop.signal)
      const tookMs = await timed(rig, async () => {
        stop.abort(reason)
        await assert.rejects(poll, reason)
      })
      assert.ok(tookMs < 1_000, `took ${tookMs} ms`)
      await log.producer().send(records(rig, at, ['later']))
      assert.deepEqual(texts(await pollUntil(rig, reader, (all) => texts(all).length > 0)), [
        'later',
      ])
    },
  },
  {
    id: 'one-poll-at-a-time',
    title: 'a second poll beside the first is refused',
    story: 'Two polls at once would show the same records twice.',
    async run(rig) {
      const { log } = await rig.connect()
      const at = { topic: await topicOf(rig, log), partition: 0 }
      const reader = log.reader(COMMITTED)
      reader.assign(at, 'latest')
      await resolved(rig, reader, at)
      const first = reader.poll(200)
      await expectCode(reader.poll(200), 'INVALID_REQUEST')
      assert.deepEqual(texts(await first), [])
    },
  },
  {
    id: 'close-ends-polls',
    title: 'close ends a waiting poll promptly with CLOSED, and later ones too',
    story: 'kafkajs needs up to 60 s to disconnect from a silent broker.',
    async run(rig) {
      const { log } = await rig.connect()
      const at = { topic: await topicOf(rig, log), partition: 0 }
      const reader = log.reader(COMMITTED)
      reader.assign(at, 'latest')
      await resolved(rig, reader, at)
      const waiting = codeOf(reader.poll(PATIENCE_MS))
      const tookMs = await timed(rig, async () => {
        await reader.close()
        assert.equal(await waiting, 'CLOSED')
      })
      assert.ok(tookMs < 2_000, `took ${tookMs} ms`)
      await expectCode(reader.poll(10), 'CLOSED')
    },
  },
  {
    id: 'fetch-answer-lost',
    title: 'a lost fetch answer loses no record',
    story: 'The position moves when records were shown, not when they were sent.',
    async run(rig) {
      const { log, link } = await rig.connect()
      const at = { topic: await topicOf(rig, log), partition: 0 }
      await log.producer().send(records(rig, at, ['a', 'b']))
      const reader = log.reader(COMMITTED)
      reader.assign(at, 'earliest')
      link.disturb('Fetch', 'lose answer')
      const found: (string | null)[] = []
      const untilMs = rig.clock.monotonicMs() + 3 * PATIENCE_MS
      while (found.length < 2 && rig.clock.monotonicMs() < untilMs) {
        try {
          found.push(...texts(await reader.poll(100)))
        } catch (error) {
          if (!(error instanceof LogError) || error.code !== 'UNAVAILABLE') throw error
        }
      }
      assert.deepEqual(found, ['a', 'b'])
    },
  },
  {
    id: 'marker-offsets',
    title: 'commit markers take offsets, which are no gap',
    story: 'Positions derived by counting records run away from the log.',
    async run(rig) {
      const { log } = await rig.connect()
      const at = { topic: await topicOf(rig, log), partition: 0 }
      const writer = await fencedWriter(rig, log)
      for (const value of ['a', 'b', 'c']) await writer.commit(records(rig, at, [value]))
      const found = await read(rig, log, at, { count: 3 })
      assert.deepEqual(
        found.map((record) => record.offset),
        [0, 2, 4],
      )
      await untilStable(rig, log, at, 6)
      const reader = log.reader(COMMITTED)
      reader.assign(at, 5)
      const all = await pollUntil(rig, reader, (f) => f.at(-1)?.to === 6)
      assert.deepEqual(texts(all), [])
      assert.equal(all.at(-1)?.caughtUp, true)
    },
  },
  {
    id: 'deleted-past-position',
    title: 'a position below the log’s start is POSITION_LOST, never a jump',
    story: 'kafkajs jumps to the end without a word; decisions would go on over a hole.',
    async run(rig) {
      const { log } = await rig.connect()
      const at = { topic: await topicOf(rig, log), partition: 0 }
      const producer = log.producer()
      for (const value of ['a', 'b', 'c', 'd']) await producer.send(records(rig, at, [value]))
      const reader = log.reader(COMMITTED)
      reader.assign(at, 1)
      await log.admin().deleteRecords(at, 3)
      const error = await pollRefused(rig, reader)
      assert.equal(error.code, 'POSITION_LOST')
      assert.deepEqual(error.at, at)
      assert.equal((await pollRefused(rig, reader)).code, 'POSITION_LOST')
      assert.deepEqual(await readTexts(rig, log, at, { count: 1 }), ['d'])
    },
  },
  {
    id: 'deleted-inside-batch',
    title: 'after a deletion inside a batch, earliest lies inside it',
    story: 'The log’s start is an offset, not a batch.',
    async run(rig) {
      const { log } = await rig.connect()
      const at = { topic: await topicOf(rig, log), partition: 0 }
      await log.producer().send(records(rig, at, ['a', 'b', 'c', 'd']))
      await log.admin().deleteRecords(at, 2)
      assert.deepEqual(await log.admin().offsets([at], 'earliest', 'read_committed'), [2])
      assert.deepEqual(await readTexts(rig, log, at, { count: 2 }), ['c', 'd'])
    },
  },
  {
    id: 'retention-past-position',
    title: 'retention that passes a position is POSITION_LOST',
    story: 'A worker back after a week must stop and call a person.',
    async run(rig) {
      const { log } = await rig.connect()
      const config = { 'retention.ms': '1000', 'segment.ms': '100' }
      const at = { topic: await topicOf(rig, log, { config }), partition: 0 }
      const producer = log.producer()
      await producer.send(records(rig, at, ['old']))
      const reader = log.reader(COMMITTED)
      reader.assign(at, 0)
      const untilMs = rig.clock.monotonicMs() + 3 * PATIENCE_MS
      let start = 0
      while (start === 0 && rig.clock.monotonicMs() < untilMs) {
        await rig.clock.sleep(500)
        await producer.send(records(rig, at, ['fresh']))
        start = (await log.admin().offsets([at], 'earliest', 'read_committed'))[0] ?? 0
      }
      assert.ok(start > 0, 'retention has removed the old record')
      assert.equal((await pollRefused(rig, reader)).code, 'POSITION_LOST')
    },
  },
  {
    id: 'beyond-the-end',
    title: 'a position beyond the end is POSITION_LOST',
    story: 'A journal that names offsets the log does not have belongs to another log.',
    async run(rig) {
      const { log } = await rig.connect()
      const at = { topic: await topicOf(rig, log), partition: 0 }
      await commitOnce(rig, log, records(rig, at, ['a']))
      const reader = log.reader(COMMITTED)
      reader.assign(at, 700)
      assert.equal((await pollRefused(rig, reader)).code, 'POSITION_LOST')
    },
  },
]
