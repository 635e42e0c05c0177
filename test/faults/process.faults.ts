// Faults of processes: killed, stopped, hanging, asked to end.
import assert from 'node:assert/strict'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import type { Launch, Worker } from '../nemesis/stage.ts'
import { longestGapMs, type Scene, TAKEOVER_MS } from './scene.ts'
import type { Fault } from './script.ts'

const AFFLICT = fileURLToPath(new URL('afflict.mjs', import.meta.url))
/** Kafka's session time-out is 6 s here; then others have its tasks. */
const STANDSTILL_MS = 9_000
const KILL_EVERY_MS = 3_000
const KILLS = 12
const STOP_MS = 10_000

/** How a worker is started that will suffer (afflict.mjs). */
export function afflicted(what: string, more: Launch = {}): Launch {
  const nodeArgs = ['--import', AFFLICT, ...(more.nodeArgs ?? [])]
  return { ...more, nodeArgs, env: { ...more.env, HEALSTREAM_TEST_AFFLICT: what } }
}

/**
 * A worker that has tasks stands still for longer than its session: others have its tasks
 * meanwhile. When it goes on it does nothing before its group has answered it anew. `standStill`
 * returns how many events there were while it did.
 */
async function standsStill(
  scene: Scene,
  launch: Launch,
  standStill: (victim: Worker) => Promise<number>,
): Promise<void> {
  await scene.open({ launch: { ...launch, args: ['--log-level', 'debug'] } })
  const victim = await scene.sharing()
  const [from] = await Promise.all([standStill(victim), scene.moves(TAKEOVER_MS)])
  const since = (): Scene['events'] =>
    scene.events.slice(from).filter(({ worker }) => worker === victim.child.name)
  const answered = (): number => since().findIndex(({ event }) => event === 'group_assigned')
  await scene.until('it is heard again', () => answered() >= 0, 20_000)
  const before = since().slice(0, answered())
  const kinds = before.map(({ event }) => event)
  const noticed = kinds.indexOf('group_lost')
  assert.ok(noticed >= 0, `it has not noticed: ${kinds.join()}`)
  assert.ok(!kinds.slice(noticed).includes('task_commit'), kinds.join())
  // What it had asked for before it stood still may have been answered meanwhile: one commit of a
  // task. It may have been stopped in the middle of a step, which nobody will ever see.
  const commits = before.filter(({ event }) => event === 'task_commit')
  const tasks = commits.map(({ fields }) => fields['task'])
  assert.equal(new Set(tasks).size, commits.length, `committed more than once: ${tasks.join()}`)
  const steps = (some: readonly string[]): number =>
    some.filter((kind) => kind === 'task_step').length
  assert.ok(steps(kinds) <= 1 && steps(kinds.slice(noticed)) === 0, kinds.join())
  await scene.judge()
}

export const PROCESS_FAULTS: readonly Fault[] = [
  {
    id: 'F1',
    title: 'a worker killed (kill -9), at random and in the middle of a commit',
    expected: 'another runs its tasks once its session is over; nothing is lost or doubled',
    beside: true,
    inCi: true,
    provenBy: ['test/runtime/task.kill.test.ts › the next worker goes on where the journal ends'],
    async run(scene) {
      await scene.open()
      const first = scene.busiest()
      await first.child.kill()
      await scene.moves(TAKEOVER_MS)
      first.start()
      const second = scene.busiest()
      const commit = second.link.disturb('EndTxn', 'hold request')
      await commit.met
      await second.child.kill()
      const moved = scene.moves(TAKEOVER_MS)
      await commit.release()
      await moved
      second.start()
      await scene.judge()
    },
  },
  {
    id: 'F2',
    title: 'a worker stopped (SIGSTOP) for longer than its session, then continued',
    expected: 'it is fenced: nothing is committed before its group has answered it anew',
    beside: true,
    inCi: true,
    provenBy: ['test/kafka/stopped-worker.test.ts › stopped and continued by a signal'],
    run: (scene) =>
      standsStill(scene, {}, async ({ child }) => {
        child.signal('SIGSTOP')
        await sleep(STANDSTILL_MS)
        const before = scene.events.length
        child.signal('SIGCONT')
        return before
      }),
  },
  {
    id: 'F3',
    title: 'three workers killed (kill -9) in turn, one every 3 s, and started again',
    expected: 'nothing is lost, every partition goes on meanwhile, and all is well afterwards',
    beside: true,
    async run(scene) {
      const { workers } = await scene.open({ workers: 3 })
      const fromMs = Date.now()
      for (let kill = 0; kill < KILLS; kill++) {
        const victim = workers[kill % workers.length]
        await victim?.child.kill()
        victim?.start()
        await sleep(KILL_EVERY_MS)
      }
      const toMs = Date.now()
      await scene.moves(TAKEOVER_MS)
      const { commitTimes } = await scene.judge()
      for (const [partition, times] of commitTimes.entries()) {
        const meanwhile = times.filter((atMs) => atMs > fromMs && atMs < toMs)
        assert.ok(meanwhile.length > 0, `partition ${partition} has stood still`)
      }
    },
  },
  {
    id: 'F4',
    title: 'a worker asked to end (SIGTERM) under load, then one whose brokers do not answer',
    expected: 'its tasks run elsewhere at once; it ends within 10 s, also when nothing answers',
    beside: true,
    async run(scene) {
      const { workers } = await scene.open()
      const [first, second] = workers
      assert.ok(first !== undefined && second !== undefined)
      await scene.sharing()
      const fromMs = Date.now()
      assert.ok(await first.child.end(STOP_MS), 'it ends by itself')
      await scene.moves(TAKEOVER_MS)
      const toMs = Date.now()
      first.start()
      await scene.sharing()
      second.link.cut()
      assert.ok(await second.child.end(STOP_MS), 'it ends by itself while nothing answers')
      await scene.moves(TAKEOVER_MS)
      second.link.restore()
      second.start()
      const { commitTimes } = await scene.judge()
      for (const times of commitTimes) {
        const gapMs = longestGapMs(times, fromMs, toMs)
        // Two seconds are promised on a machine that does nothing else.
        assert.ok(gapMs < 5_000, `no commit for ${gapMs} ms`)
      }
    },
  },
  {
    id: 'F5',
    title: 'a worker whose event loop hangs for longer than its session',
    expected: 'it is not ready, others have its tasks, and it commits nothing before it is heard',
    beside: true,
    provenBy: ['test/kafka/stopped-worker.test.ts › with a main loop that hangs'],
    run: (scene) =>
      standsStill(scene, afflicted(`hang ${STANDSTILL_MS}`), async ({ child }) => {
        const said = scene.said('process_listening', child.name).at(-1)?.fields['url']
        const isReady = async (): Promise<boolean> => {
          const signal = AbortSignal.timeout(1_000)
          return (
            (await fetch(`${String(said)}/readyz`, { signal }).catch(() => null))?.status === 200
          )
        }
        await scene.until('it is ready', isReady, 30_000)
        child.signal('SIGUSR2')
        await sleep(2_000)
        assert.ok(!(await isReady()), 'nobody takes it for ready')
        const before = scene.events.length
        await sleep(STANDSTILL_MS - 2_000)
        return before
      }),
  },
]
