// The short way of judging: nearly every instance is well and stays so, and all that its judgement
// can find out is when it would be silent. What this says yes to, `judge` changes nothing of.
import type { DetectorLimits } from '../../contracts/limits.ts'
import type { Health } from '../../contracts/records.ts'
import { silentFromMs } from './detectors.ts'
import type { Hearing } from './silence.ts'
import type { Vital } from './vital.ts'

/** The window that judges, as far as it is asked; reused for every instance. */
export interface Glance {
  n: number
  errors: number
  /** The P99 latency, or what is not below it. */
  p99Us: number
}

export interface Quietness {
  readonly limits: DetectorLimits
  readonly hearing: Hearing
}

/**
 * The log time at which the instance, judged healthy and with nothing against it, would be silent;
 * -1: it has to be judged. Right only for one that is not on its way out.
 */
export function quietUntilMs(
  vital: Vital,
  announced: Health,
  { limits, hearing }: Quietness,
  glance: Glance,
): number {
  if (vital.health !== 'healthy' || vital.findings.size > 0 || hearing.blind) return -1
  if (vital.exited !== null || vital.refused !== null || vital.flipsMs.length > 0) return -1
  if (vital.calmSinceMs !== null || vital.probe?.verdict === 'down') return -1
  if (vital.failures !== null && vital.failures.count >= limits.consecutiveFailuresMax) return -1
  if (announced === 'unstable' || announced === 'unhealthy') return -1
  if (!areGood(glance, limits)) return -1
  const dueMs = silentFromMs(vital, limits, hearing)
  return hearing.horizonMs !== null && hearing.horizonMs >= dueMs ? -1 : dueMs
}

function areGood({ n, errors, p99Us }: Glance, limits: DetectorLimits): boolean {
  if (n < limits.samplesMin) return true
  if (n > 0 && (n - errors) / n <= limits.successRateMin) return false
  return p99Us < limits.latencyP99MaxUs
}
