// Load for the bench of policies: 200 of them that select every service, and the facts of ten
// thousand instances in services of a hundred, all of which have changed each second.
import { createHash } from 'node:crypto'

const INSTANCES_PER_SERVICE = 100
const ZONES = ['zone-a', 'zone-b', 'zone-c']
const START_MS = 1_800_000_000_000
/** One instance in so many is ill. */
const ILL_EVERY = 500

/**
 * Kinds of triggers as people write them, in these shares: limits of errors and of latency, health
 * by zone, detectors, flapping, one thing or another, and figures of the whole service.
 * @type {readonly (readonly [count: number, trigger: (i: number) => string])[]}
 */
const KINDS = [
  [60, (i) => `n >= 20 && error_rate > ${(0.02 + i / 200).toFixed(3)}`],
  [60, (i) => `n >= 20 && p99_ms > ${200 + 25 * i}`],
  [30, (i) => `health == "unhealthy" && zone == "${ZONES[i % 3]}" && n > ${i}`],
  [20, (i) => `"${i % 2 === 0 ? 'silence' : 'probe_down'}" in detectors && service_healthy > ${i}`],
  [10, (i) => `transitions >= ${3 + i}`],
  [10, (i) => `error_rate > ${(0.2 + i / 50).toFixed(2)} || p99_ms > ${2_000 + 100 * i}`],
  [10, (i) => `service_error_rate > ${(0.1 + i / 100).toFixed(2)} && error_rate > 0.2`],
]

export const TRIGGERS = KINDS.flatMap(([count, trigger]) =>
  Array.from({ length: count }, (_, i) => trigger(i)),
)

/** @param {string} trigger @param {number} i */
export function policyRecord(trigger, i) {
  const name = `policy-${i}`
  const spec = { match: { services: ['*'] }, mode: 'observe', trigger, action: 'restart_instance' }
  const body = { apiVersion: 'healstream.io/v1', kind: 'HealPolicy', metadata: { name }, spec }
  const document = JSON.stringify(body)
  const sha256 = createHash('sha256').update(document).digest('hex')
  const words = { author: 'bench', at_ms: 0, comment: null }
  return { name, kind: 'HealPolicy', version: 1, deleted: false, document, sha256, ...words }
}

/** @typedef {import('../dist/core/kernel/facts.js').Facts} Facts */
/** @typedef {import('../dist/core/kernel/facts.js').InstanceFacts} InstanceFacts */

/** @param {() => number} next @param {number} instances */
export function fleetOf(next, instances) {
  return Array.from({ length: instances / INSTANCES_PER_SERVICE }, (_, s) =>
    Array.from({ length: INSTANCES_PER_SERVICE }, (__, i) =>
      instanceOf(next, `service-${s}`, s * INSTANCES_PER_SERVICE + i),
    ),
  )
}

/** @param {() => number} next @param {string} service @param {number} i */
function instanceOf(next, service, i) {
  const isIll = i % ILL_EVERY === 0
  const instance = `${service}-${String(i).padStart(5, '0')}`
  const n = 100 + Math.floor(500 * next())
  const errors = isIll ? Math.floor(n / 2) : Math.floor(0.01 * n * next())
  return {
    key: `${service}/${instance}`,
    service,
    instance,
    incarnation: 1,
    registeredAtMs: START_MS,
    lifecycle: 'ready',
    link: 'online',
    zone: ZONES[i % 3] ?? null,
    appVersion: 'v1',
    agent: `agent-${i}`,
    agentEpoch: 1,
    agentHeard: true,
    health: isIll ? 'unhealthy' : 'healthy',
    healthSinceMs: START_MS,
    transitions: 0,
    findings: [],
    notes: [],
    signs: {},
    metrics: new Map(),
    window: figures(n, errors, 20_000 + Math.floor(100_000 * next())),
    probe: { verdict: 'up', atMs: START_MS },
  }
}

/** @param {number} n @param {number} errors @param {number} p99Us */
function figures(n, errors, p99Us) {
  return { spanMs: 60_000, n, errors, successRate: 1 - errors / n, p99Us, maxUs: 2 * p99Us }
}

/**
 * The facts of a second: everybody's figures are new.
 * @param {ReturnType<typeof fleetOf>} fleet @param {number} second
 * @returns {Facts}
 */
export function factsOf(fleet, second) {
  const services = fleet.map((instances) => {
    for (const one of instances) {
      const { n, errors, p99Us } = one.window
      one.window = figures(n, errors, p99Us + (second % 2 === 0 ? 1_000 : -1_000))
    }
    const [first] = instances
    const window = figures(50_000, 200, 120_000)
    return { service: first?.service ?? '', window, instances, due: instances }
  })
  const facts = { nowMs: START_MS + 1_000 * second, stepSeq: second, behind: false, blind: false }
  // Ids are branded texts, which plain JavaScript cannot say.
  return /** @type {Facts} */ (/** @type {unknown} */ ({ ...facts, services, left: [] }))
}
