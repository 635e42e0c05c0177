// The life of a task: what it does without a journal, with a foreign or damaged one, with input
// that changed, with a program that changed, with a wrong clock; and what it costs while idle.
import { afterEach, describe, expect, test } from 'vitest'
import { HsError } from '../../src/contracts/failure.ts'
import { clusterId } from '../../src/contracts/ids.ts'
import { encodeEntry } from '../../src/contracts/journal-codec.ts'
import { topicName } from '../../src/contracts/topics.ts'
import type { Clock } from '../../src/runtime/ports.ts'
import { sha256 } from '../../src/runtime/journal.ts'
import { diagram } from '../../src/core/kernel/machine.ts'
import { TASK_TRANSITIONS } from '../../src/runtime/task-state.ts'
import type { Transport } from '../../src/adapters/client/protocol.ts'
import { Outage } from '../support/bend.ts'
import { EngineRig, type RigWorker } from '../support/engine-rig.ts'
import { createToy } from '../support/toy-core.ts'

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

const state = (worker: RigWorker): string => worker.handle.status().tasks[0]?.state ?? 'none'
const reason = (worker: RigWorker): string => worker.handle.status().tasks[0]?.reason ?? ''

async function running(cluster: EngineRig, worker: RigWorker): Promise<void> {
  await cluster.until('it runs', () => state(worker) === 'Running')
}

async function used(cluster: EngineRig): Promise<void> {
  await cluster.until('everything is used', () => cluster.drained())
}

async function refusal(cluster: EngineRig): Promise<HsError> {
  const error: unknown = await cluster.worker().catch((thrown: unknown) => thrown)
  if (error instanceof HsError) return error
  throw new Error(`no refusal: ${String(error)}`)
}

/** Writes raw bytes as the next entry of the journal, as a stranger with access could. */
async function forge(cluster: EngineRig, value: Uint8Array): Promise<void> {
  const producer = cluster.log.producer()
  const record = { topic: topicName('journal'), partition: 0, key: null, value, timestampMs: 0 }
  await cluster.run(producer.send([record]))
  await cluster.run(producer.close())
}

describe('before a task runs', () => {
  test('no topics: HS_NO_GENESIS, never a silent fresh start', async () => {
    const cluster = new EngineRig()
    rigs.push(cluster)
    const error = await refusal(cluster)
    expect(error.code).toBe('HS_NO_GENESIS')
    expect(error.fix).toContain('healstream init')
  })

  test('topics but an empty journal: HS_NO_GENESIS', async () => {
    const cluster = await rig()
    const admin = cluster.log.admin()
    const [end] = await cluster.run(
      admin.offsets([{ topic: topicName('journal'), partition: 0 }], 'latest', 'read_committed'),
    )
    await cluster.run(admin.deleteRecords({ topic: topicName('journal'), partition: 0 }, end ?? 0))
    expect((await refusal(cluster)).code).toBe('HS_NO_GENESIS')
  })

  test('the journal of one partition is gone: that task stops, the others run', async () => {
    const cluster = await rig(2)
    const admin = cluster.log.admin()
    const at = { topic: topicName('journal'), partition: 1 }
    const [end] = await cluster.run(admin.offsets([at], 'latest', 'read_committed'))
    await cluster.run(admin.deleteRecords(at, end ?? 0))
    const worker = await cluster.worker()
    await cluster.until('s1 has stopped', () => worker.handle.status().tasks[1]?.state === 'Closed')
    expect(worker.handle.status().tasks[1]?.reason).toContain('HS_NO_GENESIS')
    await running(cluster, worker)
    expect(worker.handle.status().ready).toBe(false)
  })

  test('the journal of another cluster: HS_FOREIGN_CLUSTER', async () => {
    const cluster = await rig()
    const [genesis] = await cluster.journal()
    if (genesis?.entry.kind !== 'genesis') throw new Error('no genesis')
    const foreign = new EngineRig()
    rigs.push(foreign)
    await foreign.init()
    const admin = foreign.log.admin()
    const at = { topic: topicName('journal'), partition: 0 }
    const [end] = await foreign.run(admin.offsets([at], 'latest', 'read_committed'))
    await foreign.run(admin.deleteRecords(at, end ?? 0))
    const theirs = { ...genesis.entry, clusterId: clusterId('somewhere-else') }
    await forge(foreign, encodeEntry(theirs, new Uint8Array(32), sha256).bytes)
    expect((await refusal(foreign)).code).toBe('HS_FOREIGN_CLUSTER')
  })
})

describe('restore', () => {
  test('a broken chain stops the task and names the entry', async () => {
    const cluster = await rig()
    const worker = await cluster.worker()
    await running(cluster, worker)
    await cluster.send('signals', ['urgent'])
    await used(cluster)
    await cluster.run(worker.handle.stop())
    await forge(cluster, Buffer.from('not an entry'))
    const next = await cluster.worker()
    await cluster.until('it has stopped', () => state(next) === 'Closed')
    expect(reason(next)).toMatch(/^HS_CHAIN_BROKEN: hs[.]journal-0@\d+: /)
  })

  test('an entry that does not follow the one before it is found', async () => {
    const cluster = await rig()
    const entry = { kind: 'override', why: 'x', who: 'y' } as const
    await forge(cluster, encodeEntry(entry, new Uint8Array(32).fill(7), sha256).bytes)
    const worker = await cluster.worker()
    await cluster.until('it has stopped', () => state(worker) === 'Closed')
    expect(reason(worker)).toContain('does not follow the entry before it')
  })

  test('a program that says something else stops with HS_DIVERGED and sends nothing', async () => {
    const cluster = await rig()
    const worker = await cluster.worker()
    await running(cluster, worker)
    await cluster.send('signals', ['a', 'urgent'])
    await used(cluster)
    await cluster.run(worker.handle.stop())
    const before = await cluster.said()
    const toy = createToy()
    toy.flavour = ' changed'
    const next = await cluster.worker({ toy })
    await cluster.send('signals', ['b'])
    await cluster.until('it has stopped', () => state(next) === 'Closed')
    expect(reason(next)).toMatch(/^HS_DIVERGED: entry at offset \d+: steps 1 and on gave 2 outputs/)
    await cluster.clock.advance(10_000)
    expect(await cluster.said()).toEqual(before)
  })

  test('an override entry accepts what diverged before it, not what comes after', async () => {
    const cluster = await rig()
    const worker = await cluster.worker()
    await running(cluster, worker)
    await cluster.send('signals', ['a', 'urgent'])
    await used(cluster)
    await cluster.run(worker.handle.stop())
    await cluster.clock.advance(50)
    const journal = await cluster.journal()
    const entry = { kind: 'override', why: 'seen and accepted', who: 'a person' } as const
    const tip = journal.at(-1)?.hash ?? new Uint8Array(32)
    await forge(cluster, encodeEntry(entry, tip, sha256).bytes)
    const toy = createToy()
    toy.flavour = ' changed'
    const next = await cluster.worker({ toy })
    await running(cluster, next)
    await cluster.send('signals', ['b'])
    await used(cluster)
    expect((await cluster.said()).at(-1)).toBe('3 signals@2 b changed')
    await cluster.run(next.handle.stop())
    const old = await cluster.worker()
    await cluster.until('it has stopped', () => state(old) === 'Closed')
    expect(reason(old)).toContain('HS_DIVERGED')
  })

  test('deleted input is told apart from nondeterminism: HS_INPUT_CHANGED', async () => {
    const cluster = await rig()
    const worker = await cluster.worker()
    await running(cluster, worker)
    await cluster.send('signals', ['a', 'b', 'c'])
    await used(cluster)
    await cluster.run(worker.handle.stop())
    const admin = cluster.log.admin()
    await cluster.run(admin.deleteRecords({ topic: topicName('signals'), partition: 0 }, 2))
    const next = await cluster.worker()
    await cluster.until('it has stopped', () => state(next) === 'Closed')
    expect(reason(next)).toContain('HS_INPUT_CHANGED')
  })

  test('gives the same state: each life digests what the one before left', async () => {
    const cluster = await rig()
    for (let life = 0; life < 5; life++) {
      const worker = await cluster.worker()
      await running(cluster, worker)
      await cluster.send('signals', [`a${life}`, 'urgent'])
      await cluster.send('telemetry', [`b${life}`])
      await used(cluster)
      if (life % 2 === 0) await cluster.run(worker.handle.stop())
      else worker.kill()
      await cluster.clock.advance(8_000)
    }
    const digests = (await cluster.journal()).flatMap(({ entry }) => {
      if (entry.kind === 'fence') return [entry.stateDigest]
      return entry.kind === 'steps' && entry.stateDigest !== null ? [entry.stateDigest] : []
    })
    // Five fences, and a digest at each of the three graceful ends.
    expect(digests).toHaveLength(8)
    expect(await cluster.problems()).toEqual([])
  })
})

describe('while it runs', () => {
  test('idle: no steps, no commits, a sign of life per hour', async () => {
    const cluster = await rig()
    const worker = await cluster.worker()
    await running(cluster, worker)
    await cluster.send('signals', ['a'])
    await used(cluster)
    const steps = worker.toy.steps
    const entries = (await cluster.journal()).length
    await cluster.clock.advance(600_000)
    expect(worker.toy.steps).toBe(steps)
    expect(await cluster.journal()).toHaveLength(entries)
    await cluster.clock.advance(3_600_000)
    const journal = await cluster.journal()
    expect(worker.toy.steps).toBe(steps)
    expect(journal).toHaveLength(entries + 1)
  })

  test('the core is woken at the log time it asked for, once', async () => {
    const cluster = await rig()
    const worker = await cluster.worker()
    await running(cluster, worker)
    await cluster.send('signals', ['tick 3000'])
    await cluster.clock.advance(2_900)
    expect(worker.toy.ticks).toBe(0)
    await cluster.clock.advance(200)
    expect(worker.toy.ticks).toBe(1)
    await cluster.clock.advance(60_000)
    expect(worker.toy.ticks).toBe(1)
    expect((await cluster.said()).at(-1)).toBe('woken')
    expect(worker.toy.lastStep.value?.asOf.telemetry).toBeGreaterThan(0)
  })

  test('an urgent output is visible at once, another within a second', async () => {
    const cluster = await rig()
    const worker = await cluster.worker()
    await running(cluster, worker)
    await cluster.send('signals', ['urgent'])
    await cluster.clock.advance(20)
    expect(await cluster.said()).toHaveLength(1)
    await cluster.send('signals', ['later'])
    await cluster.clock.advance(1_100)
    expect(await cluster.said()).toHaveLength(2)
  })

  test('steps made while catching up are marked behind, later ones are not', async () => {
    const cluster = await rig()
    for (let i = 0; i < 30; i++) {
      const big = Array.from({ length: 60 }, (_, n) => `${i}-${n} ${'x'.repeat(800)}`)
      await cluster.send('telemetry', big)
      await cluster.clock.advance(1_000)
    }
    const worker = await cluster.worker()
    await running(cluster, worker)
    await used(cluster)
    await cluster.send('telemetry', ['now'])
    await used(cluster)
    expect(worker.toy.behind[0]).toBe(true)
    expect(worker.toy.behind.at(-1)).toBe(false)
  })

  test('a host whose clock jumps suspends its tasks and goes on when it is right', async () => {
    const cluster = await rig()
    let jumpMs = 0
    const inner = cluster.clock
    const clock: Clock = {
      nowMs: () => inner.nowMs() + jumpMs,
      monotonicMs: () => inner.monotonicMs(),
      sleep: (ms, signal) => inner.sleep(ms, signal),
    }
    const worker = await cluster.worker({ clock })
    await running(cluster, worker)
    jumpMs = 10_000
    await cluster.send('signals', ['urgent'])
    await cluster.until('it is suspended', () => state(worker) === 'Suspended')
    expect(reason(worker)).toBe("the host's clock is 10.0 s ahead of the broker's")
    expect(worker.handle.status().ready).toBe(false)
    const steps = worker.toy.steps
    await cluster.send('signals', ['b'])
    await cluster.clock.advance(5_000)
    expect(worker.toy.steps).toBe(steps)
    jumpMs = 0
    await running(cluster, worker)
    await used(cluster)
    expect(reason(worker)).toBe('')
    expect(await cluster.problems()).toEqual([])
    // No time passed for the log: what the host thought of it decided nothing.
    expect(worker.toy.lastStep.value?.nowMs).toBeLessThanOrEqual(inner.nowMs())
  })
})

describe('let go before it runs', () => {
  const alarms = (worker: RigWorker): readonly string[] =>
    worker.events
      .filter(({ kind }) => kind === 'task_stopped')
      .map(({ fields }) => `${fields['reason']}`)

  test('while it restores: given back, nobody is called', async () => {
    const cluster = await rig()
    const outage = new Outage(['fetch'], false)
    const bend = (inner: Transport): Transport => {
      const carry = outage.bend(inner)
      return async (api, request, limits) => {
        if (api === 'initProducerId') outage.begin()
        return await carry(api, request, limits)
      }
    }
    const worker = await cluster.worker({ bend })
    await cluster.until('it restores', () => state(worker) === 'Restoring')
    await cluster.run(worker.handle.stop())
    expect(alarms(worker)).toEqual([])
    expect(worker.events.at(-1)?.fields).toMatchObject({ from: 'Restoring', to: 'Closed' })
  })

  test('between two tries to fence: it does not reach for the fence again', async () => {
    // Whoever was told to let go during the pause took one more turn, with the fence first. Only
    // the order of two microtasks kept it from fencing a task that somebody else had been given by
    // then.
    const cluster = await rig()
    const outage = new Outage(['initProducerId'], false)
    let fences = 0
    const counted = (inner: Transport): Transport => {
      const carry = outage.bend(inner)
      return async (api, request, limits) => {
        if (api === 'initProducerId') fences++
        return await carry(api, request, limits)
      }
    }
    outage.begin()
    const worker = await cluster.worker({ bend: counted })
    const failed = (): boolean => worker.events.at(-1)?.kind === 'task_failed'
    await cluster.until('it waits to try again', failed)
    const before = fences
    outage.end()
    await cluster.run(worker.handle.stop())
    expect(fences).toBe(before)
    expect(alarms(worker)).toEqual([])
    expect(worker.events.at(-1)?.fields).toMatchObject({ from: 'Fencing', to: 'Closed' })
    const states = worker.events.filter(({ kind }) => kind === 'task_state')
    expect(states.map(({ fields }) => fields['to'])).toEqual(['Fencing', 'Closed'])
  })
})

describe('the transition table', () => {
  test('is the picture at the head of the file', () => {
    expect(diagram(TASK_TRANSITIONS, 'Created').split('\n')).toEqual([
      'stateDiagram-v2',
      '  [*] --> Created',
      '  Created --> Fencing',
      '  Created --> Closed',
      '  Fencing --> Restoring',
      '  Fencing --> Fencing',
      '  Fencing --> Closed',
      '  Restoring --> Running',
      '  Restoring --> Fencing',
      '  Restoring --> Closed',
      '  Running --> Suspended',
      '  Running --> Fencing',
      '  Running --> Closed',
      '  Suspended --> Running',
      '  Suspended --> Fencing',
      '  Suspended --> Closed',
    ])
  })
})
