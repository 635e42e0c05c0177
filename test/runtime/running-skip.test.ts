// A record that the core cannot take, stepped alone: its skip, its letter and the steps before it
// are one transaction; a core that takes nothing any more is not let through all of its input.
import { afterEach, expect, test } from 'vitest'
import { SKIPS_IN_A_ROW_MAX } from '../../src/runtime/running-skip.ts'
import { EngineRig, type RigWorker } from '../support/engine-rig.ts'

let cluster: EngineRig | null = null

afterEach(async () => {
  await cluster?.stop()
  cluster = null
})

async function running(): Promise<{ rig: EngineRig; worker: RigWorker }> {
  const rig = new EngineRig()
  cluster = rig
  await rig.init()
  const worker = await rig.worker()
  await rig.until('it runs', () => worker.handle.status().tasks[0]?.state === 'Running')
  return { rig, worker }
}

test('the record is skipped with its letter, and everything around it is used', async () => {
  const { rig, worker } = await running()
  await rig.send('signals', ['a', 'boom', 'b'])
  await rig.until('all is used', () => rig.drained())
  expect(await rig.problems()).toEqual([])
  expect((await rig.said()).map((line) => line.split(' ').at(-1))).toEqual(['a', 'b'])
  expect(await rig.records('dlq')).toHaveLength(1)
  const skipped = worker.events.filter(({ kind }) => kind === 'poison_skipped')
  expect(skipped).toMatchObject([{ fields: { topic: 'signals', partition: 0, offset: 1 } }])
})

test('so many in a row stop the task', async () => {
  const { rig, worker } = await running()
  await rig.send(
    'signals',
    Array.from({ length: SKIPS_IN_A_ROW_MAX + 1 }, () => 'boom'),
  )
  const reason = (): string => worker.handle.status().tasks[0]?.reason ?? ''
  await rig.until('it stops', () => reason().includes('in a row'))
  expect(await rig.records('dlq')).toHaveLength(SKIPS_IN_A_ROW_MAX)
})
