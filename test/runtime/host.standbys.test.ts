// What the members of a group follow without owning it, as one worker after another comes and goes.
import { describe, expect, test } from 'vitest'
import { Outage } from '../support/bend.ts'
import type { RigWorker, WorkerOptions } from '../support/engine-rig.ts'
import { owned, useRigs } from '../support/rigs.ts'
import { heavyToy, withSnapshots } from '../support/snapshots.ts'
import { createToy } from '../support/toy-core.ts'

const rig = useRigs()

describe('standbys', () => {
  const warm = ({ events }: RigWorker): readonly unknown[] =>
    events.flatMap(({ kind, fields }) => (kind === 'task_restored' ? [fields['warm']] : []))

  test('a dead owner: who followed goes on without a restore', async () => {
    const cluster = await rig(2)
    const first = await cluster.worker()
    await cluster.until('the first owns all', () => owned(first).length === 2)
    const second = await cluster.worker()
    await cluster.until('they share', () => owned(second).length === 1)
    for (let i = 0; i < 20; i++) {
      await cluster.send('telemetry', [`${i}`], owned(first)[0])
      await cluster.clock.advance(100)
    }
    await cluster.until('the second follows', () =>
      second.handle.status().standby.every(({ ready }) => ready),
    )
    expect(second.handle.status().standby).toHaveLength(1)
    first.kill()
    await cluster.until('the second owns all', () => owned(second).length === 2)
    expect(warm(second)).toEqual([true, true])
    for (const partition of [0, 1]) expect(await cluster.problems(partition)).toEqual([])
  })

  test('a task moves only when its next owner has caught up, and runs meanwhile', async () => {
    const cluster = await rig(2)
    const slow = new Outage(['fetch'], false)
    const first = await cluster.worker({ standbys: 0 })
    await cluster.until('the first owns all', () => owned(first).length === 2)
    const second = await cluster.worker({ standbys: 0, bend: slow.bend })
    slow.begin()
    await cluster.clock.advance(8_000)
    expect([owned(first).length, owned(second).length]).toEqual([2, 0])
    slow.end()
    await cluster.until('they share', () => owned(second).length === 1, 8_000)
    expect(warm(second)).toEqual([true])
  })

  // Story: after the loss of all workers each restored what it followed beside what it owned, and
  // nobody judged anything for twice as long.
  test('are restored when the worker has restored what it owns', async () => {
    const cluster = await rig(2)
    const first = await withSnapshots(cluster, 1)
    await cluster.until('both run', () => owned(first).length === 2)
    first.kill()
    await cluster.clock.advance(10_000)
    let end: () => void = () => undefined
    const ended = new Promise<void>((resolve) => {
      end = resolve
    })
    const bend: WorkerOptions['bend'] = (inner) => async (api, request, limits) => {
      const isOf0 = JSON.stringify(request).includes('hs.snapshots","partition":0')
      if (api === 'fetch' && isOf0) await ended
      return await inner(api, request, limits)
    }
    const make = (): Promise<RigWorker> => cluster.worker({ bend, toy: heavyToy() })
    const workers = await Promise.all([make(), make()])
    const followed = (): number => workers.flatMap(({ handle }) => handle.status().standby).length
    await cluster.until('each follows', () => followed() === 2)
    await cluster.clock.advance(500)
    const waiting = workers.find((worker) => owned(worker).length === 0)
    const standby = (): unknown => waiting?.handle.status().standby
    expect(standby()).toMatchObject([{ task: 's1', ready: false, seq: 0 }])
    end()
    const isReady = ({ handle }: RigWorker): boolean => handle.status().standby[0]?.ready === true
    await cluster.until('all follow', () => workers.every(isReady))
    expect(workers.map((worker) => owned(worker).length)).toEqual([1, 1])
  })

  test('what stays steps on through a rebalance: no gap of ticks above two seconds', async () => {
    const cluster = await rig(2)
    const times: number[] = []
    const toy = createToy()
    const createCore: typeof toy.createCore = (context, image) => {
      const core = toy.createCore(context, image)
      const step = core.step.bind(core)
      const isWatched = context.partition === 0
      core.step = (one) => {
        if (isWatched) times.push(cluster.clock.monotonicMs())
        return { ...step(one), wakeAtMs: one.nowMs + 200 }
      }
      return core
    }
    const first = await cluster.worker({ toy: { ...toy, createCore }, standbys: 0 })
    await cluster.until('the first owns all', () => owned(first).length === 2)
    await cluster.send('signals', ['urgent'], 0)
    await cluster.clock.advance(2_000)
    times.length = 0
    const others = [await cluster.worker({ standbys: 0 }), await cluster.worker({ standbys: 0 })]
    await cluster.clock.advance(4_000)
    for (const other of others) await cluster.run(other.handle.stop())
    await cluster.clock.advance(2_000)
    expect(owned(first)).toContain(0)
    const gaps = times.map((at, i) => at - (times[i - 1] ?? at))
    expect(times.length).toBeGreaterThan(20)
    expect(Math.max(...gaps)).toBeLessThan(2_000)
  })
})
