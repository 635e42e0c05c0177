// The face of decide → follow → record: policies, operator records and results are folded in, facts
// are judged against policies and guards, and what comes out is commands and the audit (DESIGN.md
// section 7). One call of `decide` per step, after the records of the step.
import type { IncidentId, InstanceId, ServiceId } from '../../contracts/ids.ts'
import type { DetectorSettings } from '../../contracts/detector-settings.ts'
import type { DetectorLimits } from '../../contracts/limits.ts'
import type { CommandResult, OperatorRecord, PolicyRecord } from '../../contracts/records.ts'
import { viewKey } from '../../contracts/view-key.ts'
import type { Notification } from '../plan/notification.ts'
import { type Incident, isInHand, openIncident } from '../incident/incident.ts'
import { plain, SENTENCE_MAX } from '../incident/sentence.ts'
import { BEHAVIOUR_JUDGEMENT } from '../kernel/behaviour.ts'
import type { Facts, InstanceFacts, ServiceFacts } from '../kernel/facts.ts'
import { compareText } from '../kernel/order.ts'
import type { CoreContext, Output } from '../kernel/step.ts'
import { noteConfig } from '../plan/config-versions.ts'
import { leftPercent, release } from '../plan/marks.ts'
import { act, forgetWaiting } from './act.ts'
import { applyDocument, detectorLimitsOf, detectorSettingsOf } from './documents.ts'
import { policiesInForce, policiesOf } from './documents.ts'
import { isSick, toEvidence, triggerEvidence } from './evidence.ts'
import { leaveCrowd } from './crowd.ts'
import { followIncident, followResults, leave } from './follow.ts'
import type { Case } from './guard-input.ts'
import { pruneHistory } from './history.ts'
import { applyOperator, expireHolds } from './holds.ts'
import { forgetOnsets, keepOnsets } from './onsets.ts'
import { endStreaks, type Match, Matcher, NO_MATCH } from './policy.ts'
import { type Program, programOf } from './policy.ts'
import { actOnPlans } from './plan-act.ts'
import { followPlanResult, followRun, type Scene } from './plan-follow.ts'
import { followServices, ofInstance, type Wholes } from './service-incident.ts'
import { type Cut as StepCut, newIncidentId, newState, type State, Turn } from './state.ts'
import { careFor, heardApproval, noteAuthor, settleCare } from './watchful.ts'

export type HealingState = State
export type Cut = StepCut

export interface HealingAnswer {
  readonly outputs: Output[]
  /** Commit at once: a command or an incident event is among the outputs. */
  readonly urgent: boolean
  /** Log time at which `decide` wants to be asked again at the latest, or null. */
  readonly wakeAtMs: number | null
  readonly cuts: Cut[]
  /** To be among the due of the next step, whatever changes. */
  readonly attended: readonly InstanceFacts[]
  /** People to be told, for hs.alerts. */
  readonly notifications: readonly Notification[]
}

/** What healing adds to the raw health. `routable` null = no opinion, the raw health decides. */
export interface Overlay {
  readonly routable: boolean | null
  readonly guard: string | null
  readonly incidentId: IncidentId | null
  /** No more than this share of its normal traffic (S0-46); null: nothing is set. */
  readonly maxPercent: number | null
}

const UNGUARDED: Overlay = { routable: null, guard: null, incidentId: null, maxPercent: null }

export function initialHealing(context: CoreContext): HealingState {
  return newState(context)
}

/** A wrong document is told about with the next decision, and what was in force stays in force. */
export function evolvePolicy(state: HealingState, record: PolicyRecord, _nowMs: number): void {
  const { behaviour, context } = state
  if (record.kind === 'AgentConfig' && behaviour >= BEHAVIOUR_JUDGEMENT)
    noteConfig(state.configs, record, context.sha256)
  const change = applyDocument(state.documents, record, { sha256: context.sha256, behaviour })
  if (change.done === 'changed') {
    noteAuthor(state, record)
    renewPrograms(state)
  }
  if (change.done !== 'refused') return
  const stays = change.inForce === null ? 'nothing is' : `version ${change.inForce} stays`
  const what = `${record.kind} ${plain(record.name)} version ${record.version}`
  const summary = `${what} refused: ${plain(change.problem)}; ${stays} in force`
  state.notices.push({ said: { event: 'refused', summary }, service: null })
}

export function evolveOperator(state: HealingState, record: OperatorRecord, nowMs: number): void {
  const change = heardApproval(state, record, nowMs) ?? applyOperator(state.holds, record)
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
  // Answers to commands of plans, then those to commands of behaviours before them.
  state.results = state.results.filter((result) => !followPlanResult(turn, result))
  followResults(turn)
  const cases = followAll(turn)
  settleCare(turn)
  endStreaks(state.streaks, facts.stepSeq)
  const doAct = state.behaviour >= BEHAVIOUR_JUDGEMENT ? actOnPlans : act
  for (const found of cases) doAct(turn, found)
  forgetWaiting(state)
  if (facts.stepSeq % PRUNE_STEPS === 0) pruneHistory(state.history, facts.nowMs)
  const { outputs, cuts, wakeAtMs, attended, notifications } = turn
  return { outputs, urgent: outputs.length > 0, wakeAtMs, cuts, attended, notifications }
}

/**
 * Judges instances against their policies and follows their incidents: of each service those that
 * are due, in order. Returns the open ones.
 */
function followAll(turn: Turn): readonly Case[] {
  const cases: Case[] = []
  const wholes: Wholes = new Map()
  for (const service of turn.facts.services) {
    const { due = service.instances } = service
    if (due.length > 0) followService(turn, { service, due, cases, wholes })
  }
  forgetLeft(turn, turn.facts.left ?? absent(turn))
  if (turn.state.behaviour < BEHAVIOUR_JUDGEMENT) return cases
  return [...cases, ...followServices(turn, wholes)]
}

function followService(
  turn: Turn,
  at: {
    service: ServiceFacts
    due: readonly InstanceFacts[]
    cases: Case[]
    wholes: Wholes
  },
): void {
  const { state, facts } = turn
  const { service, due, cases, wholes } = at
  const program = programAt(state, service.service)
  const matcher = program.planned.length === 0 ? null : new Matcher(program, service, facts)
  for (const instance of due) {
    noteWell(state, instance)
    const all = matcher === null ? NO_MATCH : matcher.match(state, instance)
    turn.wake(all.dueMs)
    const matching = ofInstance(turn, wholes, { facts: instance, matching: all })
    let incident = state.incidents.get(instance.key) ?? null
    const scene = { service, facts: instance, matching }
    if (incident !== null && !goesOn(turn, incident, scene)) {
      release(state.marks, incident.id, null)
      state.incidents.delete(instance.key)
      incident = null
    }
    incident ??= detect(turn, instance, matching.matches)
    if (incident !== null) cases.push({ service, facts: instance, matching, incident })
    if (incident !== null || all.triggered.size > 0) turn.attended.push(instance)
  }
  careFor(turn, service, due)
}

function goesOn(turn: Turn, incident: Incident, scene: Scene): boolean {
  if (incident.run !== null) return followRun(turn, incident, scene)
  return followIncident(turn, incident, scene)
}

function noteWell({ wellOnce }: State, { key, health, probe, incarnation }: InstanceFacts): void {
  if (health !== 'healthy' && probe?.verdict !== 'up') return
  if (wellOnce.get(key) !== incarnation) wellOnce.set(key, incarnation)
}

/** Opens an incident when something is wrong, or a policy says so. */
function detect(turn: Turn, facts: InstanceFacts, matches: readonly Match[]): Incident | null {
  const [match] = matches
  if (facts.lifecycle === 'gone' || (!isSick(facts) && match === undefined)) return null
  const { service, instance, incarnation, findings, health } = facts
  const id = newIncidentId(turn, facts)
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
        ? [...findings, ...facts.notes].map(toEvidence)
        : [triggerEvidence(match)],
  })
  return incident
}

/** Keys of those that are not among the facts any more. */
function absent({ state, facts }: Turn): readonly string[] {
  const present = new Set(
    facts.services.flatMap(({ instances }) => instances.map(({ key }) => key)),
  )
  // Incidents of services end where they are followed.
  const open = [...state.incidents].filter(([, { instance }]) => instance !== null)
  const known = new Set([...open.map(([key]) => key), ...state.wellOnce.keys()])
  return [...known].filter((key) => !present.has(key))
}

/** They have left the registry. */
function forgetLeft(turn: Turn, left: readonly string[]): void {
  const { incidents, wellOnce, onsets } = turn.state
  for (const key of [...left].sort(compareText)) {
    const incident = incidents.get(key)
    if (incident !== undefined) {
      leave(turn, incident)
      leaveCrowd(turn.state.care.crowds, incident)
      release(turn.state.marks, incident.id, null)
    }
    incidents.delete(key)
    wellOnce.delete(key)
    if (onsets.size > 0) forgetOnsets(onsets, key)
  }
}

/** The policies in force at a service. */
function programAt(state: State, service: ServiceId): Program {
  let program = state.programs.get(service)
  if (program === undefined) {
    program = programOf(policiesOf(state.documents, service))
    state.programs.set(service, program)
  }
  return program
}

function renewPrograms({ programs, onsets, documents }: State): void {
  programs.clear()
  if (onsets.size === 0) return
  const inForce = new Set<string>(policiesInForce(documents).map(({ ref }) => ref.name))
  keepOnsets(onsets, (policy) => inForce.has(policy))
}

/**
 * What the policies in force read of the figures of a service: nothing, those of each instance, or
 * also those of the service as a whole.
 */
export function readsOf(state: HealingState, service: ServiceId): Program['reads'] {
  return programAt(state, service).reads
}

export function detectorLimits(state: HealingState, service: ServiceId): DetectorLimits {
  return detectorLimitsOf(state.documents, service)
}

export function detectorSettings(state: HealingState, service: ServiceId): DetectorSettings {
  return detectorSettingsOf(state.documents, service)
}

/** In our hand: not routable. Kept because too few would be left: routable, whatever its health. */
export function overlay(state: HealingState, service: ServiceId, instance: InstanceId): Overlay {
  const { incidents } = state
  // The key is costly to make, and this is asked of everybody.
  if (incidents.size === 0) return UNGUARDED
  const key = viewKey(service, instance)
  const incident = incidents.get(key)
  const left = leftPercent(state.marks, key)
  const { id: incidentId = null, guard = null, kept = false } = incident ?? {}
  const isHeld = incident !== undefined && incident.run === null && isInHand(incident)
  if (isHeld || left === 0) return { routable: false, guard, incidentId, maxPercent: null }
  return { routable: kept ? true : null, guard, incidentId, maxPercent: left }
}
