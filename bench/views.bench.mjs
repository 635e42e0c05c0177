// `views`: records per second of a projector that builds its views anew in a real Redis, from the
// start of the topics until they are shown: read, decode, canonical JSON, one atomic write for some
// hundred rows. Rulers: the same into the memory of the process, and a plain writer that awaits one
// command for each record. The last line also tells records per second of its own processor time,
// and the longest turn of the event loop meanwhile.
import { performance } from 'node:perf_hooks'
import { Redis } from 'ioredis'
import { startEphemeralService } from '../scripts/lib/servers/ephemeral.mjs'
import { REDIS } from '../scripts/lib/servers/redis.mjs'
import { createMemoryLog } from '../dist/adapters/memory/memory-log.js'
import { createMemoryViews } from '../dist/adapters/memory/memory-views.js'
import { createRedisViews } from '../dist/adapters/redis/redis-views.js'
import { createSerde } from '../dist/adapters/serde/serde.js'
import { agentId, clusterId, instanceId, serviceId } from '../dist/contracts/ids.js'
import { canonicalJson } from '../dist/contracts/canonical-json.js'
import { topicName } from '../dist/contracts/topics.js'
import { viewKey } from '../dist/contracts/view-key.js'
import { ViewPump } from '../dist/roles/projector/view-pump.js'
import { systemClock } from '../dist/runtime/clock.js'
import { topicSetups } from '../dist/runtime/init.js'
import { SILENT } from '../dist/runtime/instruments.js'
import { round } from './figures.mjs'

const PREFIX = 'hs.'
const PARTITIONS = 12
const INSTANCES = 10_000
const QUICK_INSTANCES = 1_000
/** Records of each instance in hs.health; one more is in hs.registry. */
const VERSIONS = 9
const SEND_RECORDS = 500

/** @typedef {Awaited<ReturnType<typeof createSerde>>} Serde */

/** @param {number} i */
const names = (i) => ({
  service: serviceId(`service-${i % 400}`),
  instance: instanceId(`instance-${i}`),
})

/**
 * @param {number} i @param {number} version
 * @returns {import('../dist/contracts/records.js').HealthView}
 */
function healthOf(i, version) {
  const window = {
    n: 1_000 + version,
    errors: 2,
    success_rate: 0.998,
    p99_us: 4_200,
    max_us: 9_000,
  }
  return {
    ...names(i),
    incarnation: 1,
    health: 'healthy',
    since_ms: 1_760_000_000_000,
    reason: 'all detectors quiet',
    routable: true,
    weight_percent: 100,
    guard: null,
    windows: [10_000, 60_000, 300_000].map((span_ms) => ({ span_ms, ...window })),
    signals: [],
    incident_id: null,
    at_ms: 1_760_000_000_000 + 1_000 * version,
    version,
  }
}

/** @param {number} i @returns {import('../dist/contracts/records.js').RegistryEntry} */
function entryOf(i) {
  return {
    ...names(i),
    cluster_id: clusterId('bench'),
    incarnation: 1,
    version: 1,
    lifecycle: 'ready',
    link: 'online',
    host: '10.0.0.1',
    port: 8_080,
    health_path: '/health',
    zone: 'zone-a',
    app_version: '1.2.3',
    agent: agentId('agent-1'),
    agent_epoch: 1,
    lease_ttl_ms: null,
    lease_until_ms: null,
    registered_at_ms: 1_760_000_000_000,
    at_ms: 1_760_000_000_000,
    vector: {},
    path: [],
    metadata: {},
    record_version: 1,
  }
}

/** A log that holds the views of a fleet. @param {Serde} serde @param {number} instances */
async function filledLog(serde, instances) {
  const log = createMemoryLog({ clusterId: 'bench', compactAfterBytes: 2 ** 30 })
  const admin = log.admin()
  await admin.createTopics(topicSetups(PREFIX, PARTITIONS))
  await admin.close()
  const producer = log.producer()
  /** @type {import('../dist/contracts/record.js').OutgoingRecord[]} */
  let outgoing = []
  let records = 0
  const flush = async () => {
    await producer.send(outgoing)
    records += outgoing.length
    outgoing = []
  }
  for (let version = 0; version <= VERSIONS; version++)
    for (let i = 0; i < instances; i++) {
      const { service, instance } = names(i)
      const value =
        version === 0
          ? serde.encode('registry', entryOf(i))
          : serde.encode('health', healthOf(i, version))
      const kind = version === 0 ? 'registry' : 'health'
      const key = Buffer.from(viewKey(service, instance))
      const at = {
        topic: topicName(kind, PREFIX),
        partition: i % PARTITIONS,
        timestampMs: Date.now(),
      }
      outgoing.push({ ...at, key, value: Uint8Array.from(value) })
      if (outgoing.length === SEND_RECORDS) await flush()
    }
  await flush()
  await producer.close()
  return { log, records }
}

/**
 * Seconds until a new fold is shown.
 * @param {Awaited<ReturnType<typeof filledLog>>['log']} log @param {Serde} serde
 * @param {import('../dist/runtime/view-port.js').ViewStore} store
 */
async function build(log, serde, store) {
  const start = performance.now()
  /** @type {ViewPump | null} */
  let pump = null
  const shown = new Promise((resolve) => {
    pump = new ViewPump({
      log: log.broker.connect(),
      decoder: serde,
      clock: systemClock,
      instruments: SILENT,
      prefix: PREFIX,
      partitions: PARTITIONS,
      store,
      retryMaxMs: 250,
      onShown: async () => resolve(performance.now() - start),
      onRefused: (at, offset, reason) => {
        throw new Error(`${at.topic}-${at.partition}@${offset}: ${reason}`)
      },
    })
    void pump.run()
  })
  const ms = await shown
  pump?.stop()
  return ms / 1_000
}

/**
 * One command for each record, each awaited.
 * @param {string} url @param {number} records
 */
async function awaited(url, records) {
  const client = new Redis(url)
  const count = Math.ceil(records / 20)
  const start = performance.now()
  for (let i = 0; i < count; i++)
    await client.hset('plain', `${i % INSTANCES}`, canonicalJson(healthOf(i % INSTANCES, 1)))
  const perSecond = (1_000 * count) / (performance.now() - start)
  client.disconnect()
  return perSecond
}

/** Processor seconds that the server has used. @param {string} url */
async function serverCpu(url) {
  const client = new Redis(url)
  const info = await client.info('cpu')
  client.disconnect()
  const [user, system] = ['user', 'sys'].map((kind) =>
    Number(new RegExp(`used_cpu_${kind}:([0-9.]+)`).exec(info)?.[1]),
  )
  return (user ?? Number.NaN) + (system ?? Number.NaN)
}

/** @param {import('./run.mjs').How} how @returns {Promise<import('./run.mjs').Stand>} */
async function open({ quick }) {
  const serde = await createSerde()
  const server = await startEphemeralService(REDIS, () => undefined)
  const url = `redis://127.0.0.1:${server.port}`
  const { log, records } = await filledLog(serde, quick ? QUICK_INSTANCES : INSTANCES)
  let longestMs = 0
  /** @type {number[]} */
  const perCpuSecond = []
  /** @type {number[]} */
  const perServerSecond = []
  let run = 0
  return {
    measure: async (who) => {
      if (who === 'awaited') return awaited(url, records)
      if (who === 'memory') return records / (await build(log, serde, createMemoryViews()))
      const how = { redis: { url }, prefix: PREFIX, clusterId: `bench-${++run}` }
      const store = createRedisViews(how)
      let turn = performance.now()
      const beat = setInterval(() => {
        longestMs = Math.max(longestMs, performance.now() - turn)
        turn = performance.now()
      }, 1)
      const cpuBefore = await serverCpu(url)
      const cpu = process.cpuUsage()
      const seconds = await build(log, serde, store)
      const { user, system } = process.cpuUsage(cpu)
      clearInterval(beat)
      perCpuSecond.push(records / ((user + system) / 1e6))
      perServerSecond.push(records / ((await serverCpu(url)) - cpuBefore))
      await store.close()
      return records / seconds
    },
    raw: () => ({
      records,
      perCpuSecond: round(Math.max(...perCpuSecond)),
      perServerCpuSecond: round(Math.max(...perServerSecond)),
      longestTurnMs: round(longestMs),
    }),
    close: async () => {
      await log.close()
      await server.stop()
    },
  }
}

/** @type {import('./run.mjs').Bench} */
export const bench = {
  unit: 'records/s',
  rulers: ['memory', 'awaited'],
  pairsMin: 3,
  open,
}
