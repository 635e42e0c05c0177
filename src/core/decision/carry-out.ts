// Carries the actions of a step out: what the task does itself (isolation, drain, weights, a word
// to people) at once, everything else as a command to an agent.
import { type ActionName, ACTIONS, type CommandAction } from '../../contracts/action.ts'
import { formatDuration, parseDuration } from '../../contracts/duration.ts'
import type { InstanceId } from '../../contracts/ids.ts'
import { DRAIN_TIMEOUT_MS, type PlanAction } from '../../contracts/plan.ts'
import { modeOf } from '../../contracts/policy-trigger.ts'
import { makeCommand } from '../command/command.ts'
import { targetName } from '../incident/incident.ts'
import { BEHAVIOUR_FLEET } from '../fleet/term.ts'
import type { InstanceFacts } from '../kernel/facts.ts'
import { rollbackOf } from '../plan/config-versions.ts'
import { markOf, type MarkKind, release, setMark } from '../plan/marks.ts'
import type { Call, Ordered } from '../plan/run.ts'
import { recordOf } from './act.ts'
import { toEvidence, triggerEvidence } from './evidence.ts'
import { isInService } from './group.ts'
import { guardLimitsOf } from './documents.ts'
import { type Case, tokenZone } from './guard-input.ts'
import type { Asked } from './guard-answer.ts'
import { nextSeq, noteAction } from './history.ts'
import { RESULT_GRACE_MS } from './follow.ts'
import { type Course, stepName } from './plan-scene.ts'
import { placeFor } from './placing.ts'
import type { Match } from './policy.ts'
import { replicasFor } from './scaling.ts'
import type { Turn } from './state.ts'

/** An order, and why it may be given. */
export interface Order {
  readonly found: Case
  readonly course: Course
  readonly match: Match
  readonly verdicts: readonly Asked[]
}

/** Orders one action; what is done at once comes back as done. */
export function carryOut(turn: Turn, order: Order, asked: PlanAction): Call {
  const { wire, disruptive } = ACTIONS[asked.action]
  if (disruptive) noteDisruption(turn, order)
  return wire === null ? doHere(turn, order, asked) : command(turn, order, { asked, wire })
}

function noteDisruption(turn: Turn, { found, course }: Order): void {
  const { service, instance } = found.facts
  const { policy, ref } = course.ready
  const { cooldownMs } = guardLimitsOf(turn.state.documents, service)
  const at = { nowMs: turn.nowMs, baseMs: policy.cooldownMs ?? cooldownMs }
  noteAction(turn.state.history, { service, instance, policy: ref.name }, at)
}

function doHere(turn: Turn, order: Order, { action, args }: PlanAction): Call {
  const { found, course } = order
  const { service, instance } = found.facts
  const { nowMs } = turn
  const call: Call = { action, instance, command: null, untilMs: nowMs, state: 'done' }
  switch (action) {
    case 'isolate':
      mark(turn, order, { kind: 'isolate', percent: 0, at: found.facts })
      tell(turn, order, action, `isolated ${service}/${instance}: it takes no new requests`)
      return call
    case 'drain': {
      const timeoutMs = parseDuration(args['timeout'] ?? '') ?? DRAIN_TIMEOUT_MS
      mark(turn, order, { kind: 'drain', percent: 0, at: found.facts })
      const until = `until nothing is in flight, at most ${formatDuration(timeoutMs)}`
      tell(turn, order, action, `draining ${service}/${instance}: no new requests, ${until}`)
      return { ...call, untilMs: nowMs + timeoutMs, state: 'open' }
    }
    case 'unisolate':
      release(turn.state.marks, course.incident.id, instance)
      tell(turn, order, action, `${service}/${instance} takes requests again`)
      return call
    case 'set_weight':
      tell(turn, order, action, weigh(turn, order, args))
      return { ...call, instance: null }
    case 'notify': {
      const to = args['to'] ?? ''
      const text = `${targetName(course.incident)}: ${order.match.ready.policy.trigger}`
      const about = { service, instance, incidentId: course.incident.id, policy: course.ready.ref }
      turn.notifications.push({ name: 'PolicyNotice', ...about, to, text })
      tell(turn, order, action, `told ${to}`)
      return call
    }
    default:
      tell(turn, order, action, 'nothing is done: it may recover by itself')
      return call
  }
}

/** Weights of the instances of a version, and of all others (S0-46). */
function weigh(
  turn: Turn,
  order: Order,
  { version = '', percent = '0', others = '0' }: PlanAction['args'],
): string {
  for (const at of order.found.service.instances.filter(isInService)) {
    const share = at.appVersion === version ? percent : others
    mark(turn, order, { kind: 'set_weight', percent: Number(share), at })
  }
  return `weights are ${percent} for version ${version} and ${others} for all others`
}

function mark(
  { state }: Turn,
  { course }: Order,
  what: { readonly kind: MarkKind; readonly percent: number; readonly at: InstanceFacts },
): void {
  const { service, instance } = what.at
  const { kind, percent } = what
  setMark(state.marks, {
    owner: course.incident.id,
    service,
    instance,
    kind,
    percent,
    inFlight: null,
  })
}

function tell(turn: Turn, { course, match }: Order, action: ActionName, text: string): void {
  const { incident, ready } = course
  const isOut = action === 'isolate' || action === 'drain' || action === 'set_weight'
  const isFirst = incident.state === 'matched'
  turn.say(incident, {
    event: 'acted',
    ...(isFirst ? { to: isOut ? ('isolating' as const) : ('repairing' as const) } : {}),
    summary: `${stepName(course)}${text}`,
    policy: ready.ref,
    action,
    ...(isFirst ? { clauses: match.clauses } : {}),
  })
}

const NOBODY = 'no agent can be asked'

interface Addressee {
  readonly agent: InstanceFacts['agent']
  readonly agentEpoch: number
  readonly args: Readonly<Record<string, string>>
}

/** Who is asked, and with which arguments; a text: why it cannot be ordered. */
function addressee(turn: Turn, { found, course }: Order, asked: PlanAction): Addressee | string {
  const { facts, service } = found
  const { agent, agentEpoch } = facts
  if (agent === null && asked.action !== 'reschedule') return NOBODY
  if (asked.action === 'reschedule') {
    const host = placeFor(turn, found, asked.args)
    if (host === null) return NOBODY
    const args = { ...asked.args, fence: String(facts.incarnation) }
    return { agent: host.agent, agentEpoch: host.agentEpoch, args }
  }
  if (asked.action === 'scale') {
    const replicas = replicasFor(turn, service, asked.args)
    return { agent, agentEpoch, args: { replicas: String(replicas) } }
  }
  if (asked.action === 'rollback_config') {
    const { name = '', to } = asked.args
    const versions = turn.state.configs.get(name)
    const back = rollbackOf(versions, to === undefined ? null : Number(to))
    if (typeof back === 'string') return `configuration ${name}: ${back}`
    const args = { name, from: String(back.from), to: String(back.to) }
    return { agent, agentEpoch, args }
  }
  return course.run.targets.length === 0 ? NOBODY : { agent, agentEpoch, args: asked.args }
}

function command(
  turn: Turn,
  order: Order,
  { asked, wire }: { asked: PlanAction; wire: CommandAction },
): Call {
  const { found, course } = order
  const { state, nowMs } = turn
  const { action } = asked
  const { service, instance, incarnation } = found.facts
  const to = addressee(turn, order, asked)
  const of = isOfInstance(action) ? instance : null
  const none: Call = { action, instance: of, command: null, untilMs: nowMs, state: 'failed' }
  if (typeof to === 'string' || to.agent === null) {
    const why = typeof to === 'string' ? to : NOBODY
    tell(turn, order, action, `${action} cannot be ordered: ${why}`)
    return none
  }
  const { incident, run, ready } = course
  const expiresAtMs = nowMs + (ready.policy.expiryMs ?? limitOf(turn, order))
  const isCharged = ACTIONS[action].disruptive && state.behaviour >= BEHAVIOUR_FLEET
  const draft = {
    action: wire,
    target: { service, instance, incarnation, agent: to.agent, agent_epoch: to.agentEpoch },
    args: to.args,
    plan_step: run.step,
    seq: nextSeq(state.history, to.agent),
    step_seq: turn.facts.stepSeq,
    issued_at_ms: nowMs,
    expires_at_ms: expiresAtMs,
    incident_id: incident.id,
    attempt: incident.attempt,
    policy: ready.ref.name,
    policy_version: ready.ref.version,
    policy_sha256: ready.ref.sha256,
    mode: modeOf(ready.policy, service),
    behaviour: state.behaviour,
    lease_id: isCharged ? state.fleet.spend(nowMs, tokenZone(state, found.facts)) : null,
  }
  const body = makeCommand(state.context, draft, turn.outputs.length)
  turn.outputs.push({ topic: 'commands', key: service, body })
  const ordered: Ordered = {
    id: body.command_id,
    agent: to.agent,
    agentEpoch: to.agentEpoch,
    issuedAtMs: nowMs,
    expiresAtMs,
  }
  sayOrdered(turn, order, { ordered, action, wire })
  if (ACTIONS[action].disruptive && isOfInstance(action)) hold(turn, order, instance)
  turn.wake(expiresAtMs)
  return { ...none, command: ordered, untilMs: expiresAtMs + RESULT_GRACE_MS, state: 'open' }
}

function limitOf(turn: Turn, { found }: Order): number {
  return guardLimitsOf(turn.state.documents, found.facts.service).commandExpiryMs
}

function isOfInstance(action: ActionName): boolean {
  return ACTIONS[action].target === 'instance'
}

/** What is acted on takes no traffic meanwhile; an isolation that stands stays what it is. */
function hold(turn: Turn, order: Order, instance: InstanceId): void {
  const { facts } = order.found
  const set = markOf(turn.state.marks, facts.key, order.course.incident.id)
  if (set !== null && set.percent === 0 && set.instance === instance) return
  mark(turn, order, { kind: 'hand', percent: 0, at: facts })
}

function sayOrdered(
  turn: Turn,
  { found, course, match, verdicts }: Order,
  { ordered, action, wire }: { ordered: Ordered; action: ActionName; wire: CommandAction },
): void {
  const { facts } = found
  const { incident, ready } = course
  const target = isOfInstance(action) ? `${facts.service}/${facts.instance}` : facts.service
  const valid = formatDuration(ordered.expiresAtMs - turn.nowMs)
  const attempt = `attempt ${incident.attempt}, valid for ${valid}`
  const who = ordered.agent
  const isRepair = incident.state === 'matched' || incident.state === 'isolating'
  turn.say(incident, {
    event: 'commanded',
    ...(isRepair ? { to: 'repairing' as const } : {}),
    summary: `${stepName(course)}${wire} of ${target} ordered from agent ${who}, ${attempt}`,
    evidence: facts.findings.length > 0 ? facts.findings.map(toEvidence) : [triggerEvidence(match)],
    policy: ready.ref,
    clauses: match.clauses,
    guards: verdicts.map(recordOf),
    command_id: ordered.id,
    action: wire,
  })
}
