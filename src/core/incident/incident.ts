// One open incident: one fault of one instance, or of a service as a whole, from its detection to
// its end, with the command that is under way for it; and its part of an image.
import {
  agentId,
  type AgentId,
  commandId,
  type CommandId,
  incidentId,
  type IncidentId,
  instanceId,
  type InstanceId,
  policyName,
  type PolicyName,
  serviceId,
  type ServiceId,
} from '../../contracts/ids.ts'
import type { IncidentState, PolicyRef } from '../../contracts/records.ts'
import { FORM_JUDGEMENT, type ImageReader, type ImageWriter } from '../kernel/image.ts'
import { loadRun, type Run, saveRun } from '../plan/run.ts'
import { INCIDENT_TABLE } from './machine.ts'

/** A command that has been written and not been answered, or whose effect is being watched. */
export interface OpenCommand {
  readonly id: CommandId
  readonly action: string
  readonly policy: PolicyRef
  readonly agent: AgentId
  readonly agentEpoch: number
  readonly incarnation: number
  readonly issuedAtMs: number
  readonly expiresAtMs: number
  readonly verifyMs: number
}

/** Watching the effect of a command. */
export interface Watch {
  /** Log time of the result; what counts for the effect comes after it. */
  effectAtMs: number
  deadlineMs: number
  /** The agent says that it was done; otherwise it may have been. */
  certain: boolean
}

export interface Incident {
  readonly id: IncidentId
  readonly service: ServiceId
  /** null: the service as a whole; from BEHAVIOUR_JUDGEMENT on. */
  readonly instance: InstanceId | null
  readonly openedAtMs: number
  incarnation: number
  state: IncidentState
  /** Events written so far. */
  seq: number
  /** Commands written so far. */
  attempt: number
  command: OpenCommand | null
  watch: Watch | null
  /** Since when the instance has looked well, or null. */
  wellSinceMs: number | null
  /** Detectors already told about. */
  readonly told: Set<string>
  /** Policies (name and version) already told to match. */
  readonly matched: Set<string>
  /** Refusals already told: attempt, policy, guard, cause. */
  readonly refused: Set<string>
  /** Guard of the last refusal, until the next command. */
  guard: string | null
  /** That refusal, whoever else refused, also saw that too few would be left without it. */
  kept: boolean
  /** The rung of a plan under way; from BEHAVIOUR_JUDGEMENT on, as what follows. */
  run: Run | null
  /** By policy and version: the rung to be tried next. */
  readonly rungs: Map<string, number>
  /** It has been left to a person at some time. */
  escalated: boolean
}

export function openIncident(
  at: Pick<Incident, 'id' | 'service' | 'instance' | 'incarnation'>,
  nowMs: number,
): Incident {
  return {
    ...at,
    openedAtMs: nowMs,
    state: 'detected',
    seq: 0,
    attempt: 0,
    command: null,
    watch: null,
    wellSinceMs: null,
    told: new Set(),
    matched: new Set(),
    refused: new Set(),
    guard: null,
    kept: false,
    run: null,
    rungs: new Map(),
    escalated: false,
  }
}

/** As people read it: `service/instance`, or the service alone. */
export function targetName({ service, instance }: Pick<Incident, 'service' | 'instance'>): string {
  return instance === null ? service : `${service}/${instance}`
}

/** Our hand is on the instance: a command is under way, or its effect is not seen yet. */
export function isInHand({ state }: Incident): boolean {
  return state === 'isolating' || state === 'repairing' || state === 'verifying'
}

/** One entry per policy and version. */
export function matchKey(policy: { name: PolicyName; version: number }): string {
  return `${policy.name}@${policy.version}`
}

export function saveIncident(incident: Incident, to: ImageWriter): void {
  const { command, watch } = incident
  to.text(incident.id).text(incident.service)
  saveInstance(incident.instance, to)
  to.number(incident.openedAtMs).number(incident.incarnation).text(incident.state)
  to.int(incident.seq).int(incident.attempt)
  to.flag(command !== null)
  if (command !== null) saveCommand(command, to)
  to.flag(watch !== null)
  if (watch !== null) to.number(watch.effectAtMs).number(watch.deadlineMs).flag(watch.certain)
  to.numberOrNull(incident.wellSinceMs)
  to.texts([...incident.told])
    .texts([...incident.matched])
    .texts([...incident.refused])
  to.textOrNull(incident.guard).flag(incident.kept)
  if (to.form >= FORM_JUDGEMENT) savePlan(incident, to)
}

function savePlan({ run, rungs, escalated }: Incident, to: ImageWriter): void {
  to.flag(run !== null)
  if (run !== null) saveRun(run, to)
  to.int(rungs.size)
  for (const [key, rung] of rungs) to.text(key).int(rung)
  to.flag(escalated)
}

function loadPlan(from: ImageReader): Pick<Incident, 'run' | 'rungs' | 'escalated'> {
  if (from.form < FORM_JUDGEMENT) return { run: null, rungs: new Map(), escalated: false }
  return {
    run: from.flag() ? loadRun(from) : null,
    rungs: new Map(from.list(() => [from.text(), from.int()])),
    escalated: from.flag(),
  }
}

export function loadIncident(from: ImageReader): Incident {
  return {
    id: incidentId(from.text()),
    service: serviceId(from.text()),
    instance: loadInstance(from),
    openedAtMs: from.number(),
    incarnation: from.number(),
    state: from.oneOf(INCIDENT_TABLE),
    seq: from.int(),
    attempt: from.int(),
    command: from.flag() ? loadCommand(from) : null,
    watch: from.flag() ? loadWatch(from) : null,
    wellSinceMs: from.numberOrNull(),
    told: new Set(from.texts()),
    matched: new Set(from.texts()),
    refused: new Set(from.texts()),
    guard: from.textOrNull(),
    kept: from.flag(),
    ...loadPlan(from),
  }
}

function saveInstance(instance: InstanceId | null, to: ImageWriter): void {
  if (to.form >= FORM_JUDGEMENT) to.textOrNull(instance)
  else to.text(instance ?? '')
}

function loadInstance(from: ImageReader): InstanceId | null {
  const instance = from.form >= FORM_JUDGEMENT ? from.textOrNull() : from.text()
  return instance === null ? null : instanceId(instance)
}

function saveCommand(command: OpenCommand, to: ImageWriter): void {
  const { policy } = command
  to.text(command.id).text(command.action)
  to.text(policy.name).number(policy.version).text(policy.sha256)
  to.text(command.agent).number(command.agentEpoch).number(command.incarnation)
  to.number(command.issuedAtMs).number(command.expiresAtMs).number(command.verifyMs)
}

function loadCommand(from: ImageReader): OpenCommand {
  return {
    id: commandId(from.text()),
    action: from.text(),
    policy: { name: policyName(from.text()), version: from.number(), sha256: from.text() },
    agent: agentId(from.text()),
    agentEpoch: from.number(),
    incarnation: from.number(),
    issuedAtMs: from.number(),
    expiresAtMs: from.number(),
    verifyMs: from.number(),
  }
}

function loadWatch(from: ImageReader): Watch {
  return { effectAtMs: from.number(), deadlineMs: from.number(), certain: from.flag() }
}
