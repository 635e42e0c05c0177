// From a matched policy to a plan that is carried out, from BEHAVIOUR_JUDGEMENT on. Guards are
// asked before a rung begins, all of them; before each further step those that can have changed. A
// refusal names the guard, its value and its limit, and the step waits.
import { ACTIONS } from '../../contracts/action.ts'
import { formatDuration } from '../../contracts/duration.ts'
import { type Rung, rungText, stepText } from '../../contracts/plan.ts'
import { type Incident, matchKey, targetName } from '../incident/incident.ts'
import type { InstanceFacts } from '../kernel/facts.ts'
import { abort, begin, fail, newRun, stepOf } from '../plan/run.ts'
import { refuse, release, tellMatch } from './act.ts'
import { carryOut, type Order } from './carry-out.ts'
import { guardLimitsOf } from './documents.ts'
import { isSick } from './evidence.ts'
import { giveUp } from './follow.ts'
import { isInService } from './group.ts'
import { type Case, guardInput, tokenZone } from './guard-input.ts'
import type { Asked } from './guard-answer.ts'
import { askGuards } from './guards.ts'
import { failed } from './plan-effect.ts'
import { progress } from './plan-follow.ts'
import { courseOf, keyOf, serviceIncident, stepName } from './plan-scene.ts'
import { placeFor } from './placing.ts'
import type { Match } from './policy.ts'
import type { Turn } from './state.ts'

/** Before a further step on the same target: what may have changed since the rung began. */
const AGAIN: readonly string[] = ['hold', 'behind', 'blind', 'agent', 'rate', 'pulse', 'budget']
/** The next rung is another remedy: it does not wait until the last one has cooled down. */
const NOT_ON_LADDER: readonly string[] = ['cooldown', 'warm_up']
const CAPACITY = 'capacity'
/** A rolling rung is one decision; each instance has its own guards, but not its own incident. */
const NOT_WHILE_ROLLING: readonly string[] = [
  'ineffective',
  'cooldown',
  'evidence',
  'settle',
  'pulse',
]

/** No policy matches a sick instance for so long: nobody's fault but a person's to look at. */
export const UNKNOWN_AFTER_MS = 4_000

/** Tells which policies match, and lets the first one act that all guards let pass. */
export function actOnPlans(turn: Turn, found: Case): void {
  const { incident, matching } = found
  if (incident.run === null) choose(turn, found)
  else resume(turn, found)
  if (matching.matches.length === 0 && incident.run === null) release(incident)
}

/** Left to a person because no policy knew the fault; one may know it now. */
function isUnknown({ state, matched }: Incident): boolean {
  return state === 'escalated' && matched.size === 0
}

function choose(turn: Turn, found: Case): void {
  const { incident, matching } = found
  if (incident.state === 'detected') tellUnknown(turn, found)
  const isOpen = incident.state === 'detected' || incident.state === 'matched'
  if (!isOpen && !isUnknown(incident)) return
  for (const match of matching.matches) tellMatch(turn, incident, match)
  let waits = false
  for (const match of matching.matches) {
    if (incident.state !== 'matched') break
    waits ||= tryRung(turn, found, match) === 'budget'
  }
  const zone = tokenZone(turn.state, found.facts)
  turn.state.fleet.wait(keyOf(incident), waits && incident.run === null, zone)
}

/** A fault that no policy knows is a person's, soon and without a command (S0-56). */
function tellUnknown(turn: Turn, { incident, matching, facts }: Case): void {
  if (matching.triggered.size > 0 || turn.facts.behind) return
  if (incident.instance === null || !isSick(facts) || facts.findings.length === 0) return
  // One decision for the whole service is under way.
  if (serviceIncident(turn.state, facts.service) !== null) return
  const dueMs = incident.openedAtMs + UNKNOWN_AFTER_MS
  turn.wake(dueMs)
  if (turn.nowMs < dueMs) return
  giveUp(
    turn,
    incident,
    `no policy knows what to do about ${targetName(incident)}: a person has to look`,
  )
}

/** Begins the rung whose turn it is; otherwise the guard that alone refuses, or null. */
function tryRung(turn: Turn, found: Case, match: Match): string | null {
  const { incident } = found
  const { policy, ref } = match.ready
  const index = incident.rungs.get(matchKey(ref)) ?? 0
  const rung = policy.plan.rungs[index]
  if (rung === undefined) return null
  if (isEscalation(rung)) {
    const what = `policy ${ref.name} leaves ${targetName(incident)} to a person`
    giveUp(turn, incident, what)
    return null
  }
  const verdicts = askAll(turn, found, { match, rung, isLadder: index > 0 })
  const refusals = verdicts.filter(({ passed }) => !passed)
  const [refusal] = refusals
  if (refusal !== undefined) {
    const told = incident.refused.size
    refuse(turn, found, { match, verdicts, refusal, asked: rungText(rung) })
    if (incident.refused.size > told && refusal.guard === CAPACITY) tellPending(turn, found, match)
    return refusals.length === 1 ? refusal.guard : null
  }
  startRung(turn, found, { match, index, rung })
  advance(turn, found, { match, verdicts })
  return null
}

function isEscalation({ steps }: Rung): boolean {
  return steps.some(({ actions }) => actions.some(({ action }) => action === 'escalate'))
}

function isDisruptive({ steps }: Rung): boolean {
  return steps.some(({ actions }) => actions.some(({ action }) => ACTIONS[action].disruptive))
}

/** Asked of an agent beside the instance itself. */
function needsAgent({ steps }: Pick<Rung, 'steps'>): boolean {
  return steps.some(({ actions }) => {
    return actions.some(({ action }) => ACTIONS[action].wire !== null && action !== 'reschedule')
  })
}

function askAll(
  turn: Turn,
  found: Case,
  { match, rung, isLadder }: { match: Match; rung: Rung; isLadder: boolean },
): readonly Asked[] {
  const input = guardInput(turn, found, match)
  const asked = askGuards(input, !isDisruptive(rung)).filter(({ guard }) => {
    if (guard === 'agent' && !needsAgent(rung)) return false
    if (isLadder && NOT_ON_LADDER.includes(guard)) return false
    return !(guard === 'common_cause' && found.incident.instance === null)
  })
  return [...askCapacity(turn, found, rung), ...asked]
}

/** No host has room for it: it stays pending until one has (S3-30). */
function askCapacity(turn: Turn, found: Case, { steps }: Rung): readonly Asked[] {
  const moving = steps.flatMap(({ actions }) => actions).filter(isMove)
  return moving.map(({ args }) => {
    const place = placeFor(turn, found, args)
    const value = place === null ? 'pending: no host has room for it' : `room on ${place.host}`
    const limit = 'a host that is heard and has room'
    return { guard: CAPACITY, passed: place !== null, value, limit, until_ms: null, cause: '' }
  })
}

/** Nobody has room: people are told once, and it is tried again whenever anything changes. */
function tellPending(turn: Turn, { incident }: Case, { ready }: Match): void {
  const about = { service: incident.service, instance: incident.instance, policy: ready.ref }
  const text = `${targetName(incident)} waits for a host with room for it`
  turn.notifications.push({ name: 'NoRoom', ...about, incidentId: incident.id, to: null, text })
}

function isMove({ action }: { action: string }): boolean {
  return action === 'reschedule'
}

function startRung(
  turn: Turn,
  found: Case,
  { match, index, rung }: { match: Match; index: number; rung: Rung },
): void {
  const { incident, facts, service } = found
  const { policy, ref } = match.ready
  const limits = guardLimitsOf(turn.state.documents, facts.service)
  const others = service.instances.filter((one) => isInService(one) && one.key !== facts.key)
  const all = [facts, ...others].map(({ instance }) => instance)
  const targets = rung.rolling ? all : [facts.instance]
  incident.attempt += 1
  release(incident)
  const { incarnation } = facts
  const verifyMs = policy.verifyMs ?? limits.verifyMs
  incident.run = newRun({ policy: ref, rung: index, verifyMs, targets, incarnation }, turn.nowMs)
}

/** Orders the step whose turn it is, and goes on as long as steps are done at once. */
function advance(
  turn: Turn,
  found: Case,
  { match, verdicts }: { match: Match; verdicts: readonly Asked[] },
): void {
  const course = courseOf(turn.state, found.incident)
  if (course === null) return
  const { run, rung } = course
  const order: Order = { found, course, match, verdicts }
  const { actions } = stepOf(run, rung)
  begin(
    run,
    actions.map((asked) => carryOut(turn, order, asked)),
    turn.nowMs,
  )
  for (const { untilMs, state } of run.calls) if (state === 'open') turn.wake(untilMs)
  progress(turn, found.incident, found)
  if (found.incident.run?.phase === 'waiting') resume(turn, found)
}

/** A step whose turn it is and that has not been ordered. */
function resume(turn: Turn, found: Case): void {
  const { incident } = found
  const course = courseOf(turn.state, incident)
  if (course?.run.phase !== 'waiting') return
  const { run, rung, ready } = course
  const at = targetOf(found, run.targets[0] ?? null)
  if (at === null) return skip(turn, found)
  const match = found.matching.matches.find((one) => one.ready.ref.name === ready.ref.name) ?? {
    ready,
    sinceMs: run.stepMs,
    clauses: [],
  }
  if (run.step === 0 && !run.retreats) run.incarnation = at.facts.incarnation
  // What takes something back is never refused.
  const verdicts = run.retreats ? [] : askAgain(turn, at, { match, rung, step: run.step })
  const refusals = verdicts.filter(({ passed }) => !passed)
  const [refusal] = refusals
  const isBudget = refusals.length === 1 && refusal?.guard === 'budget'
  turn.state.fleet.wait(keyOf(incident), isBudget, tokenZone(turn.state, at.facts))
  if (refusal === undefined) return advance(turn, at, { match, verdicts })
  refuse(turn, at, {
    match,
    verdicts,
    refusal,
    asked: `${stepName(course)}${stepText(stepOf(run, rung))}`,
  })
  const untilMs = run.stepMs + stepOf(run, rung).timeoutMs
  turn.wake(untilMs)
  if (turn.nowMs < untilMs || incident.run === null) return
  const waited = formatDuration(turn.nowMs - run.stepMs)
  fail(run, rung, turn.nowMs)
  if (run.phase !== 'failed') return resume(turn, found)
  const summary = `${stepName(course)}not begun for ${waited}, guard ${refusal.guard} refuses`
  failed(turn, incident, { summary, outcome: null, result: null, call: null })
}

/** A step that takes nothing out needs no more than that nobody holds it. */
function askAgain(
  turn: Turn,
  found: Case,
  { match, rung, step }: { match: Match; rung: Rung; step: number },
): readonly Asked[] {
  const own = { steps: rung.steps.slice(step, step + 1), rolling: false }
  const isNext = rung.rolling && step === 0
  const input = guardInput(turn, found, match)
  return askGuards(input, !isDisruptive(own)).filter(({ guard }) => {
    if (guard === 'open_command' || (guard === 'agent' && !needsAgent(own))) return false
    if (!isDisruptive(own)) return guard !== 'mode' && guard !== 'cooldown'
    return isNext ? !NOT_WHILE_ROLLING.includes(guard) : AGAIN.includes(guard)
  })
}

/** The case with the instance whose turn it is; null: it has left. */
function targetOf(found: Case, instance: InstanceFacts['instance'] | null): Case | null {
  if (found.facts.instance === instance) return found
  const facts = found.service.instances.find((one) => one.instance === instance)
  return facts === undefined || facts.lifecycle === 'gone' ? null : { ...found, facts }
}

/** Nothing is left of the target: the next one, or the end. */
function skip(turn: Turn, found: Case): void {
  const run = found.incident.run
  if (run === null) return
  run.targets = run.targets.slice(1)
  if (run.targets.length > 0) return resume(turn, found)
  abort(run, turn.nowMs)
  const summary = 'the instance whose turn it was has left'
  failed(turn, found.incident, { summary, outcome: null, result: null, call: null })
}
