// Incidents of a service as a whole, from BEHAVIOUR_JUDGEMENT on: one decision where many of its
// instances share a cause, or where a policy speaks of the service. Kept beside those of instances,
// under `viewKey(service, null)`, and followed by the same machine.
import type { ServiceId } from '../../contracts/ids.ts'
import type { Evidence } from '../../contracts/records.ts'
import { viewKey } from '../../contracts/view-key.ts'
import { type Incident, isInHand, openIncident } from '../incident/incident.ts'
import { plain, SENTENCE_MAX } from '../incident/sentence.ts'
import type { InstanceFacts, ServiceFacts } from '../kernel/facts.ts'
import { release } from '../plan/marks.ts'
import { detectorLimitsOf, wholePolicies } from './documents.ts'
import { isSick, triggerEvidence } from './evidence.ts'
import { giveUp, leave, recover } from './follow.ts'
import type { Case } from './guard-input.ts'
import { followRun } from './plan-follow.ts'
import { serviceIncident } from './plan-scene.ts'
import type { Match, Matching } from './policy.ts'
import { newIncidentId, type Turn } from './state.ts'

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
  giveUp(turn, incident, plain(why, SENTENCE_MAX))
}

/** What the policies of a service as a whole say, over all of its instances. */
export interface Whole {
  readonly matches: Map<string, Match>
  readonly triggered: Set<string>
  /** The first instance that one of them is about. */
  readonly facts: InstanceFacts
}

export type Wholes = Map<ServiceId, Whole>

/** Takes what is about the service out of what the policies say of an instance. */
export function ofInstance(
  { state }: Turn,
  wholes: Wholes,
  { facts, matching }: { facts: InstanceFacts; matching: Matching },
): Matching {
  const names = wholePolicies(state.documents)
  if (names.size === 0) return matching
  const triggered = [...matching.triggered].filter((name) => names.has(name))
  if (triggered.length === 0) return matching
  const empty = { matches: new Map(), triggered: new Set<string>(), facts }
  const whole = wholes.get(facts.service) ?? empty
  wholes.set(facts.service, whole)
  for (const name of triggered) whole.triggered.add(name)
  for (const match of matching.matches) {
    const { name } = match.ready.ref
    if (names.has(name) && !whole.matches.has(name)) whole.matches.set(name, match)
  }
  const isOwn = (name: string): boolean => !names.has(name)
  return {
    ...matching,
    matches: matching.matches.filter(({ ready }) => isOwn(ready.ref.name)),
    triggered: new Set([...matching.triggered].filter(isOwn)),
  }
}

/**
 * Opens what the policies of services ask for and follows the open ones. One ends when its plan has
 * helped, when none of the instances has been sick for the dwell time, or when the service has left
 * the registry. Returns those still open.
 */
export function followServices(turn: Turn, wholes: Wholes): readonly Case[] {
  const { state, facts } = turn
  for (const [service, { matches }] of wholes) {
    const [match] = matches.values()
    if (match === undefined) continue
    const summary = `policy ${match.ready.ref.name} matches ${service}`
    openForService(turn, service, { summary, evidence: [triggerEvidence(match)] })
  }
  const cases: Case[] = []
  for (const [key, incident] of state.incidents) {
    if (incident.instance !== null) continue
    const service = facts.services.find((one) => one.service === incident.service)
    const found = service === undefined ? null : caseOf(incident, service, wholes)
    if (found === null) leave(turn, incident)
    else if (isOpenStill(turn, found)) {
      cases.push(found)
      continue
    }
    release(state.marks, incident.id, null)
    state.incidents.delete(key)
  }
  return cases
}

/** With the instance whose turn it is, else one that the policies speak of, else one heard. */
function caseOf(incident: Incident, service: ServiceFacts, wholes: Wholes): Case | null {
  const { instances } = service
  const whole = wholes.get(incident.service)
  const [target] = incident.run?.targets ?? []
  const facts =
    instances.find(({ instance }) => instance === target) ??
    whole?.facts ??
    instances.find(({ agentHeard }) => agentHeard) ??
    instances[0]
  if (facts === undefined) return null
  const { matches = new Map<string, Match>(), triggered = new Set<string>() } = whole ?? {}
  const matching = { matches: [...matches.values()], triggered, dueMs: null }
  return { incident, service, facts, matching }
}

function isOpenStill(turn: Turn, found: Case): boolean {
  const { incident, service, matching } = found
  if (incident.run !== null) return followRun(turn, incident, found)
  const isSickOne = service.instances.some((one) => one.lifecycle !== 'gone' && isSick(one))
  const isWell = !isSickOne && matching.triggered.size === 0
  incident.wellSinceMs = isWell ? (incident.wellSinceMs ?? turn.nowMs) : null
  if (incident.wellSinceMs === null) return true
  const { dwellMs } = detectorLimitsOf(turn.state.documents, incident.service)
  const wellAtMs = incident.wellSinceMs + dwellMs
  turn.wake(wellAtMs)
  if (turn.nowMs < wellAtMs) return true
  return recover(turn, incident, 'none of its instances is sick any more')
}
