// Snapshots beside a running task, on the memory log: header last, the journal points at it,
// nothing waits for it; checkpoints in their time and at a graceful close.
import { afterEach, describe, expect, test } from 'vitest'
import { EngineRig } from '../support/engine-rig.ts'
import {
  comparable,
  folded,
  heavyToy,
  NEVER,
  OFTEN,
  refusals,
  restored,
  snapshotRecords,
  steps,
  withSnapshots,
  written,
} from '../support/snapshots.ts'
import { createToy } from '../support/toy-core.ts'

const rigs: EngineRig[] = []

async function rig(): Promise<EngineRig> {
  const made = new EngineRig()
  rigs.push(made)
  await made.init()
  return made
}

afterEach(async () => {
  for (const made of rigs.splice(0)) await made.stop()
})

describe('a snapshot', () => {
  test('is written beside the steps, header last, and the journal points at it', async () => {
    const cluster = await rig()
    const worker = await withSnapshots(cluster, 2)
    await steps(cluster, 12)
    worker.kill()
    const parts = await snapshotRecords(cluster)
    const first = parts.slice(0, parts.findIndex(({ header }) => header !== null) + 1)
    expect(first.map(({ index }) => index)).toEqual([0, 1, 2, 3])
    expect(first.map(({ header }) => header !== null)).toEqual([false, false, false, true])
    const pointers = (await cluster.journal()).flatMap(({ entry }) =>
      entry.kind === 'steps' && entry.snapshot !== null ? [entry.snapshot] : [],
    )
    expect(pointers.length).toBeGreaterThanOrEqual(2)
    expect(pointers.slice(0, 2)).toEqual(
      written(worker)
        .slice(0, 2)
        .map(({ offset }) => offset),
    )
    expect(await cluster.problems()).toEqual([])
  })

  test('is what a restore begins with: the same state, only the tail is stepped', async () => {
    const cluster = await rig()
    const worker = await withSnapshots(cluster, 3)
    await steps(cluster, 5)
    worker.kill()
    const toy = heavyToy()
    const outcome = await restored(cluster, { toy })
    expect(refusals(outcome)).toEqual([])
    expect(comparable(outcome.restored)).toEqual(comparable(await folded(cluster)))
    expect(toy.steps).toBe(outcome.restored.tail.steps)
    expect(toy.steps).toBeLessThan(outcome.restored.seq / 2)
  })

  test('never makes an urgent record wait', async () => {
    const cluster = await rig()
    const toy = createToy()
    toy.ballast = 5_000_000
    const worker = await cluster.worker({ toy, snapshots: { ...OFTEN, paceMs: 40 } })
    await steps(cluster, 12)
    await cluster.until('it has begun', async () => (await snapshotRecords(cluster)).length > 0)
    expect(written(worker)).toEqual([])
    const sentMs = cluster.clock.monotonicMs()
    await cluster.send('signals', ['urgent'])
    await cluster.until('said', async () =>
      (await cluster.said()).some((line) => line.includes('urgent')),
    )
    expect(cluster.clock.monotonicMs() - sentMs).toBeLessThan(100)
    await cluster.until('it is written all the same', () => written(worker).length > 0)
  })

  test('is not written when nothing happens', async () => {
    const cluster = await rig()
    const worker = await withSnapshots(cluster, 1)
    await cluster.clock.advance(5_000)
    const before = written(worker).length
    await cluster.clock.advance(600_000)
    expect(written(worker)).toHaveLength(before)
    expect(written(worker, 'checkpoint')).toEqual([])
  })
})

describe('checkpoints', () => {
  test('are written in their time while something happens, and are as good a base', async () => {
    const cluster = await rig()
    const plan = { ...NEVER, checkpointEveryMs: 5_000 }
    const worker = await cluster.worker({ toy: heavyToy(), snapshots: plan })
    for (let second = 0; second < 18; second++) {
      await cluster.send('signals', ['a'])
      await cluster.clock.advance(1_000)
    }
    expect(written(worker, 'checkpoint')).toHaveLength(3)
    await cluster.clock.advance(20_000)
    worker.kill()
    const toy = heavyToy()
    const outcome = await restored(cluster, { toy })
    expect(toy.steps).toBeLessThan(8)
    expect(comparable(outcome.restored)).toEqual(comparable(await folded(cluster)))
    expect(written(worker, 'snapshot')).toEqual([])
  })

  test('a graceful close leaves one where it can be had in time', async () => {
    const cluster = await rig()
    const plan = { ...NEVER, closeMs: 500 }
    const worker = await cluster.worker({ toy: heavyToy(), snapshots: plan })
    for (let i = 0; i < 500; i++) await cluster.send('signals', ['a'])
    await steps(cluster, 450)
    await cluster.run(worker.handle.stop())
    expect(written(worker, 'checkpoint')).toHaveLength(1)
    // A commit is answered a moment before everybody sees it; a successor's fence waits for that.
    await cluster.clock.advance(100)
    const toy = heavyToy()
    const outcome = await restored(cluster, { toy })
    expect(toy.steps).toBe(0)
    expect(comparable(outcome.restored)).toEqual(comparable(await folded(cluster)))
  }, 30_000)
})
