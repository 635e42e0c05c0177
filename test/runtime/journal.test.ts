// The chain from outside: `journal verify` names the first bad entry, whatever was done to it.
import { afterEach, describe, expect, test } from 'vitest'
import { type JournalEntry, NO_HASH } from '../../src/contracts/journal.ts'
import { encodeEntry } from '../../src/contracts/journal-codec.ts'
import { topicName } from '../../src/contracts/topics.ts'
import {
  type JournalReport,
  journalVerify,
  OrderCheck,
  serviceTaskId,
  sha256,
  transactionalIdOf,
} from '../../src/runtime/journal.ts'
import { EngineRig, TOY_CLUSTER } from '../support/engine-rig.ts'

const rigs: EngineRig[] = []

function empty(partitions = 1): EngineRig {
  const made = new EngineRig(partitions)
  rigs.push(made)
  return made
}

afterEach(async () => {
  for (const made of rigs.splice(0)) await made.stop()
})

/** A journal of a working cluster, as raw values. */
async function sample(): Promise<readonly Uint8Array[]> {
  const cluster = empty()
  await cluster.init()
  const worker = await cluster.worker()
  for (const value of ['urgent a', 'boom', 'urgent b']) await cluster.send('signals', [value])
  await cluster.until('all is used', () => cluster.drained())
  await cluster.run(worker.handle.stop())
  await cluster.clock.advance(50)
  return (await cluster.records('journal')).map(({ value }) => value ?? new Uint8Array(0))
}

/** The report on a journal of these values. */
async function verified(values: readonly Uint8Array[]): Promise<JournalReport> {
  const cluster = empty()
  const admin = cluster.log.admin()
  const topic = topicName('journal')
  const config = { 'message.timestamp.type': 'LogAppendTime' }
  await cluster.run(admin.createTopics([{ topic, partitions: 1, config }]))
  const producer = cluster.log.producer()
  const record = { topic, partition: 0, key: null, timestampMs: 0 }
  await cluster.run(producer.send(values.map((value) => ({ ...record, value }))))
  const [report] = await cluster.run(journalVerify(cluster.log))
  if (report === undefined) throw new Error('no report')
  return report
}

describe('journal verify', () => {
  test('a good journal: entries, steps, gen, skips and its tip', async () => {
    const values = await sample()
    const report = await verified(values)
    expect(report).toMatchObject({ problem: null, entries: values.length, skipped: 1 })
    expect(report.steps).toBeGreaterThan(1)
    expect(report.gen).toBeGreaterThan(1)
    expect(report.tip).toMatch(/^[0-9a-f]{64}$/)
  })

  test('a flipped bit in any class of bytes of any entry is found at that entry', async () => {
    const values = await sample()
    // Magic, layout, kind, hash of the entry before, body from its first to its last byte, check.
    const places = [0, 2, 3, 4, 20, 35, 36, 40, -20, -9, -8, -1]
    for (const [index, value] of values.entries()) {
      for (const place of places) {
        const bad = new Uint8Array(value)
        const at = place < 0 ? bad.length + place : place
        bad[at] = (bad[at] ?? 0) ^ 0x10
        const report = await verified(values.map((v, i) => (i === index ? bad : v)))
        expect(report.problem?.code, `entry ${index}, byte ${at}`).toBe('HS_CHAIN_BROKEN')
        expect(report.problem?.message).toContain(`-0@${index}`)
        expect(report.entries).toBe(index)
      }
    }
  })

  test('an entry that is gone, doubled or moved is found', async () => {
    const values = await sample()
    const [first, second, third] = values
    if (first === undefined || second === undefined || third === undefined) throw new Error('few')
    const rest = values.slice(3)
    const changes = [
      [first, third, ...rest],
      [first, second, second, third, ...rest],
      [first, third, second, ...rest],
      [second, third, ...rest],
    ]
    for (const change of changes)
      expect((await verified(change)).problem?.code).toBe('HS_CHAIN_BROKEN')
  })

  test('no topics, and an empty journal: HS_NO_GENESIS', async () => {
    await expect(journalVerify(empty().log)).rejects.toMatchObject({ code: 'HS_NO_GENESIS' })
    expect((await verified([])).problem?.code).toBe('HS_NO_GENESIS')
  })
})

describe('order of entries', () => {
  const genesis: JournalEntry = {
    kind: 'genesis',
    clusterId: TOY_CLUSTER,
    task: serviceTaskId(0),
    partitions: 1,
    prefix: 'p.',
    positions: [],
    behaviour: 1,
    format: 2,
    scale: 4,
    dev: false,
    atMs: 1,
    lastTip: null,
  }
  const fence = (gen: number): JournalEntry => ({
    kind: 'fence',
    gen,
    member: 'm',
    group: 'g',
    generation: 1,
    attempt: 1,
    suspect: null,
    positions: [],
    stateDigest: NO_HASH,
  })
  const steps = (seq: number): JournalEntry => ({
    kind: 'steps',
    steps: [{ seq, nowMs: 1, behind: false, asOf: [], slices: [] }],
    outputs: 0,
    outputsDigest: NO_HASH,
    stateDigest: null,
    snapshot: null,
  })

  /** Entries that are chained well and follow one another badly: only an insider can write them. */
  async function problem(entries: readonly JournalEntry[]): Promise<string> {
    let tip = NO_HASH
    const values = entries.map((entry) => {
      const { bytes, hash } = encodeEntry(entry, tip, sha256)
      tip = hash
      return bytes
    })
    return (await verified(values)).problem?.message ?? 'none'
  }

  test.each([
    ['none', [genesis, fence(1), steps(1), steps(2), fence(2)]],
    ['does not begin with genesis', [fence(1)]],
    ['a second genesis', [genesis, genesis]],
    ['gen 3 follows gen 1', [genesis, fence(1), fence(3)]],
    ['gen 1 follows gen 1', [genesis, fence(1), fence(1)]],
    ['step 3 follows step 1', [genesis, fence(1), steps(1), steps(3)]],
    ['step 1 follows step 1', [genesis, fence(1), steps(1), steps(1)]],
  ])('%s', async (expected, entries) => {
    expect(await problem(entries)).toContain(expected)
  })

  test('an empty check has seen nothing', () => {
    expect(new OrderCheck()).toMatchObject({ entries: 0, steps: 0, gen: 0 })
  })
})

test('names of tasks and of their transactions hold no group', () => {
  expect(transactionalIdOf('x.', serviceTaskId(7))).toBe('x.s7')
})
