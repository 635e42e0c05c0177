// A restore that begins with a snapshot comes to the same state as the fold from the genesis,
// whatever is wrong with snapshots, and says why it refused one.
import { createHash } from 'node:crypto'
import { afterEach, describe, expect, test } from 'vitest'
import { clusterId } from '../../src/contracts/ids.ts'
import type { SnapshotPart } from '../../src/contracts/records.ts'
import { journalVerify } from '../../src/runtime/journal.ts'
import type { LogPort } from '../../src/runtime/ports.ts'
import { restore } from '../../src/runtime/restore.ts'
import { headerBytes } from '../../src/runtime/snapshot-head.ts'
import { EngineRig } from '../support/engine-rig.ts'
import {
  comparable,
  folded,
  heavyToy,
  NEVER,
  noted,
  partOf,
  refusals,
  replayOptions,
  restored,
  SNAPSHOTS,
  snapshotRecords,
  steps,
  withSnapshots,
} from '../support/snapshots.ts'
import { type Tamper, tamperedLog } from '../support/tampered-log.ts'

const rigs: EngineRig[] = []

async function rig(): Promise<EngineRig> {
  const made = new EngineRig()
  rigs.push(made)
  await made.init()
  return made
}

afterEach(async () => {
  for (const made of rigs.splice(0)) await made.stop()
})

/** Changes the newest snapshot's records. */
function newest(
  parts: readonly SnapshotPart[],
  alter: (part: SnapshotPart, last: SnapshotPart) => SnapshotPart | null,
): Tamper {
  const id = parts.findLast(({ header }) => header !== null)?.snapshot_id
  return {
    value: (topic, value) => {
      if (topic !== SNAPSHOTS) return value
      const part = partOf(value)
      if (part.snapshot_id !== id) return value
      const altered = alter(part, part)
      return altered === null ? null : Buffer.from(JSON.stringify(altered))
    },
  }
}

const flipped = (bytes: unknown): Uint8Array => {
  const changed = Buffer.from(String(bytes), 'base64')
  changed[changed.length >> 1] = (changed[changed.length >> 1] ?? 0) ^ 1
  return changed.toString('base64') as unknown as Uint8Array
}

const header = (part: SnapshotPart, fields: object): SnapshotPart =>
  part.header === null ? part : { ...part, header: { ...part.header, ...fields } }

const WRONG: Readonly<Record<string, [string, (part: SnapshotPart) => SnapshotPart | null]>> = {
  'a flipped bit in the first piece': [
    'corrupt',
    (part) => (part.index === 0 ? { ...part, bytes: flipped(part.bytes) } : part),
  ],
  'a flipped bit in the last piece': [
    'corrupt',
    (part) => (part.index === 2 ? { ...part, bytes: flipped(part.bytes) } : part),
  ],
  'a piece that is missing': ['torn', (part) => (part.index === 1 ? null : part)],
  'its first piece missing': ['torn', (part) => (part.index === 0 ? null : part)],
  'its last piece missing': ['torn', (part) => (part.index === 2 ? null : part)],
  'two pieces swapped': [
    'torn',
    (part) => (part.index === 0 || part.index === 1 ? { ...part, index: 1 - part.index } : part),
  ],
  'another cluster': ['foreign', (part) => header(part, { cluster_id: 'cluster-b' })],
  'another task': ['foreign', (part) => header(part, { task: 's7' })],
  'another prefix': ['foreign', (part) => header(part, { prefix: 'x.' })],
  'a newer format': ['format', (part) => header(part, { format: 99 })],
  'an older format': ['format', (part) => header(part, { format: 1 })],
  'an unknown behaviour': ['behaviour', (part) => header(part, { behaviour: 99 })],
  'another number of steps': ['corrupt', (part) => header(part, { step_seq: 1e6 })],
  'another place in the journal': ['corrupt', (part) => header(part, { journal_offset: 1 })],
  'another digest of the state': ['corrupt', (part) => header(part, { state_digest: '00' })],
  'another head': ['corrupt', (part) => header(part, { head_bytes: 3 })],
  'another beginning': ['corrupt', (part) => header(part, { first_offset: 0 })],
  'an absurd size': ['torn', (part) => header(part, { size_bytes: 1e15 })],
}

describe('a restore refuses', () => {
  test.each(Object.entries(WRONG))('%s, and takes the one before', async (_what, wrong) => {
    const [reason, alter] = wrong
    const cluster = await rig()
    const worker = await withSnapshots(cluster, 2)
    worker.kill()
    const parts = await snapshotRecords(cluster)
    const log = tamperedLog(cluster.log, newest(parts, alter))
    const toy = heavyToy()
    const outcome = await restored(cluster, { log, toy })
    expect(refusals(outcome)).toEqual([reason])
    expect(comparable(outcome.restored)).toEqual(comparable(await folded(cluster)))
    expect(toy.steps).toBeLessThan(outcome.restored.seq)
  })

  test('what is no record of a snapshot at all', async () => {
    const cluster = await rig()
    const worker = await withSnapshots(cluster, 2)
    worker.kill()
    await cluster.send('snapshots', ['garbage', '['])
    const outcome = await restored(cluster)
    expect(refusals(outcome)).toEqual(['corrupt', 'corrupt'])
    expect(outcome.restored.tail.steps).toBeLessThan(outcome.restored.seq)
  })

  test('all of them, and folds from the genesis', async () => {
    const cluster = await rig()
    const worker = await withSnapshots(cluster, 3)
    worker.kill()
    const log = tamperedLog(cluster.log, {
      value: (topic, value) => {
        if (topic !== SNAPSHOTS) return value
        return Buffer.from(JSON.stringify(header(partOf(value), { format: 99 })))
      },
    })
    const outcome = await restored(cluster, { log })
    expect(refusals(outcome).length).toBeGreaterThanOrEqual(3)
    expect(comparable(outcome.restored)).toEqual(comparable(await folded(cluster)))
    expect(outcome.restored.tail.steps).toBe(outcome.restored.seq)
  })

  test('one that the core cannot load', async () => {
    const cluster = await rig()
    const worker = await withSnapshots(cluster, 2)
    worker.kill()
    const toy = heavyToy()
    toy.illiterate = true
    const outcome = await restored(cluster, { toy })
    expect(refusals(outcome).every((reason) => reason === 'unreadable')).toBe(true)
    expect(refusals(outcome).length).toBeGreaterThanOrEqual(2)
    expect(outcome.restored.tail.steps).toBe(outcome.restored.seq)
  })

  test('to begin before a snapshot that the journal no longer reaches', async () => {
    // A journal's leader was lost, another was elected without its last entries. The restore
    // refused the snapshot that lay beyond its end, took the one before it, and decided a second
    // time what had been decided, and sent, in the entries that were gone.
    const cluster = await rig()
    const worker = await withSnapshots(cluster, 2)
    worker.kill()
    const parts = await snapshotRecords(cluster)
    const headers = parts.flatMap((part) => (part.header === null ? [] : [part.header]))
    const end = headers.at(-1)?.journal_offset ?? 0
    const tamper: Tamper = { end: (topic) => (topic === 'hs.journal' ? end : null) }
    await expect(
      restored(cluster, { log: tamperedLog(cluster.log, tamper) }),
    ).rejects.toMatchObject({
      code: 'HS_JOURNAL_LOST',
      message: expect.stringContaining(`hs.journal-0 goes on at offset ${end}`),
    })
  })

  test('with a snapshot of another history than the journal', async () => {
    const cluster = await rig()
    const worker = await withSnapshots(cluster, 2)
    worker.kill()
    const parts = await snapshotRecords(cluster)
    const tamper = newest(parts, (part) => {
      if (part.header === null) return part
      const header = { ...part.header, journal_hash: 'ab'.repeat(32) }
      const hash = createHash('sha256')
      for (const { snapshot_id, bytes } of parts)
        if (snapshot_id === part.snapshot_id) hash.update(Buffer.from(String(bytes), 'base64'))
      hash.update(headerBytes(part.snapshot_id, header))
      return { ...part, header: { ...header, sha256: hash.digest('hex') } }
    })
    await expect(
      restored(cluster, { log: tamperedLog(cluster.log, tamper) }),
    ).rejects.toMatchObject({ code: 'HS_JOURNAL_LOST' })
  })

  test('without an entry that it has committed itself', async () => {
    const cluster = await rig()
    const worker = await cluster.worker({ toy: heavyToy(), snapshots: NEVER })
    await steps(cluster, 6)
    worker.kill()
    const { restored: whole } = await restored(cluster)
    const known = { offset: whole.offset, hash: whole.tip }
    const { instruments } = noted()
    const options = { ...replayOptions(cluster), group: 'healstream', instruments }
    const attempt = (log: LogPort, place = known): Promise<unknown> =>
      cluster.run(restore({ ...options, log, known: place }))
    await attempt(cluster.log)
    const cut: Tamper = { end: (topic) => (topic === 'hs.journal' ? whole.offset : null) }
    const lost = { code: 'HS_JOURNAL_LOST' }
    await expect(attempt(tamperedLog(cluster.log, cut))).rejects.toMatchObject(lost)
    // Grown again as long as it was.
    const other = { ...known, hash: new Uint8Array(32) }
    await expect(attempt(cluster.log, other)).rejects.toMatchObject(lost)
  })

  test('to be led to another cluster by a snapshot', async () => {
    const cluster = await rig()
    const worker = await withSnapshots(cluster, 1)
    worker.kill()
    const { instruments, events } = noted()
    const options = { ...replayOptions(cluster), clusterId: clusterId('cluster-b') }
    const attempt = cluster.run(restore({ ...options, group: 'healstream', instruments }))
    await expect(attempt).rejects.toMatchObject({ code: 'HS_FOREIGN_CLUSTER' })
    expect(events.some(({ fields }) => fields['reason'] === 'foreign')).toBe(true)
  })
})

describe('what was deleted', () => {
  async function deleted(cluster: EngineRig, topic: string, before: number): Promise<void> {
    const admin = cluster.log.admin()
    await cluster.run(admin.deleteRecords({ topic, partition: 0 }, before))
    await cluster.run(admin.close())
  }

  async function end(cluster: EngineRig, topic: string): Promise<number> {
    const admin = cluster.log.admin()
    const at = [{ topic, partition: 0 }]
    const [offset] = await cluster.run(admin.offsets(at, 'latest', 'read_committed'))
    await cluster.run(admin.close())
    return offset ?? 0
  }

  test('all snapshots: the fold from the genesis', async () => {
    const cluster = await rig()
    const worker = await withSnapshots(cluster, 2)
    worker.kill()
    await deleted(cluster, SNAPSHOTS, await end(cluster, SNAPSHOTS))
    const outcome = await restored(cluster)
    expect(refusals(outcome)).toEqual([])
    expect(outcome.restored.tail.steps).toBe(outcome.restored.seq)
  })

  test('pieces of the only snapshot', async () => {
    const cluster = await rig()
    const worker = await withSnapshots(cluster, 1)
    worker.kill()
    const parts = await cluster.records('snapshots')
    await deleted(cluster, SNAPSHOTS, (parts[1]?.offset ?? 0) + 1)
    const outcome = await restored(cluster)
    expect(refusals(outcome)).toEqual(['gone'])
    expect(comparable(outcome.restored)).toEqual(comparable(await folded(cluster)))
  })

  test('a snapshot while it is being restored (F43)', async () => {
    const cluster = await rig()
    const worker = await withSnapshots(cluster, 2)
    worker.kill()
    const admin = cluster.log.admin()
    let polls = 0
    const log = tamperedLog(cluster.log, {
      beforePoll: async (topics) => {
        if (!topics.includes(SNAPSHOTS) || polls++ !== 1) return
        const at = { topic: SNAPSHOTS, partition: 0 }
        const [last] = await admin.offsets([at], 'latest', 'read_committed')
        await admin.deleteRecords(at, last ?? 0)
      },
    })
    const outcome = await restored(cluster, { log })
    await cluster.run(admin.close())
    expect(refusals(outcome)).toContain('gone')
    expect(outcome.restored.tail.steps).toBe(outcome.restored.seq)
    expect(comparable(outcome.restored)).toEqual(comparable(await folded(cluster)))
  })

  test('the journal before the snapshot: it stands for what has expired', async () => {
    const cluster = await rig()
    const worker = await withSnapshots(cluster, 2)
    await steps(cluster, 3)
    worker.kill()
    const whole = await folded(cluster)
    const parts = await snapshotRecords(cluster)
    const offset = parts.findLast((part) => part.header !== null)?.header?.journal_offset ?? 0
    await deleted(cluster, 'hs.journal', offset)
    expect(comparable((await restored(cluster)).restored)).toEqual(comparable(whole))
    const [report] = await cluster.run(journalVerify(cluster.log))
    expect(report).toMatchObject({ begins: offset, gen: 0, steps: whole.seq, problem: null })
    // Its own entry too, but none behind it.
    await deleted(cluster, 'hs.journal', offset + 1)
    const outcome = await restored(cluster)
    expect(comparable(outcome.restored)).toEqual(comparable(whole))
    expect(refusals(outcome)).toEqual([])
    const next = await cluster.worker({ toy: heavyToy() })
    await steps(cluster, 3)
    await cluster.until('it runs on', () => cluster.drained())
    expect(next.handle.status().tasks[0]?.gen).toBe(2)
  })

  test('the journal behind the snapshot: it does not lead on', async () => {
    const cluster = await rig()
    const first = await withSnapshots(cluster, 1)
    first.kill()
    const second = await cluster.worker({ toy: heavyToy(), snapshots: NEVER })
    await steps(cluster, 40)
    await cluster.until('all is used', () => cluster.drained())
    second.kill()
    await deleted(cluster, 'hs.journal', (await end(cluster, 'hs.journal')) - 2)
    await expect(restored(cluster)).rejects.toMatchObject({
      code: 'HS_JOURNAL_LOST',
      fix: expect.stringContaining('init --after-loss'),
    })
  })

  test('the beginning of the journal, and no snapshot: a person is called', async () => {
    const cluster = await rig()
    const worker = await cluster.worker({ toy: heavyToy(), snapshots: NEVER })
    await steps(cluster, 6)
    worker.kill()
    await deleted(cluster, 'hs.journal', 1)
    await expect(restored(cluster)).rejects.toMatchObject({
      code: 'HS_JOURNAL_LOST',
      message: expect.stringContaining('behind its genesis'),
      fix: expect.stringContaining('init --after-loss'),
    })
  })
})
