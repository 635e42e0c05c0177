// Failure first: a worker is killed, paused or answered wrongly at every named place of a commit.
// Whatever happens, what is committed is the single-threaded fold of the journal, nothing of the
// input is lost or used twice, and gens grow by one (I1 to I4).
import { afterEach, describe, expect, test } from 'vitest'
import { lateFaults, OUTAGES, PLACES } from '../support/bend.ts'
import { EngineRig, type RigWorker } from '../support/engine-rig.ts'

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

const owns = (worker: RigWorker): boolean =>
  worker.handle.status().tasks.some(({ state }) => state === 'Running')

describe.each(Object.entries(PLACES))('killed %s', (_place, make) => {
  test('the next worker goes on where the journal ends', async () => {
    const cluster = await rig()
    let first: RigWorker | null = null
    const fault = make(() => first?.kill())
    first = await cluster.worker({ bend: fault.bend })
    const started = first
    await cluster.until('the first owns it', () => owns(started))
    const second = await cluster.worker()
    await cluster.send('signals', ['a', 'b'])
    await cluster.until('a and b are used', () => cluster.drained())
    fault.arm()
    await cluster.send('signals', ['urgent', 'c'])
    await cluster.send('telemetry', ['d', 'urgent too'])
    await cluster.until('it was struck', () => fault.struck)
    await cluster.send('results', ['e'])
    await cluster.until('the second owns it', () => owns(second))
    await cluster.until('everything is used', () => cluster.drained())
    await cluster.clock.advance(10_000)
    expect(await cluster.problems()).toEqual([])
    expect(await cluster.said()).toHaveLength(7)
    const gens = second.handle.status().tasks.map(({ gen }) => gen)
    expect(gens).toEqual([2])
  })
})

describe.each(Object.entries(PLACES))('paused %s', (_place, make) => {
  test('a zombie commits nothing and comes back as a stranger', async () => {
    const cluster = await rig()
    let first: RigWorker | null = null
    const fault = make(() => first?.pause())
    first = await cluster.worker({ bend: fault.bend })
    const zombie = first
    await cluster.until('the first owns it', () => owns(zombie))
    const second = await cluster.worker()
    fault.arm()
    await cluster.send('signals', ['urgent'])
    await cluster.until('it was struck', () => fault.struck)
    await cluster.send('signals', ['b', 'urgent'])
    await cluster.until('the second has used everything', async () => {
      return owns(second) && (await cluster.drained())
    })
    zombie.resume()
    await cluster.send('signals', ['c'])
    await cluster.clock.advance(20_000)
    await cluster.until('everything is used', () => cluster.drained())
    expect(await cluster.problems()).toEqual([])
    expect(await cluster.said()).toHaveLength(4)
    expect([zombie, second].filter(owns)).toHaveLength(1)
  })
})

describe('answered wrongly', () => {
  const names = Object.keys(lateFaults(new EngineRig().clock))
  test.each(names)('%s', async (name) => {
    const cluster = await rig()
    const fault = lateFaults(cluster.clock)[name]
    if (fault === undefined) throw new Error(name)
    const worker = await cluster.worker({ bend: fault.bend })
    await cluster.until('it runs', () => owns(worker))
    fault.arm()
    await cluster.send('signals', ['urgent', 'a'])
    await cluster.until('it was struck', () => fault.struck)
    for (let i = 0; i < 8; i++) {
      await cluster.send('telemetry', [`t${i}`, i % 2 === 0 ? 'urgent' : 'x'])
      await cluster.clock.advance(700)
    }
    await cluster.until('everything is used', () => cluster.drained())
    expect(await cluster.problems()).toEqual([])
    expect(await cluster.said()).toHaveLength(18)
    expect(owns(worker)).toBe(true)
  })
})

describe.each(Object.entries(OUTAGES))('%s', (name, make) => {
  test.each([3_000, 6_000, 15_000])('for %i ms, twice', async (lastsMs) => {
    const cluster = await rig()
    const outage = make()
    const worker = await cluster.worker({ bend: outage.bend })
    for (let round = 0; round < 2; round++) {
      await cluster.until('it runs', () => owns(worker))
      outage.begin()
      await cluster.send('signals', ['urgent', `a${round}`])
      await cluster.clock.advance(lastsMs / 2)
      await cluster.send('telemetry', ['urgent', `b${round}`])
      await cluster.clock.advance(lastsMs / 2)
      outage.end()
      await cluster.send('results', [`c${round}`])
      await cluster.until('everything is used', () => cluster.drained())
    }
    expect(outage.struck).toBeGreaterThan(1)
    expect(await cluster.problems()).toEqual([])
    expect(await cluster.said()).toHaveLength(10)
    const failed = worker.events.filter(({ kind }) => kind === 'task_failed')
    const isLong = lastsMs > 5_000 && name !== 'reading stands still'
    if (isLong && name !== 'everything unreachable') expect(failed.length).toBeGreaterThan(1)
  })
})
