// What a service task tells the fleet task of its services and of the agents beside them.
import type { AgentId } from '../../contracts/ids.ts'
import type { Reporter, ServiceCount } from '../../contracts/records.ts'
import { overlay } from '../decision/healing.ts'
import { policiesInForce } from '../decision/documents.ts'
import { groupsOf } from './fleet-groups.ts'
import { BEHAVIOUR_FLEET, serviceTask } from '../fleet/term.ts'
import type { Vector } from '../fleet/observer.ts'
import { BEHAVIOUR_JUDGEMENT } from '../kernel/behaviour.ts'
import type { InstanceFacts, ServiceFacts } from '../kernel/facts.ts'
import { compareText, sortedKeys } from '../kernel/order.ts'
import type { Output, Step } from '../kernel/step.ts'
import type { ServiceState } from './service-state.ts'
import { routing } from './views.ts'

/** Modes in which a policy gives commands. */
const ACTING = ['canary', 'enforce']

/** The observation that is due, if any; `judged`: something was judged or decided in this step. */
export function observe(
  state: ServiceState,
  step: Step,
  told: { readonly services: readonly ServiceFacts[]; readonly judged: boolean },
): { readonly outputs: readonly Output[]; readonly urgent: boolean } {
  const { healing, observer, context } = state
  if (healing.behaviour < BEHAVIOUR_FLEET || step.behind) return { outputs: [], urgent: false }
  const body = observer.observe({
    nowMs: state.nowMs,
    task: serviceTask(context.partition),
    stock: wantsStock(state, told.services) ? 1 : 0,
    zoned: healing.behaviour >= BEHAVIOUR_JUDGEMENT,
    stirred: told.judged || step.slices.length > 0,
    vector: () => vectorOf(state, told.services),
    sha256: context.sha256,
  })
  if (body === null) return { outputs: [], urgent: false }
  const key = `task:${body.task}`
  return { outputs: [{ topic: 'observations', key, body }], urgent: body.urgent }
}

/** A token is kept in hand only where a policy may act on somebody. */
function wantsStock({ healing }: ServiceState, services: readonly ServiceFacts[]): boolean {
  if (!services.some(({ instances }) => instances.length > 0)) return false
  return policiesInForce(healing.documents).some(({ policy }) => {
    const modes = [policy.mode, ...Object.values(policy.modes)]
    return modes.some((mode) => ACTING.includes(mode))
  })
}

function vectorOf(state: ServiceState, services: readonly ServiceFacts[]): Vector {
  const agents = new Map<AgentId, number>()
  for (const { instances } of services) {
    for (const { agent, lifecycle } of instances) {
      const heardMs = agent === null ? null : state.sources.heardAtMs(agent)
      // One that has left may be silent.
      if (agent !== null && heardMs !== null && lifecycle !== 'gone') agents.set(agent, heardMs)
    }
  }
  const heard = [...agents].sort(([a], [b]) => compareText(a, b))
  const reporters = heard.map(([agent, heardMs]): Reporter => ({ agent, last_ms: heardMs }))
  return { services: services.map((facts) => countOf(state, facts)), reporters }
}

function countOf(state: ServiceState, facts: ServiceFacts): ServiceCount {
  const { service, window, instances } = facts
  const isGrouped = state.healing.behaviour >= BEHAVIOUR_JUDGEMENT
  const counts = { healthy: 0, unstable: 0, unhealthy: 0, unknown: 0 }
  const sickByZone = new Map<string, number>()
  let routable = 0
  let live = 0
  let onsetMs: number | null = null
  for (const instance of instances) {
    if (instance.lifecycle === 'gone') continue
    live += 1
    counts[instance.health] += 1
    if (isRoutable(state, instance)) routable += 1
    if (instance.health === 'unhealthy' || instance.health === 'unstable') {
      const zone = instance.zone ?? ''
      sickByZone.set(zone, (sickByZone.get(zone) ?? 0) + 1)
    }
    const sinceMs = onsetOf(state, instance)
    if (sinceMs !== null) onsetMs = Math.min(onsetMs ?? sinceMs, sinceMs)
  }
  const zones = sortedKeys(sickByZone).map((zone) => [zone, sickByZone.get(zone) ?? 0] as const)
  return {
    service,
    instances: live,
    ...counts,
    routable,
    n: window.n,
    errors: window.errors,
    p99_us: window.p99Us,
    onset_ms: onsetMs,
    sick_by_zone: Object.fromEntries(zones),
    ...(isGrouped ? { groups: groupsOf(state, facts) } : {}),
  }
}

/** The earliest of findings, and of an incident that a policy has opened without any; or null. */
function onsetOf({ healing }: ServiceState, { key, findings }: InstanceFacts): number | null {
  let onsetMs = healing.incidents.get(key)?.openedAtMs ?? null
  for (const { sinceMs } of findings) onsetMs = Math.min(onsetMs ?? sinceMs, sinceMs)
  return onsetMs
}

function isRoutable({ healing }: ServiceState, instance: InstanceFacts): boolean {
  const { service, instance: id, lifecycle, health } = instance
  const ready = lifecycle === 'ready' || lifecycle === 'unknown'
  return routing(health, ready, overlay(healing, service, id)).routable
}
