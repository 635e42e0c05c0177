// Nothing decides from Redis (I7, reliability F37 to F39): the same inputs go through a worker with
// the real core in virtual time, once beside no projector, once beside one on a healthy Redis, once
// beside one whose Redis is flushed, slowed, made read-only, filled, told to evict, and killed.
// What the worker has journalled and written is the same, byte for byte.
import { createHash } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, test } from 'vitest'
import { createRedisViews } from '../../../src/adapters/redis/redis-views.ts'
import type { Serde } from '../../../src/adapters/serde/serde.ts'
import type { RecordOf } from '../../../src/contracts/records.ts'
import { TOPICS, type TopicKind } from '../../../src/contracts/topics.ts'
import { createFleetCore } from '../../../src/core/tasks/fleet-task.ts'
import { createServiceCore } from '../../../src/core/tasks/service-task.ts'
import { type Projector, startProjector } from '../../../src/roles/projector/projector.ts'
import { systemClock } from '../../../src/runtime/clock.ts'
import { SILENT } from '../../../src/runtime/instruments.ts'
import { mustRun, type RedisServer, startRedis } from '../../adapters/redis/server.ts'
import { testSerde } from '../../support/core-driver.ts'
import { EngineRig } from '../../support/engine-rig.ts'
import {
  delta,
  heartbeat,
  policy,
  probe,
  processEvent,
  serviceEvent,
} from '../../support/records.ts'

const INSTANCES = ['shop-1', 'shop-2', 'shop-3', 'shop-4']
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
const SECONDS = 14

interface Beside {
  readonly server: RedisServer
  /** What is done to Redis before a second of traffic. */
  readonly faults: ReadonlyMap<number, readonly string[] | 'kill'>
}

interface Outcome {
  /** Topic → digest of all its records, keys, values, headers and offsets. */
  readonly digests: Readonly<Record<string, string>>
  readonly commands: number
  readonly sources: ReadonlySet<string>
}

async function decide(beside: Beside | null): Promise<Outcome> {
  const serde = await testSerde()
  const rig = new EngineRig(1)
  let seq = 0
  const put = async <K extends keyof RecordOf & TopicKind>(
    topic: K,
    key: string,
    records: readonly RecordOf[K][],
  ): Promise<void> => {
    const values = records.map((record) => new Uint8Array(serde.encode(topic, record)))
    await rig.sendBytes(topic, values, { partition: 0, key })
  }
  const said = () => ({ atMs: rig.clock.nowMs(), seq: ++seq })
  await rig.init()
  const projector = beside === null ? null : project(rig, serde, beside.server)
  const sources = new Set<string>()
  const cores = { createCore: createServiceCore, createFleetCore }
  const worker = await rig.worker({ parts: { decoder: serde, encoder: serde, ...cores } })
  await rig.until('it runs', () => worker.handle.status().tasks[0]?.state === 'Running')
  await put('policies', 'restart', [policy({ name: 'restart', document: RESTART })])
  for (const instance of INSTANCES) {
    await put('service-events', 'shop', [serviceEvent({ instance, ...said() })])
    await put('signals', 'shop', [probe({ instance, verdict: 'up', ...said() })])
  }
  for (let second = 0; second < SECONDS; second++) {
    if (beside !== null && projector !== null) {
      await harm(beside, second)
      // The projector lives in real time, the worker does not notice how much of it goes by.
      await sleep(250)
      sources.add(projector.answer().source)
    }
    if (second === 5 || second === 9) {
      const instance = second === 5 ? 'shop-1' : 'shop-3'
      const exit = processEvent({ instance, ...said(), event: 'exited', by: 'SIGKILL' })
      await put('signals', 'shop', [exit])
    }
    for (const instance of INSTANCES) {
      await put('telemetry', 'shop', [delta({ instance, ...said(), ok: 10 })])
      await put('signals', 'shop', [heartbeat({ instance, ...said() })])
    }
    await rig.clock.advance(1_000)
  }
  await rig.until('all is used', () => rig.drained())
  const digests: Record<string, string> = {}
  for (const { kind } of TOPICS) digests[kind] = digest(await rig.records(kind))
  const commands = (await rig.records('commands')).length
  await projector?.stop()
  await rig.stop()
  return { digests, commands, sources }
}

function project(rig: EngineRig, decoder: Serde, server: RedisServer): Projector {
  const redis = { url: server.url, timeoutMs: 200 }
  return startProjector({
    log: rig.log.broker.connect({ clock: systemClock }),
    decoder,
    clock: systemClock,
    instruments: SILENT,
    prefix: 'hs.',
    partitions: 1,
    shared: createRedisViews({ redis, prefix: 'hs.', clusterId: 'c1' }),
  })
}

async function harm({ server, faults }: Beside, second: number): Promise<void> {
  const fault = faults.get(second)
  if (fault === 'kill') await server.stop()
  else if (fault !== undefined) await server.say(...fault)
}

function digest(records: readonly object[]): string {
  const text = JSON.stringify(records, (_key, value: unknown) =>
    value instanceof Uint8Array ? Buffer.from(value).toString('hex') : value,
  )
  return `${records.length} ${createHash('sha256').update(text).digest('hex')}`
}

const EVIL: Beside['faults'] = new Map<number, readonly string[] | 'kill'>([
  [2, ['FLUSHALL']],
  [4, ['CLIENT', 'PAUSE', '600', 'ALL']],
  [7, ['REPLICAOF', '127.0.0.1', '1']],
  [8, ['REPLICAOF', 'NO', 'ONE']],
  [9, ['CONFIG', 'SET', 'maxmemory-policy', 'allkeys-random']],
  [10, ['CONFIG', 'SET', 'maxmemory', '900kb']],
  [11, ['CONFIG', 'SET', 'maxmemory', '1']],
  [12, 'kill'],
])

describe.skipIf(!mustRun)('the same inputs', () => {
  test('are decided alike, whatever becomes of Redis', async () => {
    const alone = await decide(null)
    expect(alone.commands).toBeGreaterThan(0)
    expect(alone.digests['journal']).not.toMatch(/^0 /)
    expect(alone.digests['health']).not.toMatch(/^0 /)
    const healthy = await startRedis()
    const beside = await decide({ server: healthy, faults: new Map() })
    await healthy.stop()
    expect(beside.digests).toEqual(alone.digests)
    expect(beside.sources).toContain('redis')
    const harmed = await decide({ server: await startRedis(), faults: EVIL })
    expect(harmed.digests).toEqual(alone.digests)
    expect(harmed.sources).toContain('memory')
  }, 120_000)
})
