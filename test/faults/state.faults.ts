// Faults of what is stored and of time: snapshots, journals, clocks, zones.
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { clusterId } from '../../src/contracts/ids.ts'
import type { SnapshotHeader, SnapshotPart } from '../../src/contracts/records.ts'
import type { Worker } from '../nemesis/stage.ts'
import { tsArgv } from '../support/ts.ts'
import { wrongClocks } from './clocks.ts'
import type { Scene } from './scene.ts'
import type { Fault } from './script.ts'
import { Stranger } from './stranger.ts'

const SHIFTED = fileURLToPath(new URL('shifted-clock.mjs', import.meta.url))
const run = promisify(execFile)
const STOP_MS = 15_000
const MOVES_MS = 20_000
const HOUR_MS = 3_600_000

const stopAll = (workers: readonly Worker[]): Promise<unknown> =>
  Promise.all(workers.map(({ child }) => child.end(STOP_MS)))

/** The records of the newest image of a partition, of either kind; null: there is none. */
async function newestImage(
  stranger: Stranger,
  partition: number,
): Promise<readonly SnapshotPart[] | null> {
  const all: SnapshotPart[] = []
  for (const kind of ['checkpoints', 'snapshots'] as const)
    all.push(...(await stranger.read(kind, partition)))
  const steps = (part: SnapshotPart): number => part.header?.step_seq ?? -1
  const newest = all.reduce<SnapshotPart | null>(
    (best, part) => (steps(part) > (best === null ? -1 : steps(best)) ? part : best),
    null,
  )
  return newest && all.filter(({ snapshot_id }) => snapshot_id === newest.snapshot_id)
}

/** Until every partition has one; the workers are stopped then. */
async function imagesOf(scene: Scene, stranger: Stranger): Promise<readonly SnapshotPart[][]> {
  const { workers, partitions } = scene.stage
  for (let round = 0; round < 6; round++) {
    await sleep(6_000)
    await stopAll(workers)
    const images: SnapshotPart[][] = []
    for (let partition = 0; partition < partitions; partition++)
      images.push([...((await newestImage(stranger, partition)) ?? [])])
    if (images.every(({ length }) => length > 0)) return images
    for (const worker of workers) worker.start()
    await scene.stage.untilRunning()
  }
  throw new Error('no image of every task within six lives')
}

type Spoil = (part: SnapshotPart) => SnapshotPart
const headed =
  (change: Partial<SnapshotHeader>): Spoil =>
  (part) =>
    part.header === null ? part : { ...part, header: { ...part.header, ...change } }
const flipped: Spoil = (part) => {
  const bytes = Uint8Array.from(part.bytes)
  const at = bytes.length >> 1
  bytes[at] = (bytes[at] ?? 0) ^ 1
  return { ...part, bytes }
}

/** By partition: why it is refused, and what was done to it. */
const SPOILS: readonly (readonly [reason: string, spoil: Spoil])[] = [
  ['corrupt', flipped],
  ['foreign', headed({ cluster_id: clusterId('somebody-elses') })],
  ['format', headed({ format: 99 })],
  ['behaviour', headed({ behaviour: 99 })],
]

async function spoilImages(scene: Scene): Promise<void> {
  await scene.open()
  const stranger = await Stranger.meet(scene)
  const images = await imagesOf(scene, stranger)
  for (const [partition, image] of images.entries()) {
    const [, spoil] = SPOILS[partition] ?? []
    assert.ok(spoil !== undefined)
    const parts = image.map((part) => spoil(part))
    const pieces = parts.filter(({ header }) => header === null)
    const bytes = pieces.map((part) => ['', stranger.serde.encode('snapshots', part)] as const)
    // A header says where the first of its pieces lies.
    const first = await stranger.sendBytes('snapshots', partition, bytes)
    const headers = parts
      .filter(({ header }) => header !== null)
      .map((part) => ['', headed({ first_offset: first })(part)] as const)
    await stranger.send('snapshots', partition, headers)
  }
  for (const worker of scene.stage.workers) worker.start()
  await scene.stage.untilRunning()
  const refused = scene.said('snapshot_refused').map(({ fields }) => fields)
  for (const [partition, [reason]] of SPOILS.entries()) {
    const found = refused.find(({ task }) => task === `s${partition}`)
    assert.equal(found?.['reason'], reason, `s${partition}: ${String(found?.['detail'])}`)
  }
  await scene.moves(MOVES_MS)
  await scene.judge()
}

async function shiftClocks(scene: Scene): Promise<void> {
  const file = join(scene.folder, 'clock')
  const launch = { nodeArgs: ['--import', SHIFTED], env: { HEALSTREAM_TEST_CLOCK: file } }
  const { partitions } = await scene.open({ launch })
  for (const aheadMs of [HOUR_MS, -HOUR_MS]) {
    await scene.moves(MOVES_MS)
    const before = scene.said('task_suspended').length
    const suspended = (): boolean => scene.said('task_suspended').length >= before + partitions
    writeFileSync(file, String(aheadMs))
    await scene.until('its tasks suspend themselves', suspended, 15_000)
    const [last] = scene.said('task_suspended').slice(-1)
    const side = aheadMs > 0 ? 'ahead of' : 'behind'
    assert.match(String(last?.fields['reason']), new RegExp(`clock is 3\\d{3}[.]\\d s ${side}`))
    await sleep(5_000)
    rmSync(file)
    await scene.stage.untilRunning(30_000)
  }
  await scene.moves(MOVES_MS)
  assert.deepEqual(scene.said('task_stopped'), [])
  await scene.judge()
}

/** Hour of noon in July by UTC, and the place. */
const ZONES: readonly (readonly [hour: number, env: Readonly<Record<string, string>>])[] = [
  [12, { TZ: 'UTC', LC_ALL: 'C' }],
  [8, { TZ: 'America/New_York', LC_ALL: 'en_US.UTF-8' }],
  [9, { TZ: 'America/St_Johns', LC_ALL: 'fr_CA.UTF-8' }],
  [17, { TZ: 'Asia/Kathmandu', LC_ALL: 'hi_IN.UTF-8' }],
  [22, { TZ: 'Australia/Lord_Howe', LC_ALL: 'de_DE.UTF-8' }],
  [1, { TZ: 'Pacific/Apia', LC_ALL: 'tr_TR.UTF-8' }],
]

async function replayIn(env: Readonly<Record<string, string>>): Promise<Zoned> {
  const [command = '', ...args] = tsArgv('test/faults/zones.ts')
  const { stdout } = await run(command, args, { env: { ...process.env, ...env } })
  return JSON.parse(stdout)
}

/** What test/faults/zones.ts says. */
interface Zoned {
  readonly hour: number
  readonly hashes: readonly string[]
}

async function live(scene: Scene): Promise<void> {
  const { workers } = await scene.open({ launch: { env: { TZ: 'America/St_Johns' } } })
  const [first, second] = workers
  assert.ok(first !== undefined && second !== undefined)
  // One is killed: the other restores in its own zone what was stepped in another.
  for (const [killed, env] of [
    [first, { TZ: 'Pacific/Apia', LC_ALL: 'tr_TR.UTF-8' }],
    [second, { TZ: 'Asia/Kathmandu', LC_ALL: 'hi_IN.UTF-8' }],
  ] as const) {
    await sleep(4_000)
    await killed.child.kill()
    await scene.moves(MOVES_MS)
    killed.start({ env })
  }
  await scene.judge()
}

const SNAPSHOT = 'test/kafka/snapshot.test.ts'
const READER = 'test/runtime/snapshot-reader.test.ts'
const CORPUS = 'test/kafka/corpus.test.ts'

export const STATE_FAULTS: readonly Fault[] = [
  {
    id: 'F40',
    title: 'the newest snapshots are corrupt, of another cluster, of a newer format or behaviour',
    expected:
      'each is refused for its own reason, the best one before it serves, and the state is that ' +
      'of the log; a snapshot that the journal no longer reaches stops the task',
    provenBy: [
      `${SNAPSHOT} › killed, restored from a snapshot, from the one before when a bit has flipped`,
      `${READER} › to begin before a snapshot that the journal no longer reaches`,
    ],
    run: spoilImages,
  },
  {
    id: 'F44',
    title: 'clocks of agents off by an hour, by ten years, of 1970, in other units, no time at all',
    expected:
      'what they count is counted when the log took it, they are named, nobody is acted on; what ' +
      'is no time is a dead letter',
    provenBy: [`${CORPUS} › each ends in its bucket; who comes behind it does not wait`],
    run: wrongClocks,
  },
  {
    id: 'F43',
    title: 'snapshots, or the beginning of a journal, deleted while they are read',
    expected:
      'without snapshots the journal is folded from its genesis; without its beginning too the ' +
      'task stops and calls a person',
    provenBy: [
      `${SNAPSHOT} › deleted while it is read: the fold from the genesis, then a person is called`,
      `${READER} › a snapshot while it is being restored (F43)`,
      `${READER} › the journal before the snapshot: it stands for what has expired`,
    ],
  },
  {
    id: 'F45',
    title: 'the wall clock of the workers jumps by an hour, ahead and back',
    expected:
      'no decision changes: the tasks suspend themselves and say so, step nothing until the ' +
      'clock is right, and go on where they were',
    run: shiftClocks,
  },
  {
    id: 'F47',
    title: 'time zones, summer time, leap days, a leap second, the end of 32 bits',
    expected:
      'the same records give the same bytes and the same state in six zones; workers of ' +
      'different zones take over from one another',
    async run(scene) {
      const found = await Promise.all(ZONES.map(([, env]) => replayIn(env)))
      const hours = found.map(({ hour }) => hour)
      assert.deepEqual(
        hours,
        ZONES.map(([hour]) => hour),
        'the zones are in force',
      )
      for (const { hashes } of found) assert.deepEqual(hashes, found[0]?.hashes)
      await live(scene)
    },
  },
]
