// How many replicas a service is to have now (S0-50), from the facts of its instances.
import type { PlanAction } from '../../contracts/plan.ts'
import type { ServiceFacts } from '../kernel/facts.ts'
import { desiredReplicas, stabilised } from '../plan/scale.ts'
import { FACTS, type FactName } from './fact-table.ts'
import { InstanceValues, ServiceValues } from './fact-values.ts'
import { isInService } from './group.ts'
import { OWN_METRIC } from './plan-lint.ts'
import type { Turn } from './state.ts'

function isFact(name: string): name is FactName {
  return Object.hasOwn(FACTS, name)
}

/** Mean of a fact, or of one's own metric, over the instances that tell it; null: none does. */
export function meanOf(service: ServiceFacts, metric: string): number | null {
  const common = new ServiceValues(service)
  const own = metric.startsWith(OWN_METRIC) ? metric.slice(OWN_METRIC.length) : null
  const told = service.instances.filter(isInService).flatMap((instance) => {
    if (own !== null) return [instance.metrics.get(own) ?? []].flat()
    const value = isFact(metric) ? new InstanceValues(instance, common)[metric] : null
    return typeof value === 'number' ? [value] : []
  })
  return told.length === 0 ? null : told.reduce((sum, value) => sum + value, 0) / told.length
}

/** Replicas to have; what there is where the metric is not known. Remembers what it wanted. */
export function replicasFor(
  { state, nowMs }: Turn,
  service: ServiceFacts,
  args: PlanAction['args'],
): number {
  const current = service.instances.filter(isInService).length
  const metric = meanOf(service, args['metric'] ?? '')
  if (metric === null) return current
  const numbers = {
    target: Number(args['target']),
    min: Number(args['min']),
    max: Number(args['max']),
  }
  const now = { atMs: nowMs, replicas: desiredReplicas(current, metric, numbers) }
  const { replicas, wanted } = stabilised(state.wanted.get(service.service) ?? [], now, current)
  state.wanted.set(service.service, wanted)
  return replicas
}
