// Faults of ways: cut, half-open, to one broker alone.
import assert from 'node:assert/strict'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Stage, Worker } from '../nemesis/stage.ts'
import type { Direction } from '../support/fault-passage.ts'
import type { Scene } from './scene.ts'
import type { Fault } from './script.ts'

/** Of the group: kafka's smallest by default, and ours. */
const SESSION_MS = 6_000
/** A session, a round of the group, a restore; on a busy machine. */
const HAND_OVER_MS = 20_000
/** A worker whose way is open again has to be a member again. */
const BACK_MS = 30_000
const MOVES_MS = 20_000
const CALM_MS = 3_000

interface Pair {
  readonly stage: Stage
  readonly cut: Worker
  readonly other: Worker
}

async function open(scene: Scene): Promise<Pair> {
  const stage = await scene.open()
  const [cut, other] = stage.workers
  assert.ok(cut !== undefined && other !== undefined)
  await sleep(CALM_MS)
  return { stage, cut, other }
}

/** Since then, of that worker. */
const when = (scene: Scene, event: string, { child }: Worker, fromMs: number): number | undefined =>
  scene.said(event, child.name).find(({ atMs }) => atMs >= fromMs)?.atMs

/** It stops by itself, the other has everything, and it comes back. */
async function handsOver(scene: Scene, pair: Pair, strike: () => void): Promise<void> {
  const { stage, cut, other } = pair
  const fromMs = Date.now()
  strike()
  const isLost = (): boolean => when(scene, 'group_lost', cut, fromMs) !== undefined
  await scene.until('the worker stops by itself', isLost, SESSION_MS + 6_000)
  await scene.until('the other runs all', () => other.running === stage.partitions, HAND_OVER_MS)
  await scene.moves(MOVES_MS)
  const backMs = Date.now()
  cut.link.restore()
  const isBack = (): boolean => when(scene, 'group_assigned', cut, backMs) !== undefined
  await scene.until('it is a member again', isBack, BACK_MS)
  assert.equal(cut.child.deaths.length, 0)
  await scene.moves(MOVES_MS)
}

export const NETWORK_FAULTS: readonly Fault[] = [
  {
    id: 'F29',
    title: 'a worker and all brokers cut off from one another',
    expected:
      'it stops by itself after its session; its tasks run elsewhere within 20 s; nothing of ' +
      'what it had under way is committed; it comes back as a member',
    beside: true,
    inCi: true,
    async run(scene) {
      const pair = await open(scene)
      await handsOver(scene, pair, () => pair.cut.link.cut())
      await scene.judge()
    },
  },
  {
    id: 'F30',
    title: 'a way that is dead in one direction, the one and the other',
    expected: 'as when it is dead in both: it stops by itself, another goes on, it comes back',
    beside: true,
    async run(scene) {
      const pair = await open(scene)
      for (const direction of ['to broker', 'to client'] satisfies Direction[])
        await handsOver(scene, pair, () => pair.cut.link.cut(undefined, direction))
      await scene.judge()
    },
  },
  {
    id: 'F31',
    title: 'a worker sees one broker alone: first the coordinator of its group, then another',
    expected:
      'no decision comes twice; what it cannot read stands and goes on when the ways are open; ' +
      'without the coordinator it stops by itself and another goes on',
    async run(scene) {
      const pair = await open(scene)
      const { operator, kafka, group } = pair.stage
      const { topic, partition } = operator.groupPartition(group)
      const leader = await operator.leaderOf(topic, partition)
      const seesOnly = (node: number): void => {
        for (const [i, broker] of kafka.brokers.entries())
          if (i + 1 !== node) pair.cut.link.cut(broker)
      }
      seesOnly(leader)
      await sleep(2 * SESSION_MS)
      assert.equal(scene.said('task_stopped').length, 0)
      pair.cut.link.restore()
      await scene.moves(MOVES_MS)
      await handsOver(scene, pair, () => seesOnly((leader % 3) + 1))
      await scene.judge()
    },
  },
]
