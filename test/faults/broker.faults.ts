// Faults of brokers: killed, rolled, all gone, too few, coordinators moved; and a group that never
// comes to rest.
import assert from 'node:assert/strict'
import { setTimeout as sleep } from 'node:timers/promises'
import { topicName } from '../../src/contracts/topics.ts'
import { readHistory } from '../nemesis/history.ts'
import { NODES, without } from './brokers.ts'
import { longestGapMs, type Scene } from './scene.ts'
import type { Fault } from './script.ts'

/** A broker's session of 9 s, an election, and a group or a restore; on a busy machine. */
const FAIL_OVER_MS = 45_000
/** Ten seconds are promised on a machine that does nothing else. */
const ROLL_GAP_MS = 20_000
const WHOLE_MS = 60_000
const OUTAGE_MS = 40_000
const TOO_FEW_MS = 15_000
/** A commit that waits this long is past its writer's deadline of 4 s. */
const HELD_MS = 7_000
const STORM_MS = 30_000
const STORM_EVERY_MS = 2_000
const STOP_MS = 10_000

/** Commands that agents carried out in a stretch of wall time. */
function actsIn(scene: Scene, fromMs: number, toMs: number): number {
  const facts = readHistory(scene.folder).flat()
  return facts.filter((fact) => fact.k === 'act' && fact.ms >= fromMs && fact.ms < toMs).length
}

async function allDown(scene: Scene): Promise<void> {
  const { kafka } = scene
  await scene.open()
  await sleep(OUTAGE_MS / 2)
  const fromMs = Date.now()
  await without(kafka, NODES, () => sleep(OUTAGE_MS))
  const backMs = Date.now()
  await scene.moves(FAIL_OVER_MS)
  assert.ok(await scene.stage.untilWhole(WHOLE_MS), 'replicas are back')
  await sleep(OUTAGE_MS / 2)
  // Forty-eight instances were silent, and none was restarted for that.
  const before = actsIn(scene, fromMs - OUTAGE_MS / 2, fromMs)
  const after = actsIn(scene, backMs, backMs + OUTAGE_MS / 2)
  assert.ok(before > 0, 'commands come while all is well')
  assert.ok(after <= 2 * before + 4, `${before} commands before, ${after} after`)
  await scene.judge()
}

async function tooFew(scene: Scene): Promise<void> {
  const { workers } = await scene.open()
  let fromMs = 0
  let toMs = 0
  await without(scene.kafka, [2, 3], async () => {
    fromMs = Date.now() + 2_000
    await sleep(TOO_FEW_MS)
    toMs = Date.now()
  })
  const isWithin = ({ atMs }: { readonly atMs: number }): boolean => atMs > fromMs && atMs < toMs
  assert.deepEqual(scene.said('task_commit').filter(isWithin), [])
  assert.ok(
    scene.events.some((event) => isWithin(event)),
    'workers say that something is wrong',
  )
  await scene.moves(FAIL_OVER_MS)
  assert.deepEqual(scene.said('task_stopped'), [])
  assert.ok(workers.every(({ child }) => child.deaths.length === 0))
  const { counts } = await scene.judge()
  assert.equal(counts.skipped, 0, 'nothing was taken for a bad record')
}

async function coordinatorKilled(scene: Scene): Promise<void> {
  const stage = await scene.open()
  const { topic, partition } = stage.operator.groupPartition(stage.group)
  const node = await stage.operator.leaderOf(topic, partition)
  const commit = scene.busiest().link.disturb('EndTxn', 'lose answer')
  await commit.met
  await without(scene.kafka, [node], async () => {
    await commit.release()
    await scene.moves(FAIL_OVER_MS)
  })
  await scene.judge()
  assert.ok(stage.inDoubt > 0, 'a commit was in doubt')
}

async function endLate(scene: Scene): Promise<void> {
  const { operator, prefix, partitions } = await scene.open()
  const places = Array.from({ length: partitions }, (_, i) =>
    operator.transactionPartition(`${prefix}s${i}`),
  )
  for (const move of [true, false]) {
    const end = scene.busiest().link.disturb('EndTxn', 'hold request')
    await end.met
    const heldMs = performance.now()
    if (move)
      for (const partition of new Set(places.map((place) => place.partition)))
        await operator.moveLeader('__transaction_state', partition)
    // Its writer has a new epoch by then, and its next transaction has begun.
    await scene.at(heldMs + HELD_MS)
    await scene.moves(FAIL_OVER_MS)
    await end.release()
    await scene.moves(FAIL_OVER_MS)
  }
  await scene.judge()
  assert.ok(scene.stage.inDoubt > 0, 'a commit was in doubt')
}

async function storm(scene: Scene): Promise<void> {
  const { workers, partitions } = await scene.open({ workers: 3 })
  const guest = workers[2]
  assert.ok(guest !== undefined)
  const fromMs = Date.now()
  const rounds = (): number => scene.said('group_assigned').filter((e) => e.atMs > fromMs).length
  for (const endMs = performance.now() + STORM_MS; performance.now() < endMs; ) {
    await guest.child.end(STOP_MS)
    await sleep(STORM_EVERY_MS)
    const before = scene.said('group_assigned', guest.child.name).length
    guest.start()
    const isIn = (): boolean => scene.said('group_assigned', guest.child.name).length > before
    await scene.until('the guest is a member', isIn, FAIL_OVER_MS)
    await sleep(STORM_EVERY_MS)
  }
  const toMs = Date.now()
  assert.ok(rounds() >= 8, `only ${rounds()} rounds`)
  const { commitTimes } = await scene.judge()
  assert.equal(commitTimes.length, partitions)
  for (const times of commitTimes) {
    const commits = times.filter((ms) => ms > fromMs && ms < toMs).length
    assert.ok(commits > 5, `${commits} commits in a storm of ${toMs - fromMs} ms`)
  }
}

const ROUNDS = 'test/kafka/member-rounds.test.ts'
const BROKERS = 'test/kafka/broker-faults.test.ts'

export const BROKER_FAULTS: readonly Fault[] = [
  {
    id: 'F13',
    title: 'the broker that leads is killed (kill -9) and comes back',
    expected: 'everything goes on under another leader; nothing is lost, doubled or reordered',
    inCi: true,
    provenBy: [
      `${BROKERS} › the broker that leads and coordinates is killed under load, and comes back`,
    ],
    async run(scene) {
      const { kafka, operator, prefix } = await scene.open()
      const node = await operator.leaderOf(topicName('telemetry', prefix), 0)
      await without(kafka, [node], async () => {
        await scene.moves(FAIL_OVER_MS)
      })
      await scene.moves(FAIL_OVER_MS)
      await scene.judge()
    },
  },
  {
    id: 'F14',
    title: 'a clean restart of all brokers, one after another',
    expected: 'commits pause for less than 10 s on a machine that is not busy; nothing is doubled',
    async run(scene) {
      const { kafka } = await scene.open()
      const fromMs = Date.now()
      for (const node of NODES) {
        assert.ok(await scene.stage.untilWhole(WHOLE_MS), 'every replica is in sync')
        await kafka.restart(node)
      }
      const toMs = Date.now()
      await scene.moves(FAIL_OVER_MS)
      const { commitTimes } = await scene.judge()
      for (const times of commitTimes) {
        const gapMs = longestGapMs(times, fromMs, toMs)
        assert.ok(gapMs < ROLL_GAP_MS, `no commit for ${gapMs} ms`)
      }
    },
  },
  {
    id: 'F15',
    title: 'all brokers gone for 40 s',
    expected:
      'nothing is done about instances that nobody could hear; all goes on when they are back',
    run: allDown,
  },
  {
    id: 'F16',
    title: 'too few replicas in sync: two of three brokers gone',
    expected:
      'nothing is committed, nobody ends, no record is taken for a bad one; it goes on with them',
    provenBy: [
      `${BROKERS} › without enough replicas writes fail in time, and go on when they are back`,
    ],
    run: tooFew,
  },
  {
    id: 'F17',
    title: 'the coordinator of the group is killed while a commit has no answer',
    expected: 'the journal says whether it was committed; nothing is lost or doubled',
    provenBy: [
      `${BROKERS} › a group’s coordinator moves and is killed: no task moves, a member can come`,
    ],
    run: coordinatorKilled,
  },
  {
    id: 'F18',
    title:
      'a request to commit arrives when the next transaction has begun; so, while its ' +
      'coordinator moves',
    expected: 'it ends its own transaction or none; what was in it comes once',
    inCi: true,
    provenBy: [`${BROKERS} › the coordinator of a transactional id moves in the middle of commits`],
    run: endLate,
  },
  {
    id: 'F26',
    title: 'brokers of 3.9 instead of 4.1 (sections kafka-3.9 and kafka-3.9-full)',
    expected: 'what readers, writers, members and commits are held to holds on both',
    provenBy: ['test/kafka/conformance.test.ts › $name › ${one.id}: ${one.title}'],
  },
  {
    id: 'F27',
    title: 'a worker comes and goes every few seconds',
    expected: 'the others make progress all the while; nothing is done twice',
    provenBy: [
      `${ROUNDS} › rounds without end with records in flight: none lost, doubled or out of order`,
    ],
    run: storm,
  },
]
