// What the views are told after a decision: of instances that were judged, of services any of whose
// instances were, and of everybody when the decision said something, because guards and incidents
// may have changed for any of them.
import type { Health } from '../../contracts/records.ts'
import { overlay } from '../decision/healing.ts'
import { reasonOf, standing } from '../health/health.ts'
import { BEHAVIOUR_WINDOWS } from '../kernel/behaviour.ts'
import type { Figures } from '../kernel/facts.ts'
import type { Group } from './group.ts'
import type { ServiceState } from './service-state.ts'
import type { Subject } from './subject.ts'
import { type Others, routing, type Telling } from './views.ts'

/** A finding's name in the view for an agent whose clock is not believed (S0-25). */
const CLOCK_SKEW = 'clock_skew'

/**
 * Tells the views what is new; `everybody`: guards and incidents may have changed for any of them.
 */
export function tellViews(state: ServiceState, everybody: boolean): void {
  for (const group of state.services()) {
    const subjects = everybody ? group.ordered() : group.judged
    for (const subject of subjects) {
      state.views.tell(instanceTelling(state, subject), state.nowMs)
    }
    const isNew = everybody || subjects.length > 0 || group.subjects.size === 0
    if (isNew) state.views.tell(serviceTelling(state, group), state.nowMs)
  }
}

function instanceTelling(state: ServiceState, { entry, vital }: Subject): Telling {
  const guards = overlay(state.healing, vital.service, vital.instance)
  const ready = entry.lifecycle === 'ready' || entry.lifecycle === 'unknown'
  const signals: string[] = standing(vital).map(({ detector }) => detector)
  if (entry.agent !== null && state.admission.isSkewed(entry.agent)) signals.push(CLOCK_SKEW)
  return {
    service: vital.service,
    instance: vital.instance,
    incarnation: vital.incarnation,
    health: vital.health,
    sinceMs: vital.healthSinceMs,
    reason: reasonOf(vital),
    ...routing(vital.health, ready, guards),
    guard: guards.guard,
    window: state.windows.instance(vital.service, vital.instance),
    others: othersOf(state, vital.service, vital.instance),
    signals,
    incidentId: guards.incidentId,
  }
}

function serviceTelling(state: ServiceState, group: Group): Telling {
  const { service, live } = group
  const announced = state.registry.find(service, null)?.announced ?? 'unknown'
  const health = live === 0 ? announced : together(group.healths)
  const sinceMs = state.views.serviceSince(service, health, state.nowMs)
  const routable = live === 0 ? health !== 'unhealthy' : isRoutable(state, group)
  return {
    service,
    instance: null,
    incarnation: 0,
    health,
    sinceMs,
    reason: live === 0 ? 'no instances known' : `${group.healths.healthy} of ${live} healthy`,
    routable,
    weightPercent: routable ? 100 : 0,
    guard: null,
    window: group.window,
    others: othersOf(state, service, null),
    signals: [],
    incidentId: null,
  }
}

/** Of an instance, or of the service as a whole. */
function othersOf(
  { healing, windows }: ServiceState,
  service: string,
  instance: string | null,
): Others | null {
  if (healing.behaviour < BEHAVIOUR_WINDOWS) return null
  const figures = (span: 10_000 | 300_000): Figures =>
    instance === null ? windows.service(service, span) : windows.instance(service, instance, span)
  return { short: figures(10_000), long: figures(300_000) }
}

/** Any instance is. An incident changes it for one instance at most. */
function isRoutable(state: ServiceState, group: Group): boolean {
  const { incidents } = state.healing
  if (group.routable > incidents.size) return true
  if (incidents.size === 0) return false
  return group.ordered().some(({ entry, vital }) => {
    if (entry.lifecycle === 'gone') return false
    const ready = entry.lifecycle === 'ready' || entry.lifecycle === 'unknown'
    const guards = overlay(state.healing, group.service, vital.instance)
    return routing(vital.health, ready, guards).routable
  })
}

/** A service is unhealthy when all its instances are, and unstable when some are not well. */
function together({ healthy, unstable, unhealthy }: Readonly<Record<Health, number>>): Health {
  const known = healthy + unstable + unhealthy
  if (known === 0) return 'unknown'
  if (healthy === known) return 'healthy'
  return unhealthy === known ? 'unhealthy' : 'unstable'
}
