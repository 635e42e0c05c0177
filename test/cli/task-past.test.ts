// A cluster that had run for some hours, all well, was told as one that opens: its fences lay
// further back in the journals than is looked, so `healstream tasks` showed gen 0 and ended with 1.
import { afterEach, expect, test } from 'vitest'
import { type PastOptions, withPast } from '../../src/cli/task-past.ts'
import type { StepsEntry } from '../../src/contracts/journal.ts'
import { BEHAVIOUR_LATEST } from '../../src/core/kernel/behaviour.ts'
import { Chain } from '../../src/runtime/chain.ts'
import { type TaskView, taskViews } from '../../src/runtime/task-view.ts'
import { EngineRig } from '../support/engine-rig.ts'
import { owning } from '../support/shares.ts'
import { NEVER, OFTEN } from '../support/snapshots.ts'
import { toyDecoder } from '../support/toy-core.ts'
import { testSerde } from '../support/core-driver.ts'
import { probe } from '../support/records.ts'
import { createServiceCore } from '../../src/core/tasks/service-task.ts'

const JOURNAL = { topic: 'hs.journal', partition: 0 }
const AT = { partition: 0, key: 'shop' }
const rigs: EngineRig[] = []
afterEach(async () => {
  for (const made of rigs.splice(0)) await made.stop()
})

/** A worker has run the tasks and left; returns who it was. */
async function lived(snapshots: typeof OFTEN): Promise<[EngineRig, string]> {
  const cluster = new EngineRig()
  rigs.push(cluster)
  await cluster.init()
  const worker = await cluster.worker({ snapshots })
  await cluster.until('it runs', () => worker.handle.status().ready)
  for (let i = 0; i < 20; i++) {
    await cluster.send('signals', [`urgent ${i}`])
    await cluster.clock.advance(100)
  }
  await cluster.until('used', () => cluster.drained())
  const { memberId } = worker.handle.status()
  await cluster.run(worker.handle.stop())
  await cluster.clock.advance(100)
  return [cluster, memberId]
}

const SIGN_OF_LIFE: StepsEntry = {
  kind: 'steps',
  steps: [],
  outputs: 0,
  outputsDigest: new Uint8Array(32),
  stateDigest: null,
  snapshot: null,
}

/** As many entries as some hours bring. */
async function hoursLater(cluster: EngineRig): Promise<void> {
  const tip = (await cluster.journal()).at(-1)?.hash ?? new Uint8Array(32)
  const writer = cluster.log.writer({
    transactionalId: 'hs.s0',
    transactionTimeoutMs: 5_000,
    deadlineMs: 4_000,
  })
  await cluster.run(writer.fence())
  const chain = new Chain(writer, cluster.clock, { at: JOURNAL, tip })
  for (let left = 17_000; left > 0; left -= 1_000)
    await cluster.run(
      chain.append(
        [],
        Array.from({ length: 1_000 }, () => SIGN_OF_LIFE),
      ),
    )
  await cluster.run(writer.close())
  await cluster.clock.advance(100)
}

async function views(
  cluster: EngineRig,
  owner: string,
  decoder: PastOptions['decoder'] = async () => toyDecoder,
): Promise<readonly TaskView[]> {
  const members = [{ memberId: owner, host: 'a', share: owning([0, 1]) }]
  const how = { prefix: 'hs.', partitions: 1 }
  const cut = await cluster.run(taskViews(cluster.log, { ...how, members }))
  return await cluster.run(withPast(cut, { log: cluster.log, ...how, decoder }))
}

test('who fenced a task hours ago runs it: its snapshot says so', async () => {
  const [cluster, member] = await lived(OFTEN)
  await hoursLater(cluster)
  const known = { gen: 1, attempt: 1, behaviour: BEHAVIOUR_LATEST }
  expect((await views(cluster, member))[0]).toMatchObject({ ...known, condition: 'running' })
  expect((await views(cluster, 'who came after'))[0]).toMatchObject({
    ...known,
    condition: 'opening',
  })
})

test('a fence behind the snapshot counts, not the one in it', async () => {
  const [cluster] = await lived(OFTEN)
  const second = await cluster.worker({ snapshots: NEVER })
  await cluster.until('it runs', () => second.handle.status().ready)
  const { memberId } = second.handle.status()
  await cluster.run(second.handle.stop())
  await cluster.clock.advance(100)
  await hoursLater(cluster)
  expect((await views(cluster, memberId))[0]).toMatchObject({ gen: 2, condition: 'running' })
})

test('without a snapshot, or a way to read it, a task is told as far as is known', async () => {
  const [cluster, member] = await lived(NEVER)
  await hoursLater(cluster)
  expect((await views(cluster, member))[0]).toMatchObject({
    gen: 0,
    behaviour: null,
    condition: 'opening',
    reason: null,
  })
  const cut = await cluster.run(
    taskViews(cluster.log, { prefix: 'hs.', partitions: 1, members: null }),
  )
  const how = { log: cluster.log, prefix: 'hs.', partitions: 1, decoder: async () => null }
  expect(await withPast(cut, how)).toBe(cut)
})

test('in the codec and of the core that users have', async () => {
  const serde = await testSerde()
  const cluster = new EngineRig()
  rigs.push(cluster)
  await cluster.init()
  const parts = { decoder: serde, encoder: serde, createCore: createServiceCore }
  const worker = await cluster.worker({ snapshots: OFTEN, parts })
  await cluster.until('it runs', () => worker.handle.status().ready)
  for (let i = 0; (await cluster.records('snapshots')).length < 2 && i < 200; i++) {
    const said = probe({ verdict: 'up', atMs: cluster.clock.nowMs(), seq: i + 1 })
    await cluster.sendBytes('signals', [serde.encode('signals', said)], AT)
    await cluster.clock.advance(100)
  }
  const { memberId } = worker.handle.status()
  await cluster.run(worker.handle.stop())
  await cluster.clock.advance(100)
  await hoursLater(cluster)
  const decoder = async () => serde
  expect((await views(cluster, memberId, decoder))[0]).toMatchObject({
    gen: 1,
    behaviour: BEHAVIOUR_LATEST,
    condition: 'running',
  })
})
