// Faults of what brokers hold and give: records cut off, expired, topics gone or made anew, a disk
// that is full; and peers that do not answer, reset, or give little.
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { topicName } from '../../src/contracts/topics.ts'
import { topicSetups } from '../../src/runtime/init.ts'
import type { Stage, Worker } from '../nemesis/stage.ts'
import { startKafka } from '../support/kafka/cluster.ts'
import { limitClients, NODES, without } from './brokers.ts'
import { type Scene, TAKEOVER_MS } from './scene.ts'
import type { Fault } from './script.ts'

/** A broker's session of 9 s, an election, a group and a restore; on a busy machine. */
const FAIL_OVER_MS = 60_000
const CALM_MS = 4_000
const STOP_MS = 10_000
const RESETS_MS = 15_000
const RESET_EVERY_MS = 150
/** A process has some fifteen connections to each broker, and opens each again at most so often. */
const CONNECTS_PER_SECOND = 150
const THROTTLED_MS = 15_000
/** About a tenth of what all clients here move. */
const THROTTLED_BYTES_PER_SECOND = 6_000
const DISK_MB = 220

/** A task stops and says why, wherever it is given to; the other service tasks go on. */
async function oneStops(scene: Scene, task: string, why: RegExp, fromMs: number): Promise<void> {
  const stops = (): string[] =>
    scene
      .said('task_stopped')
      .filter(({ atMs }) => atMs >= fromMs)
      .map(({ fields }) => `${String(fields['task'])}: ${String(fields['reason'])}`)
  await scene.until(`${task} stops`, () => stops().length > 0, FAIL_OVER_MS)
  const stoppedMs = Date.now()
  const commits = (name: string): number =>
    scene.said('task_commit').filter((e) => e.atMs > stoppedMs && e.fields['task'] === name).length
  for (let i = 0; i < scene.stage.partitions; i++)
    if (`s${i}` !== task)
      await scene.until(`s${i} goes on`, () => commits(`s${i}`) > 2, FAIL_OVER_MS)
  assert.equal(commits(task), 0)
  for (const stop of stops()) {
    assert.ok(stop.startsWith(`${task}: `), stop)
    assert.match(stop, why)
  }
}

/** The stage with what workers do step by step told. */
const opened = (scene: Scene): Promise<Stage> =>
  scene.open({ launch: { args: ['--log-level', 'debug'] } })

async function unclean(scene: Scene): Promise<void> {
  const { kafka, operator, prefix } = await opened(scene)
  const topic = topicName('telemetry', prefix)
  const setup = topicSetups(prefix, scene.stage.partitions, 3).find((one) => one.topic === topic)
  assert.ok(setup !== undefined)
  const loose = { 'unclean.leader.election.enable': 'true', 'min.insync.replicas': '1' }
  await operator.configure(topic, { ...setup.config, ...loose })
  const leader = await operator.leaderOf(topic, 0)
  const stale = (leader % NODES.length) + 1
  await operator.place(topic, 0, [leader, stale])
  const inSync = async (): Promise<string> => [...(await operator.inSync(topic, 0))].sort().join()
  const both = [leader, stale].sort().join()
  await scene.until('two replicas', async () => (await inSync()) === both, FAIL_OVER_MS)
  let fromMs = 0
  await without(kafka, [stale], async () => {
    await scene.until('one is left', async () => (await inSync()) === String(leader), FAIL_OVER_MS)
    await scene.moves(FAIL_OVER_MS)
    await sleep(CALM_MS)
    fromMs = Date.now()
    await kafka.kill9(leader)
  })
  const isElected = async (): Promise<boolean> => (await operator.leaderOf(topic, 0)) === stale
  await scene.until('the stale one leads', isElected, FAIL_OVER_MS)
  await kafka.restart(leader)
  await oneStops(scene, 's0', /POSITION_LOST|HS_INPUT_CHANGED/, fromMs)
}

async function halfOpen(scene: Scene): Promise<void> {
  const { kafka, workers } = await scene.open()
  const [first] = workers
  const [broker] = kafka.brokers
  assert.ok(first !== undefined && broker !== undefined)
  await scene.sharing()
  first.link.cut(broker)
  await sleep(CALM_MS)
  assert.ok(await first.child.end(STOP_MS), 'it ends while one of its brokers does not answer')
  await scene.moves(TAKEOVER_MS)
  first.link.restore()
  first.start()
  await scene.sharing()
  kafka.pause(1)
  try {
    await scene.moves(FAIL_OVER_MS)
    assert.ok(await first.child.end(STOP_MS), 'it ends while a broker hangs')
  } finally {
    kafka.resume(1)
  }
  first.start()
  await scene.moves(FAIL_OVER_MS)
  await scene.judge()
}

async function resets(scene: Scene): Promise<void> {
  const { workers } = await scene.open()
  const before = workers.map(({ link }) => link.accepted)
  for (const endMs = performance.now() + RESETS_MS; performance.now() < endMs; ) {
    for (const { link } of workers) link.reset()
    await sleep(RESET_EVERY_MS)
  }
  const rates = workers.map(({ link }, i) => (link.accepted - (before[i] ?? 0)) / RESETS_MS)
  await scene.moves(FAIL_OVER_MS)
  for (const { child } of workers) assert.deepEqual(child.deaths, [])
  for (const rate of rates)
    assert.ok(
      rate > 0 && rate * 1_000 < CONNECTS_PER_SECOND,
      `${rate * 1_000} connections a second`,
    )
  await scene.judge()
}

async function throttled(scene: Scene): Promise<void> {
  const { kafka } = scene
  const { workers } = await opened(scene)
  await scene.sharing()
  const steppedIn = (fromMs: number, toMs: number): number =>
    scene
      .said('task_step')
      .filter(({ atMs }) => atMs >= fromMs && atMs < toMs)
      .reduce((sum, { fields }) => sum + Number(fields['records']), 0)
  await sleep(THROTTLED_MS)
  const calm = steppedIn(Date.now() - THROTTLED_MS, Date.now())
  await limitClients(kafka, THROTTLED_BYTES_PER_SECOND)
  const before = scene.events.length
  const fromMs = Date.now()
  await sleep(THROTTLED_MS)
  await limitClients(kafka, null)
  const slow = steppedIn(fromMs, fromMs + THROTTLED_MS)
  assert.ok(slow < 0.7 * calm, `${slow} records stepped, ${calm} before: nobody was throttled`)
  const during = scene.events.slice(before)
  const bad = new Set(['group_lost', 'task_stopped', 'task_failed'])
  assert.deepEqual(
    during.filter(({ event }) => bad.has(event)).map(({ event, fields }) => [event, fields]),
    [],
  )
  assert.ok(workers.every(({ child }) => child.deaths.length === 0))
  await scene.moves(FAIL_OVER_MS)
  await scene.judge()
}

async function expired(scene: Scene): Promise<void> {
  const { operator, prefix, workers } = await opened(scene)
  await scene.moves(TAKEOVER_MS)
  for (const { child } of workers) assert.ok(await child.end(STOP_MS))
  await sleep(CALM_MS)
  await operator.deleteToEnd(topicName('telemetry', prefix), 0)
  await sleep(CALM_MS)
  const fromMs = Date.now()
  for (const worker of workers) worker.start({ args: ['--log-level', 'debug'] })
  await oneStops(scene, 's0', /POSITION_LOST|HS_INPUT_CHANGED/, fromMs)
}

/** Every task that reads the topic says so. */
async function allStop(scene: Scene, why: RegExp): Promise<void> {
  const reasons = (): string[] => {
    const stops = scene
      .said('task_stopped')
      .filter(({ fields }) => /^s\d/.test(String(fields['task'])))
    return stops.map(({ fields }) => String(fields['reason']))
  }
  const { partitions } = scene.stage
  await scene.until('all stop', () => reasons().length >= partitions, FAIL_OVER_MS)
  for (const reason of reasons()) assert.match(reason, why)
}

async function topicsChange(scene: Scene): Promise<void> {
  const { operator, prefix, workers, partitions } = await scene.open()
  const [first] = workers
  assert.ok(first !== undefined)
  const telemetry = topicName('telemetry', prefix)
  await operator.deleteTopic(telemetry)
  await allStop(scene, /TOPIC_GONE|HS_INPUT_CHANGED|POSITION_LOST/)
  const setup = topicSetups(prefix, partitions, 3).find((one) => one.topic === telemetry)
  await operator.createTopic(telemetry, Array(partitions).fill(NODES), setup?.config)
  scene.events.length = 0
  for (const { child } of workers) await child.end(STOP_MS)
  for (const worker of workers) worker.start()
  await allStop(scene, /HS_INPUT_CHANGED|POSITION_LOST/)
  for (const { child } of workers) await child.end(STOP_MS)
  await operator.addPartitions(topicName('journal', prefix), partitions + 2)
  const code = await refused(first)
  assert.equal(code, '2')
}

/** How a worker ends that is started. */
async function refused(worker: Worker): Promise<string> {
  worker.start()
  for (const endMs = performance.now() + TAKEOVER_MS; performance.now() < endMs; await sleep(200)) {
    const death = worker.child.deaths.at(-1)
    if (death !== undefined) return death
  }
  return 'it runs'
}

async function diskFull(scene: Scene): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'healstream-disk-'))
  const place = (node: number): string => join(folder, String(node))
  for (const node of NODES) mkdirSync(place(node))
  const size = `size=${DISK_MB}m`
  execFileSync('mount', ['-t', 'tmpfs', '-o', size, 'tmpfs', place(1)])
  scene.after(() => {
    execFileSync('umount', ['-l', place(1)])
    rmSync(folder, { recursive: true, force: true })
  })
  const set = { 'log.dirs': join(folder, '{node}') }
  const kafka = await startKafka({ nodes: 3, own: true, set })
  scene.after(() => kafka.stop())
  const stage = await scene.open({ kafka })
  await scene.moves(TAKEOVER_MS)
  fill(join(place(1), 'filler'))
  const isMissed = async (): Promise<boolean> => !(await stage.operator.isWhole().catch(() => true))
  await scene.until('the broker is missed', isMissed, FAIL_OVER_MS)
  await scene.moves(FAIL_OVER_MS)
  await sleep(CALM_MS)
  await scene.moves(FAIL_OVER_MS)
  rmSync(join(place(1), 'filler'))
  await kafka.restart(1)
  assert.ok(await scene.stage.untilWhole(FAIL_OVER_MS), 'every replica is in sync again')
  await scene.judge()
}

function fill(path: string): void {
  try {
    writeFileSync(path, Buffer.alloc(DISK_MB * 1_048_576, 1))
    assert.fail('there was room')
  } catch (error) {
    assert.match(String(error), /ENOSPC/)
  }
}

const CUT = 'test/kafka/truncated-log.test.ts'
const READER = 'test/adapters/client/reader-truncation.test.ts'
const SNAPSHOTS = 'test/runtime/snapshot-reader.test.ts'
const BROKERS = 'test/kafka/broker-faults.test.ts'

export const LOG_FAULTS: readonly Fault[] = [
  {
    id: 'F19',
    title: 'an unclean election: a leader is elected that lacks records which were stepped',
    expected:
      'the task of that partition stops and says so, whatever was written after; the others go on',
    provenBy: [
      `${CUT} › whoever read what the elected leader never had is told so; others read on`,
      `${READER} › whatever is elected: what was read is in the log, or the position is lost`,
      `${SNAPSHOTS} › to begin before a snapshot that the journal no longer reaches`,
    ],
    run: unclean,
  },
  {
    id: 'F20',
    title: 'a peer that is gone without a word: one broker for one worker, then for everybody',
    expected: 'deadlines hold, others go on, and who is asked to end does so within 10 s',
    provenBy: [`${BROKERS} › close() takes no more than 5 s while the way to the brokers is cut`],
    run: halfOpen,
  },
  {
    id: 'F21',
    title: 'all connections of all workers reset, seven times a second',
    expected: 'nobody ends, the rate of new connections is bounded, and it goes on afterwards',
    run: resets,
  },
  {
    id: 'F22',
    title: 'brokers throttle all clients to a trickle (client quota)',
    expected: 'it becomes slow: nobody is taken for gone, no commit is in doubt, nothing stops',
    run: throttled,
  },
  {
    id: 'F23',
    title: 'an input deleted, then made anew; partitions added to the journal',
    expected: 'tasks stop and say what is gone or changed; a worker refuses other partitions',
    run: topicsChange,
  },
  {
    id: 'F24',
    title: 'records expire that no task has read',
    expected: 'the task of that partition stops and says which; it does not jump; the others go on',
    run: expired,
  },
  {
    id: 'F25',
    title: 'the disk of a broker is full',
    expected:
      'the broker ends and others go on; with room again it comes back, and nothing is lost',
    run: diskFull,
  },
]
