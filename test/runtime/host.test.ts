// Tasks of a worker and their owners: hand-over under load, fences that never go back, members that
// cannot prove anything any more, two groups on one cluster.
import { describe, expect, test } from 'vitest'
import type { FenceEntry } from '../../src/contracts/journal.ts'
import { journalVerify, readJournal, transactionalIdOf } from '../../src/runtime/journal.ts'
import { resumeTask } from '../../src/runtime/resume.ts'
import { Outage } from '../support/bend.ts'
import type { EngineRig } from '../support/engine-rig.ts'
import { owned, useRigs } from '../support/rigs.ts'
import { NEVER } from '../support/snapshots.ts'
import { StoppableClock } from '../support/stoppable-clock.ts'
import { createToy } from '../support/toy-core.ts'

const rig = useRigs()

async function fences(cluster: EngineRig, partition = 0): Promise<readonly FenceEntry[]> {
  const journal = await cluster.journal(partition)
  return journal.flatMap(({ entry }) => (entry.kind === 'fence' ? [entry] : []))
}

describe('two workers', () => {
  test('share the tasks, lose nothing, and what stays is not disturbed', async () => {
    const cluster = await rig(4)
    const first = await cluster.worker()
    await cluster.until('the first owns all', () => owned(first).length === 4)
    const load = async (rounds: number): Promise<void> => {
      for (let i = 0; i < rounds; i++) {
        for (let partition = 0; partition < 4; partition++)
          await cluster.send('telemetry', [`${i}`, i % 3 === 0 ? 'urgent' : 'x'], partition)
        await cluster.clock.advance(100)
      }
    }
    await load(5)
    const second = await cluster.worker()
    await load(15)
    await cluster.until('they share', () => owned(second).length === 2)
    const kept = owned(first)
    first.kill()
    await load(5)
    await cluster.until('the second owns all', () => owned(second).length === 4)
    for (let partition = 0; partition < 4; partition++) {
      await cluster.until('all is used', () => cluster.drained(partition))
      expect(await cluster.problems(partition)).toEqual([])
    }
    // What the first kept through the hand-over was fenced once by it, then by its heir.
    for (const partition of kept) expect(await fences(cluster, partition)).toHaveLength(2)
  })

  test('a worker that stops hands its tasks over at once, not after a session', async () => {
    const cluster = await rig(2)
    const first = await cluster.worker()
    await cluster.until('the first owns all', () => owned(first).length === 2)
    const second = await cluster.worker()
    await cluster.until('they share', () => owned(second).length === 1)
    const startMs = cluster.clock.monotonicMs()
    await cluster.run(first.handle.stop())
    await cluster.until('the second owns all', () => owned(second).length === 2)
    expect(cluster.clock.monotonicMs() - startMs).toBeLessThan(2_000)
  })
})

describe('a fenced task', () => {
  // Story: after an answer that did not come the owner fenced again. Meanwhile another member had
  // been given the task; the two fenced each other until one of them was killed.
  test('is taken again only in a newer generation of the group', async () => {
    const cluster = await rig(1)
    const outage = new Outage(['endTxn'], false)
    const worker = await cluster.worker({ bend: outage.bend })
    await cluster.until('it runs', () => owned(worker).length === 1)
    outage.begin()
    await cluster.send('signals', ['urgent'])
    await cluster.clock.advance(1_000)
    const thief = cluster.log.writer({
      transactionalId: transactionalIdOf('hs.', 's0'),
      transactionTimeoutMs: 5_000,
      deadlineMs: 4_000,
    })
    await cluster.run(thief.fence())
    await cluster.clock.advance(4_500)
    outage.end()
    await cluster.until('all is used', () => cluster.drained())
    const [before, after] = await fences(cluster)
    expect(after?.generation).toBeGreaterThan(before?.generation ?? 99)
    expect(await cluster.problems()).toEqual([])
  })

  // Story: a follower asked for a new round with the same metadata; a broker answers that with the
  // round there is. Its task had no owner for ever.
  test('of a member that does not lead the group gets an owner again', async () => {
    const cluster = await rig(2)
    const leader = await cluster.worker()
    await cluster.until('the leader runs', () => owned(leader).length === 2)
    const outage = new Outage(['endTxn'], false)
    outage.begin()
    const follower = await cluster.worker({ bend: outage.bend })
    await cluster.clock.advance(5_500)
    outage.end()
    await cluster.until('both tasks run', () => owned(leader).length + owned(follower).length === 2)
    expect(follower.events.some(({ kind }) => kind === 'group_lost')).toBe(true)
  })

  test('belongs to one group: another one stops and says why', async () => {
    const cluster = await rig(1)
    const own = await cluster.worker()
    await cluster.until('it runs', () => owned(own).length === 1)
    const foreign = await cluster.worker({ group: 'other' })
    await cluster.until('the foreigner has stopped', () => {
      return foreign.handle.status().tasks[0]?.state === 'Closed'
    })
    const reason = 'HS_CONFIG: s0 belongs to group healstream, this is other'
    expect(foreign.handle.status().tasks[0]?.reason).toBe(reason)
    await cluster.send('signals', ['urgent'])
    await cluster.until('the owner goes on', async () => {
      return owned(own).length === 1 && (await cluster.drained())
    })
    expect(await cluster.problems()).toEqual([])
  })
})

describe('a member that cannot prove its ownership', () => {
  test('stops acting within a session, and starts again when it is heard', async () => {
    const cluster = await rig(1)
    const group = new Outage(['heartbeat', 'joinGroup', 'syncGroup'], false)
    const worker = await cluster.worker({ bend: group.bend })
    await cluster.until('it runs', () => owned(worker).length === 1)
    group.begin()
    await cluster.clock.advance(7_000)
    expect(worker.handle.status()).toMatchObject({ generation: -1, ready: false, tasks: [] })
    const steps = worker.toy.steps
    await cluster.send('signals', ['urgent'])
    await cluster.clock.advance(5_000)
    expect(worker.toy.steps).toBe(steps)
    group.end()
    await cluster.until('it runs again', () => owned(worker).length === 1)
    await cluster.until('all is used', () => cluster.drained())
    expect(await cluster.problems()).toEqual([])
  })
})

describe('a process that stood still (SIGSTOP, SIGCONT)', () => {
  const WRITES: readonly string[] = ['initProducerId', 'addPartitionsToTxn', 'produce', 'endTxn']

  // Story: what rings first in a process that goes on again is whatever was due: a tick, a commit.
  // It was made by a worker whose tasks had another owner since long; only the fence kept it out.
  test.each(['first to last', 'last to first'] as const)(
    'steps and sends nothing before its ownership is proven anew, woken from %s',
    async (order) => {
      const cluster = await rig(1)
      const clock = new StoppableClock(cluster.clock)
      const calls: string[] = []
      const bend: NonNullable<Parameters<EngineRig['worker']>[0]>['bend'] =
        (inner) => (api, request, limits) => {
          calls.push(api)
          return inner(api, request, limits)
        }
      const stopped = await cluster.worker({ clock, bend, standbys: 0 })
      await cluster.until('it runs', () => owned(stopped).length === 1)
      const heir = await cluster.worker({ standbys: 0 })
      await cluster.send('signals', ['tick 300', 'more'])
      await cluster.clock.advance(200)
      stopped.pause()
      clock.stop()
      await cluster.clock.advance(4_000)
      await cluster.send('signals', ['meanwhile', 'urgent'])
      await cluster.until('another has it', () => owned(heir).length === 1)
      await cluster.clock.advance(5_000)
      const steps = stopped.toy.steps
      calls.length = 0
      clock.go(order)
      stopped.resume()
      await cluster.clock.advance(20)
      expect(stopped.toy.steps).toBe(steps)
      expect(calls.filter((api) => WRITES.includes(api))).toEqual([])
      await cluster.clock.advance(5_000)
      expect(stopped.handle.status().generation).toBeGreaterThan(0)
      expect(await cluster.problems()).toEqual([])
    },
  )
})

describe('a stopped task', () => {
  test('holds up no other, and begins again when a person has written an override', async () => {
    const cluster = await rig(2)
    const first = await cluster.worker()
    await cluster.until('it runs', () => owned(first).length === 2)
    await cluster.send('signals', ['a', 'urgent'], 0)
    await cluster.until('used', () => cluster.drained(0))
    await cluster.run(first.handle.stop())
    const toy = createToy()
    toy.flavour = ' but different'
    const second = await cluster.worker({ toy })
    await cluster.until('it has stopped', () => {
      return second.handle.status().tasks[0]?.state === 'Closed'
    })
    expect(second.handle.status().tasks[0]?.reason).toMatch(/^HS_DIVERGED/)
    expect(owned(second)).toEqual([1])
    const journal = await cluster.journal(0)
    await cluster.clock.advance(30_000)
    // Nothing is tried again without a word of a person.
    expect(await cluster.journal(0)).toHaveLength(journal.length)
    await override(cluster)
    await cluster.until('it runs again', () => owned(second).length === 2, 10_000)
    expect(second.handle.status().tasks[0]).toMatchObject({ state: 'Running', reason: null })
  })

  test.each([
    ['before they were used', 'POSITION_LOST', 0, 3],
    ['that it has to step again, and more', 'HS_INPUT_CHANGED', 2, 3],
  ])('goes on without records %s once a person accepts it', async (_, code, used, sent) => {
    const cluster = await rig(1)
    const first = await cluster.worker({ snapshots: NEVER })
    await cluster.until('it runs', () => owned(first).length === 1)
    const records = Array.from({ length: sent }, (_unused, i) => `${i} urgent`)
    await cluster.send('results', records.slice(0, used))
    await cluster.until('used', () => cluster.drained())
    first.kill()
    await cluster.clock.advance(10_000)
    await cluster.send('results', records.slice(used))
    const admin = cluster.log.admin()
    await cluster.run(admin.deleteRecords({ topic: 'hs.results', partition: 0 }, sent))
    await cluster.run(admin.close())
    const second = await cluster.worker({ snapshots: NEVER })
    const seen = (): string | null => second.handle.status().tasks[0]?.reason ?? null
    await cluster.until('it has stopped', () => seen()?.includes(code) === true, 30_000)
    await override(cluster)
    // Said twice, it is lost once.
    await override(cluster)
    await cluster.until('it runs again', () => owned(second).length === 1, 30_000)
    const gaps = (await cluster.journal()).filter(({ entry }) => entry.kind === 'gap')
    expect(gaps.map(({ entry }) => entry)).toEqual([
      { kind: 'gap', topic: 'results', partition: 0, from: used, to: sent, by: 'ann@host' },
    ])
    await cluster.send('results', ['the next, urgent'])
    await cluster.until('it is used', () => cluster.drained())
    const [report] = await cluster.run(journalVerify(cluster.log))
    expect(report?.problem).toBe(null)
    // And so does who comes after it.
    second.kill()
    const third = await cluster.worker({ snapshots: NEVER })
    await cluster.until('the third runs', () => owned(third).length === 1, 30_000)
  })
})

describe('the fleet task', () => {
  test('is one more task: it has its own journal and reads the observations of all', async () => {
    const cluster = await rig(2)
    const fleet = createToy()
    const parts = { createFleetCore: fleet.createCore }
    const first = await cluster.worker(parts)
    const all = (): readonly string[] => first.handle.status().tasks.map(({ task }) => task)
    await cluster.until('it runs', () => first.handle.status().ready && all().length === 3)
    expect(all()).toEqual(['s0', 's1', 'fleet'])
    await cluster.send('observations', ['of 0'], 0)
    await cluster.send('observations', ['of 1', 'urgent'], 1)
    await cluster.send('policies', ['for both'], 0)
    await cluster.until('all is read', () => fleet.lastStep.value !== null && fleet.steps >= 1)
    await cluster.clock.advance(2_000)
    const at = { topic: 'hs.fleet-journal', partition: 0 }
    const kinds: string[] = []
    const slices: string[] = []
    await cluster.run(
      (async () => {
        for await (const { entry } of readJournal(cluster.log, at)) {
          kinds.push(entry.kind)
          if (entry.kind === 'steps')
            for (const step of entry.steps)
              for (const { topic, partition, from, to } of step.slices)
                slices.push(`${topic}-${partition} ${from}-${to}`)
        }
      })(),
    )
    expect(kinds.slice(0, 3)).toEqual(['genesis', 'fence', 'steps'])
    expect(slices.toSorted()).toEqual([
      'observations-0 0-1',
      'observations-1 0-2',
      'policies-0 0-1',
    ])
    // The service task of the same partition has read the same policies by itself.
    const steps = (await cluster.journal(0)).flatMap(({ entry }) =>
      entry.kind === 'steps' ? entry.steps.flatMap((step) => step.slices) : [],
    )
    expect(steps).toMatchObject([{ topic: 'policies', partition: 0, from: 0, to: 1 }])
    const second = await cluster.worker({ createFleetCore: createToy().createCore })
    await cluster.until('they share', () => second.handle.status().tasks.length > 0)
    first.kill()
    await cluster.until('the second has all', () => {
      return second.handle.status().ready && second.handle.status().tasks.length === 3
    })
  })
})

/** As `task resume` does. */
async function override(cluster: EngineRig): Promise<void> {
  const how = { prefix: 'hs.', partitions: cluster.partitions, clock: cluster.clock }
  const said = { why: 'a better program', who: 'ann@host' }
  await cluster.run(resumeTask(cluster.log, 's0', { ...how, ...said }))
}
