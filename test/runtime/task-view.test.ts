// Tasks as journals and group tell of them: who runs what, what waits, and what cannot be told.
import { afterEach, expect, test } from 'vitest'
import { topicName } from '../../src/contracts/topics.ts'
import { BEHAVIOUR_LATEST } from '../../src/core/kernel/behaviour.ts'
import type { TaskMember, TaskView } from '../../src/runtime/task-view.ts'
import { taskViews } from '../../src/runtime/task-view.ts'
import { EngineRig, type RigWorker } from '../support/engine-rig.ts'
import { owning } from '../support/shares.ts'

const rigs: EngineRig[] = []
afterEach(async () => {
  for (const made of rigs.splice(0)) await made.stop()
})

async function rig(): Promise<EngineRig> {
  const made = new EngineRig(2)
  rigs.push(made)
  await made.init()
  return made
}

async function views(
  cluster: EngineRig,
  members: readonly TaskMember[] | null,
): Promise<readonly TaskView[]> {
  const how = { prefix: 'hs.', partitions: 2, members }
  return await cluster.run(taskViews(cluster.log, how))
}

const member = (memberId: string, tasks: readonly number[]): TaskMember => ({
  memberId,
  host: '10.0.0.7',
  share: { ...owning(tasks), standby: [2], coming: [2] },
})

async function running(cluster: EngineRig): Promise<RigWorker> {
  const worker = await cluster.worker()
  await cluster.until('it runs', () => {
    const { ready, tasks } = worker.handle.status()
    return ready && tasks.length === 2
  })
  return worker
}

test('who has fenced a task and has it runs it; who only has it is opening it', async () => {
  const cluster = await rig()
  const worker = await running(cluster)
  await cluster.send('signals', ['a', 'urgent'])
  await cluster.until('used', () => cluster.drained())
  const { memberId } = worker.handle.status()
  const all = await views(cluster, [member(memberId, [0]), member('other', [1])])
  expect(all.map(({ task, condition }) => [task, condition])).toEqual([
    ['s0', 'running'],
    ['s1', 'opening'],
    ['fleet', 'unowned'],
  ])
  expect(all[0]).toMatchObject({
    owner: memberId,
    host: '10.0.0.7',
    gen: 1,
    attempt: 1,
    behaviour: BEHAVIOUR_LATEST,
    reason: null,
    behind: false,
    lag: 0,
    seq: worker.handle.status().tasks[0]?.seq,
  })
  expect(all[2]).toMatchObject({ standby: [memberId, 'other'], coming: [memberId, 'other'] })
  const unknown = await views(cluster, null)
  expect(unknown.map(({ condition }) => condition)).toEqual(['unknown', 'unknown', 'unknown'])
})

test('what nobody steps is lag', async () => {
  const cluster = await rig()
  const worker = await running(cluster)
  await cluster.run(worker.handle.stop())
  await cluster.send('signals', ['a', 'b', 'c'], 1)
  const all = await views(cluster, [])
  expect(all.map(({ lag }) => lag)).toEqual([0, 3, 0])
  expect(all.map(({ condition }) => condition)).toEqual(['unowned', 'unowned', 'unowned'])
})

test('a fence a thousand entries back is found', async () => {
  const cluster = await rig()
  const worker = await running(cluster)
  for (let i = 0; i < 120; i++) {
    await cluster.send('signals', ['urgent'])
    await cluster.clock.advance(40)
  }
  const entries = await cluster.journal()
  expect(entries.length).toBeGreaterThan(64)
  const { memberId } = worker.handle.status()
  const [first] = await views(cluster, [member(memberId, [0, 1])])
  expect(first).toMatchObject({ condition: 'running', gen: 1 })
})

test('a journal that cannot be read is broken, and the others are told all the same', async () => {
  const cluster = await rig()
  const worker = await running(cluster)
  await cluster.run(worker.handle.stop())
  const value = Buffer.from('garbage')
  const record = { topic: topicName('journal'), partition: 0, key: null, value, timestampMs: 0 }
  await cluster.run(cluster.log.producer().send([record]))
  await cluster.clock.advance(100)
  const all = await views(cluster, [])
  expect(all[0]).toMatchObject({ condition: 'broken' })
  expect(all[0]?.reason).toMatch(/^HS_CHAIN_BROKEN: hs.journal-0@/)
  expect(all[1]).toMatchObject({ condition: 'unowned', reason: null })
})
