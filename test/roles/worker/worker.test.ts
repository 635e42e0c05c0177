// The worker role from outside: it runs what the group gives it, and says clearly why it does not.
import { afterEach, describe, expect, test } from 'vitest'
import { EngineRig } from '../../support/engine-rig.ts'

const rigs: EngineRig[] = []

async function rig(partitions = 1): Promise<EngineRig> {
  const made = new EngineRig(partitions)
  rigs.push(made)
  await made.init()
  return made
}

afterEach(async () => {
  for (const made of rigs.splice(0)) await made.stop()
})

describe('a worker', () => {
  test('turns records into committed outputs and is ready', async () => {
    const cluster = await rig(2)
    const worker = await cluster.worker()
    await cluster.until(
      'ready',
      () => worker.handle.status().tasks.length === 2 && worker.handle.status().ready,
    )
    await cluster.send('signals', ['a', 'b'], 1)
    await cluster.send('telemetry', ['c'], 1)
    await cluster.until('drained', () => cluster.drained(1))
    expect(await cluster.said(1)).toEqual(['1 signals@0 a', '2 signals@1 b', '3 telemetry@0 c'])
    expect(await cluster.problems(1)).toEqual([])
    expect(worker.handle.status().tasks.map(({ gen }) => gen)).toEqual([1, 1])
  })
})
