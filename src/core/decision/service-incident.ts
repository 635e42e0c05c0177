// Incidents of a service as a whole, from BEHAVIOUR_JUDGEMENT on: one decision where many of its
// instances share a cause, or where a policy speaks of the service. Kept beside those of instances,
// under `viewKey(service, null)`, and followed by the same machine.
import type { ServiceId } from '../../contracts/ids.ts'
import type { Evidence } from '../../contracts/records.ts'
import { viewKey } from '../../contracts/view-key.ts'
import { type Incident, isInHand, openIncident } from '../incident/incident.ts'
import { plain, SENTENCE_MAX } from '../incident/sentence.ts'
import type { ServiceFacts } from '../kernel/facts.ts'
import { detectorLimitsOf } from './documents.ts'
import { isSick } from './evidence.ts'
import { leave, recover } from './follow.ts'
import { newIncidentId, type State, type Turn } from './state.ts'

/** The open incident of the service as a whole, or null. */
export function serviceIncident(state: State, service: ServiceId): Incident | null {
  return state.incidents.get(viewKey(service, null)) ?? null
}

/** Opens the incident of a service as a whole, and says why; the open one when there is one. */
export function openForService(
  turn: Turn,
  service: ServiceId,
  why: { readonly summary: string; readonly evidence: readonly Evidence[] },
): Incident {
  const open = serviceIncident(turn.state, service)
  if (open !== null) return open
  const at = { service, instance: null, incarnation: 0 }
  const incident = openIncident({ id: newIncidentId(turn, at), ...at }, turn.nowMs)
  turn.state.incidents.set(viewKey(service, null), incident)
  const summary = plain(why.summary, SENTENCE_MAX)
  turn.say(incident, { event: 'detected', summary, evidence: why.evidence })
  return incident
}

/** Leaves an incident of a service to a person; one that is in our hand, or left already, stays. */
export function escalateService(turn: Turn, incident: Incident, why: string): void {
  if (isInHand(incident) || incident.state === 'escalated') return
  turn.say(incident, { event: 'escalated', to: 'escalated', summary: plain(why, SENTENCE_MAX) })
}

/**
 * Follows the open ones: one ends when none of the instances has been sick for the dwell time, or
 * when the service has left the registry. Asked before the instances are.
 */
export function followServices(turn: Turn): void {
  const { state, facts } = turn
  for (const [key, incident] of state.incidents) {
    if (incident.instance !== null) continue
    const service = facts.services.find((one) => one.service === incident.service)
    if (service === undefined || service.instances.length === 0) leave(turn, incident)
    else if (isOpenStill(turn, incident, service)) continue
    state.incidents.delete(key)
  }
}

function isOpenStill(turn: Turn, incident: Incident, { instances }: ServiceFacts): boolean {
  if (isInHand(incident)) return true
  const isWell = !instances.some((one) => one.lifecycle !== 'gone' && isSick(one))
  incident.wellSinceMs = isWell ? (incident.wellSinceMs ?? turn.nowMs) : null
  if (incident.wellSinceMs === null) return true
  const { dwellMs } = detectorLimitsOf(turn.state.documents, incident.service)
  const wellAtMs = incident.wellSinceMs + dwellMs
  turn.wake(wellAtMs)
  if (turn.nowMs < wellAtMs) return true
  return recover(turn, incident, 'none of its instances is sick any more')
}
