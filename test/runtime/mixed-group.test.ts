// A group of old and new builds (N − 1 and N) under load: all judge by the old behaviour until the
// last member is new, then each task writes one `upgrade`, and every journal replays across it. The
// old build is the new one whose word about itself is changed on its way to the group.
import { afterEach, describe, expect, test, vi } from 'vitest'
import type { Transport } from '../../src/adapters/client/protocol.ts'
import { decodeMetadata, encodeMetadata } from '../../src/runtime/member-facts.ts'
import { EngineRig, type RigWorker, type WorkerOptions } from '../support/engine-rig.ts'
import { createToy } from '../support/toy-core.ts'

const OLD = 8
const NEW = 9
vi.mock('../../src/core/kernel/behaviour.ts', () => ({
  BEHAVIOUR_FIRST: 1,
  BEHAVIOUR_WINDOWS: 2,
  BEHAVIOUR_LATEST: 9,
  knowsBehaviour: (behaviour: number) => behaviour >= 1 && behaviour <= 9,
}))

const PARTITIONS = 3
const rigs: EngineRig[] = []
afterEach(async () => {
  for (const made of rigs.splice(0)) await made.stop()
})

/** Says that it has no behaviour above N − 1. */
const olderBuild = (inner: Transport): Transport => {
  return (api, request, limits) => {
    if (!('metadata' in request)) return inner(api, request, limits)
    const metadata = encodeMetadata({ ...decodeMetadata(request.metadata), behaviourTo: OLD })
    return inner(api, { ...request, metadata }, limits)
  }
}

class Cluster {
  readonly rig: EngineRig = new EngineRig(PARTITIONS)
  readonly workers: RigWorker[] = []
  #n = 0

  constructor() {
    rigs.push(this.rig)
  }

  async join(options: WorkerOptions = {}): Promise<RigWorker> {
    const worker = await this.rig.worker(options)
    this.workers.push(worker)
    await this.settle()
    return worker
  }

  async leave(worker: RigWorker): Promise<void> {
    this.workers.splice(this.workers.indexOf(worker), 1)
    await this.rig.run(worker.handle.stop())
    await this.settle()
  }

  /** Under load, until every task runs somewhere. */
  async settle(): Promise<void> {
    await this.load(20)
    await this.rig.until('all run', () => {
      const states = this.workers.flatMap(({ handle }) => handle.status().tasks)
      return states.length === PARTITIONS && states.every(({ state }) => state === 'Running')
    })
    await this.load(10)
  }

  async load(rounds: number): Promise<void> {
    for (let i = 0; i < rounds; i++) {
      const value = `${this.#n++ % 4 === 0 ? 'u' : 'v'}${this.#n}`
      await this.rig.send(this.#n % 3 === 0 ? 'signals' : 'telemetry', [value], i % PARTITIONS)
      await this.rig.clock.advance(60)
    }
  }

  /** Behaviours that the journals have gone to, in order, by partition. */
  async upgrades(): Promise<readonly (readonly number[])[]> {
    const found: number[][] = []
    for (let partition = 0; partition < PARTITIONS; partition++) {
      const journal = await this.rig.journal(partition)
      found.push(
        journal.flatMap(({ entry }) => (entry.kind === 'upgrade' ? [entry.behaviour] : [])),
      )
    }
    return found
  }

  async sound(): Promise<void> {
    for (let partition = 0; partition < PARTITIONS; partition++) {
      await this.rig.until('all is used', () => this.rig.drained(partition))
      expect(await this.rig.problems(partition)).toEqual([])
    }
    const failures = this.workers
      .flatMap(({ events }) => events)
      .filter(({ kind }) => kind === 'task_stopped' || kind === 'standby_diverged')
    expect(failures).toEqual([])
  }
}

describe('a rolling upgrade under load', () => {
  test('happens once, when the last member is new; restores agree across it', async () => {
    const cluster = new Cluster()
    await cluster.rig.init({ behaviour: OLD })
    const old = [await cluster.join({ bend: olderBuild }), await cluster.join({ bend: olderBuild })]
    for (const worker of old) {
      expect(await cluster.upgrades()).toEqual([[], [], []])
      await cluster.join()
      expect(await cluster.upgrades()).toEqual([[], [], []])
      await cluster.leave(worker)
    }
    await cluster.rig.until('every task has it', async () => {
      return (await cluster.upgrades()).every((list) => list.length === 1)
    })
    expect(await cluster.upgrades()).toEqual([[NEW], [NEW], [NEW]])
    const inForce = (): readonly number[] =>
      cluster.workers.flatMap(({ handle }) => handle.status().tasks.map((t) => t.behaviour))
    expect(inForce()).toEqual([NEW, NEW, NEW])
    await cluster.load(20)
    // All state is made anew from the journals, the steps before and behind the entry.
    for (const worker of cluster.workers.splice(0)) worker.kill()
    await cluster.join()
    await cluster.sound()
    expect(await cluster.upgrades()).toEqual([[NEW], [NEW], [NEW]])
    expect(inForce()).toEqual([NEW, NEW, NEW])
  })

  test('an older member that comes back does not turn it back', async () => {
    const cluster = new Cluster()
    await cluster.rig.init({ behaviour: OLD })
    const first = await cluster.join()
    await cluster.rig.until('it is new', async () => {
      return (await cluster.upgrades()).every((list) => list.length === 1)
    })
    await cluster.join({ bend: olderBuild })
    await cluster.leave(first)
    await cluster.sound()
    expect(await cluster.upgrades()).toEqual([[NEW], [NEW], [NEW]])
  })

  test('is held back where the operator says so', async () => {
    const cluster = new Cluster()
    await cluster.rig.init({ behaviour: OLD })
    await cluster.join({ upgrade: 'hold' })
    await cluster.load(40)
    await cluster.sound()
    expect(await cluster.upgrades()).toEqual([[], [], []])
  })

  test('an idle task is upgraded too, and once', async () => {
    const cluster = new Cluster()
    await cluster.rig.init({ behaviour: OLD })
    const worker = await cluster.rig.worker({ toy: createToy() })
    await cluster.rig.until('they run', () => worker.handle.status().ready)
    await cluster.rig.clock.advance(10_000)
    expect(await cluster.upgrades()).toEqual([[NEW], [NEW], [NEW]])
  })
})
