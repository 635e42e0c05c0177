// The face of decide → follow → record: policies, operator records and results are folded in, facts
// are judged against policies and guards, and what comes out is commands and the audit (DESIGN.md
// section 7). One call of `decide` per step, after the records of the step.
import {
  type IncidentId,
  incidentId,
  type InstanceId,
  type ServiceId,
} from '../../contracts/ids.ts'
import type { DetectorLimits } from '../../contracts/limits.ts'
import type { CommandResult, OperatorRecord, PolicyRecord } from '../../contracts/records.ts'
import { viewKey } from '../../contracts/view-key.ts'
import { type Incident, isInHand, openIncident } from '../incident/incident.ts'
import { plain, SENTENCE_MAX } from '../incident/sentence.ts'
import { canonical, hex } from '../kernel/canonical.ts'
import type { Facts, InstanceFacts } from '../kernel/facts.ts'
import { sortedKeys } from '../kernel/order.ts'
import type { CoreContext, Output } from '../kernel/step.ts'
import { act, type Case } from './act.ts'
import { applyDocument, detectorLimitsOf, policiesInForce } from './documents.ts'
import { isSick, toEvidence, triggerEvidence } from './evidence.ts'
import { factValues, serviceValues } from './fact-values.ts'
import { followIncident, followResults, leave } from './follow.ts'
import { pruneHistory } from './history.ts'
import { applyOperator, expireHolds } from './holds.ts'
import { endStreaks, type Match, matchPolicies } from './policy.ts'
import { type Cut as StepCut, newState, type State, Turn } from './state.ts'

export type HealingState = State
export type Cut = StepCut

export interface HealingAnswer {
  readonly outputs: Output[]
  /** Commit at once: a command or an incident event is among the outputs. */
  readonly urgent: boolean
  /** Log time at which `decide` wants to be asked again at the latest, or null. */
  readonly wakeAtMs: number | null
  readonly cuts: Cut[]
}

/** What healing adds to the raw health. `routable` null = no opinion, the raw health decides. */
export interface Overlay {
  readonly routable: boolean | null
  readonly guard: string | null
  readonly incidentId: IncidentId | null
}

export function initialHealing(context: CoreContext): HealingState {
  return newState(context)
}

/** A wrong document is told about with the next decision, and what was in force stays in force. */
export function evolvePolicy(state: HealingState, record: PolicyRecord, _nowMs: number): void {
  const change = applyDocument(state.documents, record, state.context.sha256)
  if (change.done !== 'refused') return
  const stays = change.inForce === null ? 'nothing is' : `version ${change.inForce} stays`
  const what = `${record.kind} ${plain(record.name)} version ${record.version}`
  const summary = `${what} refused: ${plain(change.problem)}; ${stays} in force`
  state.notices.push({ said: { event: 'refused', summary }, service: null })
}

export function evolveOperator(state: HealingState, record: OperatorRecord, _nowMs: number): void {
  const change = applyOperator(state.holds, record)
  const by = `${record.kind} ${plain(record.id)} by ${plain(record.actor)}`
  const why = `${by} (${plain(record.reason)})`
  const { service } = record.scope
  if (change.done === 'held') {
    state.notices.push({ said: { event: 'held', summary: `${why} is in force` }, service })
  } else if (change.done === 'released') {
    const summary = `${why} ends ${change.hold.kind} ${plain(change.hold.id)}`
    state.notices.push({ said: { event: 'note', summary }, service })
  } else {
    const summary = `${why}: ${change.why}`
    state.notices.push({ said: { event: 'note', summary }, service })
  }
}

export function evolveResult(state: HealingState, record: CommandResult, _nowMs: number): void {
  state.results.push(record)
}

/** History is pruned every so many steps. */
const PRUNE_STEPS = 1_024

/** One step's decisions: follow everything first, then act, so that guards see the whole step. */
export function decide(state: HealingState, facts: Facts): HealingAnswer {
  const turn = new Turn(state, facts)
  for (const notice of state.notices) turn.ops(notice)
  state.notices = []
  expireHolds(state.holds, facts.nowMs)
  followResults(turn)
  const cases = followAll(turn)
  endStreaks(state.streaks, facts.stepSeq)
  for (const found of cases) act(turn, found)
  if (facts.stepSeq % PRUNE_STEPS === 0) pruneHistory(state.history, facts.nowMs)
  const { outputs, cuts, wakeAtMs } = turn
  return { outputs, urgent: outputs.length > 0, wakeAtMs, cuts }
}

/** Judges every instance against its policies and follows its incident. Returns the open ones. */
function followAll(turn: Turn): readonly Case[] {
  const { state, facts } = turn
  const policies = policiesInForce(state.documents)
  const cases: Case[] = []
  const present = new Set<string>()
  for (const service of facts.services) {
    const common = serviceValues(service)
    for (const instance of service.instances) {
      const key = viewKey(instance.service, instance.instance)
      present.add(key)
      noteWell(state, key, instance)
      const subject = { facts: instance, values: factValues(instance, common) }
      const matching = matchPolicies(state.streaks, policies, subject, facts)
      turn.wake(matching.dueMs)
      let incident = state.incidents.get(key) ?? null
      if (incident !== null && !followIncident(turn, incident, { facts: instance, matching })) {
        state.incidents.delete(key)
        incident = null
      }
      incident ??= detect(turn, instance, matching.matches)
      if (incident !== null) cases.push({ service, facts: instance, matching, incident })
    }
  }
  forgetAbsent(turn, present)
  return cases
}

function noteWell(state: State, key: string, { health, probe, incarnation }: InstanceFacts): void {
  if (health === 'healthy' || probe?.verdict === 'up') state.wellOnce.set(key, incarnation)
}

/** Opens an incident when something is wrong, or a policy says so. */
function detect(turn: Turn, facts: InstanceFacts, matches: readonly Match[]): Incident | null {
  const [match] = matches
  if (facts.lifecycle === 'gone' || (!isSick(facts) && match === undefined)) return null
  const { service, instance, incarnation, findings, health } = facts
  const { context } = turn.state
  const place = [context.clusterId, context.taskId, turn.facts.stepSeq, service, instance]
  const digest = hex(context.sha256(canonical([...place, 'incident'])))
  const id = incidentId(`inc-${digest.slice(0, 16)}`)
  const incident = openIncident({ id, service, instance, incarnation }, turn.nowMs)
  turn.state.incidents.set(viewKey(service, instance), incident)
  for (const { detector } of findings) incident.told.add(detector)
  const said = findings.map(({ text }) => text).join('; ')
  const why = said === '' ? `matched by policy ${match?.ready.ref.name ?? 'none'}` : said
  turn.say(incident, {
    event: 'detected',
    summary: plain(`${service}/${instance} is ${health}: ${why}`, SENTENCE_MAX),
    evidence:
      findings.length > 0 || match === undefined
        ? findings.map(toEvidence)
        : [triggerEvidence(match)],
  })
  return incident
}

/** Instances that are not among the facts any more have left the registry. */
function forgetAbsent(turn: Turn, present: ReadonlySet<string>): void {
  const { incidents, wellOnce } = turn.state
  for (const key of sortedKeys(incidents)) {
    const incident = incidents.get(key)
    if (incident === undefined || present.has(key)) continue
    leave(turn, incident)
    incidents.delete(key)
  }
  for (const key of sortedKeys(wellOnce)) if (!present.has(key)) wellOnce.delete(key)
}

export function detectorLimits(state: HealingState, service: ServiceId): DetectorLimits {
  return detectorLimitsOf(state.documents, service)
}

/** In our hand: not routable. Kept because too few would be left: routable, whatever its health. */
export function overlay(state: HealingState, service: ServiceId, instance: InstanceId): Overlay {
  const incident = state.incidents.get(viewKey(service, instance))
  if (incident === undefined) return { routable: null, guard: null, incidentId: null }
  const { id: incidentId, guard, kept } = incident
  if (isInHand(incident)) return { routable: false, guard, incidentId }
  return { routable: kept ? true : null, guard, incidentId }
}
