// The short way of judging: nearly every instance is well and stays so, and all that its judgement
// can find out is when it would be silent. What this says yes to, `judge` changes nothing of.
import type { DetectorLimits } from '../../contracts/limits.ts'
import type { Health } from '../../contracts/records.ts'
import { BEHAVIOUR_JUDGEMENT } from '../kernel/behaviour.ts'
import type { Vital } from './vital.ts'

/** The window that judges, as far as it is asked; reused for every instance. */
export interface Glance {
  n: number
  errors: number
  /** The P99 latency, or what is not below it. */
  p99Us: number
}

/**
 * Judged healthy, or nothing is known that would judge it, with nothing against it and nothing to
 * wait for: only more counts, silence, or something that is told of it can change that. It may
 * have changed of late; before BEHAVIOUR_JUDGEMENT who has is looked at each time.
 */
export function isCalm(vital: Vital, announced: Health, behaviour: number): boolean {
  const { health, probe } = vital
  if (health === 'unknown' && probe?.verdict === 'up') return false
  if ((health !== 'healthy' && health !== 'unknown') || vital.findings.size > 0) return false
  if (vital.exited !== null || vital.refused !== null) return false
  if (vital.flipsMs.length > 0 && behaviour < BEHAVIOUR_JUDGEMENT) return false
  if (vital.calmSinceMs !== null || probe?.verdict === 'down') return false
  return announced !== 'unstable' && announced !== 'unhealthy'
}

/** Whether counts leave a calm instance as it is. */
export function areGood(vital: Vital, glance: Glance, limits: DetectorLimits): boolean {
  if (vital.failures !== null && vital.failures.count >= limits.consecutiveFailuresMax) return false
  // They may say that it is well.
  if (vital.health === 'unknown') return glance.n < limits.samplesMin
  return areEnough(glance, limits)
}

/** `areGood` of one whose health is known and whose requests have not failed in a row. */
export function areEnough({ n, errors, p99Us }: Glance, limits: DetectorLimits): boolean {
  if (n < limits.samplesMin) return true
  if (n > 0 && (n - errors) / n <= limits.successRateMin) return false
  return p99Us < limits.latencyP99MaxUs
}
