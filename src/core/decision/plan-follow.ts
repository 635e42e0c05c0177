// Follows the plans that are under way: answers of agents, drains, holds and gates, with the window
// cut at each act (S2-46). Nothing is ordered here.
import { ACTIONS } from '../../contracts/action.ts'
import { formatDuration } from '../../contracts/duration.ts'
import type { CommandResult } from '../../contracts/records.ts'
import { viewKey } from '../../contracts/view-key.ts'
import { type Incident, targetName } from '../incident/incident.ts'
import { plain } from '../incident/sentence.ts'
import type { InstanceFacts, ServiceFacts } from '../kernel/facts.ts'
import { markOf } from '../plan/marks.ts'
import { afterCalls, afterHold, type Call, finish } from '../plan/run.ts'
import { holdEndsMs, type Run, settle, stepOf } from '../plan/run.ts'
import { detectorLimitsOf } from './documents.ts'
import { looksWell } from './evidence.ts'
import { InstanceValues, ServiceValues } from './fact-values.ts'
import { factsOf, leave, RESULT_GRACE_MS, tellNewEvidence } from './follow.ts'
import { failed, followEffect } from './plan-effect.ts'
import { type Course, courseOf, stepName, takeBack } from './plan-scene.ts'
import type { Matching } from './policy.ts'
import type { Turn } from './state.ts'

/** What a run is looked at with: the instance is the one whose turn it is. */
export interface Scene {
  readonly service: ServiceFacts
  readonly facts: InstanceFacts
  readonly matching: Matching
}

/** Whether the result answers a command of a plan; it is followed then. */
export function followPlanResult(turn: Turn, result: CommandResult): boolean {
  const { incidents } = turn.state
  for (const instance of [result.instance, null]) {
    const incident = incidents.get(viewKey(result.service, instance))
    const call = incident?.run?.calls.find(({ command }) => {
      return (
        command?.id === result.command_id &&
        command.agent === result.agent &&
        command.agentEpoch === result.epoch
      )
    })
    if (incident === undefined || call === undefined) continue
    answered(turn, incident, { call, result })
    return true
  }
  return false
}

function answered(
  turn: Turn,
  incident: Incident,
  { call, result }: { call: Call; result: CommandResult },
): void {
  const { run } = incident
  const { outcome } = result
  const isVague = outcome === 'unknown' || outcome === 'timed_out' || outcome === 'doubtful'
  // Once it was said to be done nothing takes that back, and once is enough for anything vague.
  const isKnown = call.state === 'done' || call.state === 'failed'
  if (run === null || outcome === 'started' || isKnown) return
  if (isVague && call.state === 'vague') return
  settle(run, call, outcome === 'succeeded' ? 'done' : isVague ? 'vague' : 'failed')
  const refusal = result.refusal === null ? '' : ` (${plain(result.refusal)})`
  const detail = result.detail === '' ? '' : `: ${plain(result.detail)}`
  const course = courseOf(turn.state, incident)
  const step = course === null ? '' : stepName(course)
  const agent = call.command?.agent ?? result.agent
  const summary = `${step}agent ${agent} reports ${outcome}${refusal}${detail}`
  const wasVerifying = run.phase === 'verifying'
  if (course !== null) afterCalls(run, course.rung, turn.nowMs)
  const isOver = run.phase === 'failed'
  if (!(isOver && outcome === 'refused')) {
    turn.say(incident, {
      event: 'acted',
      ...verifyingNext(incident, run),
      summary,
      command_id: call.command?.id ?? null,
      action: result.action,
      policy: run.policy,
      outcome,
      facts: factsOf(result),
    })
  }
  if (outcome === 'succeeded' && ACTIONS[call.action].effect !== 'nothing')
    cut(turn, incident, call)
  if (wasVerifying && outcome === 'succeeded') run.phaseMs = turn.nowMs
  if (run.phase === 'verifying') incident.wellSinceMs = null
  if (!isOver) return
  const why = outcome === 'refused' ? summary : `${result.action} of ${targetName(incident)} failed`
  failed(turn, incident, {
    summary: why,
    outcome,
    result: outcome === 'refused' ? result : null,
    call,
  })
}

/** What was counted before the act does not speak of its effect. */
function cut(turn: Turn, { service }: Incident, { instance }: Call): void {
  const { nowMs: atMs } = turn
  if (instance !== null) turn.cuts.push({ service, instance, atMs })
  const whole = turn.facts.services.find((one) => instance === null && one.service === service)
  for (const one of whole?.instances ?? []) {
    turn.cuts.push({ service, instance: one.instance, atMs })
  }
}

/** The last step of the last instance is done: its effect is watched from here on. */
function verifyingNext(incident: Incident, run: Run): { to?: 'verifying' } {
  const isLast = run.phase === 'verifying' && run.targets.length <= 1
  return isLast && incident.state !== 'verifying' ? { to: 'verifying' } : {}
}

/** One open incident with a run. Returns whether it is still open. */
export function followRun(turn: Turn, incident: Incident, scene: Scene): boolean {
  const { run } = incident
  if (run === null) return true
  const { facts } = scene
  if (incident.instance !== null) {
    incident.incarnation = facts.incarnation
    if (facts.lifecycle === 'gone' && !mayBeGone(turn, incident)) {
      takeBack(turn, incident)
      return leave(turn, incident)
    }
    tellNewEvidence(turn, incident, facts)
  }
  const { dwellMs } = detectorLimitsOf(turn.state.documents, incident.service)
  // Of a rolling rung the others may still need what this one has had.
  const isRolling = courseOf(turn.state, incident)?.rung.rolling === true
  const isWanting = !isRolling && scene.matching.triggered.has(run.policy.name)
  const isWell = looksWell(facts) && !isWanting
  incident.wellSinceMs = isWell ? (incident.wellSinceMs ?? turn.nowMs) : null
  progress(turn, incident, scene)
  const wellAtMs = incident.wellSinceMs === null ? null : incident.wellSinceMs + dwellMs
  turn.wake(wellAtMs)
  if (incident.run === null || run.phase !== 'verifying') return true
  const isSettled = wellAtMs !== null && turn.nowMs >= wellAtMs
  const wants = scene.matching.triggered.has(run.policy.name)
  return followEffect(turn, incident, { run, facts, isSettled, wants })
}

/** A plan that deregisters or moves it makes it leave for a while. */
function mayBeGone({ state }: Turn, incident: Incident): boolean {
  const course = courseOf(state, incident)
  return (course?.rung.steps ?? []).some(({ actions }) => {
    return actions.some(({ action }) => LEAVES.has(action))
  })
}

const LEAVES: ReadonlySet<string> = new Set(['deregister', 'migrate_instance', 'reschedule'])

/** What time and facts do to a run; not its effect, and nothing is ordered here. */
export function progress(turn: Turn, incident: Incident, scene: Scene): void {
  const { run } = incident
  if (run === null) return
  const course = courseOf(turn.state, incident)
  overdue(turn, incident, { run, scene, course })
  if (course === null) return stopHere(turn, incident, run)
  drained(turn, course, scene)
  const before = run.phase
  afterCalls(run, course.rung, turn.nowMs)
  hold(turn, course, scene)
  if (run.phase === 'failed') {
    failed(turn, incident, {
      summary: why(course, before),
      outcome: null,
      result: null,
      call: null,
    })
  } else if (run.phase === 'verifying' && before !== 'verifying') watch(turn, incident, run)
}

function why(course: Course, before: Run['phase']): string {
  const { gate } = stepOf(course.run, course.rung)
  const where = stepName(course)
  if (course.run.retreats) return `${where}went back to it because a later step failed`
  return before === 'holding' ? `${where}gate ${gate ?? ''} does not hold` : `${where}not done`
}

/** Its policy is not in force any more: what it did is verified, and nothing more is done. */
function stopHere(turn: Turn, incident: Incident, run: Run): void {
  if (run.phase === 'verifying' || run.calls.some(({ state }) => state === 'open')) return
  finish(run, turn.nowMs)
  watch(turn, incident, run)
}

/** What is seen from here on speaks of the effect. */
function watch(turn: Turn, incident: Incident, run: Run): void {
  incident.wellSinceMs = null
  turn.wake(turn.nowMs + run.verifyMs)
  const next = verifyingNext(incident, run)
  if (next.to === undefined) return
  const summary = `all is carried out; its effect is watched for ${formatDuration(run.verifyMs)}`
  turn.say(incident, { event: 'acted', ...next, summary, policy: run.policy })
}

function overdue(
  turn: Turn,
  incident: Incident,
  { run, scene, course }: { run: Run; scene: Scene; course: Course | null },
): void {
  for (const call of run.calls) {
    if (call.state !== 'open') continue
    turn.wake(call.untilMs)
    if (call.command === null) {
      if (turn.nowMs < call.untilMs) continue
      const text = 'requests are still in flight at the end of the drain; it goes on without them'
      sayDrain(turn, incident, run, text)
      settle(run, call, 'done')
    } else if (turn.nowMs >= call.untilMs || isOvertaken(turn, incident, { run, scene, call })) {
      unanswered(turn, incident, { run, call, course })
    }
  }
}

/**
 * A new incarnation has been well for as long as an answer may take: the answer is lost, and the
 * command, meant for the one before, cannot be carried out any more.
 */
function isOvertaken(
  turn: Turn,
  incident: Incident,
  { run, scene, call }: { run: Run; scene: Scene; call: Call },
): boolean {
  if (incident.wellSinceMs === null || scene.facts.incarnation <= run.incarnation) return false
  if (ACTIONS[call.action].effect !== 'new_incarnation') return false
  const dueMs = incident.wellSinceMs + RESULT_GRACE_MS
  turn.wake(dueMs)
  return turn.nowMs >= dueMs
}

/** No answer in time: it may have been done or not, and it is not repeated blindly. */
function unanswered(
  turn: Turn,
  incident: Incident,
  { run, call, course }: { run: Run; call: Call; course: Course | null },
): void {
  const { command } = call
  if (command === null) return
  settle(run, call, 'vague')
  const wellMs = incident.wellSinceMs
  if (course !== null) afterCalls(run, course.rung, turn.nowMs)
  const waited = formatDuration(turn.nowMs - command.issuedAtMs)
  turn.say(incident, {
    event: 'acted',
    ...verifyingNext(incident, run),
    summary: `no result from agent ${command.agent} for ${waited}: it may have acted or not`,
    command_id: command.id,
    action: ACTIONS[call.action].wire,
    policy: run.policy,
    outcome: 'unknown',
  })
  // What is seen from here on speaks of the effect.
  incident.wellSinceMs = wellMs === null ? null : turn.nowMs
  turn.wake(turn.nowMs + run.verifyMs)
}

function drained(turn: Turn, { incident, run }: Course, { facts }: Scene): void {
  for (const call of run.calls) {
    if (call.action !== 'drain' || call.state !== 'open') continue
    if (markOf(turn.state.marks, facts.key, incident.id)?.inFlight !== 0) continue
    sayDrain(turn, incident, run, 'nothing is in flight any more')
    settle(run, call, 'done')
  }
}

function sayDrain(turn: Turn, incident: Incident, run: Run, text: string): void {
  const summary = `drain of ${targetName(incident)}: ${text}`
  turn.say(incident, { event: 'acted', summary, policy: run.policy, action: 'drain' })
}

function hold(turn: Turn, { run, rung, ready }: Course, { service, facts }: Scene): void {
  if (run.phase !== 'holding') return
  const { gate: text } = stepOf(run, rung)
  const trigger = text === null ? undefined : ready.gates.get(text)
  const values = new InstanceValues(facts, new ServiceValues(service))
  const answers = trigger?.clauses.map((one) => one.ask(values)) ?? []
  const isOpen = answers.includes(undefined) && !answers.includes(false)
  const gate = isOpen ? 'unknown' : answers.includes(false) ? 'closed' : 'open'
  turn.wake(holdEndsMs(run, rung))
  afterHold(run, rung, { nowMs: turn.nowMs, gate })
}
