// A journal is lost: the task begins anew, with gens above all that agents have seen, and acts on
// nothing before a person has released it.
import { afterEach, describe, expect, test } from 'vitest'
import type { GenesisEntry } from '../../src/contracts/journal.ts'
import { topicName } from '../../src/contracts/topics.ts'
import {
  type AfterLossOptions,
  beginAfterLoss,
  findLost,
  remakeTopics,
} from '../../src/runtime/after-loss.ts'
import { journalVerify } from '../../src/runtime/journal.ts'
import { EngineRig, type RigWorker } from '../support/engine-rig.ts'

const rigs: EngineRig[] = []
afterEach(async () => {
  for (const made of rigs.splice(0)) await made.stop()
})

async function rig(partitions = 1): Promise<EngineRig> {
  const made = new EngineRig(partitions)
  rigs.push(made)
  await made.init()
  return made
}

const options = (cluster: EngineRig, more: Partial<AfterLossOptions> = {}): AfterLossOptions => ({
  clock: cluster.clock,
  prefix: 'hs.',
  partitions: cluster.partitions,
  dev: true,
  discard: [],
  from: 'earliest',
  ...more,
})

async function renew(cluster: EngineRig, more: Partial<AfterLossOptions> = {}): Promise<string[]> {
  const how = options(cluster, more)
  await cluster.run(remakeTopics(cluster.log, how))
  const lost = await cluster.run(findLost(cluster.log, how))
  await cluster.run(beginAfterLoss(cluster.log, lost, how))
  return lost.map(({ spec }) => spec.task)
}

const running = (worker: RigWorker): boolean =>
  worker.handle.status().tasks.every(({ state }) => state === 'Running')

async function lived(cluster: EngineRig): Promise<void> {
  const worker = await cluster.worker()
  await cluster.until('it runs', () => running(worker))
  await cluster.send('signals', ['urgent', 'more'])
  await cluster.until('used', () => cluster.drained())
  await cluster.run(worker.handle.stop())
  // Answered is not yet visible.
  await cluster.clock.advance(100)
}

async function genesisOf(cluster: EngineRig, partition = 0): Promise<GenesisEntry> {
  const [first] = await cluster.journal(partition)
  if (first?.entry.kind !== 'genesis') throw new Error('no genesis')
  return first.entry
}

describe('after a loss', () => {
  test('only what is lost begins anew; a task that has its journal keeps it', async () => {
    const cluster = await rig(2)
    await lived(cluster)
    const kept = await cluster.journal(1)
    const admin = cluster.log.admin()
    const at = { topic: topicName('journal'), partition: 0 }
    const [end] = await cluster.run(admin.offsets([at], 'latest', 'read_committed'))
    await cluster.run(admin.deleteRecords(at, end ?? 0))
    expect(await renew(cluster)).toEqual(['s0'])
    expect(await cluster.journal(1)).toEqual(kept)
    const genesis = await genesisOf(cluster)
    expect(genesis).toMatchObject({ task: 's0', lastTip: { offset: 0 } })
    expect(genesis.positions.every(({ offset }) => offset === 0)).toBe(true)
    expect(await renew(cluster)).toEqual([])
  })

  test('the topic itself gone: it runs again, gens go on above the old ones', async () => {
    const cluster = await rig()
    await lived(cluster)
    await cluster.run(cluster.log.admin().deleteTopics([topicName('journal')]))
    expect(await renew(cluster)).toEqual(['s0'])
    await lived(cluster)
    const gens = (await cluster.journal()).flatMap(({ entry }) =>
      entry.kind === 'fence' ? [entry.gen] : [],
    )
    // Above all fences of the old journal, whatever they were: seconds since 1970.
    expect(gens).toEqual([Math.floor((await genesisOf(cluster)).atMs / 1_000) + 1])
    const [report] = await cluster.run(journalVerify(cluster.log))
    expect(report?.problem).toBeNull()
  })

  test('a broken journal is given up by name, its last good entry is remembered', async () => {
    const cluster = await rig()
    await lived(cluster)
    const before = await cluster.journal()
    const value = Buffer.from('not of ours')
    const record = { topic: topicName('journal'), partition: 0, key: null, value, timestampMs: 0 }
    await cluster.run(cluster.log.producer().send([record]))
    expect(await renew(cluster)).toEqual([])
    expect(await renew(cluster, { discard: ['s0'] })).toEqual(['s0'])
    const last = before.at(-1)
    const genesis = await genesisOf(cluster)
    expect(genesis.lastTip).toEqual({ offset: last?.offset, hash: last?.hash })
    await lived(cluster)
  })

  test('from the latest: what agents wrote is passed over, policies are not', async () => {
    const cluster = await rig()
    await cluster.send('policies', ['a', 'b'])
    await cluster.send('telemetry', ['1', '2', '3'])
    await renew(cluster, { discard: ['s0'], from: 'latest' })
    const { positions } = await genesisOf(cluster)
    const at = (topic: string): number | undefined =>
      positions.find((position) => position.topic === topic)?.offset
    expect([at('policies'), at('telemetry')]).toEqual([0, 3])
  })

  test('a task that is none is refused by name', async () => {
    const cluster = await rig()
    const act = cluster.run(findLost(cluster.log, options(cluster, { discard: ['s7'] })))
    await expect(act).rejects.toMatchObject({ code: 'HS_NOT_FOUND' })
  })
})
