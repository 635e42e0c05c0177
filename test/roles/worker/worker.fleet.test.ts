// Two service tasks and the fleet task in real workers on the embedded log: one action a minute in
// the whole fleet, asked for in both partitions; the worker dies in between and its heirs keep to
// it.
import { afterEach, expect, test } from 'vitest'
import type { Serde } from '../../../src/adapters/serde/serde.ts'
import { partitionFor } from '../../../src/contracts/partitioner.ts'
import type { Command, FleetRecord, RecordOf } from '../../../src/contracts/records.ts'
import type { TopicKind } from '../../../src/contracts/topics.ts'
import { createFleetCore } from '../../../src/core/tasks/fleet-task.ts'
import { createServiceCore } from '../../../src/core/tasks/service-task.ts'
import { testSerde, viewOf } from '../../support/core-driver.ts'
import { EngineRig, type RigWorker } from '../../support/engine-rig.ts'
import { heartbeat, policy, probe, processEvent, serviceEvent } from '../../support/records.ts'

const P = 2
/** One service in each partition. */
const SERVICES = Array.from({ length: P }, (_, partition) => {
  const names = Array.from({ length: 50 }, (_, i) => `service-${i}`)
  return names.find((name) => partitionFor(name, P) === partition) ?? ''
})
const EVERYWHERE = { services: ['*'] }
const DOCUMENTS = [
  {
    apiVersion: 'healstream.io/v1',
    kind: 'HealPolicy',
    metadata: { name: 'restart' },
    spec: {
      match: EVERYWHERE,
      mode: 'enforce',
      trigger: 'health == "unhealthy"',
      action: 'restart_instance',
    },
  },
  {
    apiVersion: 'healstream.io/v1',
    kind: 'GuardSet',
    metadata: { name: 'one' },
    spec: { match: EVERYWHERE, perMinute: 1 },
  },
] as const

class Cluster {
  readonly rig: EngineRig = new EngineRig(P)
  readonly serde: Serde
  #seq = 0

  constructor(serde: Serde) {
    this.serde = serde
  }

  worker(): Promise<RigWorker> {
    const { serde } = this
    const cores = { createCore: createServiceCore, createFleetCore }
    return this.rig.worker({ parts: { decoder: serde, encoder: serde, ...cores } })
  }

  async put<K extends keyof RecordOf & TopicKind>(
    topic: K,
    at: { partition: number; key: string },
    records: readonly RecordOf[K][],
  ): Promise<void> {
    const values = records.map((record) => new Uint8Array(this.serde.encode(topic, record)))
    await this.rig.sendBytes(topic, values, at)
  }

  async begin(): Promise<void> {
    for (const [partition, service] of SERVICES.entries()) {
      for (const document of DOCUMENTS) {
        const { name } = document.metadata
        const record = policy({ kind: document.kind, name, document })
        await this.put('policies', { partition, key: name }, [record])
      }
      const at = { partition, key: service }
      const who = this.who(service)
      await this.put('service-events', at, who.map(serviceEvent))
      await this.put(
        'signals',
        at,
        this.who(service).map((one) => probe({ ...one, verdict: 'up' })),
      )
    }
  }

  /** Heartbeats of everybody, and time goes on. */
  async live(seconds: number): Promise<void> {
    for (let i = 0; i < seconds; i++) {
      for (const [partition, service] of SERVICES.entries()) {
        const records = this.who(service).map(heartbeat)
        await this.put('signals', { partition, key: service }, records)
      }
      await this.rig.clock.advance(1_000)
    }
  }

  async crash(partition: number): Promise<void> {
    const service = SERVICES[partition] ?? ''
    const [one] = this.who(service)
    if (one === undefined) return
    const records = [processEvent({ ...one, event: 'exited', by: 'SIGKILL' })]
    await this.put('signals', { partition, key: service }, records)
  }

  private who(service: string): { service: string; instance: string; atMs: number; seq: number }[] {
    return [1, 2, 3].map((i) => {
      this.#seq += 1
      const atMs = this.rig.clock.nowMs()
      return { service, instance: `${service}-${i}`, atMs, seq: this.#seq }
    })
  }

  async bodies<K extends keyof RecordOf & TopicKind>(
    topic: K,
  ): Promise<readonly { readonly atMs: number; readonly body: RecordOf[K] }[]> {
    const found = []
    for (let partition = 0; partition < P; partition++) {
      for (const record of await this.rig.records(topic, partition)) {
        const decoded = this.serde.decode(topic, viewOf(record))
        if (decoded.ok) found.push({ atMs: record.timestampMs, body: decoded.record })
      }
    }
    return found.sort((a, b) => a.atMs - b.atMs)
  }
}

let cluster: Cluster | null = null

afterEach(async () => {
  await cluster?.rig.stop()
  cluster = null
})

test('one action a minute over two partitions, also when the worker dies', async () => {
  const c = new Cluster(await testSerde())
  cluster = c
  await c.rig.init()
  const first = await c.worker()
  await c.begin()
  await c.live(6)
  const fleet = await c.bodies('fleet')
  const gens = new Set(fleet.map(({ body }: { body: FleetRecord }) => body.gen))
  expect(fleet.some(({ body }) => body.kind === 'pulse')).toBe(true)
  expect(gens).toEqual(new Set([1]))

  await c.crash(0)
  await c.crash(1)
  await c.live(3)
  const commands = async (): Promise<readonly { atMs: number; body: Command }[]> =>
    await c.bodies('commands')
  expect(await commands()).toHaveLength(1)
  const [paid] = (await commands()).map(({ body }) => body.lease_id)
  expect(paid).toMatch(/^lease-\d+$/)

  first.kill()
  await c.worker()
  await c.live(45)
  expect(await commands()).toHaveLength(1)
  for (let i = 0; i < 12 && (await commands()).length < 2; i++) await c.live(5)
  const given = await commands()
  expect(given.map(({ body }) => body.target.service).sort()).toEqual([...SERVICES].sort())
  const [a, b] = given
  expect((b?.atMs ?? 0) - (a?.atMs ?? 0)).toBeGreaterThanOrEqual(60_000)
  expect(b?.body.lease_id).not.toBe(paid)
}, 120_000)
