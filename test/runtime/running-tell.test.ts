// What a running task tells for dashboards: its commits, those in doubt, and how far its inputs are
// ahead of it.
import { expect, test } from 'vitest'
import { Outage } from '../support/bend.ts'
import { EngineRig, type RigWorker } from '../support/engine-rig.ts'

async function rig(): Promise<EngineRig> {
  const cluster = new EngineRig(1)
  await cluster.init()
  return cluster
}

const runs = (worker: RigWorker): boolean =>
  worker.handle.status().tasks.some(({ state }) => state === 'Running')

/** The last gauge of each input, as a scrape would see it; what was taken away is not there. */
function lags({ events }: RigWorker): Readonly<Record<string, number>> {
  const gauges = new Map<string, number>()
  for (const { kind, fields } of events) {
    if (kind !== 'task_lag') continue
    const key = `${fields['consumergroup']} ${fields['topic']}-${fields['partition']}`
    if (typeof fields['records'] === 'number') gauges.set(key, fields['records'])
    else gauges.delete(key)
  }
  return Object.fromEntries(gauges)
}

const told = ({ events }: RigWorker, wanted: string): number =>
  events.filter(({ kind }) => kind === wanted).length

test('the lag of an input is told, and is gone with its task', async () => {
  const cluster = await rig()
  const outage = new Outage(['endTxn'], false)
  const worker = await cluster.worker({ bend: outage.bend })
  await cluster.until('it runs', () => runs(worker))
  await cluster.send('signals', ['a', 'b', 'c'])
  await cluster.until('all is used', () => cluster.drained())
  await cluster.clock.advance(2_000)
  await cluster.send('signals', ['d'])
  await cluster.until('it is told', () => lags(worker)['healstream hs.signals-0'] === 0)
  await cluster.run(worker.handle.stop())
  expect(lags(worker)).toEqual({})
})

test('a commit whose answer never came is counted, one that succeeded is not', async () => {
  const cluster = await rig()
  const outage = new Outage(['endTxn'], true)
  const worker = await cluster.worker({ bend: outage.bend })
  await cluster.until('it runs', () => runs(worker))
  await cluster.send('signals', ['a'])
  await cluster.until('all is used', () => cluster.drained())
  expect(told(worker, 'commit_in_doubt')).toBe(0)
  const commits = worker.events.findLast(({ kind }) => kind === 'task_commit')
  expect(commits?.fields['seconds']).toBe(Number(commits?.fields['ms']) / 1_000)
  outage.begin()
  await cluster.send('signals', ['b'])
  await cluster.until('it is told', () => told(worker, 'commit_in_doubt') > 0)
  outage.end()
  await cluster.until('it runs again', () => runs(worker))
  expect(await cluster.problems()).toEqual([])
})
