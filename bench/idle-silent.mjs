// For the `idle` bench: a hundred instances that register, send heartbeats and deltas for a few
// seconds and fall silent, with leases that end much later: the worker is left with its timers for
// silence, windows and leases.
import { setTimeout as sleep } from 'node:timers/promises'
import { createSerde } from '../dist/adapters/serde/serde.js'
import { agentId, clusterId, instanceId, serviceId } from '../dist/contracts/ids.js'
import { partitionFor } from '../dist/contracts/partitioner.js'
import { topicName } from '../dist/contracts/topics.js'
import { answer, task } from './contender.mjs'
import { openLog } from './own-log.mjs'

const SERVICES = 20
const COPIES = 5
const TICK_MS = 1_000
const LEASE_MS = 600_000
const { brokers, prefix, partitions, ticks } = task()
const log = openLog(brokers)
const producer = log.producer()
const id = clusterId(await log.clusterId())
const serde = await createSerde({ prefix, clusterId: id })

const instances = Array.from({ length: SERVICES * COPIES }, (_, i) => {
  const service = `idle-${i % SERVICES}`
  return {
    service: serviceId(service),
    instance: instanceId(`${service}-${Math.floor(i / SERVICES)}`),
    agent: agentId(`agent-of-${service}`),
  }
})
/** @type {Map<string, number>} by agent */
const seqs = new Map()

/** @param {(typeof instances)[number]} who */
function speaker(who) {
  const seq = (seqs.get(who.agent) ?? 0) + 1
  seqs.set(who.agent, seq)
  return { ...who, epoch: 1, lane: 'live', seq, incarnation: 1 }
}

/** What these records leave out. */
const PLAIN = {
  host: null,
  port: null,
  health_path: null,
  zone: null,
  app_version: null,
  event_id: null,
  path: [],
  vector: {},
  origin: null,
  metadata: {},
  reason: null,
}
const NO_SIGNAL = { probe: null, connection: null, process: null, breaker: null }
const BEAT = {
  level: 1,
  period_ms: TICK_MS,
  state: null,
  in_flight: null,
  queue: null,
  last_error: null,
  config_version: null,
  signature: null,
  kid: null,
}

/** @param {(typeof instances)[number]} who */
function registration(who) {
  const { service, instance, agent, seq, epoch, incarnation } = speaker(who)
  return {
    ...PLAIN,
    service_name: service,
    instance_id: instance,
    agent,
    epoch,
    seq,
    incarnation,
    version: 1,
    action: 'register',
    cluster_id: id,
    timestamp: Date.now(),
    lifecycle: 'ready',
    lease_ttl_ms: LEASE_MS,
  }
}

/** @param {(typeof instances)[number]} who */
function heartbeat(who) {
  const at = { at_ms: Date.now(), kind: 'heartbeat', heartbeat: BEAT, agent_notice: null }
  return { ...speaker(who), ...NO_SIGNAL, ...at }
}

/** @param {(typeof instances)[number]} who */
function delta(who) {
  return {
    ...speaker(who),
    operation: '',
    tick_start_ms: Date.now() - TICK_MS,
    tick_ms: TICK_MS,
    flush: 'tick',
    n: 10,
    errors: 0,
    local_errors: 0,
    sum_us: 200_000,
    max_us: 20_000,
    scale: 4,
    zeros: 0,
    buckets: [{ gap: 228, count: 10 }],
    gauges: null,
    logs: null,
    tasks: null,
    caller: null,
    exemplars: [],
    synthetic: false,
  }
}

/**
 * One record of every instance.
 * @param {'service-events' | 'signals' | 'telemetry'} kind
 * @param {(who: (typeof instances)[number]) => any} make
 */
async function sendAll(kind, make) {
  const topic = topicName(kind, prefix)
  const records = instances.map((who) => ({
    topic,
    partition: partitionFor(who.service, partitions),
    key: new TextEncoder().encode(who.service),
    value: serde.encode(kind, make(who)),
    timestampMs: Date.now(),
  }))
  await producer.send(records)
}

await sendAll('service-events', registration)
for (let tick = 0; tick < ticks; tick++) {
  await sleep(TICK_MS)
  await sendAll('signals', heartbeat)
  await sendAll('telemetry', delta)
}
answer({ instances: instances.length })
