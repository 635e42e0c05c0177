// Parts of a journal: the last entries however far apart, so many from an offset on.
import { afterEach, expect, test } from 'vitest'
import { journalPage, type PageOptions } from '../../src/runtime/journal-page.ts'
import { serviceTask } from '../../src/runtime/task-spec.ts'
import { EngineRig } from '../support/engine-rig.ts'

const rigs: EngineRig[] = []
afterEach(async () => {
  for (const made of rigs.splice(0)) await made.stop()
})

async function grown(): Promise<EngineRig> {
  const cluster = new EngineRig()
  rigs.push(cluster)
  await cluster.init()
  const worker = await cluster.worker()
  await cluster.until('it runs', () => worker.handle.status().tasks[0]?.state === 'Running')
  for (let i = 0; i < 10; i++) {
    await cluster.send('signals', ['urgent'])
    await cluster.clock.advance(100)
  }
  await cluster.run(worker.handle.stop())
  await cluster.clock.advance(100)
  return cluster
}

const page = (cluster: EngineRig, how: Pick<PageOptions, 'from' | 'limit'>) =>
  cluster.run(journalPage(cluster.log, serviceTask(0), { prefix: 'hs.', ...how }))

test('without an offset: the last ones', async () => {
  const cluster = await grown()
  const all = await cluster.journal()
  const { entries, start, end } = await page(cluster, { from: null, limit: 3 })
  expect(entries).toEqual(all.slice(-3))
  expect([start, end > (all.at(-1)?.offset ?? 0)]).toEqual([0, true])
  const whole = await page(cluster, { from: null, limit: 1_000 })
  expect(whole.entries).toEqual(all)
})

test('with one: so many from there on, from the beginning where that is gone', async () => {
  const cluster = await grown()
  const all = await cluster.journal()
  const first = await page(cluster, { from: 0, limit: 2 })
  expect(first.entries).toEqual(all.slice(0, 2))
  // An offset between two entries is a marker.
  const between = await page(cluster, { from: 1, limit: 1 })
  expect(between.entries).toEqual(all.slice(1, 2))
  const behind = await page(cluster, { from: 1_000_000, limit: 5 })
  expect(behind.entries).toEqual([])
})
