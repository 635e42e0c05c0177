// From a matched policy to a command, or to a refusal that names the guard, its value and its
// limit.
import { formatDuration } from '../../contracts/duration.ts'
import { rungText } from '../../contracts/plan.ts'
import { modeOf } from '../../contracts/policy-trigger.ts'
import type { GuardVerdict } from '../../contracts/records.ts'
import { makeCommand } from '../command/command.ts'
import { type Incident, matchKey, targetName } from '../incident/incident.ts'
import { plain } from '../incident/sentence.ts'
import { BEHAVIOUR_FLEET } from '../fleet/term.ts'
import { guardLimitsOf } from './documents.ts'
import { toEvidence, triggerEvidence } from './evidence.ts'
import { escalate } from './follow.ts'
import { type Case, guardInput, tokenZone } from './guard-input.ts'
import type { Asked } from './guard-answer.ts'
import { askGuards } from './guards.ts'
import { ineffectiveAttempts, nextSeq, noteAction } from './history.ts'
import type { Match } from './policy.ts'
import type { Turn } from './state.ts'

/** Guards that refuse because too few would be left. */
const KEEPS_ROUTABLE = ['last_routable', 'routable_share', 'out_share']

/** Tells which policies match, and lets the first one act that all guards let pass. */
export function act(turn: Turn, found: Case): void {
  const { incident, matching } = found
  if (incident.state !== 'detected' && incident.state !== 'matched') return
  // A refusal speaks of a policy that matches; when none does any more, nothing keeps it routable.
  if (matching.matches.length === 0) release(incident)
  for (const match of matching.matches) tellMatch(turn, incident, match)
  let waits = false
  for (const match of matching.matches) {
    if (incident.state !== 'matched') break
    const verdicts = askGuards(guardInput(turn, found, match))
    const refusals = verdicts.filter(({ passed }) => !passed)
    const [refusal] = refusals
    if (refusal === undefined) command(turn, found, { match, verdicts })
    else refuse(turn, found, { match, verdicts, refusal })
    waits ||= refusals.length === 1 && refusal?.guard === 'budget'
  }
  const isOpen = incident.state === 'matched'
  const zone = tokenZone(turn.state, found.facts)
  turn.state.fleet.wait(found.facts.key, waits && isOpen, zone)
}

/** Incidents that have gone on or ended wait for nothing. */
export function forgetWaiting({ fleet, incidents }: Turn['state']): void {
  fleet.keepWaiting((key) => {
    const incident = incidents.get(key)
    return incident?.state === 'matched' || incident?.run?.phase === 'waiting'
  })
}

/** No refusal stands any more. */
export function release(incident: Incident): void {
  incident.guard = null
  incident.kept = false
}

export function tellMatch(turn: Turn, incident: Incident, match: Match): void {
  const { policy, ref } = match.ready
  if (incident.matched.has(matchKey(ref))) return
  incident.matched.add(matchKey(ref))
  const heldMs = turn.nowMs - match.sinceMs
  const seen = match.clauses.map(({ value }) => plain(value)).join('; ')
  const held = heldMs > 0 ? `for ${formatDuration(heldMs)}` : 'now'
  const how = policy.evaluationMode === 'window' ? 'over the window' : held
  const asked = policy.plan.rungs.map(rungText).join('; else ')
  turn.say(incident, {
    event: 'matched',
    ...(incident.state === 'matched' ? {} : { to: 'matched' as const }),
    summary: `policy ${ref.name} matches ${how} (${seen}) and asks for ${asked}`,
    policy: ref,
    clauses: match.clauses,
    action: policy.action,
  })
}

export function recordOf({ cause: _cause, ...verdict }: Asked): GuardVerdict {
  return verdict
}

export interface Judged {
  readonly match: Match
  readonly verdicts: readonly Asked[]
}

/** Told once per attempt, policy, guard and cause. */
export function refuse(
  turn: Turn,
  found: Case,
  what: Judged & { readonly refusal: Asked; readonly asked?: string },
): void {
  const { incident } = found
  const { match, verdicts, refusal } = what
  const { policy, ref } = match.ready
  const asked = what.asked ?? policy.action
  for (const { passed, until_ms: untilMs } of verdicts) if (!passed) turn.wake(untilMs)
  incident.guard = refusal.guard
  incident.kept = verdicts.some(({ guard, passed }) => !passed && KEEPS_ROUTABLE.includes(guard))
  const key = [incident.attempt, matchKey(ref), refusal.guard, refusal.cause].join(' ')
  if (incident.refused.has(key)) return
  incident.refused.add(key)
  const left =
    refusal.until_ms === null
      ? ''
      : `; may pass in ${formatDuration(refusal.until_ms - turn.nowMs)}`
  const limit = refusal.limit === 'none' ? '' : `, limit ${refusal.limit}`
  const saw = `${plain(refusal.value)}${limit}`
  const target = targetName(incident)
  turn.say(incident, {
    event: 'refused',
    summary: `${asked} of ${target} refused by guard ${refusal.guard}: ${saw}${left}`,
    policy: ref,
    clauses: match.clauses,
    guards: verdicts.map(recordOf),
    action: asked,
  })
  if (refusal.guard !== 'ineffective') return
  const { ineffectiveSpanMs: spanMs } = guardLimitsOf(turn.state.documents, incident.service)
  const span = { nowMs: turn.nowMs, spanMs }
  escalate(turn, incident, ineffectiveAttempts(turn.state.history, incident, span).length)
}

function command(turn: Turn, { facts, incident }: Case, { match, verdicts }: Judged): void {
  const { state, nowMs } = turn
  const { policy, ref } = match.ready
  const { service, instance, incarnation, agent, agentEpoch } = facts
  if (agent === null) return
  const limits = guardLimitsOf(state.documents, service)
  const expiresAtMs = nowMs + (policy.expiryMs ?? limits.commandExpiryMs)
  incident.attempt += 1
  release(incident)
  const draft = {
    // The only action of behaviours before judgement, the only ones that come here.
    action: 'restart' as const,
    target: { service, instance, incarnation, agent, agent_epoch: agentEpoch },
    seq: nextSeq(state.history, agent),
    step_seq: turn.facts.stepSeq,
    issued_at_ms: nowMs,
    expires_at_ms: expiresAtMs,
    incident_id: incident.id,
    attempt: incident.attempt,
    policy: ref.name,
    policy_version: ref.version,
    policy_sha256: ref.sha256,
    mode: modeOf(policy, service),
    behaviour: state.behaviour,
    lease_id:
      state.behaviour < BEHAVIOUR_FLEET ? null : state.fleet.spend(nowMs, tokenZone(state, facts)),
  }
  const body = makeCommand(state.context, draft, turn.outputs.length)
  turn.outputs.push({ topic: 'commands', key: service, body })
  incident.command = {
    id: body.command_id,
    action: body.action,
    policy: ref,
    agent,
    agentEpoch,
    incarnation,
    issuedAtMs: nowMs,
    expiresAtMs,
    verifyMs: policy.verifyMs ?? limits.verifyMs,
  }
  incident.watch = null
  const baseMs = policy.cooldownMs ?? limits.cooldownMs
  noteAction(state.history, { service, instance, policy: ref.name }, { nowMs, baseMs })
  const valid = formatDuration(expiresAtMs - nowMs)
  const attempt = `attempt ${incident.attempt}, valid for ${valid}`
  turn.say(incident, {
    event: 'commanded',
    to: 'repairing',
    summary: `${body.action} of ${service}/${instance} ordered from agent ${agent}, ${attempt}`,
    evidence: facts.findings.length > 0 ? facts.findings.map(toEvidence) : [triggerEvidence(match)],
    policy: ref,
    clauses: match.clauses,
    guards: verdicts.map(recordOf),
    command_id: body.command_id,
    action: body.action,
  })
  turn.wake(expiresAtMs)
}
