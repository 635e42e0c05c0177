// Gathers what the guards are asked: the instance and its service, what our hand did before, what
// people and the fleet task have said.
import { BEHAVIOUR_FLEET } from '../fleet/term.ts'
import { type Incident, isInHand } from '../incident/incident.ts'
import type { InstanceFacts, ServiceFacts } from '../kernel/facts.ts'
import { detectorLimitsOf, guardLimitsOf } from './documents.ts'
import { isEasing, isSelfEvident, onsetMs } from './evidence.ts'
import { groupOf, isInService } from './group.ts'
import type { FleetInput, GuardInput } from './guards.ts'
import { coolUntilMs, ineffectiveAttempts, recentActions } from './history.ts'
import { holdOn } from './holds.ts'
import type { Match, Matching } from './policy.ts'
import type { Turn } from './state.ts'

/** An instance with an open incident, and what the policies say of it. */
export interface Case {
  readonly service: ServiceFacts
  readonly facts: InstanceFacts
  readonly matching: Matching
  readonly incident: Incident
}

/** What the guards are asked about acting on an instance as the policy says. */
export function guardInput(
  turn: Turn,
  { service, facts, incident }: Case,
  match: Match,
): GuardInput {
  const { state, nowMs } = turn
  const { policy, ref } = match.ready
  const limits = guardLimitsOf(state.documents, facts.service)
  const acted = { service: facts.service, instance: facts.instance, policy: ref.name }
  const inHand = (other: InstanceFacts): boolean => {
    const open = state.incidents.get(other.key)
    return open !== undefined && isInHand(open)
  }
  const first = service.instances.find(isInService)
  return {
    nowMs,
    limits,
    hold: holdOn(state.holds, acted),
    mode: policy.mode,
    isFirst: first?.instance === facts.instance,
    behind: turn.facts.behind,
    blind: turn.facts.blind,
    agent: facts.agent === null ? 'none' : facts.agentHeard ? 'heard' : 'silent',
    easing: isEasing(facts),
    selfEvident: facts.findings.some(isSelfEvident),
    onsetMs: onsetMs(facts.findings, match.sinceMs),
    settleMs: detectorLimitsOf(state.documents, facts.service).settleMs,
    registeredAtMs: facts.registeredAtMs,
    wasWell: state.wellOnce.get(facts.key) === facts.incarnation,
    transitions: facts.transitions,
    group: groupOf(service.instances, facts, inHand),
    coolUntilMs: coolUntilMs(state.history, acted, limits),
    serviceLastMs: state.history.serviceLastMs.get(facts.service) ?? null,
    recentMs: recentActions(state.history, nowMs),
    ineffectiveMs: ineffectiveAttempts(state.history, acted, {
      nowMs,
      spanMs: limits.ineffectiveSpanMs,
    }),
    openCommand: isInHand(incident) ? (incident.command?.id ?? null) : null,
    fleet: state.behaviour < BEHAVIOUR_FLEET ? null : fleetInput(turn),
  }
}

function fleetInput({ state, nowMs }: Turn): FleetInput {
  return { pulse: state.fleet.pulse, tokens: state.fleet.tokens(nowMs) }
}
