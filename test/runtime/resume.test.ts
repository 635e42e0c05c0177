// The word of a person in a journal: chained to it, under the task's own id, and only in words.
import { afterEach, expect, test } from 'vitest'
import { topicName } from '../../src/contracts/topics.ts'
import { journalVerify } from '../../src/runtime/journal.ts'
import { type Resumed, resumeTask } from '../../src/runtime/resume.ts'
import { EngineRig } from '../support/engine-rig.ts'

const rigs: EngineRig[] = []
afterEach(async () => {
  for (const made of rigs.splice(0)) await made.stop()
})

async function rig(): Promise<EngineRig> {
  const made = new EngineRig()
  rigs.push(made)
  await made.init()
  return made
}

function resume(cluster: EngineRig, name: string, more: object = {}): Promise<Resumed> {
  const how = { prefix: 'hs.', partitions: 1, clock: cluster.clock, why: 'so', who: 'ann@host' }
  return cluster.run(resumeTask(cluster.log, name, { ...how, ...more }))
}

test('the entry follows the last one, and the chain holds', async () => {
  const cluster = await rig()
  const { offset, lost } = await resume(cluster, 's0', { why: '  looked at it  ' })
  expect(lost).toEqual([])
  await cluster.clock.advance(50)
  const last = (await cluster.journal()).at(-1)
  expect(last?.offset).toBe(offset)
  expect(last?.entry).toEqual({ kind: 'override', why: 'looked at it', who: 'ann@host' })
  await resume(cluster, 'fleet')
  await cluster.clock.advance(50)
  const reports = await cluster.run(journalVerify(cluster.log))
  expect(reports.map(({ task, problem }) => [task, problem])).toEqual([
    ['s0', null],
    ['fleet', null],
  ])
})

test('whoever runs the task is fenced, and takes it again only in a newer generation', async () => {
  const cluster = await rig()
  const worker = await cluster.worker()
  const running = (): boolean => worker.handle.status().tasks[0]?.state === 'Running'
  await cluster.until('it runs', running)
  await cluster.send('signals', ['a', 'urgent'])
  await cluster.until('used', () => cluster.drained())
  await resume(cluster, 's0')
  await cluster.send('signals', ['b', 'urgent'])
  await cluster.until('used', () => cluster.drained())
  const fences = (await cluster.journal()).flatMap(({ entry }) =>
    entry.kind === 'fence' ? [entry.generation] : [],
  )
  expect(fences).toHaveLength(2)
  expect(fences[1]).toBeGreaterThan(fences[0] ?? 99)
  expect(await cluster.problems()).toEqual([])
})

test.each([
  ['s9', {}, 'HS_NOT_FOUND'],
  ['s0', { why: ' ' }, 'HS_USAGE'],
  ['s0', { why: 'x'.repeat(1_025) }, 'HS_USAGE'],
  ['s0', { who: '' }, 'HS_USAGE'],
])('%s with %j is refused: %s', async (name, more, code) => {
  const cluster = await rig()
  await expect(resume(cluster, name, more)).rejects.toMatchObject({ code })
  expect(await cluster.journal()).toHaveLength(1)
})

test('a journal that no word can mend is left as it is', async () => {
  const cluster = await rig()
  const value = Buffer.from('garbage')
  const record = { topic: topicName('journal'), partition: 0, key: null, value, timestampMs: 0 }
  await cluster.run(cluster.log.producer().send([record]))
  await expect(resume(cluster, 's0')).rejects.toMatchObject({ code: 'HS_CHAIN_BROKEN' })
})
