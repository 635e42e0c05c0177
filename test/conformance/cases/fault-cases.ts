// Requests and answers that are lost, late or doubled between a writer and the log. Whatever
// happens on the way, a record is there once or not at all, in its order, and what commit() says
// is true.
import assert from 'node:assert/strict'
import type { ConformanceCase, ConformanceRig, Fault, RequestKind } from '../rig.ts'
import {
  codeOf,
  expectCode,
  fencedWriter,
  readTexts,
  records,
  topicOf,
  untilStable,
} from '../steps.ts'

/** Three commits, the second one disturbed; all must be there once, in order. */
async function commitsSurvive(rig: ConformanceRig, kind: RequestKind, fault: Fault): Promise<void> {
  const { log, link } = await rig.connect()
  const at = { topic: await topicOf(rig, log), partition: 0 }
  const writer = await fencedWriter(rig, log)
  await writer.commit(records(rig, at, ['a1', 'a2']))
  const disturbance = link.disturb(kind, fault)
  await writer.commit(records(rig, at, ['b1', 'b2']))
  await disturbance.met
  // With its marker written, what is late belongs to no transaction any more.
  await untilStable(rig, log, at, 6)
  await disturbance.release()
  await writer.commit(records(rig, at, ['c1', 'c2']))
  const expected = ['a1', 'a2', 'b1', 'b2', 'c1', 'c2']
  assert.deepEqual(await readTexts(rig, log, at, { count: 6 }), expected)
}

/** Three sends, the second one disturbed; all must be there once, in order. */
async function sendsSurvive(rig: ConformanceRig, fault: Fault): Promise<void> {
  const { log, link } = await rig.connect()
  const at = { topic: await topicOf(rig, log), partition: 0 }
  const producer = log.producer()
  await producer.send(records(rig, at, ['a1', 'a2']))
  const disturbance = link.disturb('Produce', fault)
  const [appended] = await producer.send(records(rig, at, ['b1', 'b2']))
  assert.deepEqual([appended?.baseOffset, appended?.lastOffset], [2, 3])
  await producer.send(records(rig, at, ['c1', 'c2']))
  await disturbance.met
  await disturbance.release()
  await producer.send(records(rig, at, ['d1', 'd2']))
  const expected = ['a1', 'a2', 'b1', 'b2', 'c1', 'c2', 'd1', 'd2']
  assert.deepEqual(await readTexts(rig, log, at, { count: 8 }), expected)
}

const MANY = 1_000_000
/** A connection that was begun while the way was cut has been given up after this. */
const RECONNECT_MS = 3_500
const SHORT = { transactionTimeoutMs: 5_000, deadlineMs: 2_000 }

export const FAULT_CASES: readonly ConformanceCase[] = [
  {
    id: 'end-answer-late',
    title: 'EndTxn answered late: asked again, committed once',
    story: 'A broker in a long pause answers after the client has asked a second time.',
    run: (rig) => commitsSurvive(rig, 'EndTxn', 'hold answer'),
  },
  {
    id: 'end-answer-lost',
    title: 'EndTxn carried out, its answer lost: committed once',
    story: 'The connection breaks between the commit and its answer.',
    run: (rig) => commitsSurvive(rig, 'EndTxn', 'lose answer'),
  },
  {
    id: 'end-request-lost',
    title: 'EndTxn lost on the way: asked again, committed once',
    story: 'The connection breaks before the commit arrives.',
    run: (rig) => commitsSurvive(rig, 'EndTxn', 'lose request'),
  },
  {
    id: 'end-twice',
    title: 'EndTxn answered twice: committed once, the next transaction untouched',
    story: 'A repeated EndTxn is harmless only while no new transaction has begun.',
    run: (rig) => commitsSurvive(rig, 'EndTxn', 'double'),
  },
  {
    id: 'end-never-answered',
    title: 'EndTxn carried out and never answered: IN_DOUBT, and the records are there once',
    story: 'A commit without a definite answer may have happened.',
    async run(rig) {
      const transactionalId = rig.unique('writer')
      const { log, link } = await rig.connect()
      const { log: other } = await rig.connect()
      const at = { topic: await topicOf(rig, log), partition: 0 }
      const writer = await fencedWriter(rig, log, { transactionalId, ...SHORT })
      link.disturb('EndTxn', 'lose answer', MANY)
      await expectCode(writer.commit(records(rig, at, ['doubt'])), 'IN_DOUBT')
      await expectCode(writer.commit(records(rig, at, ['no'])), 'INVALID_REQUEST')
      const next = await fencedWriter(rig, other, { transactionalId })
      await next.commit(records(rig, at, ['next']))
      assert.deepEqual(await readTexts(rig, other, at, { count: 2 }), ['doubt', 'next'])
    },
  },
  {
    id: 'end-never-arrives',
    title: 'EndTxn never arrives: IN_DOUBT, and the records are never shown',
    story: 'The other half of doubt: the same answer, the opposite outcome.',
    async run(rig) {
      const transactionalId = rig.unique('writer')
      const { log, link } = await rig.connect()
      const { log: other } = await rig.connect()
      const at = { topic: await topicOf(rig, log), partition: 0 }
      const writer = await fencedWriter(rig, log, { transactionalId, ...SHORT })
      link.disturb('EndTxn', 'lose request', MANY)
      await expectCode(writer.commit(records(rig, at, ['doubt'])), 'IN_DOUBT')
      const next = await fencedWriter(rig, other, { transactionalId })
      await next.commit(records(rig, at, ['next']))
      assert.deepEqual(await readTexts(rig, other, at, { count: 1 }), ['next'])
    },
  },
  {
    id: 'renew-after-doubt',
    title: 'renew makes a writer in doubt usable again, whichever way the doubt ends',
    story: 'An owner that was merely unlucky goes on without a take-over.',
    async run(rig) {
      const { log, link } = await rig.connect()
      const at = { topic: await topicOf(rig, log), partition: 0 }
      const writer = await fencedWriter(rig, log, { ...SHORT, transactionTimeoutMs: 5_000 })
      for (const [fault, value] of [
        ['lose request', 'aborted'],
        ['lose answer', 'committed'],
      ] as const) {
        const doubt = link.disturb('EndTxn', fault, MANY)
        await expectCode(writer.commit(records(rig, at, [value])), 'IN_DOUBT')
        await doubt.release()
        await writer.renew()
        await writer.commit(records(rig, at, [`after ${value}`]))
      }
      const late = link.disturb('EndTxn', 'hold request')
      const lost = link.disturb('EndTxn', 'lose request', MANY)
      await expectCode(writer.commit(records(rig, at, ['late'])), 'IN_DOUBT')
      await lost.release()
      await writer.renew()
      await late.release()
      await writer.commit(records(rig, at, ['after late']))
      const expected = ['after aborted', 'committed', 'after committed', 'after late']
      assert.deepEqual(await readTexts(rig, log, at, { count: 4 }), expected)
    },
  },
  {
    id: 'renew-fenced',
    title: 'renew of a writer whose id was taken is FENCED and does no harm to the new owner',
    story: 'Only the group may decide that a task comes back: nobody fences back.',
    async run(rig) {
      const transactionalId = rig.unique('writer')
      const { log } = await rig.connect()
      const at = { topic: await topicOf(rig, log), partition: 0 }
      const setup = { transactionalId, transactionTimeoutMs: 5_000, deadlineMs: 5_000 }
      const unfenced = log.writer(setup)
      await expectCode(unfenced.renew(), 'INVALID_REQUEST')
      const zombie = await fencedWriter(rig, log, setup)
      const owner = await fencedWriter(rig, log, setup)
      await expectCode(zombie.renew(), 'FENCED')
      await owner.commit(records(rig, at, ['one']))
      await expectCode(zombie.renew(), 'FENCED')
      await owner.renew()
      await owner.commit(records(rig, at, ['two']))
      assert.deepEqual(await readTexts(rig, log, at, { count: 2 }), ['one', 'two'])
    },
  },
  {
    id: 'end-late-hits-next',
    title: 'a late EndTxn does not commit the transaction that came after it',
    story:
      'EndTxn has no number: the copy of a repeated commit, arriving after the next transaction ' +
      'began, ends that one with half its records (KAFKA-14402). Hence a new epoch after any ' +
      'EndTxn that was repeated.',
    async run(rig) {
      const transactionalId = rig.unique('writer')
      const { log, link } = await rig.connect()
      const at = { topic: await topicOf(rig, log), partition: 0 }
      const writer = await fencedWriter(rig, log, { transactionalId, ...SHORT })
      const late = link.disturb('EndTxn', 'hold request')
      await writer.commit(records(rig, at, ['one']))
      await late.met
      const produced = link.disturb('Produce', 'double')
      const second = codeOf(writer.commit(records(rig, at, ['never', 'committed'])))
      await produced.met
      const lost = link.disturb('EndTxn', 'lose request', MANY)
      await rig.clock.sleep(500)
      await late.release()
      assert.equal(await second, 'IN_DOUBT')
      await lost.release()
      const { log: other } = await rig.connect()
      const next = await fencedWriter(rig, other, { transactionalId })
      await next.commit(records(rig, at, ['next']))
      assert.deepEqual(await readTexts(rig, other, at, { count: 2 }), ['one', 'next'])
    },
  },
  {
    id: 'add-answer-lost',
    title: 'AddPartitions carried out, its answer lost: asked again, committed once',
    story: 'The first request of a transaction can be lost like any other.',
    run: (rig) => commitsSurvive(rig, 'AddPartitionsToTxn', 'lose answer'),
  },
  {
    id: 'add-late',
    title: 'a late AddPartitions does not open a transaction that nobody ends',
    story: 'Its time-out would fence the innocent writer seconds later.',
    async run(rig) {
      const { log, link } = await rig.connect()
      const at = { topic: await topicOf(rig, log), partition: 0 }
      const writer = await fencedWriter(rig, log, { ...SHORT, transactionTimeoutMs: 2_000 })
      const late = link.disturb('AddPartitionsToTxn', 'hold request')
      await writer.commit(records(rig, at, ['one']))
      await writer.commit(records(rig, at, ['two']))
      await late.release()
      await rig.clock.sleep(4_000)
      await writer.commit(records(rig, at, ['three']))
      assert.deepEqual(await readTexts(rig, log, at, { count: 3 }), ['one', 'two', 'three'])
    },
  },
  {
    id: 'add-late-between',
    title: 'nor does one that arrives between two commits',
    story:
      'The log sees an open transaction of the current epoch and takes its owner for a zombie.',
    async run(rig) {
      const { log, link } = await rig.connect()
      const at = { topic: await topicOf(rig, log), partition: 0 }
      const writer = await fencedWriter(rig, log, SHORT)
      const late = link.disturb('AddPartitionsToTxn', 'hold request')
      await writer.commit(records(rig, at, ['one']))
      await late.release()
      await writer.commit(records(rig, at, ['two']))
      await writer.commit(records(rig, at, ['three']))
      assert.deepEqual(await readTexts(rig, log, at, { count: 3 }), ['one', 'two', 'three'])
    },
  },
  {
    id: 'init-answer-lost',
    title: 'a lost answer to InitProducerId is asked again',
    story: 'A take-over must not fail because one packet was lost.',
    async run(rig) {
      const { log, link } = await rig.connect()
      const at = { topic: await topicOf(rig, log), partition: 0 }
      link.disturb('InitProducerId', 'lose answer')
      const writer = await fencedWriter(rig, log)
      await writer.commit(records(rig, at, ['one']))
      assert.deepEqual(await readTexts(rig, log, at, { count: 1 }), ['one'])
    },
  },
  {
    id: 'fence-unreachable',
    title: 'fence without any answer is UNAVAILABLE, and can be tried again',
    story: 'A partitioned worker must hear that it has not got the task.',
    async run(rig) {
      const { log, link } = await rig.connect()
      const at = { topic: await topicOf(rig, log), partition: 0 }
      const transactionalId = rig.unique('writer')
      const writer = log.writer({ transactionalId, ...SHORT })
      link.cut()
      await expectCode(writer.fence(), 'UNAVAILABLE')
      link.restore()
      await rig.clock.sleep(RECONNECT_MS)
      await writer.fence()
      await writer.commit(records(rig, at, ['one']))
      assert.deepEqual(await readTexts(rig, log, at, { count: 1 }), ['one'])
    },
  },
  {
    id: 'commit-cut-before-end',
    title: 'a commit cut off before EndTxn definitely did not happen',
    story: 'ABORTED may be done again at once; IN_DOUBT may not.',
    async run(rig) {
      const { log, link } = await rig.connect()
      const { log: other } = await rig.connect()
      const at = { topic: await topicOf(rig, log), partition: 0 }
      const writer = await fencedWriter(rig, log, SHORT)
      link.disturb('Produce', 'lose answer', MANY)
      await expectCode(writer.commit(records(rig, at, ['no'])), 'ABORTED')
      await rig.clock.sleep(6_000)
      await untilStable(rig, other, at, 2)
      assert.deepEqual(await readTexts(rig, other, at, { count: 0 }), [])
    },
  },
  {
    id: 'produce-answer-lost',
    title: 'a stored batch whose answer was lost is not stored again',
    story:
      'kafkajs reuses the sequence number for the next batch, which is then acknowledged and gone.',
    run: (rig) => sendsSurvive(rig, 'lose answer'),
  },
  {
    id: 'produce-request-lost',
    title: 'a batch lost on the way is sent again, in its place',
    story: 'Retries must not reorder.',
    run: (rig) => sendsSurvive(rig, 'lose request'),
  },
  {
    id: 'produce-twice',
    title: 'a batch that arrives twice is stored once',
    story: 'The broker knows the last sequence numbers of every producer.',
    run: (rig) => sendsSurvive(rig, 'double'),
  },
  {
    id: 'produce-late',
    title: 'a copy that arrives long after the retry is not stored',
    story: 'The held-back first attempt comes after two later batches.',
    run: (rig) => sendsSurvive(rig, 'hold request'),
  },
  {
    id: 'produce-in-transaction-lost',
    title: 'in a transaction too: stored once when the answer was lost',
    story: 'Exactly once inside Kafka rests on it.',
    run: (rig) => commitsSurvive(rig, 'Produce', 'lose answer'),
  },
  {
    id: 'produce-in-transaction-late',
    title: 'in a transaction too: a late copy is not stored',
    story:
      'It may arrive in the middle of the next transaction, or just before: then the broker ' +
      'takes it for the first of its epoch and refuses what follows as out of order (found on ' +
      '4.1.1). Hence a new epoch after any Produce that was repeated.',
    run: (rig) => commitsSurvive(rig, 'Produce', 'hold request'),
  },
  {
    id: 'send-in-doubt',
    title: 'a send given up is IN_DOUBT; what is sent later is there once, in order',
    story: 'An agent that goes on after an outage must neither lose nor double its next deltas.',
    async run(rig) {
      const { log, link } = await rig.connect()
      const at = { topic: await topicOf(rig, log), partition: 0 }
      const producer = log.producer({ deadlineMs: 3_000 })
      await producer.send(records(rig, at, ['a']))
      link.disturb('Produce', 'lose answer', MANY)
      await expectCode(producer.send(records(rig, at, ['doubt'])), 'IN_DOUBT')
      const { log: fresh } = await rig.connect()
      const other = fresh.producer()
      await other.send(records(rig, at, ['b']))
      assert.deepEqual(await readTexts(rig, fresh, at, { count: 3 }), ['a', 'doubt', 'b'])
    },
  },
  {
    id: 'send-after-doubt',
    title: 'after a send in doubt the same producer goes on',
    story: 'Reusing the numbers of a lost batch hides the next one behind it.',
    async run(rig) {
      const { log, link } = await rig.connect()
      const at = { topic: await topicOf(rig, log), partition: 0 }
      const producer = log.producer({ deadlineMs: 3_000 })
      await producer.send(records(rig, at, ['a']))
      link.cut()
      await expectCode(producer.send(records(rig, at, ['lost'])), 'IN_DOUBT')
      link.restore()
      await rig.clock.sleep(RECONNECT_MS)
      for (const value of ['b', 'c', 'd']) await producer.send(records(rig, at, [value]))
      assert.deepEqual(await readTexts(rig, log, at, { count: 4 }), ['a', 'b', 'c', 'd'])
    },
  },
  {
    id: 'sends-keep-order',
    title: 'sends that are not waited for keep their order in a partition, faults or not',
    story: 'One request in flight per partition: kafkajs loses the second of two concurrent sends.',
    async run(rig) {
      const { log, link } = await rig.connect()
      const topic = await topicOf(rig, log, { partitions: 2 })
      const producer = log.producer({ deadlineMs: 30_000 })
      for (const fault of ['lose answer', 'lose request', 'double'] as const)
        link.disturb('Produce', fault)
      const sends = Array.from({ length: 20 }, (_, i) => {
        const at = { topic, partition: i % 2 }
        return producer.send(records(rig, at, [`s${i}`]))
      })
      await Promise.all(sends)
      for (const partition of [0, 1]) {
        const expected = Array.from({ length: 10 }, (_, i) => `s${2 * i + partition}`)
        const at = { topic, partition }
        assert.deepEqual(await readTexts(rig, log, at, { count: 10 }), expected)
      }
    },
  },
]
