// Follows the plans that are under way: answers of agents, drains, holds and gates, and at the end
// the effect, with the window cut at each act. What helped ends the incident; what did not leads to
// the next rung or to a person, never to silence (S2-46).
import { ACTIONS } from '../../contracts/action.ts'
import { formatDuration } from '../../contracts/duration.ts'
import { type Rung, rungText } from '../../contracts/plan.ts'
import { JUDGED_WINDOW_MS } from '../../contracts/policy-trigger.ts'
import type { CommandResult, ResultOutcome } from '../../contracts/records.ts'
import { viewKey } from '../../contracts/view-key.ts'
import { type Incident, matchKey, targetName } from '../incident/incident.ts'
import { plain } from '../incident/sentence.ts'
import type { InstanceFacts, ServiceFacts } from '../kernel/facts.ts'
import { markOf } from '../plan/marks.ts'
import { abort, afterCalls, afterHold, type Call, finish } from '../plan/run.ts'
import { holdEndsMs, type Run, settle, stepOf, verified } from '../plan/run.ts'
import { detectorLimitsOf, guardLimitsOf } from './documents.ts'
import { looksWell } from './evidence.ts'
import { InstanceValues, ServiceValues } from './fact-values.ts'
import { escalate, factsOf, giveUp, leave, recover, RESULT_GRACE_MS } from './follow.ts'
import { tellNewEvidence } from './follow.ts'
import { ineffectiveAttempts, noteEffect } from './history.ts'
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

/** The rung did not help: to the next one, or to a person when it was one too many. */
export function failed(
  turn: Turn,
  incident: Incident,
  what: {
    readonly summary: string
    readonly outcome: ResultOutcome | null
    readonly result: CommandResult | null
    readonly call: Call | null
  },
): void {
  const { run } = incident
  if (run === null) return
  const { policy } = run
  // What was gone back to stays set until the incident has ended.
  if (!run.retreats) takeBack(turn, incident)
  const call = what.call ?? run.calls.at(-1) ?? null
  turn.say(incident, {
    event: 'ineffective',
    to: 'matched',
    summary: `attempt ${incident.attempt} without effect: ${what.summary}`,
    command_id: call?.command?.id ?? null,
    action: call === null ? null : (ACTIONS[call.action].wire ?? call.action),
    policy,
    outcome: what.outcome,
    facts: what.result === null ? {} : factsOf(what.result),
  })
  // Refused because the instance had begun anew by itself: nothing was tried that could not help.
  const isTried = what.result?.refusal !== 'wrong_incarnation'
  const acted = { ...incident, policy: policy.name }
  const { state, nowMs } = turn
  if (isTried) noteEffect(state.history, acted, { nowMs, helped: false })
  const { retreats } = run
  const course = courseOf(state, incident)
  incident.run = null
  const { ineffectiveMax, ineffectiveSpanMs: spanMs } = guardLimitsOf(
    state.documents,
    incident.service,
  )
  const attempts = ineffectiveAttempts(state.history, incident, { nowMs, spanMs }).length
  if (retreats)
    giveUp(turn, incident, `${targetName(incident)} was taken back: a person has to look`)
  else if (attempts >= ineffectiveMax) escalate(turn, incident, attempts)
  else if (isTried && course?.ready.policy.plan.repeats === false) climb(turn, course)
}

/** The next rung of the ladder, or a person behind the last one. */
function climb(turn: Turn, { incident, run, ready }: Course): void {
  const next = run.rung + 1
  incident.rungs.set(matchKey(ready.ref), next)
  if (next < ready.policy.plan.rungs.length) return
  const what = `no rung of policy ${ready.ref.name} has helped ${targetName(incident)}`
  giveUp(turn, incident, `${what}: a person has to look`)
}

function followEffect(
  turn: Turn,
  incident: Incident,
  at: { run: Run; facts: InstanceFacts; isSettled: boolean; wants: boolean },
): boolean {
  const { run, facts, isSettled, wants } = at
  // The figures of a service as a whole are not cut: what was before leaves them by itself.
  const windowMs = incident.instance === null ? JUDGED_WINDOW_MS : 0
  const deadlineMs = run.phaseMs + run.verifyMs + windowMs
  turn.wake(deadlineMs)
  const isAnew = facts.incarnation > run.incarnation
  const passed = formatDuration(turn.nowMs - run.phaseMs)
  const isDone = run.targets.length === 0
  if (isDone && !wants) return over(turn, incident, run)
  const isSeen = isSettled && (isAnew || !run.wantsAnew)
  if (!isDone && (isPointless(run, incident) || isSeen)) {
    return helped(turn, incident, { run, facts, passed, isAnew, wants })
  }
  if (turn.nowMs < deadlineMs) return true
  // Well, and only waiting out the dwell: in time, or seen late by a worker that has caught up.
  const mayRecover = isAnew || !run.wantsAnew || !run.certain
  if (!isDone && incident.wellSinceMs !== null && !isSettled && mayRecover) return true
  if (!isDone && isSettled && !run.certain) {
    takeBack(turn, incident)
    return recover(turn, incident, 'without a new incarnation')
  }
  const now = isAnew ? `incarnation ${facts.incarnation} is ${facts.health}` : 'no new incarnation'
  const state = isDone ? 'its policy still matches' : `it is ${facts.health}`
  const seen = run.wantsAnew && !isDone ? now : state
  abort(run, turn.nowMs)
  const summary = `${seen} ${passed} after the act`
  failed(turn, incident, { summary, outcome: null, result: null, call: null })
  return true
}

/** Of a service, and there is nothing to be seen of it but that it was carried out. */
function isPointless({ wantsWell }: Run, { instance }: Incident): boolean {
  return instance === null && !wantsWell
}

function helped(
  turn: Turn,
  incident: Incident,
  at: { run: Run; facts: InstanceFacts; passed: string; isAnew: boolean; wants: boolean },
): boolean {
  const { run, facts, passed, isAnew, wants } = at
  const call = run.calls.at(-1)
  const wire = call === undefined ? null : (ACTIONS[call.action].wire ?? call.action)
  const life = isAnew && run.wantsAnew ? ` as incarnation ${facts.incarnation}` : ''
  const isLast = run.targets.length <= 1
  turn.say(incident, {
    event: 'effective',
    summary: `${isLast ? '' : `${facts.instance}: `}well${life}, ${passed} after the act`,
    command_id: call?.command?.id ?? null,
    action: wire,
    policy: run.policy,
  })
  const acted = { service: incident.service, instance: facts.instance, policy: run.policy.name }
  noteEffect(turn.state.history, acted, { nowMs: turn.nowMs, helped: true })
  takeBack(turn, incident)
  const waits = incident.instance === null && wants && !isPointless(run, incident)
  verified(run, turn.nowMs, !waits)
  return run.phase === 'done' ? over(turn, incident, run) : true
}

/** Nothing is left to be done or seen. */
function over(turn: Turn, incident: Incident, run: Run): boolean {
  const rung = courseOf(turn.state, incident)?.rung
  const call = run.calls.at(-1)
  const wire = call === undefined ? 'nothing' : (ACTIONS[call.action].wire ?? call.action)
  const how = rung === undefined || isPlain(rung) ? wire : rungText(rung)
  const unsaid = run.certain ? '' : ', which its agent did not confirm'
  return recover(turn, incident, `by ${how}, attempt ${incident.attempt}${unsaid}`)
}

function isPlain({ steps, rolling }: Rung): boolean {
  return !rolling && steps.length === 1 && steps[0]?.actions.length === 1
}
