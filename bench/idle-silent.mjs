// The silent ones of the `idle` bench: agents register instances and send one heartbeat for each,
// then nothing is heard of anybody any more. Leases run on, silence is judged, views are written.
import { randomUUID } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInstruments } from '../dist/adapters/observability/instruments.js'
import { createSerde } from '../dist/adapters/serde/serde.js'
import { agentId, eventId, instanceId, serviceId } from '../dist/contracts/ids.js'
import { BrokerClock } from '../dist/runtime/agent/broker-clock.js'
import { Ledger } from '../dist/runtime/agent/ledger.js'
import { Publisher } from '../dist/runtime/agent/publisher.js'
import { systemClock } from '../dist/runtime/clock.js'
import { answer, task } from './contender.mjs'
import { openLog } from './own-log.mjs'

const FLUSH_MS = 10_000
const { brokers, prefix, partitions, agents, instancesEach, leaseTtlMs, heartbeatMs } = task()
const log = openLog(brokers)
const clusterId = await log.clusterId()
const encoder = await createSerde()
const folder = mkdtempSync(join(tmpdir(), 'healstream-bench-'))

/** @param {number} number */
function openPublisher(number) {
  const agent = agentId(`silent-${number}`)
  const ledger = Ledger.open({
    folder: join(folder, agent),
    clusterId,
    agentId: agent,
    newEpoch: Date.now(),
  })
  const publisher = new Publisher({
    producer: log.producer(),
    encoder,
    clock: systemClock,
    brokerClock: new BrokerClock(systemClock),
    instruments: createInstruments({ level: 'error' }).instruments,
    ledger,
    agent,
    clusterId,
    prefix,
    partitions,
  })
  return { publisher, ledger }
}

/** @param {Publisher} publisher @param {string} name @returns {Promise<boolean>[]} */
function introduce(publisher, name) {
  const service = serviceId(`silent-${name.split('-')[1]}`)
  const instance = instanceId(`silent-${name}`)
  const atMs = Date.now()
  const registered = publisher.serviceEvent({
    service_name: service,
    action: 'register',
    cluster_id: clusterId,
    timestamp: atMs,
    event_id: eventId(randomUUID()),
    instance_id: instance,
    incarnation: 1,
    version: 1,
    lifecycle: 'ready',
    lease_ttl_ms: leaseTtlMs,
    host: '127.0.0.1',
    port: 1,
    health_path: '/health',
    zone: null,
    app_version: null,
    path: [clusterId],
    vector: {},
    origin: null,
    metadata: {},
    reason: null,
  })
  const beat = publisher.signal({
    ...{ service, instance, incarnation: 1, at_ms: atMs, kind: 'heartbeat' },
    heartbeat: {
      ...{ level: 1, period_ms: heartbeatMs, state: null, in_flight: null, queue: null },
      ...{ last_error: null, config_version: null, signature: null, kid: null },
    },
    ...{ probe: null, connection: null, process: null, breaker: null, agent_notice: null },
  })
  return [registered, beat]
}

const sent = []
const opened = []
for (let number = 0; number < agents; number++) {
  const { publisher, ledger } = openPublisher(number)
  opened.push({ publisher, ledger })
  for (let i = 0; i < instancesEach; i++) sent.push(...introduce(publisher, `${i}-${number}`))
}
const missing = (await Promise.all(sent)).filter((isSent) => !isSent).length
for (const { publisher, ledger } of opened) {
  await publisher.close(FLUSH_MS)
  ledger.close()
}
rmSync(folder, { recursive: true, force: true })
if (missing > 0) throw new Error(`${missing} records were not sent`)
answer({ instances: agents * instancesEach })
