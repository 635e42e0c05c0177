// Standbys: what is kept warm is the owner's state, step for step; it never writes, survives what
// goes wrong around it, and a task that begins with it has only the last entries left to read.
import { afterEach, describe, expect, test } from 'vitest'
import type { LogPort } from '../../src/runtime/ports.ts'
import { LogError } from '../../src/runtime/log-error.ts'
import { Standby } from '../../src/runtime/standby.ts'
import { EngineRig, type RigWorker } from '../support/engine-rig.ts'
import {
  comparable,
  folded,
  heavyToy,
  NEVER,
  type Noted,
  noted,
  OFTEN,
  replayOptions,
  restored,
  steps,
  withSnapshots,
} from '../support/snapshots.ts'
import { tamperedLog } from '../support/tampered-log.ts'
import type { Toy } from '../support/toy-core.ts'

const rigs: EngineRig[] = []
const standbys: Standby[] = []

async function rig(): Promise<EngineRig> {
  const made = new EngineRig()
  rigs.push(made)
  await made.init()
  return made
}

afterEach(async () => {
  for (const made of rigs.splice(0)) {
    for (const standby of standbys.splice(0)) await made.run(standby.close())
    await made.stop()
  }
})

interface Followed {
  readonly standby: Standby
  readonly events: Noted['events']
}

function follow(
  cluster: EngineRig,
  how: { readonly log?: LogPort; readonly toy?: Toy; readonly turn?: Promise<void> } = {},
): Followed {
  const { events, instruments } = noted()
  const turn = how.turn ?? Promise.resolve()
  const standby = new Standby({ ...replayOptions(cluster, how), instruments, turn })
  standbys.push(standby)
  return { standby, events }
}

const seqOf = (worker: RigWorker): number => worker.handle.status().tasks[0]?.seq ?? 0

/** The owner's state and the standby's are one. */
async function expectSame(cluster: EngineRig, standby: Standby): Promise<void> {
  const warm = await cluster.run(standby.handOver())
  expect(warm).not.toBe(null)
  const { restored: found, events } = await restored(cluster, { warm })
  expect(events.map(({ kind }) => kind)).not.toContain('standby_failed')
  expect(comparable(found)).toEqual(comparable(await folded(cluster)))
}

describe('a standby', () => {
  test('follows the owner and goes no further than the journal', async () => {
    const cluster = await rig()
    const worker = await cluster.worker({ toy: heavyToy(), snapshots: NEVER })
    const { standby } = follow(cluster)
    await steps(cluster, 10)
    await cluster.until('it has caught up', () => standby.isReady && standby.seq > 5)
    const before = standby.seq
    await cluster.send('signals', ['not yet committed'])
    await cluster.clock.advance(20)
    expect(seqOf(worker)).toBeGreaterThan(before)
    expect(standby.seq).toBe(before)
    await cluster.until('committed', () => standby.seq === seqOf(worker))
    worker.kill()
    await expectSame(cluster, standby)
  })

  test('reads nothing before its turn, and can be ended while it waits', async () => {
    const cluster = await rig()
    await withSnapshots(cluster, 2)
    let polls = 0
    const log = tamperedLog(cluster.log, {
      beforePoll: () => {
        polls++
        return Promise.resolve()
      },
    })
    let begin: () => void = () => undefined
    const turn = new Promise<void>((resolve) => {
      begin = resolve
    })
    const waiting = follow(cluster, { log, turn })
    const given = follow(cluster, { log, turn })
    const ended = follow(cluster, { log, turn })
    await cluster.clock.advance(5_000)
    expect(await cluster.run(given.standby.handOver())).toBe(null)
    await cluster.run(ended.standby.close())
    expect(polls).toBe(0)
    begin()
    await cluster.until('it has caught up', () => waiting.standby.isReady)
  })

  test('begins with a snapshot, as an owner would', async () => {
    const cluster = await rig()
    const worker = await withSnapshots(cluster, 2)
    const toy = heavyToy()
    const { standby } = follow(cluster, { toy })
    await cluster.until('it has caught up', () => standby.isReady)
    expect(toy.steps).toBeLessThan(standby.seq)
    await steps(cluster, 10)
    await cluster.until('all is used', () => cluster.drained())
    worker.kill()
    await expectSame(cluster, standby)
  })

  test('takes skips and fences as they come', async () => {
    const cluster = await rig()
    const first = await cluster.worker({ toy: heavyToy(), snapshots: OFTEN })
    const { standby, events } = follow(cluster)
    await steps(cluster, 5)
    await cluster.send('signals', ['boom', 'a', 'boom'])
    await steps(cluster, 5)
    await cluster.until('all is used', () => cluster.drained())
    first.kill()
    const second = await cluster.worker({ toy: heavyToy(), snapshots: OFTEN })
    await cluster.send('signals', ['urgent', 'boom'])
    await cluster.until('all is used', () => cluster.drained())
    await cluster.clock.advance(2_000)
    second.kill()
    const kinds = (await cluster.journal()).map(({ entry }) => entry.kind)
    expect(kinds.filter((kind) => kind === 'skip')).toHaveLength(3)
    expect(kinds.filter((kind) => kind === 'fence').length).toBeGreaterThan(3)
    expect(events).toEqual([])
    await expectSame(cluster, standby)
  })

  test('a divergence is told, and does not touch the owner', async () => {
    const cluster = await rig()
    const worker = await cluster.worker({ toy: heavyToy(), snapshots: NEVER })
    const toy = heavyToy()
    toy.flavour = ' as another program would say it'
    const { standby, events } = follow(cluster, { toy })
    await steps(cluster, 12)
    await cluster.until('it is told', () => events.length > 0)
    expect(events[0]?.kind).toBe('standby_diverged')
    expect(standby.failure).toContain('recorded')
    expect(standby.isReady).toBe(false)
    await cluster.send('signals', ['urgent'])
    await cluster.until('the owner goes on', () => cluster.drained())
    expect(worker.handle.status().tasks[0]?.state).toBe('Running')
    expect(await cluster.run(standby.handOver())).toBe(null)
  })

  test('begins again after an error of the log, ever more slowly', async () => {
    const cluster = await rig()
    const worker = await cluster.worker({ toy: heavyToy(), snapshots: NEVER })
    let isBroken = true
    const log = tamperedLog(cluster.log, {
      beforePoll: async () => {
        await Promise.resolve()
        if (isBroken) throw new LogError('CORRUPT', 'a bad disk')
      },
    })
    const { standby, events } = follow(cluster, { log })
    await steps(cluster, 100)
    const failures = events.filter(({ kind }) => kind === 'standby_failed')
    expect(failures.length).toBeGreaterThan(3)
    expect(failures.length).toBeLessThan(9)
    expect(standby.failure).toContain('a bad disk')
    isBroken = false
    await cluster.until('it has caught up', () => standby.isReady, 40_000)
    expect(standby.failure).toBe(null)
    worker.kill()
    await expectSame(cluster, standby)
  })

  // A broker was restarted, its partitions had no leader for seconds, and every standby threw away
  // what it had kept: whoever was killed next was taken over from cold.
  test('keeps what it has while no leader answers, and goes on when one does', async () => {
    const cluster = await rig()
    const worker = await cluster.worker({ toy: heavyToy(), snapshots: NEVER })
    let isAway = false
    const log = tamperedLog(cluster.log, {
      beforePoll: async () => {
        await Promise.resolve()
        if (isAway) throw new LogError('UNAVAILABLE', 'no leader')
      },
    })
    const { standby, events } = follow(cluster, { log })
    await steps(cluster, 10)
    await cluster.until('it has caught up', () => standby.isReady && standby.seq > 0)
    isAway = true
    const before = standby.seq
    await steps(cluster, 10)
    expect([standby.seq, standby.failure]).toEqual([before, expect.stringContaining('no leader')])
    expect(events.map(({ kind }) => kind)).toEqual(['read_failed'])
    isAway = false
    await cluster.until('it goes on', () => standby.seq === seqOf(worker))
    expect([standby.isReady, standby.failure]).toEqual([true, null])
    worker.kill()
    await expectSame(cluster, standby)
  })

  test('what it kept shows that the journal was set back', async () => {
    // The journal was brought back from a copy while a standby ran: the entries that it has taken
    // are not there any more. The owner restored without it, and decided again what those had.
    const cluster = await rig()
    const worker = await cluster.worker({ toy: heavyToy(), snapshots: NEVER })
    const { standby } = follow(cluster)
    await steps(cluster, 20)
    await cluster.until('it has caught up', () => standby.isReady && standby.seq > 15)
    worker.kill()
    const journal = await cluster.journal()
    const end = journal.at(-2)?.offset ?? 0
    const warm = await cluster.run(standby.handOver())
    const log = tamperedLog(cluster.log, { end: (topic) => (topic === 'hs.journal' ? end : null) })
    expect(warm?.offset).toBeGreaterThanOrEqual(end)
    await expect(restored(cluster, { log, warm })).rejects.toMatchObject({
      code: 'HS_JOURNAL_LOST',
    })
  })

  test('ends when it is closed, wherever it is', async () => {
    for (const afterMs of [0, 1, 5, 100, 400]) {
      const cluster = await rig()
      const worker = await cluster.worker({ toy: heavyToy(), snapshots: OFTEN })
      await steps(cluster, 5)
      const { standby } = follow(cluster)
      await cluster.clock.advance(afterMs)
      await cluster.run(standby.close())
      expect(await cluster.run(standby.handOver())).toBe(null)
      worker.kill()
    }
  })
})

describe('taking over', () => {
  test('with what was kept warm takes 0.3 s from the assignment', async () => {
    const cluster = await rig()
    const first = await cluster.worker({ toy: heavyToy(), snapshots: OFTEN })
    await cluster.until('it runs', () => seqOf(first) >= 0)
    const second = await cluster.worker({ toy: heavyToy(), snapshots: OFTEN })
    for (let i = 0; i < 20; i++) await steps(cluster, 3, 3 * i)
    first.kill()
    const assigned = (): number =>
      second.events.filter(({ kind, fields }) => {
        return kind === 'group_assigned' && String(fields['tasks']).length > 0
      }).length
    await cluster.send('signals', ['urgent'])
    await cluster.until('it is given the task', () => assigned() > 0)
    const startMs = cluster.clock.monotonicMs()
    const isRunning = (): boolean => second.handle.status().tasks[0]?.state === 'Running'
    await cluster.until('it runs', isRunning)
    expect(cluster.clock.monotonicMs() - startMs).toBeLessThanOrEqual(300)
    const warm = second.events.find(({ kind }) => kind === 'task_restored')
    expect(warm?.fields['warm']).toBe(true)
    await cluster.until('all is used', () => cluster.drained())
    await cluster.clock.advance(2_000)
    second.kill()
    expect(await cluster.problems()).toEqual([])
    // The fold checks the state's digest in the fence of the one who took over.
    expect((await folded(cluster)).gen).toBe(2)
  })
})
