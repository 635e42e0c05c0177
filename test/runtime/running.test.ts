// A task while it runs: one commit in flight and steps beside it, an entry that never grows over
// its bound, and a log that does not answer bounding memory instead of filling it.
import { afterEach, describe, expect, test } from 'vitest'
import type { Transport } from '../../src/adapters/client/protocol.ts'
import type { StepsEntry } from '../../src/contracts/journal.ts'
import { topicName } from '../../src/contracts/topics.ts'
import type { Clock } from '../../src/runtime/ports.ts'
import { Outage } from '../support/bend.ts'
import { EngineRig, type RigWorker } from '../support/engine-rig.ts'

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

const seq = (worker: RigWorker): number => worker.handle.status().tasks[0]?.seq ?? 0
const isRunning = (worker: RigWorker): boolean =>
  worker.handle.status().tasks.every(({ state }) => state === 'Running')

async function stepsEntries(cluster: EngineRig, partition = 0): Promise<readonly StepsEntry[]> {
  const journal = await cluster.journal(partition)
  return journal.flatMap(({ entry }) => (entry.kind === 'steps' ? [entry] : []))
}

describe('commits', () => {
  test('steps go on while one is in flight, and are one entry afterwards', async () => {
    const cluster = await rig()
    const slow = new Outage(['endTxn'], false)
    const worker = await cluster.worker({ bend: slow.bend })
    await cluster.until('it runs', () => isRunning(worker) && seq(worker) === 1)
    await cluster.clock.advance(1_100)
    slow.begin()
    await cluster.send('signals', ['urgent'])
    await cluster.clock.advance(50)
    for (const value of ['a', 'b', 'c']) {
      await cluster.send('signals', [value])
      await cluster.clock.advance(50)
    }
    expect(seq(worker)).toBe(5)
    expect(await cluster.said()).toEqual([])
    slow.end()
    await cluster.until('all is used', () => cluster.drained())
    expect((await stepsEntries(cluster)).map(({ steps }) => steps.length)).toEqual([1, 1, 3])
    expect(await cluster.problems()).toEqual([])
  })

  // Story: a partition that nobody used was never stepped, so that its core never said when it
  // wanted to be woken. The fleet task waited for its word for ever, and refused every action.
  test('a core that has nothing to read is asked once when it wants to be woken', async () => {
    const cluster = await rig()
    const worker = await cluster.worker()
    await cluster.until('it was asked', () => seq(worker) === 1)
    await cluster.clock.advance(10_000)
    expect(seq(worker)).toBe(1)
    await worker.handle.stop()
    const again = await cluster.worker()
    await cluster.until('it runs', () => isRunning(again))
    await cluster.clock.advance(10_000)
    expect(seq(again)).toBe(1)
  })

  test('that are not urgent come in the own phase of the second', async () => {
    const cluster = await rig(4)
    const worker = await cluster.worker()
    await cluster.until('it runs', () => worker.handle.status().tasks.length === 4)
    await cluster.clock.advance(1_000)
    for (let partition = 0; partition < 4; partition++)
      await cluster.send('signals', ['a'], partition)
    await cluster.clock.advance(2_000)
    const phases: number[] = []
    for (let partition = 0; partition < 4; partition++) {
      const last = (await cluster.journal(partition)).at(-1)
      phases.push(
        ((last?.atMs ?? 0) - (cluster.clock.nowMs() - cluster.clock.monotonicMs())) % 1_000,
      )
    }
    for (const [partition, phase] of phases.entries())
      expect(Math.abs(phase - partition * 250)).toBeLessThan(50)
  })

  test('a log that does not take commits stops the reading, not the process', async () => {
    const cluster = await rig()
    const outage = new Outage(['endTxn', 'addPartitionsToTxn', 'produce'], false)
    const counter = { fetches: 0 }
    const bend = (inner: Transport): Transport => {
      const outer = outage.bend(inner)
      return (api, request, limits) => {
        if (api === 'fetch') counter.fetches++
        return outer(api, request, limits)
      }
    }
    const worker = await cluster.worker({ bend })
    await cluster.until('it runs', () => isRunning(worker))
    await cluster.clock.advance(500)
    outage.begin()
    await cluster.send('signals', ['urgent'])
    // Each value comes back in an output: six megabytes wait, four are allowed to.
    for (let i = 0; i < 120; i++) await cluster.send('telemetry', [`${i} ${'x'.repeat(50_000)}`])
    const before = seq(worker)
    const polls = counter.fetches
    await cluster.clock.advance(1_000)
    expect(counter.fetches).toBe(polls)
    outage.end()
    await cluster.until('all is used', () => cluster.drained())
    expect(before).toBeLessThan(120)
    expect(await cluster.problems()).toEqual([])
    expect(await cluster.said()).toHaveLength(121)
  })
})

describe('reading', () => {
  test('a task that reads again after a pause reads first, then lets time pass', async () => {
    // While a task is suspended its feed stands still, and what it had read to the end before is
    // not read to the end any more. Taken for read to the end, the first step afterwards was the
    // tick that had come due meanwhile, at a log time behind records nobody had looked at.
    const cluster = await rig()
    const { clock: inner } = cluster
    let jumpMs = 0
    const clock: Clock = {
      nowMs: () => inner.nowMs() + jumpMs,
      monotonicMs: () => inner.monotonicMs(),
      sleep: (ms, signal) => inner.sleep(ms, signal),
    }
    const slowReads = (carry: Transport): Transport => {
      return async (api, request, limits) => {
        if (api === 'fetch') await inner.sleep(100)
        return await carry(api, request, limits)
      }
    }
    const worker = await cluster.worker({ clock, bend: slowReads })
    await cluster.until('it runs', () => isRunning(worker))
    await cluster.clock.advance(1_000)
    jumpMs = 10_000
    await cluster.send('signals', ['tick 3000', 'urgent'])
    const state = (): string => worker.handle.status().tasks[0]?.state ?? 'none'
    await cluster.until('it is suspended', () => state() === 'Suspended')
    const before = seq(worker)
    await cluster.clock.advance(1_000)
    await cluster.send('signals', ['meanwhile'])
    await cluster.clock.advance(5_000)
    jumpMs = 0
    await cluster.until('it has ticked', async () => (await cluster.said()).includes('woken'))
    const steps = (await stepsEntries(cluster)).flatMap((entry) => entry.steps)
    const next = steps.find((step) => step.seq === before + 1)
    expect(next?.slices).toMatchObject([{ topic: 'signals', from: 2, to: 3 }])
    expect(next?.behind).toBe(true)
    expect(await cluster.problems()).toEqual([])
  })

  test('while records wait to be stepped nobody is silent', async () => {
    // Story: after a core had thrown, ten seconds of telemetry were stepped one record at a time.
    // The first of these steps said that telemetry had been read up to now, as it had been: and
    // every instance whose records were still waiting behind it had been silent for ten seconds.
    const cluster = await rig()
    await cluster.send('telemetry', ['a', 'b', 'boom', 'c', 'd'])
    await cluster.clock.advance(10_000)
    await cluster.worker()
    await cluster.until('all is used', () => cluster.drained())
    const steps = (await stepsEntries(cluster)).flatMap((entry) => entry.steps)
    const single = steps.filter(({ slices }) => slices.length > 0)
    expect(single.map(({ slices }) => slices.map(({ from, to }) => `${from}-${to}`))).toEqual([
      ['0-1'],
      ['1-2'],
      ['3-4'],
      ['4-5'],
    ])
    expect(single.map(({ behind }) => behind)).toEqual([true, true, true, false])
    const reached = single.map(({ asOf }) => asOf.some(({ topic }) => topic === 'telemetry'))
    expect(reached).toEqual([false, false, false, true])
    expect(await cluster.problems()).toEqual([])
  })

  test('a position that retention has passed stops the task', async () => {
    const cluster = await rig()
    await cluster.send('signals', ['a', 'b'])
    const at = { topic: topicName('signals'), partition: 0 }
    await cluster.run(cluster.log.admin().deleteRecords(at, 2))
    const worker = await cluster.worker()
    await cluster.until('it has stopped', () => {
      return worker.handle.status().tasks[0]?.state === 'Closed'
    })
    expect(worker.handle.status().tasks[0]?.reason).toContain('POSITION_LOST')
  })

  test('aborted records and markers are passed over, the slices still join', async () => {
    const cluster = await rig()
    const worker = await cluster.worker()
    const writer = cluster.log.writer({
      transactionalId: 'sync',
      transactionTimeoutMs: 1_000,
      deadlineMs: 500,
    })
    const remote = (value: string) => ({
      topic: topicName('remote'),
      partition: 0,
      key: null,
      value: Buffer.from(value),
      timestampMs: 0,
    })
    await cluster.run(writer.fence())
    await cluster.run(writer.commit([remote('one')]))
    const nowhere = { ...remote('lost'), topic: 'nowhere' }
    await cluster.run(writer.commit([remote('lost'), nowhere]).catch(() => undefined))
    await cluster.run(writer.fence())
    await cluster.run(writer.commit([remote('urgent two')]))
    await cluster.until('both are said', async () => (await cluster.said()).length === 2)
    worker.kill()
    await cluster.worker()
    await cluster.send('remote', ['urgent three'])
    await cluster.until('all is said', async () => (await cluster.said()).length === 3)
    expect(await cluster.problems()).toEqual([])
  })
})
