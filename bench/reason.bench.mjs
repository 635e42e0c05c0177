// `reason`: seconds of CPU time in which the fewest records are found that were enough for an
// order, among 100,000 and more of one task: 1,500 instances with a delta a second each, one of
// which falls sick every other second (a failed probe, an exit, a run of failed requests). Ruler:
// all of these steps made again once. The last line also tells how many records were enough.
import { createHash } from 'node:crypto'
import { createSerde } from '../dist/adapters/serde/serde.js'
import { INPUT_TOPICS } from '../dist/contracts/topics.js'
import { BEHAVIOUR_LATEST } from '../dist/core/kernel/behaviour.js'
import { leaseId } from '../dist/core/fleet/budget.js'
import { createServiceCore } from '../dist/core/tasks/service-task.js'
import { openBatch, readBatchHeader } from '../dist/runtime/record-batch.js'
import { reasonOf } from '../dist/runtime/reason/reason.js'
import { Recorder } from '../dist/runtime/reason/recording.js'
import { DeltaFleet, FLEET_START_MS } from './delta-fleet.mjs'
import { cpuMs } from './windows-load.mjs'
import { median, round } from './figures.mjs'

const INSTANCES = 1_500
const RECORDS_MAX = 100_000
const WARM_SECONDS = 150
const FAULT_EVERY_SECONDS = 2
const PULSE_EVERY_SECONDS = 10
const GRANT_EVERY_SECONDS = 20
const POLICY = {
  apiVersion: 'healstream.io/v1',
  kind: 'HealPolicy',
  metadata: { name: 'restart-sick' },
  spec: {
    match: { services: ['*'] },
    mode: 'enforce',
    trigger: 'health == "unhealthy"',
    action: 'restart_instance',
  },
}
const GUARDS = {
  apiVersion: 'healstream.io/v1',
  kind: 'GuardSet',
  metadata: { name: 'all' },
  spec: { match: { services: ['*'] }, perMinute: 1_000 },
}
const NOTHING = { heartbeat: null, probe: null, connection: null, process: null, breaker: null }

/** @param {Uint8Array} bytes */
const sha256 = (bytes) => createHash('sha256').update(bytes).digest()

/** One task of such a fleet, second by second, whose steps are kept. */
class World {
  /** @type {import('../dist/contracts/records.js').IncidentEvent[]} */
  orders = []
  recorder = new Recorder(createServiceCore, { spanMs: 65_000, recordsMax: RECORDS_MAX })
  #serde
  #fleet
  #core
  #second = 0
  #fleetSeq = 0
  /** @type {Map<string, number>} next offset by topic */
  #offsets = new Map()

  /** @param {import('./delta-fleet.mjs').Serde} serde @param {number} seed */
  constructor(serde, seed) {
    this.#serde = serde
    this.#fleet = new DeltaFleet(serde, { instances: INSTANCES, tasks: 1, seed, failing: 0 })
    const context = { clusterId: 'bench', taskId: 's0', partition: 0, partitionCount: 1 }
    this.#core = this.recorder.createCore(
      { ...context, behaviour: BEHAVIOUR_LATEST, scale: 4, sha256, decoder: serde },
      null,
    )
  }

  /** @param {number} seconds */
  run(seconds) {
    for (let i = 0; i < seconds; i++) this.#step()
  }

  #step() {
    const second = this.#second++
    const tickMs = FLEET_START_MS + 1_000 * second
    const nowMs = tickMs + 1_950
    const said = [...(second === 0 ? this.#documents() : []), ...this.#words(second, nowMs)]
    const slices = [...said.map((record) => this.#slice(record, nowMs - 50)), this.#deltas(second)]
    const order = (/** @type {{ topic: string }} */ { topic }) =>
      INPUT_TOPICS.findIndex((kind) => kind === topic)
    slices.sort((a, b) => order(a) - order(b))
    const asOf = Object.fromEntries(INPUT_TOPICS.map((topic) => [topic, nowMs]))
    const { outputs } = this.#core.step({ seq: second + 1, nowMs, behind: false, asOf, slices })
    for (const { topic, body } of outputs)
      if (topic === 'incidents' && body?.event === 'commanded') this.orders.push(body)
  }

  #documents() {
    return [
      { kind: 'HealPolicy', document: POLICY },
      { kind: 'GuardSet', document: GUARDS },
    ].map(({ kind, document }) => {
      const text = JSON.stringify(document)
      const { name } = document.metadata
      const record = { name, kind, version: 1, deleted: false, document: text, author: 'bench' }
      const rest = { sha256: sha256(Buffer.from(text)).toString('hex'), at_ms: 0, comment: null }
      return { topic: 'policies', value: { ...record, ...rest } }
    })
  }

  /** What comes beside the deltas: pulses, tokens, and a fault now and then. */
  #words(/** @type {number} */ second, /** @type {number} */ nowMs) {
    const fleet = { task: 's0', gen: 1, at_ms: nowMs, verdict: null }
    const seq = () => (this.#fleetSeq = Math.max(this.#fleetSeq + 1, nowMs))
    const pulse = {
      as_of_ms: nowMs - 50,
      reporters_expected: INSTANCES,
      reporters_seen: INSTANCES,
      blind: false,
    }
    /** @type {{ topic: string, value: Record<string, unknown> }[]} */
    const words = []
    const tell = (/** @type {object} */ said) => {
      words.push({ topic: 'fleet', value: { ...fleet, ...said } })
    }
    if (second % PULSE_EVERY_SECONDS === 0) tell({ seq: seq(), kind: 'pulse', pulse, grant: null })
    if (second % GRANT_EVERY_SECONDS === 0) {
      const own = seq()
      const deadline = nowMs + 1_500 * GRANT_EVERY_SECONDS
      const grant = { lease_id: leaseId(own), budget: 'fleet', tokens: 20, deadline_ms: deadline }
      tell({ seq: own, kind: 'grant', pulse: null, grant })
    }
    if (second < WARM_SECONDS || second % FAULT_EVERY_SECONDS > 0) return words
    return [...words, this.#fault(second / FAULT_EVERY_SECONDS, nowMs - 60)]
  }

  /** Of an instance of another service each time. */
  #fault(/** @type {number} */ n, /** @type {number} */ atMs) {
    const members = this.#fleet.members[0] ?? []
    const { service, instance, agent } = members[(n * 61) % members.length] ?? {}
    const who = { service, instance, agent, epoch: 2, lane: 'live', seq: n, incarnation: 1 }
    if (n % 3 === 0) {
      const counts = {
        n: 30,
        errors: 30,
        local_errors: 0,
        sum_us: 30_000,
        max_us: 1_000,
        zeros: 30,
      }
      const tick = { tick_start_ms: atMs - 1_000, tick_ms: 1_000, flush: 'early', operation: '' }
      const none = { gauges: null, logs: null, tasks: null, caller: null, exemplars: [] }
      const value = { ...who, ...tick, ...counts, scale: 4, buckets: [], ...none, synthetic: false }
      return { topic: 'telemetry', value }
    }
    const signal = { ...who, at_ms: atMs, ...NOTHING, agent_notice: null }
    const down = { protocol: 'http', profile: 'fast', verdict: 'down', reason: 'timeout' }
    const probe = { ...down, failures: 3, latency_us: 200_000, status: null, local: true }
    const process = { event: 'exited', pid: 1, exit_code: 137, signal: null }
    if (n % 3 === 1) return { topic: 'signals', value: { ...signal, kind: 'probe', probe } }
    return { topic: 'signals', value: { ...signal, kind: 'process', process } }
  }

  /** @param {any} record @param {number} timestampMs */
  #slice({ topic, value }, timestampMs) {
    const bytes = this.#serde.encode(topic, value)
    const key = Buffer.from(value.service ?? value.name ?? `task:${value.task}`)
    const buffer = Buffer.concat([key, bytes])
    const offset = this.#take(topic, 1)
    const view = {
      buffer,
      offset,
      timestampMs,
      keyStart: 0,
      keyEnd: key.length,
      valueStart: key.length,
      valueEnd: buffer.length,
      headersStart: buffer.length,
      headerCount: 0,
    }
    /** @param {import('../dist/contracts/record.js').RecordVisitor} visitor */
    const visit = (visitor) => visitor(view)
    return { topic, partition: 0, from: offset, to: offset + 1, visit }
  }

  /** The batches are stamped anew for each second: what is kept needs bytes of its own. */
  #deltas(/** @type {number} */ second) {
    const batches = this.#fleet.batches(0, second).map(({ bytes }) => {
      const own = Buffer.from(bytes)
      const header = readBatchHeader(own)
      if (header === null) throw new Error('a batch of the fleet is cut off')
      return openBatch({ topic: 'hs.telemetry', partition: 0 }, own, header)
    })
    const count = batches.reduce((sum, batch) => sum + batch.recordCount, 0)
    const from = this.#take('telemetry', count)
    /** @param {import('../dist/contracts/record.js').RecordVisitor} visitor */
    const visit = (visitor) => {
      for (const batch of batches) batch.visit(visitor)
    }
    return { topic: 'telemetry', partition: 0, from, to: from + count, visit }
  }

  /** @param {string} topic @param {number} count */
  #take(topic, count) {
    const from = this.#offsets.get(topic) ?? 0
    this.#offsets.set(topic, from + count)
    return from
  }
}

/** @param {import('./run.mjs').How} how @returns {Promise<import('./run.mjs').Stand>} */
async function open({ seed }) {
  const world = new World(await createSerde(), seed)
  world.run(WARM_SECONDS)
  /** @type {number[]} */
  const enough = []
  /** @type {number[]} */
  const among = []
  /** @type {number[]} */
  const took = []
  let minimal = 0
  return {
    measure: async (who) => {
      const before = world.orders.length
      while (world.orders.length === before) world.run(1)
      const order = world.orders.at(-1)
      const { recording } = world.recorder
      if (order === undefined || recording === null) throw new Error('nothing was ordered')
      const name = { incidentId: order.incident_id, seq: order.seq, stepSeq: order.step_seq }
      const start = cpuMs()
      const isOver = () => who !== 'subject'
      const reason = await reasonOf(recording, name, { isOver })
      const ms = cpuMs() - start
      if (who === 'subject') {
        enough.push(reason.records.length)
        among.push(reason.among)
        minimal += reason.isMinimal ? 1 : 0
        took.push(ms / 1_000)
      }
      return ms / 1_000
    },
    raw: () => ({
      records: median(enough),
      recordsMost: Math.max(...enough),
      among: median(among),
      minimal: `${minimal} of ${enough.length}`,
      seconds: { p50: round(median(took)), most: round(Math.max(...took)) },
    }),
  }
}

/** @type {import('./run.mjs').Bench} */
export const bench = {
  unit: 's of CPU',
  rulers: ['once'],
  smallerIsBetter: true,
  pairs: 30,
  open,
}
