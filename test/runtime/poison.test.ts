// Poison: a record that the core throws on, and one that takes the whole process with it. Either is
// skipped, journalled and kept with its bytes; the records around it are used exactly once.
import { afterEach, describe, expect, test } from 'vitest'
import type { FenceEntry } from '../../src/contracts/journal.ts'
import { topicName } from '../../src/contracts/topics.ts'
import { CAREFUL_COMMITS, attemptOf, pauseBefore } from '../../src/runtime/poison.ts'
import { EngineRig, type RigWorker, type WorkerOptions } from '../support/engine-rig.ts'

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

const state = (worker: RigWorker): string => worker.handle.status().tasks[0]?.state ?? 'none'

async function running(cluster: EngineRig, worker: RigWorker): Promise<void> {
  await cluster.until('it runs', () => state(worker) === 'Running')
}

async function letters(cluster: EngineRig): Promise<readonly unknown[]> {
  return (await cluster.records('dlq')).map(({ value }) => {
    const letter: unknown = JSON.parse(Buffer.from(value ?? []).toString())
    return letter
  })
}

describe('a record that the core throws on', () => {
  test('goes to the dead letters with its bytes; what is around it is used', async () => {
    const cluster = await rig()
    const worker = await cluster.worker()
    await running(cluster, worker)
    await cluster.send('signals', ['a', 'b', 'boom', 'c'])
    await cluster.send('telemetry', ['d'])
    await cluster.until('everything is used', () => cluster.drained())
    expect(await cluster.problems()).toEqual([])
    expect(await cluster.said()).toHaveLength(4)
    const boom = Buffer.from('boom').toString('base64')
    expect(await letters(cluster)).toMatchObject([
      {
        origin_topic: topicName('signals'),
        origin_offset: 2,
        stage: 'poison',
        value: boom,
        task: 's0',
      },
    ])
    const skips = (await cluster.journal()).filter(({ entry }) => entry.kind === 'skip')
    expect(skips.map(({ entry }) => entry)).toMatchObject([{ reason: 'Error: boom' }])
  })

  test('delays its partition by less than a second', async () => {
    const cluster = await rig()
    const worker = await cluster.worker()
    await running(cluster, worker)
    await cluster.send('signals', ['boom', 'urgent'])
    const sentMs = cluster.clock.monotonicMs()
    await cluster.until('it is used', async () => (await cluster.said()).length === 1)
    expect(cluster.clock.monotonicMs() - sentMs).toBeLessThan(1_000)
  })

  test('several of them, apart and together, on two topics', async () => {
    const cluster = await rig()
    const worker = await cluster.worker()
    await running(cluster, worker)
    await cluster.send('signals', ['boom', 'boom', 'a', 'boom', 'b'])
    await cluster.send('results', ['c', 'boom'])
    await cluster.until('everything is used', () => cluster.drained())
    await cluster.send('signals', ['d'])
    await cluster.until('everything is used', () => cluster.drained())
    expect(await cluster.problems()).toEqual([])
    expect(await cluster.said()).toHaveLength(4)
    expect(await letters(cluster)).toHaveLength(4)
    expect(state(worker)).toBe('Running')
  })

  test('a core that takes nothing any more is stopped before all is thrown away', async () => {
    const cluster = await rig()
    const worker = await cluster.worker()
    await running(cluster, worker)
    await cluster.send(
      'signals',
      Array.from({ length: 20 }, () => 'boom'),
    )
    await cluster.until('it has stopped', () => state(worker) === 'Closed')
    expect(worker.handle.status().tasks[0]?.reason).toContain('8 records in a row')
    expect(await letters(cluster)).toHaveLength(8)
  })

  test('a restore after a skip gives the same state', async () => {
    const cluster = await rig()
    const worker = await cluster.worker()
    await running(cluster, worker)
    await cluster.send('signals', ['a', 'boom', 'b'])
    await cluster.until('everything is used', () => cluster.drained())
    worker.kill()
    const next = await cluster.worker()
    await cluster.send('signals', ['c'])
    await cluster.until('everything is used', () => cluster.drained())
    expect(await cluster.problems()).toEqual([])
    expect(state(next)).toBe('Running')
  })
})

describe('a record that kills the process', () => {
  /** Workers one after another, each of which dies where the core asks for it. */
  async function lives(cluster: EngineRig, mortal: boolean, max: number): Promise<number> {
    for (let count = 1; count <= max; count++) {
      const worker = await cluster.worker({ mortal })
      await cluster.until('it lives or dies', async () => {
        return worker.isDead() || (state(worker) === 'Running' && (await cluster.drained()))
      })
      if (!worker.isDead()) return count
    }
    return max + 1
  }

  test('is found by counting, tried alone, and skipped after five lonely deaths', async () => {
    const cluster = await rig()
    await cluster.send('signals', ['a', 'b', 'die', 'c'])
    // Two lives at the beginning, one that tries a and b alone and dies; then the same positions
    // two times, five lonely deaths, and one that passes it over.
    const count = await lives(cluster, true, 20)
    expect(count).toBeLessThanOrEqual(12)
    expect(await cluster.problems()).toEqual([])
    expect(await cluster.said()).toHaveLength(3)
    expect(await letters(cluster)).toMatchObject([{ origin_offset: 2, stage: 'poison' }])
    const fences = (await cluster.journal()).flatMap(({ entry }) =>
      entry.kind === 'fence' ? [entry] : [],
    )
    const tried = fences.filter(({ suspect }) => suspect?.offset === 2)
    expect(tried.map(({ attempt }) => attempt)).toEqual([3, 4, 5, 6, 7, 8])
  })

  // A simulated cluster lost thirty-one workers to one record: each of them had committed what lay
  // in other inputs before it came to the record, so each life counted as the first one there.
  test('is found too where every life commits something else first', async () => {
    const cluster = await rig()
    const bend: WorkerOptions['bend'] = (inner) => async (api, request, limits) => {
      const isBulk = JSON.stringify(request).includes(topicName('telemetry'))
      if (api === 'fetch' && isBulk) await cluster.clock.sleep(1_500)
      return await inner(api, request, limits)
    }
    await cluster.send('telemetry', ['a', 'die', 'b'])
    let count = 0
    for (let isOver = false; !isOver && count < 20; count++) {
      await cluster.send('signals', [`u${count}`])
      const worker = await cluster.worker({ mortal: true, bend })
      await cluster.until('it lives or dies', async () => {
        return worker.isDead() || (state(worker) === 'Running' && (await cluster.drained()))
      })
      isOver = !worker.isDead()
    }
    expect(count).toBeLessThanOrEqual(12)
    expect(await cluster.problems()).toEqual([])
    expect(await letters(cluster)).toMatchObject([{ origin_offset: 1, stage: 'poison' }])
  })

  test('a worker that is killed from outside a few times costs no record', async () => {
    const cluster = await rig()
    await cluster.send('signals', ['a', 'b'])
    for (let life = 0; life < 6; life++) {
      const worker = await cluster.worker()
      await cluster.until('it is fenced', async () => {
        return (await cluster.journal()).filter((e) => e.entry.kind === 'fence').length > life
      })
      worker.kill()
    }
    await lives(cluster, false, 1)
    expect(await cluster.problems()).toEqual([])
    expect(await letters(cluster)).toEqual([])
  })

  // Three workers were killed before a task had committed anything, while its inputs grew: the
  // fourth committed record after record for minutes, and never came to the end of its inputs.
  test('the search is over when it has found nothing in some hundred records', async () => {
    const cluster = await rig()
    const many = Array.from({ length: CAREFUL_COMMITS + 500 }, (_, i) => `r${i}`)
    await cluster.send('signals', many)
    for (let life = 0; life < 3; life++) {
      let asked = 0
      const bend: WorkerOptions['bend'] = (inner) => async (api, request, limits) => {
        // Nothing but the fence gets there.
        if (api === 'addPartitionsToTxn' && ++asked > 1) await new Promise(() => undefined)
        return await inner(api, request, limits)
      }
      const worker = await cluster.worker({ bend })
      await cluster.until('it is fenced', async () => {
        return (await cluster.journal()).filter((e) => e.entry.kind === 'fence').length > life
      })
      worker.kill()
    }
    await lives(cluster, false, 1)
    const commits = (await cluster.journal()).filter(({ entry }) => entry.kind === 'steps').length
    expect(commits).toBeGreaterThanOrEqual(CAREFUL_COMMITS)
    expect(commits).toBeLessThan(CAREFUL_COMMITS + 100)
    expect(await cluster.problems()).toEqual([])
  })
})

describe('attempts', () => {
  const fence: FenceEntry = {
    kind: 'fence',
    gen: 7,
    member: 'm',
    group: 'g',
    generation: 1,
    attempt: 4,
    suspect: { topic: 'signals', partition: 0, offset: 9 },
    positions: [],
    stateDigest: new Uint8Array(32),
  }

  const stood = { lastFence: fence, movedSinceFence: false }
  const moved = { lastFence: fence, movedSinceFence: true }
  const none = { lastFence: null, movedSinceFence: false }

  test.each([
    ['nothing was ever fenced', none, 'assigned', null, 1],
    ['the last life came further', moved, 'assigned', null, 1],
    ['it did, and what was named waits still', moved, 'assigned', 'named', 5],
    ['it did, and another record waits', moved, 'assigned', 'other', 3],
    ['the process died', stood, 'assigned', 'named', 5],
    ['it died, and nothing waits', stood, 'assigned', null, 5],
    ['it died, and another record waits', stood, 'assigned', 'other', 3],
    ['the core threw', stood, 'core', 'named', 5],
    ['the log failed', stood, 'log', 'named', 4],
    ['the log failed further on', moved, 'log', 'named', 4],
    ['the log failed at another record', moved, 'log', 'other', 2],
  ] as const)('%s', (...[, journal, cause, waiting, expected]) => {
    expect(attemptOf(journal, cause, waiting)).toBe(expected)
  })

  test('restarts of a healthy worker, each with a record on its way, are not counted', async () => {
    const cluster = await rig()
    for (let life = 0; life < 6; life++) {
      await cluster.send('signals', [`u${life}`])
      const worker = await cluster.worker()
      await cluster.until('everything is used', () => cluster.drained())
      worker.kill()
    }
    const fences = (await cluster.journal()).flatMap(({ entry }) =>
      entry.kind === 'fence' ? [entry.attempt] : [],
    )
    expect(fences).toEqual([1, 1, 1, 1, 1, 1])
  })
})

describe('a life after many at the same place', () => {
  test('waits longer each time, up to half a minute; the first ones do not wait', () => {
    const pauses = Array.from({ length: 12 }, (_, i) => pauseBefore(i + 1, true))
    expect(pauses.slice(0, 6)).toEqual([0, 0, 0, 250, 500, 1_000])
    expect(pauses.slice(-2)).toEqual([30_000, 30_000])
    // Where nothing waits it may well have been killed from outside, over and over.
    expect(pauseBefore(12, false)).toBe(0)
    expect(pauseBefore(13, false)).toBe(250)
  })

  test('says what it waits for, and the other tasks of the worker do not wait', async () => {
    const cluster = new EngineRig(2)
    rigs.push(cluster)
    await cluster.init()
    await cluster.send('signals', ['die'], 0)
    for (let attempt = 1; attempt <= 4; attempt++) {
      const worker = await cluster.worker({ mortal: true, standbys: 0 })
      await cluster.until('it dies', () => worker.isDead())
    }
    const next = await cluster.worker({ standbys: 0 })
    const of = (partition: number): { state: string; reason: string | null } | undefined =>
      next.handle.status().tasks.find((task) => task.partition === partition)
    await cluster.until('it waits', () => (of(0)?.reason ?? '').startsWith('life 5 at the same'))
    expect(of(0)).toMatchObject({
      state: 'Restoring',
      reason: 'life 5 at the same place, at signals-0@0: begins after 0.5 s',
    })
    await cluster.clock.advance(200)
    expect([of(0)?.state, of(1)?.state]).toEqual(['Restoring', 'Running'])
    await cluster.until('it runs', () => of(0)?.state === 'Running')
  })
})
