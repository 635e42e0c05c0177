// From the facts of a step to the facts a trigger can ask about.
import type { InstanceFacts, ServiceFacts } from '../kernel/facts.ts'
import type { FactValues } from './fact-table.ts'
import { isInService } from './group.ts'

type ServiceValues = Pick<
  FactValues,
  | 'service_success_rate'
  | 'service_error_rate'
  | 'service_p99_ms'
  | 'service_n'
  | 'service_instances'
  | 'service_healthy'
>

const milliseconds = (us: number | null): number | null => (us === null ? null : us / 1_000)

/** Errors over requests, so that 0.5 is exactly half; null without requests. */
const errorRate = ({ n, errors }: { n: number; errors: number }): number | null =>
  n === 0 ? null : errors / n

export function serviceValues({ window, instances }: ServiceFacts): ServiceValues {
  const serving = instances.filter(isInService)
  return {
    service_success_rate: window.successRate,
    service_error_rate: errorRate(window),
    service_p99_ms: milliseconds(window.p99Us),
    service_n: window.n,
    service_instances: serving.length,
    service_healthy: serving.filter(({ health }) => health === 'healthy').length,
  }
}

export function factValues(facts: InstanceFacts, service: ServiceValues): FactValues {
  const { window, findings } = facts
  // Written out, not spread: this runs for every instance at every step, and is 28 times faster
  // than an object that grows out of a spread one (0.56 instead of 15.9 ms per 1,000 instances).
  return {
    success_rate: window.successRate,
    error_rate: errorRate(window),
    p99_ms: milliseconds(window.p99Us),
    n: window.n,
    errors: window.errors,
    health: facts.health,
    probe: facts.probe?.verdict ?? null,
    detectors: findings.map(({ detector }) => detector),
    self_evident: findings.some(
      (finding) => finding.class === 'self_evident' && finding.severity === 'unhealthy',
    ),
    transitions: facts.transitions,
    lifecycle: facts.lifecycle,
    link: facts.link,
    service: facts.service,
    instance: facts.instance,
    zone: facts.zone,
    incarnation: facts.incarnation,
    service_success_rate: service.service_success_rate,
    service_error_rate: service.service_error_rate,
    service_p99_ms: service.service_p99_ms,
    service_n: service.service_n,
    service_instances: service.service_instances,
    service_healthy: service.service_healthy,
  }
}
