// Faults of people: offsets set by hand, versions mixed, two fleets in one place; and of everything
// together.
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { topicName } from '../../src/contracts/topics.ts'
import { BEHAVIOUR_LATEST } from '../../src/core/kernel/behaviour.ts'
import { recencyOf } from '../../src/roles/projector/view-recency.ts'
import { liveRuns, runFolder } from '../../src/runtime/run-file.ts'
import { startRedis } from '../adapters/redis/server.ts'
import { healstream } from '../cli/command.ts'
import { Nemesis } from '../nemesis/faults.ts'
import { planFaults } from '../nemesis/plan.ts'
import type { Launch, Worker } from '../nemesis/stage.ts'
import { startRole } from '../support/role-process.ts'
import { type Scene, TAKEOVER_MS } from './scene.ts'
import type { Fault } from './script.ts'

const SEED = 69
/** Of a plan in which faults come one by one; they come this many times as fast. */
const PLANNED_MS = 240_000
const FASTER = 3
const STOP_MS = 10_000

const OLDER = { nodeArgs: ['--import', fileURLToPath(new URL('older.mjs', import.meta.url))] }

/** By partition: behaviours that came into force. */
async function upgrades(scene: Scene): Promise<readonly (readonly number[])[]> {
  return (await scene.journals()).map((entries) =>
    entries.flatMap((entry) => (entry.kind === 'upgrade' ? [entry.behaviour] : [])),
  )
}

/** All workers stopped, something done to their group, and all there again. */
async function whileAway(scene: Scene, deed: () => Promise<void>): Promise<void> {
  const { workers } = scene.stage
  const ended = await Promise.all(workers.map(({ child }) => child.end(STOP_MS)))
  assert.ok(ended.every(Boolean), 'workers end by themselves')
  await deed()
  for (const worker of workers) worker.start()
  await scene.moves(30_000)
}

/** The projector whose home this is shows the fleet, and from Redis. */
async function areWhole(home: string): Promise<boolean> {
  const [run] = liveRuns(runFolder({ HOME: home }))
  assert.ok(run !== undefined, 'the projector runs')
  const authorization = `Bearer ${readFileSync(run.token_file, 'utf8').trim()}`
  const answer = await fetch(`${run.url}/v1/instances`, { headers: { authorization } })
  const instances: unknown = await answer.json()
  const recency = recencyOf(answer.headers)
  const isShown = Array.isArray(instances) && instances.length > 0
  return isShown && recency?.source === 'redis' && recency.problem === null
}

export const OPERATOR_FAULTS: readonly Fault[] = [
  {
    id: 'F57',
    title: 'offsets of the group set back by hand; the group deleted',
    expected:
      'no effect: where a task goes on is said by its journal, and every input is stepped once',
    beside: true,
    inCi: true,
    async run(scene) {
      const { operator, group, prefix } = await scene.open()
      await assert.rejects(operator.deleteGroup(group), 'while somebody is in it')
      await whileAway(scene, () => operator.setBack(group, topicName('signals', prefix)))
      await whileAway(scene, () => operator.deleteGroup(group))
      await scene.judge()
    },
  },
  {
    id: 'F58',
    title: 'two versions in one group: rolled forward, half back, forward; one step back later',
    expected:
      'all judge as the oldest can, and change once, together; what is too old takes no task',
    beside: true,
    provenBy: [
      'test/runtime/mixed-group.test.ts › a rolling upgrade under load',
      'test/history/history.test.ts › %s replays as it was recorded',
    ],
    async run(scene) {
      const where = ['--brokers', scene.kafka.brokers.join(','), '--prefix', scene.prefix]
      const shape = ['--partitions', '4', '--replicas', '3', '--dev']
      const begun = await healstream(['init', ...where, ...shape], { node: OLDER.nodeArgs })
      assert.equal(begun.code, 0, begun.stderr)
      const { workers } = await scene.open({ launch: OLDER })
      const [first, second] = workers
      assert.ok(first !== undefined && second !== undefined)
      const becomes = async (worker: Worker, launch: Launch): Promise<void> => {
        assert.ok(await worker.child.end(STOP_MS), 'it ends by itself')
        worker.start(launch)
        await scene.sharing()
      }
      await becomes(first, {})
      await becomes(first, OLDER)
      await becomes(first, {})
      assert.deepEqual(await upgrades(scene), [[], [], [], []])
      await becomes(second, {})
      const isNew = async (): Promise<boolean> =>
        (await upgrades(scene)).every((list) => list.length > 0)
      await scene.until('all judge anew', isNew, 30_000)
      assert.ok(await first.child.end(STOP_MS))
      first.start(OLDER)
      await sleep(10_000)
      await scene.moves(TAKEOVER_MS)
      const [refused] = scene.said('standby_failed', first.child.name)
      assert.match(String(refused?.fields['reason']), /behaviour 2 is in force, this build knows/)
      assert.equal(first.running, 0, 'what it cannot judge is not given to it')
      const latest = [BEHAVIOUR_LATEST]
      assert.deepEqual(await upgrades(scene), [latest, latest, latest, latest])
      await scene.judge()
    },
  },
  {
    id: 'F59',
    title: 'a second fleet of workers (another group) on the same prefix',
    expected: 'the second stops and says whose the tasks are; the first is not disturbed',
    beside: true,
    async run(scene) {
      const { kafka, prefix } = await scene.open()
      const where = ['--brokers', kafka.brokers.join(','), '--prefix', prefix]
      const other = startRole(['worker', ...where, '--group', 'other'], {})
      scene.after(() => other.end('SIGKILL'))
      await other.says(`belongs to group ${scene.stage.group}, this is other`)
      await scene.moves(TAKEOVER_MS)
      assert.doesNotMatch(other.stderr(), /-> Running/)
      await other.end()
      const fences = (await scene.journals()).flat().filter(({ kind }) => kind === 'fence')
      assert.ok(fences.every((fence) => 'group' in fence && fence.group === scene.stage.group))
      await scene.judge()
    },
  },
  {
    id: 'F69',
    title: 'brokers killed, workers stopped and cut off, Redis flushed: mixed, by a seed',
    expected: 'every invariant holds, and the views are whole again',
    provenBy: [
      'test/roles/projector/decisions.test.ts › are decided alike, whatever becomes of Redis',
    ],
    async run(scene) {
      const redis = await startRedis()
      scene.after(() => redis.stop())
      const { kafka, prefix } = await scene.open({ workers: 3 })
      const where = ['--brokers', kafka.brokers.join(','), '--prefix', prefix]
      const views = { HEALSTREAM_VIEWS: 'redis', HEALSTREAM_REDIS_URL: redis.url }
      const projector = startRole(['projector', ...where], { HOME: scene.folder, ...views })
      scene.after(() => projector.end('SIGKILL'))
      const kinds = ['broker killed', 'worker paused', 'worker cut off'] as const
      const nemesis = new Nemesis(scene.stage)
      const startMs = performance.now()
      const struck = planFaults(SEED, PLANNED_MS, kinds).map(async (fault) => {
        await scene.at(startMs + fault.atMs / FASTER)
        await redis.say('FLUSHALL')
        return nemesis.strike(fault)
      })
      const happened = (await Promise.all(struck)).filter(({ missed }) => missed === null)
      assert.deepEqual(new Set(happened.map(({ kind }) => kind)), new Set(kinds))
      await scene.stage.untilWhole(60_000)
      await scene.moves(60_000)
      await scene.until('the views are whole', () => areWhole(scene.folder), 60_000)
      await scene.judge()
      assert.equal((await projector.end()).code, 0)
    },
  },
]
