// Atomic commits, aborted records, fencing, and transactions that somebody left open.
import assert from 'node:assert/strict'
import type { ConformanceCase } from '../rig.ts'
import {
  codeOf,
  commitOnce,
  copied,
  expectCode,
  fencedWriter,
  leaveOpenTransaction,
  PATIENCE_MS,
  pollUntil,
  readTexts,
  records,
  text,
  timed,
  topicOf,
  untilStable,
} from '../steps.ts'

const COMMITTED = { isolation: 'read_committed' } as const
const UNCOMMITTED = { isolation: 'read_uncommitted' } as const

export const TRANSACTION_CASES: readonly ConformanceCase[] = [
  {
    id: 'commit-across-partitions',
    title: 'a commit shows all its records, over topics and partitions',
    story: 'Commands and the journal entry that explains them are one transaction.',
    async run(rig) {
      const { log } = await rig.connect()
      const one = await topicOf(rig, log, { partitions: 2 })
      const two = await topicOf(rig, log)
      const places = [
        { topic: one, partition: 0 },
        { topic: one, partition: 1 },
        { topic: two, partition: 0 },
      ]
      const writer = await fencedWriter(rig, log)
      const out = places.flatMap((at) => records(rig, at, ['a', 'b']))
      const appended = await writer.commit(out)
      assert.equal(appended.length, 3)
      for (const at of places)
        assert.deepEqual(await readTexts(rig, log, at, { count: 2 }), ['a', 'b'])
    },
  },
  {
    id: 'empty-commit',
    title: 'a commit of nothing writes nothing',
    story: 'An idle task must not fill its journal with markers.',
    async run(rig) {
      const { log } = await rig.connect()
      const at = { topic: await topicOf(rig, log), partition: 0 }
      const writer = await fencedWriter(rig, log)
      assert.deepEqual(await writer.commit([]), [])
      const ends = await log.admin().offsets([at], 'latest', 'read_uncommitted')
      assert.deepEqual(ends, [0])
    },
  },
  {
    id: 'commits-back-to-back',
    title: 'thirty commits one right after another all succeed',
    story: 'CONCURRENT_TRANSACTIONS right after a commit is normal; kafkajs sleeps 300 ms on it.',
    async run(rig) {
      const { log } = await rig.connect()
      const at = { topic: await topicOf(rig, log), partition: 0 }
      const writer = await fencedWriter(rig, log)
      const values = Array.from({ length: 30 }, (_, i) => `c${i}`)
      for (const value of values) await writer.commit(records(rig, at, [value]))
      assert.deepEqual(await readTexts(rig, log, at, { count: 30 }), values)
    },
  },
  {
    id: 'held-back',
    title: 'who has caught up is told of records that an open transaction holds back',
    story: 'A dead writer of somebody else hid all telemetry behind it: that is not silence.',
    async run(rig) {
      const { log } = await rig.connect()
      const at = { topic: await topicOf(rig, log), partition: 0 }
      const reader = log.reader(COMMITTED)
      reader.assign(at, 'earliest')
      const setup = { transactionTimeoutMs: 4_000 }
      await leaveOpenTransaction(rig, records(rig, at, ['open']), setup)
      await log.producer().send(records(rig, at, ['behind']))
      await pollUntil(rig, reader, (all) => all.some((f) => f.caughtUp && f.heldBack))
      const rest = await pollUntil(rig, reader, (all) => all.at(-1)?.heldBack === false)
      assert.deepEqual(
        copied(rest).map(({ value }) => text(value)),
        ['behind'],
      )
    },
  },
  {
    id: 'isolation',
    title: 'read_uncommitted sees an open transaction, read_committed does not',
    story: 'Half a step must never be acted on.',
    async run(rig) {
      const { log } = await rig.connect()
      const at = { topic: await topicOf(rig, log), partition: 0 }
      const setup = { transactionTimeoutMs: 2_000 }
      await leaveOpenTransaction(rig, records(rig, at, ['open']), setup)
      const dirty = log.reader(UNCOMMITTED)
      const clean = log.reader(COMMITTED)
      dirty.assign(at, 'earliest')
      clean.assign(at, 'earliest')
      const seen = await pollUntil(rig, dirty, (all) => copied(all).length > 0)
      assert.deepEqual(
        copied(seen).map((r) => text(r.value)),
        ['open'],
      )
      const [state] = await pollUntil(rig, clean, (all) => all.length > 0)
      assert.deepEqual([state?.to, state?.endOffset, state?.batches.length], [0, 0, 0])
    },
  },
  {
    id: 'aborted-invisible',
    title: 'aborted records are never shown, what the same writer commits later is',
    story: 'The list of aborted transactions is per producer; filtering too much loses records.',
    async run(rig) {
      const { log } = await rig.connect()
      const at = { topic: await topicOf(rig, log, { partitions: 2 }), partition: 0 }
      const transactionalId = rig.unique('writer')
      const other = await fencedWriter(rig, log)
      for (const round of [1, 2, 3]) {
        const lost = records(rig, at, [`aborted ${round}`, `aborted too ${round}`])
        await leaveOpenTransaction(rig, lost, { transactionalId })
        const writer = await fencedWriter(rig, log, { transactionalId })
        await writer.commit(records(rig, at, [`kept ${round}`]))
        await other.commit(records(rig, at, [`other ${round}`]))
        await writer.close()
      }
      const expected = [1, 2, 3].flatMap((round) => [`kept ${round}`, `other ${round}`])
      assert.deepEqual(await readTexts(rig, log, at, { count: 6 }), expected)
      const dirty = await readTexts(rig, log, at, { count: 12, ...UNCOMMITTED })
      assert.equal(dirty.length, 12)
    },
  },
  {
    id: 'aborted-is-no-gap',
    title: 'aborted records and markers are passed, and are no gap',
    story: 'A task that took an abort for lost data would stop for a person.',
    async run(rig) {
      const { log } = await rig.connect()
      const at = { topic: await topicOf(rig, log), partition: 0 }
      const transactionalId = rig.unique('writer')
      await leaveOpenTransaction(rig, records(rig, at, ['x', 'y']), { transactionalId })
      await fencedWriter(rig, log, { transactionalId })
      await untilStable(rig, log, at, 3)
      const reader = log.reader(COMMITTED)
      reader.assign(at, 'earliest')
      const all = await pollUntil(rig, reader, (f) => f.at(-1)?.to === 3)
      assert.deepEqual(copied(all), [])
      assert.equal(all.at(-1)?.caughtUp, true)
    },
  },
  {
    id: 'zombie-fenced',
    title: 'a writer whose id was taken is FENCED, and nothing it wrote is ever shown',
    story: 'Two owners of one task for a second would send two commands for one fault.',
    async run(rig) {
      const transactionalId = rig.unique('writer')
      const { log: old } = await rig.connect()
      const { log } = await rig.connect()
      const at = { topic: await topicOf(rig, log), partition: 0 }
      const zombie = await fencedWriter(rig, old, { transactionalId })
      await zombie.commit(records(rig, at, ['before']))
      const owner = await fencedWriter(rig, log, { transactionalId })
      await expectCode(zombie.commit(records(rig, at, ['zombie'])), 'FENCED')
      await owner.commit(records(rig, at, ['owner']))
      await expectCode(zombie.commit(records(rig, at, ['zombie'])), 'INVALID_REQUEST')
      await owner.commit(records(rig, at, ['owner again']))
      const expected = ['before', 'owner', 'owner again']
      assert.deepEqual(await readTexts(rig, log, at, { count: 3 }), expected)
    },
  },
  {
    id: 'zombie-in-flight',
    title: 'a commit that was under way when the id was taken does not happen',
    story:
      'The old owner stalls between Produce and EndTxn, the new one takes over, the old wakes up.',
    async run(rig) {
      const transactionalId = rig.unique('writer')
      const { log: old, link } = await rig.connect()
      const { log } = await rig.connect()
      const at = { topic: await topicOf(rig, log), partition: 0 }
      const zombie = await fencedWriter(rig, old, { transactionalId })
      const end = link.disturb('EndTxn', 'hold request', 1)
      const dying = codeOf(zombie.commit(records(rig, at, ['zombie'])))
      await end.met
      const owner = await fencedWriter(rig, log, { transactionalId })
      await owner.commit(records(rig, at, ['owner']))
      await end.release()
      assert.equal(await dying, 'FENCED')
      assert.deepEqual(await readTexts(rig, log, at, { count: 1 }), ['owner'])
    },
  },
  {
    id: 'zombie-late-produce',
    title: 'records of a fenced writer that arrive late are not written',
    story: 'A packet can be as late as it likes.',
    async run(rig) {
      const transactionalId = rig.unique('writer')
      const { log: old, link } = await rig.connect()
      const { log } = await rig.connect()
      const at = { topic: await topicOf(rig, log), partition: 0 }
      const zombie = await fencedWriter(rig, old, { transactionalId })
      const produce = link.disturb('Produce', 'hold request', 1)
      const dying = codeOf(zombie.commit(records(rig, at, ['zombie'])))
      await produce.met
      const owner = await fencedWriter(rig, log, { transactionalId })
      await owner.commit(records(rig, at, ['owner']))
      await produce.release()
      assert.ok(['FENCED', 'ABORTED'].includes(await dying))
      await owner.commit(records(rig, at, ['owner again']))
      const shown = await readTexts(rig, log, at, { count: 2 })
      assert.deepEqual(shown, ['owner', 'owner again'])
    },
  },
  {
    id: 'fence-settles',
    title: 'fence settles the open transaction of the one before at once',
    story: 'A restarted task must not wait for the time-out of the transaction it died in.',
    async run(rig) {
      const transactionalId = rig.unique('writer')
      const { log } = await rig.connect()
      const at = { topic: await topicOf(rig, log), partition: 0 }
      const setup = { transactionalId, transactionTimeoutMs: 5_000 }
      await leaveOpenTransaction(rig, records(rig, at, ['open']), setup)
      const tookMs = await timed(rig, async () => {
        await fencedWriter(rig, log, { transactionalId })
        await untilStable(rig, log, at, 2)
      })
      assert.ok(tookMs < 3_000, `took ${tookMs} ms`)
      assert.deepEqual(await readTexts(rig, log, at, { count: 0 }), [])
    },
  },
  {
    id: 'open-transaction-holds',
    title: 'a foreign open transaction holds committed records back until its time-out',
    story: 'A dead transactional writer freezes every read_committed reader of its partitions.',
    async run(rig) {
      const { log } = await rig.connect()
      const at = { topic: await topicOf(rig, log), partition: 0 }
      const setup = { transactionTimeoutMs: 3_000 }
      await commitOnce(rig, log, records(rig, at, ['before']))
      const openedMs = rig.clock.monotonicMs()
      await leaveOpenTransaction(rig, records(rig, at, ['open']), setup)
      await commitOnce(rig, log, records(rig, at, ['held back']))
      const reader = log.reader(COMMITTED)
      reader.assign(at, 'earliest')
      const first = await pollUntil(rig, reader, (all) => copied(all).length > 0)
      assert.deepEqual(
        copied(first).map((r) => text(r.value)),
        ['before'],
      )
      while (rig.clock.monotonicMs() - openedMs < 2_000)
        assert.deepEqual(copied(await reader.poll(100)), [], 'held back before the time-out')
      const untilMs = openedMs + 3 * PATIENCE_MS
      const rest: (string | null)[] = []
      while (rest.length === 0 && rig.clock.monotonicMs() < untilMs)
        rest.push(...copied(await reader.poll(250)).map((r) => text(r.value)))
      assert.deepEqual(rest, ['held back'])
    },
  },
  {
    id: 'transaction-timeout',
    title: 'a commit asked for after the transaction’s time-out does not happen',
    story: 'A worker paused for longer than its transaction must not act as if it had not been.',
    async run(rig) {
      const { log, link } = await rig.connect()
      const { log: other } = await rig.connect()
      const at = { topic: await topicOf(rig, log), partition: 0 }
      const setup = { transactionTimeoutMs: 1_000, deadlineMs: 60_000 }
      const writer = await fencedWriter(rig, log, setup)
      const lost = link.disturb('EndTxn', 'lose request', 1_000_000)
      const commit = codeOf(writer.commit(records(rig, at, ['too late'])))
      await untilStable(rig, other, at, 2)
      await lost.release()
      assert.ok(['FENCED', 'ABORTED'].includes(await commit))
      assert.deepEqual(await readTexts(rig, other, at, { count: 0 }), [])
    },
  },
  {
    id: 'fence-first',
    title: 'a writer that was never fenced, or is used up, refuses to commit until it fences',
    story: 'The fence is the truth about ownership; there is no way around it.',
    async run(rig) {
      const transactionalId = rig.unique('writer')
      const { log } = await rig.connect()
      const at = { topic: await topicOf(rig, log), partition: 0 }
      const setup = { transactionalId, transactionTimeoutMs: 5_000, deadlineMs: 5_000 }
      const writer = log.writer(setup)
      await expectCode(writer.commit(records(rig, at, ['x'])), 'INVALID_REQUEST')
      await writer.fence()
      await fencedWriter(rig, log, { transactionalId })
      await expectCode(writer.commit(records(rig, at, ['x'])), 'FENCED')
      await expectCode(writer.commit(records(rig, at, ['x'])), 'INVALID_REQUEST')
      await writer.fence()
      await writer.commit(records(rig, at, ['mine again']))
      assert.deepEqual(await readTexts(rig, log, at, { count: 1 }), ['mine again'])
    },
  },
  {
    id: 'one-commit-at-a-time',
    title: 'a second commit beside the first is refused and does not harm it',
    story: 'Two commits at once would be one transaction.',
    async run(rig) {
      const { log } = await rig.connect()
      const at = { topic: await topicOf(rig, log), partition: 0 }
      const writer = await fencedWriter(rig, log)
      const first = writer.commit(records(rig, at, ['first']))
      await expectCode(writer.commit(records(rig, at, ['second'])), 'INVALID_REQUEST')
      await expectCode(writer.fence(), 'INVALID_REQUEST')
      await first
      await writer.commit(records(rig, at, ['third']))
      assert.deepEqual(await readTexts(rig, log, at, { count: 2 }), ['first', 'third'])
    },
  },
  {
    id: 'writers-side-by-side',
    title: 'two writers with ids of their own share a partition without harm',
    story: 'A snapshot writer and a task may lie side by side in one partition.',
    async run(rig) {
      const { log } = await rig.connect()
      const at = { topic: await topicOf(rig, log), partition: 0 }
      const one = await fencedWriter(rig, log)
      const two = await fencedWriter(rig, log)
      for (let i = 0; i < 10; i++)
        await Promise.all([
          one.commit(records(rig, at, [`one ${i}`])),
          two.commit(records(rig, at, [`two ${i}`])),
        ])
      const found = await readTexts(rig, log, at, { count: 20 })
      for (const name of ['one', 'two']) {
        const mine = found.filter((value) => value?.startsWith(name))
        assert.deepEqual(
          mine,
          Array.from({ length: 10 }, (_, i) => `${name} ${i}`),
        )
      }
    },
  },
  {
    id: 'close-during-commit',
    title: 'close in the middle of a commit ends it promptly with CLOSED',
    story: 'Ctrl-C at any moment: the process is gone within seconds, the next owner settles.',
    async run(rig) {
      const transactionalId = rig.unique('writer')
      const { log, link } = await rig.connect()
      const at = { topic: await topicOf(rig, log), partition: 0 }
      const writer = await fencedWriter(rig, log, { transactionalId })
      const end = link.disturb('EndTxn', 'lose request', 1)
      const commit = codeOf(writer.commit(records(rig, at, ['half'])))
      await end.met
      const tookMs = await timed(rig, async () => {
        await writer.close()
        assert.equal(await commit, 'CLOSED')
      })
      assert.ok(tookMs < 2_000, `took ${tookMs} ms`)
      const next = await fencedWriter(rig, log, { transactionalId })
      await next.commit(records(rig, at, ['next']))
      assert.deepEqual(await readTexts(rig, log, at, { count: 1 }), ['next'])
    },
  },
]
