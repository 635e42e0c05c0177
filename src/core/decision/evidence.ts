// What stands against an instance, for the audit and for the question whether it still does.
import type { Evidence } from '../../contracts/records.ts'
import { plain, SENTENCE_MAX } from '../incident/sentence.ts'
import type { Finding, InstanceFacts } from '../kernel/facts.ts'
import type { Match } from './policy.ts'

export function toEvidence(finding: Finding): Evidence {
  return {
    detector: finding.detector,
    class: finding.class,
    since_ms: finding.sinceMs,
    value: finding.value,
    limit: finding.limit,
    unit: finding.unit,
    text: plain(finding.text, SENTENCE_MAX),
    topic: finding.place?.topic ?? null,
    partition: finding.place?.partition ?? null,
    offset: finding.place?.offset ?? null,
  }
}

/** The matched trigger itself, where no detector found anything. */
export function triggerEvidence({ ready, sinceMs, clauses }: Match): Evidence {
  const seen = clauses.map(({ value }) => value).join('; ')
  return {
    detector: 'policy',
    class: 'inferred',
    since_ms: sinceMs,
    value: 1,
    limit: 1,
    unit: 'state',
    text: plain(`the trigger of policy ${ready.ref.name} holds: ${seen}`, SENTENCE_MAX),
    topic: null,
    partition: null,
    offset: null,
  }
}

export function isSick({ health, findings }: InstanceFacts): boolean {
  return health === 'unhealthy' || findings.some(isSelfEvident)
}

/** What silence alone makes stand. */
const SILENT: ReadonlySet<string> = new Set([
  'silence',
  'heartbeat_level_1',
  'heartbeat_level_2',
  'heartbeat_level_3',
  'arrival',
  'network_partition',
  'fusion',
])

/**
 * Not healthy, and nothing but silence and suspicion stands against it, or nothing any more: it may
 * be the way of its telemetry alone that is sick.
 */
export function isUnheard({ health, findings }: InstanceFacts): boolean {
  const isUnwell = health === 'unstable' || health === 'unhealthy'
  return isUnwell && findings.every((finding) => !isGrave(finding))
}

function isGrave({ detector, severity }: Finding): boolean {
  return severity === 'unhealthy' && !SILENT.has(detector)
}

/** What is seen of requests: its cause may lie in what the instance calls. */
const REQUESTS: ReadonlySet<string> = new Set([
  'success_rate',
  'latency_p99',
  'consecutive_failures',
])

/** Onset of what stands against it by its requests; null: nothing does. */
export function requestsOnsetMs({ findings }: InstanceFacts): number | null {
  const grave = findings.filter((one) => isGrave(one) && REQUESTS.has(one.detector))
  return grave.length === 0 ? null : onsetMs(grave, Infinity)
}

/** Nothing but its requests speaks against it. */
export function isOfRequests({ findings }: InstanceFacts): boolean {
  const grave = findings.filter((one) => isGrave(one))
  return grave.length > 0 && grave.every(({ detector }) => REQUESTS.has(detector))
}

/**
 * Nothing deviates any more; health waits out its dwell before it says so. Kinds that stood
 * together are remembered for a while after none of them stands.
 */
export function isEasing({ health, findings, notes }: InstanceFacts): boolean {
  const isUnwell = health === 'unhealthy' || health === 'unstable'
  if (!isUnwell || findings.length === 0) return isUnwell
  const isOver = findings.every(({ detector }) => detector === 'fusion')
  return isOver && notes.every(({ detector }) => SILENT.has(detector))
}

/** Evidence that may act at once (DESIGN.md section 5). */
export function isSelfEvident(finding: Finding): boolean {
  return finding.class === 'self_evident' && finding.severity === 'unhealthy'
}

/** Onset of what argues for unhealthy, else of anything, else `otherwise`. */
export function onsetMs(findings: readonly Finding[], otherwise: number): number {
  const grave = findings.filter(({ severity }) => severity === 'unhealthy')
  const standing = grave.length > 0 ? grave : findings
  return standing.reduce((least, { sinceMs }) => Math.min(least, sinceMs), otherwise)
}

/** Successes counted after the effect that stand for a probe, where there is none. */
export const SUCCESSES_MIN = 5

/** Judged healthy, nothing stands against it, and something speaks for it. */
export function looksWell({ health, findings, probe, window }: InstanceFacts): boolean {
  const speaksForIt = probe?.verdict === 'up' || window.n - window.errors >= SUCCESSES_MIN
  return health === 'healthy' && findings.length === 0 && speaksForIt
}
