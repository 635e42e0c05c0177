// Follows what was begun: results of agents, the effect of an act, recovery with or without us, and
// incidents whose instance has left. Nothing is decided here.
import { formatDuration } from '../../contracts/duration.ts'
import { OUTCOME_FACT, type OutcomeWord } from '../../contracts/incident-outcome.ts'
import { viewKey } from '../../contracts/view-key.ts'
import type { CommandResult, ResultOutcome } from '../../contracts/records.ts'
import {
  type Incident,
  isInHand,
  type OpenCommand,
  targetName,
  type Watch,
} from '../incident/incident.ts'
import { plain, SENTENCE_MAX } from '../incident/sentence.ts'
import { present } from '../kernel/assert.ts'
import { BEHAVIOUR_JUDGEMENT } from '../kernel/behaviour.ts'
import type { InstanceFacts } from '../kernel/facts.ts'
import { compareText } from '../kernel/order.ts'
import { detectorLimitsOf, guardLimitsOf } from './documents.ts'
import { looksWell, toEvidence } from './evidence.ts'
import { ineffectiveAttempts, noteEffect } from './history.ts'
import type { Matching } from './policy.ts'
import type { Turn } from './state.ts'

/** A result may still be on its way this long after its command has expired. */
export const RESULT_GRACE_MS = 5_000
const FACTS_MAX = 32

export function factsOf(result: CommandResult): Readonly<Record<string, string>> {
  const entries = Object.entries(result.facts).sort(([a], [b]) => compareText(a, b))
  const kept = entries.slice(0, FACTS_MAX).map(([key, value]) => [plain(key), plain(value)])
  const lives = [
    ['incarnation_before', String(result.incarnation_before)],
    ['incarnation_after', String(result.incarnation_after)],
  ]
  return Object.fromEntries([...kept, ...lives])
}

/**
 * The results of this step. A result counts only for the command that is open for its instance and
 * only from the agent (and its epoch) that was ordered; anything else, such as an answer sent again
 * after the incident has closed, changes nothing and stays on its topic.
 */
export function followResults(turn: Turn): void {
  for (const result of turn.state.results) {
    const incident = turn.state.incidents.get(viewKey(result.service, result.instance))
    const command = incident?.command ?? null
    if (incident === undefined || command === null || !isInHand(incident)) continue
    const isAnswer =
      command.id === result.command_id &&
      command.agent === result.agent &&
      command.agentEpoch === result.epoch
    if (isAnswer) followResult(turn, incident, { command, result })
  }
  turn.state.results = []
}

function followResult(
  turn: Turn,
  incident: Incident,
  { command, result }: { command: OpenCommand; result: CommandResult },
): void {
  const { outcome } = result
  if (outcome === 'started') return
  // Once the agent has said that it was done, nothing it says later takes that back.
  if (incident.watch?.certain === true) return
  const isVague = outcome === 'unknown' || outcome === 'timed_out' || outcome === 'doubtful'
  if (isVague && incident.state === 'verifying') return
  const refusal = result.refusal === null ? '' : ` (${plain(result.refusal)})`
  const detail = result.detail === '' ? '' : `: ${plain(result.detail)}`
  const summary = `agent ${command.agent} reports ${outcome}${refusal}${detail}`
  if (outcome === 'refused') {
    ineffective(turn, incident, { summary, outcome, result })
    return
  }
  const isFirst = incident.state === 'repairing'
  turn.say(incident, {
    event: 'acted',
    summary,
    command_id: command.id,
    action: command.action,
    policy: command.policy,
    outcome,
    facts: factsOf(result),
    ...(isFirst ? { to: 'verifying' as const } : {}),
  })
  if (outcome === 'failed') {
    const why = `${command.action} of ${targetName(incident)} failed`
    ineffective(turn, incident, { summary: why, outcome, result: null })
    return
  }
  const isCertain = outcome === 'succeeded'
  watch(turn, incident, { command, certain: isCertain })
  const { service, instance } = incident
  if (isCertain && instance !== null) turn.cuts.push({ service, instance, atMs: turn.nowMs })
}

function watch(
  turn: Turn,
  incident: Incident,
  { command, certain }: { command: OpenCommand; certain: boolean },
): void {
  const effectAtMs = turn.nowMs
  incident.watch = { effectAtMs, deadlineMs: effectAtMs + command.verifyMs, certain }
  incident.wellSinceMs = null
}

/** The attempt did not help: back to matched, or to a person when it was one too many. */
function ineffective(
  turn: Turn,
  incident: Incident,
  what: {
    readonly summary: string
    readonly outcome: ResultOutcome | null
    readonly result: CommandResult | null
  },
): void {
  const command = present(incident.command, 'the command of an attempt')
  turn.say(incident, {
    event: 'ineffective',
    to: 'matched',
    summary: `attempt ${incident.attempt} without effect: ${what.summary}`,
    command_id: command.id,
    action: command.action,
    policy: command.policy,
    outcome: what.outcome,
    facts: what.result === null ? {} : factsOf(what.result),
  })
  // Refused because the instance had begun anew by itself: nothing was tried that could not help.
  const isTried = what.result?.refusal !== 'wrong_incarnation'
  const acted = { ...incident, policy: command.policy.name }
  if (isTried) noteEffect(turn.state.history, acted, { nowMs: turn.nowMs, helped: false })
  incident.command = null
  incident.watch = null
  const limits = guardLimitsOf(turn.state.documents, incident.service)
  const span = { nowMs: turn.nowMs, spanMs: limits.ineffectiveSpanMs }
  const attempts = ineffectiveAttempts(turn.state.history, incident, span).length
  if (attempts >= limits.ineffectiveMax) escalate(turn, incident, attempts)
}

/** Only a person acts from here on. */
export function escalate(turn: Turn, incident: Incident, attempts: number): void {
  const limits = guardLimitsOf(turn.state.documents, incident.service)
  const span = formatDuration(limits.ineffectiveSpanMs)
  const what = `${attempts} attempts without effect on ${targetName(incident)} in ${span}`
  giveUp(turn, incident, `${what}: a person has to look`)
}

/** As `escalate`, for any reason. */
export function giveUp(turn: Turn, incident: Incident, summary: string): void {
  incident.escalated = true
  const outcome = outcomeOf(turn, 'escalated')
  turn.say(incident, { event: 'escalated', to: 'escalated', summary, ...outcome })
}

/** How it ended, in one word, for those outside (S0-56). */
function outcomeOf({ state }: Turn, outcome: OutcomeWord): { facts?: Record<string, string> } {
  return state.behaviour < BEHAVIOUR_JUDGEMENT ? {} : { facts: { [OUTCOME_FACT]: outcome } }
}

/** One open incident with the facts of its instance. Returns whether it is still open. */
export function followIncident(
  turn: Turn,
  incident: Incident,
  { facts, matching }: { facts: InstanceFacts; matching: Matching },
): boolean {
  incident.incarnation = facts.incarnation
  if (facts.lifecycle === 'gone') return leave(turn, incident)
  tellNewEvidence(turn, incident, facts)
  const dwellMs = detectorLimitsOf(turn.state.documents, incident.service).dwellMs
  const isWell = looksWell(facts) && !isWanting(incident, matching)
  incident.wellSinceMs = isWell ? (incident.wellSinceMs ?? turn.nowMs) : null
  const wellAtMs = incident.wellSinceMs === null ? null : incident.wellSinceMs + dwellMs
  turn.wake(wellAtMs)
  const isSettled = wellAtMs !== null && turn.nowMs >= wellAtMs
  if (incident.state === 'repairing') {
    if (!isOverdue(turn, incident) && !isOvertaken(turn, incident)) return true
    unanswered(turn, incident)
    // What is seen from here on speaks of the effect.
    incident.wellSinceMs = isWell ? turn.nowMs : null
    turn.wake(turn.nowMs + dwellMs)
    return true
  }
  if (incident.state === 'verifying') {
    const seen = present(incident.watch, 'the watch of a verification')
    return followEffect(turn, incident, { facts, watch: seen, isSettled })
  }
  if (!isSettled) return true
  const { attempt } = incident
  const late = `after attempt ${attempt} had been given up`
  return recover(turn, incident, attempt > 0 ? late : 'without an effect of ours')
}

/**
 * A policy still finds something wrong. While the effect of a command is awaited, only the policy
 * that ordered it is asked: one that merely observes makes no act of another one ineffective.
 */
function isWanting({ command }: Incident, { triggered }: Matching): boolean {
  return command === null ? triggered.size > 0 : triggered.has(command.policy.name)
}

export function tellNewEvidence(turn: Turn, incident: Incident, { findings }: InstanceFacts): void {
  const fresh = findings.filter(({ detector }) => !incident.told.has(detector))
  if (fresh.length === 0) return
  for (const { detector } of fresh) incident.told.add(detector)
  const summary = plain(`also seen: ${fresh.map(({ text }) => text).join('; ')}`, SENTENCE_MAX)
  turn.say(incident, { event: 'evidence', summary, evidence: fresh.map(toEvidence) })
}

function isOverdue(turn: Turn, incident: Incident): boolean {
  const { expiresAtMs } = present(incident.command, 'the command of a repair')
  const dueMs = expiresAtMs + RESULT_GRACE_MS
  turn.wake(dueMs)
  return turn.nowMs >= dueMs
}

/**
 * A new incarnation has been well for as long as an answer may take: the answer is lost, and the
 * command, meant for the one before, cannot be carried out any more.
 */
function isOvertaken(turn: Turn, incident: Incident): boolean {
  const { incarnation } = present(incident.command, 'the command of a repair')
  if (incident.wellSinceMs === null || incident.incarnation <= incarnation) return false
  const dueMs = incident.wellSinceMs + RESULT_GRACE_MS
  turn.wake(dueMs)
  return turn.nowMs >= dueMs
}

/**
 * No answer in time: it may have been done or not, so its effect is watched, and it is not repeated
 * blindly.
 */
function unanswered(turn: Turn, incident: Incident): void {
  const command = present(incident.command, 'the command of a repair')
  const waited = formatDuration(turn.nowMs - command.issuedAtMs)
  turn.say(incident, {
    event: 'acted',
    to: 'verifying',
    summary: `no result from agent ${command.agent} for ${waited}: it may have acted or not`,
    command_id: command.id,
    action: command.action,
    policy: command.policy,
    outcome: 'unknown',
  })
  watch(turn, incident, { command, certain: false })
  turn.wake(turn.nowMs + command.verifyMs)
}

function followEffect(
  turn: Turn,
  incident: Incident,
  at: { facts: InstanceFacts; watch: Watch; isSettled: boolean },
): boolean {
  const { facts, watch: seen, isSettled } = at
  const command = present(incident.command, 'the command of a verification')
  turn.wake(seen.deadlineMs)
  const isAnew = facts.incarnation > command.incarnation
  const passed = formatDuration(turn.nowMs - seen.effectAtMs)
  if (isSettled && isAnew) {
    turn.say(incident, {
      event: 'effective',
      summary: `well as incarnation ${facts.incarnation}, ${passed} after the act`,
      command_id: command.id,
      action: command.action,
      policy: command.policy,
    })
    const acted = { ...incident, policy: command.policy.name }
    noteEffect(turn.state.history, acted, { nowMs: turn.nowMs, helped: true })
    const unsaid = seen.certain ? '' : ', which its agent did not confirm'
    return recover(turn, incident, `by ${command.action}, attempt ${incident.attempt}${unsaid}`)
  }
  if (turn.nowMs < seen.deadlineMs) return true
  // Well, and only waiting out the dwell: in time, or seen late by a worker that has caught up.
  const mayRecover = isAnew || !seen.certain
  if (incident.wellSinceMs !== null && !isSettled && mayRecover) return true
  if (isSettled && !seen.certain) return recover(turn, incident, 'without a new incarnation')
  const now = isAnew ? `incarnation ${facts.incarnation} is ${facts.health}` : 'no new incarnation'
  const summary = `${now} ${passed} after the act`
  ineffective(turn, incident, { summary, outcome: null, result: null })
  return true
}

/** It is well again, and not open any more. */
export function recover(turn: Turn, incident: Incident, how: string): boolean {
  const took = formatDuration(turn.nowMs - incident.openedAtMs)
  const summary = `${targetName(incident)} has recovered after ${took}, ${how}`
  const outcome = outcomeOf(turn, incident.escalated ? 'healed_after_escalation' : 'healed')
  turn.say(incident, { event: 'recovered', to: 'recovered', summary, ...outcome })
  return false
}

/** The instance has left the registry. Returns that the incident is not open any more. */
export function leave(turn: Turn, incident: Incident): boolean {
  const summary = `${targetName(incident)} left before it was seen to recover`
  turn.say(incident, { event: 'failed', to: 'failed', summary, ...outcomeOf(turn, 'left') })
  return false
}
