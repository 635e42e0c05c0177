// What records tell beside requests, folded into what is sensed of an instance (behaviour 3).
import {
  METRIC_NAME_BYTES_MAX,
  metricProblem,
  METRICS_PER_INSTANCE_MAX,
} from '../../contracts/metric-name.ts'
import type { Signal } from '../../contracts/records.ts'
import { type DeltaScratch, METRICS_MAX } from '../../contracts/telemetry-decoder.ts'
import { decodeUtf8 } from '../../contracts/utf8.ts'
import type { Admitted, AdmittedDelta } from '../admit/admitted.ts'
import { METRIC_STALE_MS } from '../health/own-metrics.ts'
import type { Sense } from '../health/sense.ts'
import { senseOf } from '../health/senses.ts'
import { promisedPeriodMs } from '../health/vital.ts'
import type { Bound, Owners } from './group.ts'
import { MOVED, SENSED } from './marks.ts'
import type { ServiceState } from './service-state.ts'
import type { Subject } from './subject.ts'

/**
 * An own delta that was counted. Bare ones of a service without series pass at two looks. Why
 * metrics of it were refused, or null.
 */
export function senseDelta(
  state: ServiceState,
  owners: Owners,
  delta: AdmittedDelta<Bound>,
): string | null {
  const { group } = owners
  if (delta.appendMs >= group.peersAtMs) group.peersDue = true
  if (delta.scratch.isBare && group.tuning !== null && !group.hasSeries) return null
  return senseFully(state, owners, delta)
}

function senseFully(
  state: ServiceState,
  { subject, group }: Owners,
  { scratch, eventMs, appendMs, place }: AdmittedDelta<Bound>,
): string | null {
  const tuning = state.tuningOf(group)
  const hasTick = scratch.gaugesMask !== 0 || scratch.hasLogs || scratch.hasTasks
  const hasMetrics = scratch.metrics > 0
  if (hasTick || hasMetrics) subject.mark(SENSED, true)
  else if (!group.hasSeries) return null
  const sense = senseOf(subject.vital, tuning)
  sense.standing.from = place
  if (group.hasSeries) sense.count(scratch, appendMs, subject.key)
  if (hasTick) sense.foldTick(scratch, eventMs)
  const problem = hasMetrics ? foldMetrics(sense, scratch, { eventMs, appendMs }) : null
  sense.standing.from = null
  if (sense.standing.moved) subject.mark(MOVED, true)
  return problem
}

/**
 * Each by itself: one that cannot be taken is refused with what is wrong, and takes nothing else
 * with it. Those of long ago are history.
 */
function foldMetrics(
  sense: Sense,
  scratch: DeltaScratch,
  { eventMs, appendMs }: { readonly eventMs: number; readonly appendMs: number },
): string | null {
  if (eventMs + METRIC_STALE_MS <= appendMs) return null
  const { metrics, metricStart, metricEnd, metricValue, cursor } = scratch
  const held = Math.min(metrics, METRICS_MAX)
  let refused = metrics - held
  let problem = refused === 0 ? null : `at most ${METRICS_MAX} are taken of one record`
  for (let i = 0; i < held; i++) {
    const [start = 0, end = 0, value = 0] = [metricStart[i], metricEnd[i], metricValue[i]]
    // One letter beyond the longest name is enough to refuse it.
    const name = decodeUtf8(cursor.buffer, start, Math.min(end, start + METRIC_NAME_BYTES_MAX + 1))
    const bad = metricProblem(name, value)
    if (bad === null && sense.foldMetric(name, value, eventMs)) continue
    refused += 1
    problem ??= bad ?? `at most ${METRICS_PER_INSTANCE_MAX} are told apart for one instance`
  }
  if (problem === null) return null
  return `${refused} of ${metrics} metrics are refused, the rest of the record counts: ${problem}`
}

export function senseSignal(
  task: ServiceState,
  subject: Subject,
  { record: signal, appendMs, eventMs, place }: Admitted<Signal>,
): void {
  const { vital } = subject
  const group = task.group(vital.service)
  const { heartbeat, probe, breaker, agent } = signal
  const verdict = probe?.verdict ?? 'unknown'
  const state = breaker?.state ?? 'unknown'
  if (heartbeat === null && verdict === 'unknown' && state === 'unknown') return
  const sense = senseOf(vital, task.tuningOf(group))
  if (heartbeat !== null) {
    const leastMs = promisedPeriodMs(vital)
    const { config: before } = sense.beats
    sense.standing.from = place
    sense.beats.foldBeat(heartbeat, { appendMs, eventMs, leastMs }, sense.standing)
    sense.standing.from = null
    if (sense.beats.config !== before) group.configDue = true
  }
  if (probe !== null && verdict !== 'unknown') {
    sense.beats.foldProbe(agent, { verdict, atMs: eventMs, local: probe.local })
  }
  if (breaker !== null && state !== 'unknown') sense.foldBreaker(breaker.name, state)
}
