// What records tell beside requests, folded into what is sensed of an instance (behaviour 3).
import type { Signal } from '../../contracts/records.ts'
import type { AdmittedDelta } from '../admit/admitted.ts'
import type { Sense } from '../health/sense.ts'
import { senseOf } from '../health/senses.ts'
import { promisedPeriodMs } from '../health/vital.ts'
import type { Bound, Group } from './group.ts'
import { MOVED, SENSED } from './marks.ts'
import type { ServiceState } from './service-state.ts'
import type { Subject } from './subject.ts'

/** An own delta that was counted. Bare ones of a service without series pass at two looks. */
export function senseDelta(
  state: ServiceState,
  { subject, group }: { readonly subject: Subject; readonly group: Group },
  { scratch, eventMs, appendMs }: AdmittedDelta<Bound>,
): void {
  if (appendMs >= group.peersAtMs) group.peersDue = true
  if (scratch.isBare && group.tuning !== null && !group.hasSeries) return
  const tuning = state.tuningOf(group)
  if (group.hasSeries) {
    senseOf(subject.vital, tuning).count(scratch, appendMs, subject.key)
  }
  if (scratch.gaugesMask !== 0 || scratch.hasLogs || scratch.hasTasks) {
    senseOf(subject.vital, tuning).foldTick(scratch, eventMs)
    subject.mark(SENSED, true)
  }
  mark(subject, subject.vital.sense)
}

export function senseSignal(
  task: ServiceState,
  subject: Subject,
  { signal, appendMs, eventMs }: { signal: Signal; appendMs: number; eventMs: number },
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
    sense.beats.foldBeat(heartbeat, { appendMs, eventMs, leastMs }, sense.standing)
    if ((sense.beats.config ?? 0) > group.newestConfig) {
      group.newestConfig = sense.beats.config ?? 0
      for (const other of group.subjects.values()) {
        if (other.vital.sense?.beats.config !== null) task.changed(other)
      }
    }
  }
  if (probe !== null && verdict !== 'unknown') {
    sense.beats.foldProbe(agent, { verdict, atMs: eventMs, local: probe.local })
  }
  if (breaker !== null && state !== 'unknown') sense.foldBreaker(breaker.name, state)
}

function mark(subject: Subject, sense: Sense | null): void {
  if (sense !== null && sense.standing.moved) subject.mark(MOVED, true)
}
