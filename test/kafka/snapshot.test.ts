// Snapshots on a real broker: a worker is killed with -9, the next restore begins with what it
// wrote; a bit flips in the newest one on the broker's disk, and the one before it serves.
import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { clusterId } from '../../src/contracts/ids.ts'
import { createServiceCore } from '../../src/core/tasks/service-task.ts'
import { systemClock } from '../../src/runtime/clock.ts'
import type { EventFields } from '../../src/runtime/instruments.ts'
import type { LogPort } from '../../src/runtime/ports.ts'
import type { Restored } from '../../src/runtime/replay.ts'
import { restore } from '../../src/runtime/restore.ts'
import { SNAPSHOT_PLAN } from '../../src/runtime/snapshot-cadence.ts'
import { serviceTask } from '../../src/runtime/task-spec.ts'
import { startKafka, type TestKafka } from '../support/kafka/cluster.ts'
import { heartbeat } from '../support/records.ts'
import { tamperedLog } from '../support/tampered-log.ts'
import { WorkerRig } from './worker-rig.ts'

const CHILD = fileURLToPath(new URL('worker-child.mjs', import.meta.url))
const WANTED = 3

let kafka: TestKafka
let rig: WorkerRig
let child: ChildProcess | null = null

beforeAll(async () => {
  kafka = await startKafka({ nodes: 1, own: true })
  rig = await WorkerRig.begin({ kafka: { brokers: kafka.brokers }, partitions: 1 })
})
afterAll(async () => {
  child?.kill('SIGKILL')
  await rig.end()
  await kafka.stop()
})

function start(): ChildProcess {
  const options = {
    kafka: { brokers: kafka.brokers },
    prefix: rig.prefix,
    group: rig.group,
    standbys: 0,
    snapshots: { ...SNAPSHOT_PLAN, tailMs: 5, closeMs: 0 },
  }
  return spawn(process.execPath, [CHILD, JSON.stringify(options)], {
    stdio: ['pipe', 'ignore', 'inherit'],
  })
}

interface Outcome {
  readonly restored: Restored
  readonly refused: readonly EventFields[]
}

async function restored(log = rig.log): Promise<Outcome> {
  const refused: EventFields[] = []
  const found = await restore({
    log,
    clock: systemClock,
    decoder: rig.serde,
    createCore: createServiceCore,
    instruments: {
      emit: (kind, fields) => {
        if (kind === 'snapshot_refused') refused.push(fields)
      },
    },
    prefix: rig.prefix,
    group: rig.group,
    clusterId: clusterId(await rig.log.clusterId()),
    spec: serviceTask(0),
    signal: new AbortController().signal,
  })
  return { restored: found, refused }
}

async function feed(seq: number): Promise<void> {
  const producer = rig.log.producer()
  const records = ['shop-1', 'shop-2'].map((instance) => ({
    topic: rig.topic('signals'),
    partition: 0,
    key: Buffer.from('shop'),
    value: rig.serde.encode('signals', heartbeat({ instance, seq, atMs: Date.now() })),
    timestampMs: Date.now(),
  }))
  await producer.send(records)
  await producer.close()
}

const headers = async (): Promise<number> =>
  (await rig.records('snapshots')).filter(({ header }) => header !== null).length

test('killed, restored from a snapshot, from the one before when a bit has flipped', async () => {
  child = start()
  const endMs = performance.now() + 60_000
  for (let seq = 1; (await headers()) < WANTED; seq++) {
    assert.ok(performance.now() < endMs, 'snapshots were not written in time')
    await feed(seq)
    await systemClock.sleep(20)
  }
  const exited = once(child, 'exit')
  child.kill('SIGKILL')
  await exited
  // What it left open is settled by the broker.
  await systemClock.sleep(6_000)

  const none = tamperedLog(rig.log, {
    end: (topic) => (topic === rig.topic('snapshots') ? 0 : null),
  })
  const whole = (await restored(none)).restored
  expect(whole.tail.steps).toBe(whole.seq)
  const first = await restored()
  expect(first.refused).toEqual([])
  expect(first.restored.seq).toBe(whole.seq)
  expect(first.restored.stateDigest).toEqual(whole.stateDigest)
  expect(first.restored.tail.steps).toBeLessThan(whole.seq)

  // While the broker does not run: it would trust its own memory.
  await kafka.end(1)
  flipInNewest()
  await kafka.restart(1)
  const second = await restored()
  expect(second.refused).toMatchObject([{ reason: 'corrupt' }])
  expect(second.restored.stateDigest).toEqual(whole.stateDigest)
  expect(second.restored.tail.steps).toBeGreaterThan(first.restored.tail.steps)
  expect(second.restored.tail.steps).toBeLessThan(whole.seq)
}, 120_000)

// Retention, or a person, deletes what is just being read (F43).
test('deleted while it is read: the fold from the genesis, then a person is called', async () => {
  const admin = rig.log.admin()
  /** So much goes just when it is asked for, the n-th time. */
  const losing = (kind: 'journal' | 'snapshots', nth: number, before?: number): LogPort => {
    const at = { topic: rig.topic(kind), partition: 0 }
    let polls = 0
    return tamperedLog(rig.log, {
      beforePoll: async (topics) => {
        if (!topics.includes(at.topic) || ++polls !== nth) return
        const [end] = await admin.offsets([at], 'latest', 'read_committed')
        await admin.deleteRecords(at, before ?? end ?? 0)
      },
    })
  }
  const whole = (await restored()).restored
  expect(whole.tail.steps).toBeLessThan(whole.seq)
  const folded = await restored(losing('snapshots', 2))
  expect(folded.refused.map(({ reason }) => reason)).toContain('gone')
  expect(folded.restored.tail.steps).toBe(whole.seq)
  expect(folded.restored.stateDigest).toEqual(whole.stateDigest)
  // No snapshot stands for what goes now.
  const code = expect.stringMatching(/POSITION_LOST|HS_JOURNAL_LOST/)
  await expect(restored(losing('journal', 1, 2))).rejects.toMatchObject({ code })
  await expect(restored()).rejects.toMatchObject({ code: 'HS_JOURNAL_LOST' })
  await admin.close()
}, 60_000)

/** Turns one bit in the newest header on the broker's disk. */
function flipInNewest(): void {
  const folder = join(kafka.folder, 'data-1', `${rig.topic('snapshots')}-0`)
  const path = join(folder, '00000000000000000000.log')
  const bytes = readFileSync(path)
  const at = bytes.lastIndexOf(rig.prefix)
  assert.ok(at > 0, 'no header in the segment')
  bytes[at] = (bytes[at] ?? 0) ^ 1
  writeFileSync(path, bytes)
}
