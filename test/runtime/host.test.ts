// Tasks of a worker and their owners: hand-over under load, fences that never go back, members that
// cannot prove anything any more, two groups on one cluster.
import { afterEach, describe, expect, test } from 'vitest'
import type { FenceEntry } from '../../src/contracts/journal.ts'
import { transactionalIdOf } from '../../src/runtime/journal.ts'
import { Outage } from '../support/bend.ts'
import { EngineRig, type RigWorker } from '../support/engine-rig.ts'

const rigs: EngineRig[] = []

async function rig(partitions: number): Promise<EngineRig> {
  const made = new EngineRig(partitions)
  rigs.push(made)
  await made.init()
  return made
}

afterEach(async () => {
  for (const made of rigs.splice(0)) await made.stop()
})

const owned = (worker: RigWorker): readonly number[] =>
  worker.handle
    .status()
    .tasks.filter(({ state }) => state === 'Running')
    .map(({ partition }) => partition)

async function fences(cluster: EngineRig, partition = 0): Promise<readonly FenceEntry[]> {
  const journal = await cluster.journal(partition)
  return journal.flatMap(({ entry }) => (entry.kind === 'fence' ? [entry] : []))
}

describe('two workers', () => {
  test('share the tasks, lose nothing, and what stays is not disturbed', async () => {
    const cluster = await rig(4)
    const first = await cluster.worker()
    await cluster.until('the first owns all', () => owned(first).length === 4)
    const load = async (rounds: number): Promise<void> => {
      for (let i = 0; i < rounds; i++) {
        for (let partition = 0; partition < 4; partition++)
          await cluster.send('telemetry', [`${i}`, i % 3 === 0 ? 'urgent' : 'x'], partition)
        await cluster.clock.advance(100)
      }
    }
    await load(5)
    const second = await cluster.worker()
    await load(15)
    await cluster.until('they share', () => owned(second).length === 2)
    const kept = owned(first)
    first.kill()
    await load(5)
    await cluster.until('the second owns all', () => owned(second).length === 4)
    for (let partition = 0; partition < 4; partition++) {
      await cluster.until('all is used', () => cluster.drained(partition))
      expect(await cluster.problems(partition)).toEqual([])
    }
    // What the first kept through the hand-over was fenced once by it, then by its heir.
    for (const partition of kept) expect(await fences(cluster, partition)).toHaveLength(2)
  })

  test('a worker that stops hands its tasks over at once, not after a session', async () => {
    const cluster = await rig(2)
    const first = await cluster.worker()
    await cluster.until('the first owns all', () => owned(first).length === 2)
    const second = await cluster.worker()
    await cluster.until('they share', () => owned(second).length === 1)
    const startMs = cluster.clock.monotonicMs()
    await cluster.run(first.handle.stop())
    await cluster.until('the second owns all', () => owned(second).length === 2)
    expect(cluster.clock.monotonicMs() - startMs).toBeLessThan(2_000)
  })
})

describe('a fenced task', () => {
  // Story: after an answer that did not come the owner fenced again. Meanwhile another member had
  // been given the task; the two fenced each other until one of them was killed.
  test('is taken again only in a newer generation of the group', async () => {
    const cluster = await rig(1)
    const outage = new Outage(['endTxn'], false)
    const worker = await cluster.worker({ bend: outage.bend })
    await cluster.until('it runs', () => owned(worker).length === 1)
    outage.begin()
    await cluster.send('signals', ['urgent'])
    await cluster.clock.advance(1_000)
    const thief = cluster.log.writer({
      transactionalId: transactionalIdOf('hs.', 's0'),
      transactionTimeoutMs: 5_000,
      deadlineMs: 4_000,
    })
    await cluster.run(thief.fence())
    await cluster.clock.advance(4_500)
    outage.end()
    await cluster.until('all is used', () => cluster.drained())
    const [before, after] = await fences(cluster)
    expect(after?.generation).toBeGreaterThan(before?.generation ?? 99)
    expect(await cluster.problems()).toEqual([])
  })

  // Story: a follower asked for a new round with the same metadata; a broker answers that with the
  // round there is. Its task had no owner for ever.
  test('of a member that does not lead the group gets an owner again', async () => {
    const cluster = await rig(2)
    const leader = await cluster.worker()
    await cluster.until('the leader runs', () => owned(leader).length === 2)
    const outage = new Outage(['endTxn'], false)
    outage.begin()
    const follower = await cluster.worker({ bend: outage.bend })
    await cluster.clock.advance(5_500)
    outage.end()
    await cluster.until('both tasks run', () => owned(leader).length + owned(follower).length === 2)
    expect(follower.events.some(({ kind }) => kind === 'group_lost')).toBe(true)
  })

  test('belongs to one group: another one stops and says why', async () => {
    const cluster = await rig(1)
    const own = await cluster.worker()
    await cluster.until('it runs', () => owned(own).length === 1)
    const foreign = await cluster.worker({ group: 'other' })
    await cluster.until('the foreigner has stopped', () => {
      return foreign.handle.status().tasks[0]?.state === 'Closed'
    })
    const reason = 'HS_CONFIG: s0 belongs to group healstream, this is other'
    expect(foreign.handle.status().tasks[0]?.reason).toBe(reason)
    await cluster.send('signals', ['urgent'])
    await cluster.until('the owner goes on', async () => {
      return owned(own).length === 1 && (await cluster.drained())
    })
    expect(await cluster.problems()).toEqual([])
  })
})

describe('a member that cannot prove its ownership', () => {
  test('stops acting within a session, and starts again when it is heard', async () => {
    const cluster = await rig(1)
    const group = new Outage(['heartbeat', 'joinGroup', 'syncGroup'], false)
    const worker = await cluster.worker({ bend: group.bend })
    await cluster.until('it runs', () => owned(worker).length === 1)
    group.begin()
    await cluster.clock.advance(7_000)
    expect(worker.handle.status()).toMatchObject({ generation: -1, ready: false, tasks: [] })
    const steps = worker.toy.steps
    await cluster.send('signals', ['urgent'])
    await cluster.clock.advance(5_000)
    expect(worker.toy.steps).toBe(steps)
    group.end()
    await cluster.until('it runs again', () => owned(worker).length === 1)
    await cluster.until('all is used', () => cluster.drained())
    expect(await cluster.problems()).toEqual([])
  })
})
