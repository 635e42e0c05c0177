// Gathers what the guards are asked: the instance and its service, what our hand did before, what
// people and the fleet task have said.
import { BEHAVIOUR_JUDGEMENT } from '../kernel/behaviour.ts'
import { modeOf } from '../../contracts/policy-trigger.ts'
import { BEHAVIOUR_FLEET } from '../fleet/term.ts'
import { type Incident, isInHand } from '../incident/incident.ts'
import type { InstanceFacts, ServiceFacts } from '../kernel/facts.ts'
import { isCanary } from './canary.ts'
import { detectorLimitsOf, guardLimitsOf } from './documents.ts'
import {
  isEasing,
  isOfRequests,
  isSelfEvident,
  isUnheard,
  onsetMs,
  requestsOnsetMs,
} from './evidence.ts'
import { approvalState } from './approvals.ts'
import { censusOf, countOf, wellnessOf } from './census.ts'
import { causeOf, untilMs } from './crowd.ts'
import { doubtOf, NO_DOUBT } from './doubt.ts'
import { frozenAt } from './freeze.ts'
import { groupOf } from './group.ts'
import type { CareInput, ZoneInput } from './guards-of-many.ts'
import type { FleetInput, GuardInput } from './guards.ts'
import { coolUntilMs, ineffectiveAttempts, recentActions } from './history.ts'
import { holdOn } from './holds.ts'
import { isOut } from './plan-scene.ts'
import type { Match, Matching } from './policy.ts'
import type { State, Turn } from './state.ts'

/** An instance with an open incident, and what the policies say of it. */
export interface Case {
  readonly service: ServiceFacts
  readonly facts: InstanceFacts
  readonly matching: Matching
  readonly incident: Incident
}

/** What the guards are asked about acting on an instance as the policy says. */
export function guardInput(turn: Turn, found: Case, match: Match): GuardInput {
  const { service, facts, incident } = found
  const { state, nowMs } = turn
  const { policy, ref } = match.ready
  const limits = guardLimitsOf(state.documents, facts.service)
  const acted = { service: facts.service, instance: facts.instance, policy: ref.name }
  const inHand = ({ key }: InstanceFacts): boolean => isOut(state, key)
  return {
    nowMs,
    limits,
    hold: holdOn(state.holds, acted),
    mode: modeOf(policy, facts.service),
    isFirst: isCanary(policy, service.instances, facts),
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
    fleet: state.behaviour < BEHAVIOUR_FLEET ? null : fleetInput(turn, facts),
    care: state.behaviour < BEHAVIOUR_JUDGEMENT ? null : careInput(turn, found, { match, inHand }),
  }
}

function fleetInput({ state, nowMs }: Turn, facts: InstanceFacts): FleetInput {
  const tokens = state.fleet.tokens(nowMs, tokenZone(state, facts))
  return { pulse: state.fleet.pulse, tokens }
}

/** The zone that a token has to be of; absent: by a behaviour whose tokens are of none. */
export function tokenZone({ behaviour }: State, { zone }: InstanceFacts): string | undefined {
  return behaviour < BEHAVIOUR_JUDGEMENT ? undefined : (zone ?? '')
}

/** Silence alone may be what was lost on its way. */
const UNHEARD_SETTLE_MS = 30_000

function careInput(
  turn: Turn,
  { service, facts, incident }: Case,
  { match, inHand }: { match: Match; inHand: (other: InstanceFacts) => boolean },
): CareInput {
  const { state, nowMs } = turn
  const { crowds, approvals, rhythm } = state.care
  const limits = guardLimitsOf(state.documents, facts.service)
  const crowd = crowds.get(facts.service)
  const cause = causeOf(crowd, facts)
  const storm = crowd?.storm ?? null
  const { pulse } = state.fleet
  const { doubts } = turn.facts
  return {
    frozen: frozenAt(limits.freeze, nowMs),
    unheardMs: facts.findings.length > 0 && isUnheard(facts) ? UNHEARD_SETTLE_MS : 0,
    zone: zoneInput(service, facts, inHand),
    wellness: wellnessOf(service),
    alike: alikeIn(service, facts, limits.commonSpanMs),
    storm: storm === null ? null : { ...storm, untilMs: untilMs(storm, limits) },
    cause: cause === null ? null : { ...cause, untilMs: untilMs(cause, limits) },
    fleetStorm: state.fleet.verdicts.storm(nowMs),
    fleetCause: state.fleet.verdicts.cause(facts, nowMs),
    approval: approvalState(approvals, incident, {
      policy: match.ready.ref.name,
      needed: Math.max(limits.approvals, match.ready.policy.approvals ?? 0),
      goodForMs: limits.approvalMs,
      nowMs,
    }),
    doubt:
      doubts === undefined
        ? NO_DOUBT
        : doubtOf(rhythm, doubts, { pulse, nowMs, factorMax: limits.doubtFactorMax }),
  }
}

/** It may be what they call; an instance alone has what is its own. */
function alikeIn({ instances }: ServiceFacts, target: InstanceFacts, spanMs: number): number {
  const sinceMs = isOfRequests(target) ? requestsOnsetMs(target) : null
  if (sinceMs === null) return 0
  return instances.filter((other) => {
    const atMs = other === target || other.lifecycle === 'gone' ? null : requestsOnsetMs(other)
    return atMs !== null && Math.abs(atMs - sinceMs) <= spanMs
  }).length
}

function zoneInput(
  { instances }: ServiceFacts,
  target: InstanceFacts,
  inHand: (other: InstanceFacts) => boolean,
): ZoneInput {
  const { zone } = target
  if (zone === null) return { name: null, count: { n: 0, sick: 0 }, others: [] }
  const others = new Set<string>()
  for (const other of instances) {
    if (other.zone !== null && other.zone !== zone && inHand(other)) others.add(other.zone)
  }
  const count = countOf(censusOf(instances), { shared: 'zone', value: zone })
  return { name: zone, count, others: [...others] }
}
