// The whole worker with the real core and the real codec on the embedded log: a process exits, a
// command with the task's own fence number goes out, the worker is killed in the middle, and its
// heir comes to the same state by replay.
import { afterEach, expect, test } from 'vitest'
import { createFleetCore } from '../../../src/core/tasks/fleet-task.ts'
import { createServiceCore } from '../../../src/core/tasks/service-task.ts'
import type { RecordOf } from '../../../src/contracts/records.ts'
import type { TopicKind } from '../../../src/contracts/topics.ts'
import type { Serde } from '../../../src/adapters/serde/serde.ts'
import { testSerde } from '../../support/core-driver.ts'
import { EngineRig, type RigWorker } from '../../support/engine-rig.ts'
import {
  delta,
  heartbeat,
  policy,
  probe,
  processEvent,
  serviceEvent,
} from '../../support/records.ts'

const INSTANCES = ['shop-1', 'shop-2', 'shop-3']
const RESTART = {
  apiVersion: 'healstream.io/v1',
  kind: 'HealPolicy',
  metadata: { name: 'restart' },
  spec: {
    match: { services: ['shop'] },
    mode: 'enforce',
    trigger: 'health == "unhealthy"',
    action: 'restart_instance',
  },
}

class Shop {
  readonly rig: EngineRig = new EngineRig(1)
  readonly serde: Serde
  #seq = 0

  constructor(serde: Serde) {
    this.serde = serde
  }

  worker(): Promise<RigWorker> {
    const { serde } = this
    const cores = { createCore: createServiceCore, createFleetCore }
    const parts = { decoder: serde, encoder: serde, ...cores }
    return this.rig.worker({ parts })
  }

  async put<K extends keyof RecordOf & TopicKind>(
    topic: K,
    key: string,
    records: readonly RecordOf[K][],
  ): Promise<void> {
    const values = records.map((record) => new Uint8Array(this.serde.encode(topic, record)))
    await this.rig.sendBytes(topic, values, { partition: 0, key })
  }

  async begin(): Promise<void> {
    await this.put('policies', 'restart', [policy({ name: 'restart', document: RESTART })])
    const atMs = this.rig.clock.nowMs()
    await this.put(
      'service-events',
      'shop',
      INSTANCES.map((instance) => serviceEvent({ instance, atMs, seq: ++this.#seq })),
    )
    await this.put(
      'signals',
      'shop',
      INSTANCES.map((instance) => probe({ instance, atMs, verdict: 'up', seq: ++this.#seq })),
    )
  }

  async traffic(seconds: number): Promise<void> {
    for (let i = 0; i < seconds; i++) {
      const atMs = this.rig.clock.nowMs()
      const words = INSTANCES.map((instance) => ({ instance, atMs, seq: ++this.#seq }))
      await this.put(
        'telemetry',
        'shop',
        words.map((w) => delta({ ...w, ok: 10 })),
      )
      await this.put(
        'signals',
        'shop',
        words.map((w) => heartbeat(w)),
      )
      await this.rig.clock.advance(1_000)
    }
  }

  async exits(instance: string): Promise<void> {
    const atMs = this.rig.clock.nowMs()
    const words = { instance, atMs, seq: ++this.#seq }
    await this.put('signals', 'shop', [processEvent({ ...words, event: 'exited', by: 'SIGKILL' })])
  }

  async commands(): Promise<readonly RecordOf['commands'][]> {
    const records = await this.rig.records('commands')
    return records.map(({ value }) => {
      const decoded = this.serde.decodeBytes('commands', value ?? new Uint8Array(0))
      if (!decoded.ok) throw new Error(decoded.detail)
      return decoded.record
    })
  }
}

const rigs: EngineRig[] = []

afterEach(async () => {
  for (const made of rigs.splice(0)) await made.stop()
})

test('a dead process is answered with a command, across the death of the worker', async () => {
  const shop = new Shop(await testSerde())
  const { rig } = shop
  rigs.push(rig)
  await rig.init()
  const first = await shop.worker()
  await rig.until('the first runs', () => first.handle.status().tasks[0]?.state === 'Running')
  await shop.begin()
  await shop.traffic(5)
  await shop.exits('shop-1')
  await rig.until('a command is out', async () => (await shop.commands()).length === 1, 5_000)
  expect(await shop.commands()).toMatchObject([
    { gen: 1, task: 's0', target: { instance: 'shop-1' }, policy: 'restart' },
  ])
  await shop.traffic(2)
  first.kill()
  const heir = await shop.worker()
  await shop.traffic(12)
  await rig.until('the heir runs', () => heir.handle.status().tasks[0]?.state === 'Running')
  await rig.until('all is used', () => rig.drained())
  await rig.run(heir.handle.stop())
  const last = await shop.worker()
  await rig.until('the last runs', () => last.handle.status().tasks[0]?.state === 'Running')
  expect(last.handle.status().tasks[0]).toMatchObject({ gen: 3, reason: null })
  expect(await shop.commands()).toHaveLength(1)
  const [command] = await rig.records('commands')
  const headers = new Map(command?.headers.map(({ key, value }) => [key, String(value)]))
  expect(headers.has('traceparent')).toBe(true)
  expect(await rig.records('dlq')).toEqual([])
})
