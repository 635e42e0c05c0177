// How a rung of a plan ends: its effect is watched, and what helped ends the incident; what did not
// leads to the next rung or to a person, never to silence (S2-46).
import { ACTIONS } from '../../contracts/action.ts'
import { formatDuration } from '../../contracts/duration.ts'
import { type Rung, rungText } from '../../contracts/plan.ts'
import { JUDGED_WINDOW_MS } from '../../contracts/policy-trigger.ts'
import type { CommandResult, ResultOutcome } from '../../contracts/records.ts'
import { type Incident, matchKey, targetName } from '../incident/incident.ts'
import type { InstanceFacts } from '../kernel/facts.ts'
import { abort, type Call, type Run, verified } from '../plan/run.ts'
import { guardLimitsOf } from './documents.ts'
import { escalate, factsOf, giveUp, recover } from './follow.ts'
import { ineffectiveAttempts, noteEffect } from './history.ts'
import { type Course, courseOf, takeBack } from './plan-scene.ts'
import type { Turn } from './state.ts'

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

/** Verifying: returns whether the incident is still open. */
export function followEffect(
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
