// The short way of judging: nearly every instance is well and stays so, and all that its judgement
// can find out is when it would be silent. What this says yes to, `judge` changes nothing of.
import type { Figures } from '../kernel/facts.ts'
import type { DetectorInput } from './detectors.ts'
import { silentAtMs } from './detectors.ts'

/**
 * The log time at which the instance, judged healthy and with nothing against it, would be silent;
 * null: it has to be judged. Right only for one that is not on its way out.
 */
export function quietUntilMs(input: DetectorInput): number | null {
  const { vital, hearing, announced, limits, window } = input
  if (vital.health !== 'healthy' || vital.findings.size > 0 || hearing.blind) return null
  if (vital.exited !== null || vital.refused !== null || vital.flipsMs.length > 0) return null
  if (vital.calmSinceMs !== null || vital.probe?.verdict === 'down') return null
  if (vital.failures !== null && vital.failures.count >= limits.consecutiveFailuresMax) return null
  if (announced.health === 'unstable' || announced.health === 'unhealthy') return null
  const dueMs = silentAtMs(input)
  if (hearing.horizonMs !== null && hearing.horizonMs >= dueMs) return null
  return areGood(window, input) ? dueMs : null
}

function areGood(window: Figures, { limits }: DetectorInput): boolean {
  const { n, successRate, p99Us } = window
  if (n < limits.samplesMin) return true
  if (successRate !== null && successRate <= limits.successRateMin) return false
  return p99Us === null || p99Us < limits.latencyP99MaxUs
}
