// The system that the `loop` bench breaks: the cluster of the demo with the bench's own
// policy records, and one agent per subject with two real processes beside it. Producers of the
// agents are wrapped to note when a record was handed to the log. All times are of one monotonic
// clock.
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { performance } from 'node:perf_hooks'
import { fileURLToPath } from 'node:url'
import { agentId, instanceId, serviceId } from '../dist/contracts/ids.js'
import { topicKind, topicName } from '../dist/contracts/topics.js'
import { startAgent } from '../dist/roles/agent/agent.js'
import { Cluster } from '../dist/roles/demo/cluster.js'
import { startTraffic } from '../dist/roles/demo/traffic.js'
import { follow } from './loop-sight.mjs'

const HOST = '127.0.0.1'
const COPIES = [1, 2]
const TOKEN = 'token-of-the-loop-bench'
/** For brokers to take topics away. */
const END_MS = 10_000
const SERVICE = fileURLToPath(new URL('./loop-service.mjs', import.meta.url))
const POLICIES = fileURLToPath(new URL('./loop.policies.yaml', import.meta.url))

/**
 * @typedef {{ name: string, earlyFlush: boolean, exitSignal: boolean }} Subject a way of noticing
 * @typedef {import('../dist/runtime/ports.js').LogPort} LogPort
 * @typedef {import('./loop-sight.mjs').SeenAt} SeenAt
 * @typedef {{ command: import('../dist/contracts/records.js').Command, at: SeenAt }} SeenCommand
 * @typedef {import('../dist/contracts/records.js').IncidentEvent} IncidentEvent
 * @typedef {import('../dist/contracts/records.js').Evidence} Evidence
 */

/** Free now; something else could take one before its service does. @param {number} count */
async function freePorts(count) {
  const servers = await Promise.all(
    Array.from({ length: count }, async () => {
      const server = createServer()
      await new Promise((resolve, reject) => {
        server.once('error', reject)
        server.listen(0, HOST, () => resolve(null))
      })
      return server
    }),
  )
  const ports = servers.map((server) => {
    const address = server.address()
    return typeof address === 'object' && address !== null ? address.port : 0
  })
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))))
  return ports
}

/** @param {string | null} kind @param {number | null} partition @param {number | null} offset */
function placeKey(kind, partition, offset) {
  return `${kind}/${partition}/${offset}`
}

/**
 * A log whose producers note when they were handed each record: a moment before its append.
 * @param {LogPort} log @param {{ prefix: string, handedMs: Map<string, number> }} notes
 * @returns {LogPort}
 */
function noting(log, { prefix, handedMs }) {
  /** @type {LogPort['producer']} */
  const producer = (options) => {
    const inner = log.producer(options)
    return {
      async send(records) {
        const atMs = performance.now()
        const appended = await inner.send(records)
        for (const { topic, partition, baseOffset, lastOffset } of appended)
          for (let offset = baseOffset; offset <= lastOffset; offset++)
            handedMs.set(placeKey(topicKind(topic, prefix), partition, offset), atMs)
        return appended
      },
      close: () => inner.close(),
    }
  }
  return {
    name: log.name,
    clusterId: () => log.clusterId(),
    reader: (options) => log.reader(options),
    writer: (options) => log.writer(options),
    join: (options) => log.join(options),
    admin: () => log.admin(),
    close: () => log.close(),
    producer,
  }
}

/** @param {Subject} subject @param {number} copy @param {number} port */
function instanceOf(subject, copy, port) {
  const service = `bench-${subject.name}`
  const instance = `${service}-${copy}`
  return {
    service: serviceId(service),
    instance: instanceId(instance),
    host: HOST,
    port,
    healthPath: '/health',
    /** @param {import('../dist/roles/agent/options.js').IntakeAddress} intake */
    command: (intake) => ({
      argv: [
        process.execPath,
        SERVICE,
        `--service=${service}`,
        `--instance=${instance}`,
        `--port=${port}`,
        `--intake-port=${intake.port}`,
      ],
      env: { HEALSTREAM_INTAKE_TOKEN: intake.token },
    }),
  }
}

/** As a user would: through the endpoint, which broadcasts. @param {Cluster} cluster */
async function applyPolicies(cluster) {
  const answer = await fetch(`${cluster.url}/v1/policies`, {
    method: 'POST',
    headers: { authorization: `Bearer ${TOKEN}`, 'content-type': 'application/json' },
    body: JSON.stringify({
      text: readFileSync(POLICIES, 'utf8'),
      file: 'bench/loop.policies.yaml',
      author: 'bench',
    }),
  })
  if (!answer.ok) throw new Error(`the policies are refused: ${await answer.text()}`)
}

/** What a reader of its own has seen of a topic since it was last emptied. */
class Seen {
  /** @type {SeenCommand[]} */
  commands = []
  /** @type {IncidentEvent[]} */
  incidents = []

  /** @param {Cluster} cluster @param {import('./loop-log.mjs').BenchLog} log */
  constructor(cluster, log) {
    const { decoder, prefix, partitions } = cluster.parts
    this.stop = new AbortController()
    const { signal } = this.stop
    /** @param {'commands' | 'incidents'} kind @param {(record: any, at: SeenAt) => void} take */
    const read = (kind, take) =>
      follow(
        log.sight(),
        { topic: topicName(kind, prefix), partitions, signal },
        (batch, from, at) =>
          batch.visit((view) => {
            const decoded = decoder.decode(kind, view)
            if (decoded.ok) take(decoded.record, at)
          }, from),
      )
    this.ended = Promise.all([
      read('commands', (command, at) => void this.commands.push({ command, at })),
      read('incidents', (event) => void this.incidents.push(event)),
    ])
  }
}

/** @typedef {Awaited<ReturnType<typeof startFleet>>} Fleet */

/**
 * @param {readonly Subject[]} subjects @param {import('./loop-log.mjs').BenchLog} benchLog
 */
export async function startFleet(subjects, benchLog) {
  const folder = mkdtempSync(join(tmpdir(), 'healstream-bench-'))
  const { demo } = benchLog
  const cluster = await Cluster.start({ log: demo, port: 0, token: TOKEN, logLevel: 'error' })
  /** @type {Map<string, import('../dist/roles/agent/agent.js').AgentHandle>} */
  const agents = new Map()
  /** When a producer of an agent was handed each record. @type {Map<string, number>} */
  const handedMs = new Map()
  await cluster.init()
  const seen = new Seen(cluster, benchLog)
  await cluster.run()
  await applyPolicies(cluster)
  const ports = await freePorts(COPIES.length * subjects.length)
  for (const [i, subject] of subjects.entries()) {
    const own = ports.slice(i * COPIES.length, (i + 1) * COPIES.length)
    const agent = await startAgent({
      ...cluster.parts,
      log: noting(demo.connect('agent'), { prefix: cluster.parts.prefix, handedMs }),
      agentId: agentId(`agent-${subject.name}`),
      stateDir: join(folder, subject.name),
      instances: COPIES.map((copy, at) => instanceOf(subject, copy, own[at] ?? 0)),
      probeProfile: 'fast',
      earlyFlush: subject.earlyFlush,
      exitSignal: subject.exitSignal,
    })
    agents.set(subject.name, agent)
  }
  const traffic = startTraffic(ports)
  return {
    seen,
    /** Between two faults nothing is under way that is still asked for. */
    forget() {
      seen.commands.length = 0
      seen.incidents.length = 0
      handedMs.clear()
    },
    /** When the record of some evidence was handed to the log. @param {Evidence} evidence */
    handedMs: ({ topic, partition, offset }) =>
      handedMs.get(placeKey(topic, partition, offset)) ?? null,
    /** @param {Subject} subject @param {number} copy */
    victim(subject, copy) {
      const instance = `bench-${subject.name}-${copy}`
      const pid = agents.get(subject.name)?.pids().get(instance) ?? null
      if (pid === null) throw new Error(`${instance} does not run`)
      return { instance, pid }
    },
    /** Every instance is known and healthy. */
    isWell() {
      const instances = cluster.model.instances()
      const well = instances.filter(({ health }) => health === 'healthy')
      return well.length === COPIES.length * subjects.length && well.length === instances.length
    },
    async stop() {
      traffic.stop()
      await Promise.all([...agents.values()].map((agent) => agent.stop()))
      seen.stop.abort()
      await seen.ended
      await cluster.stop()
      await demo.end(END_MS)
      rmSync(folder, { recursive: true, force: true })
    },
  }
}
