// One open incident: one fault of one instance, from its detection to its end, with the command
// that is under way for it.
import type {
  AgentId,
  CommandId,
  IncidentId,
  InstanceId,
  PolicyName,
  ServiceId,
} from '../../contracts/ids.ts'
import type { IncidentState, PolicyRef } from '../../contracts/records.ts'

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
  readonly instance: InstanceId
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
  }
}

/** Our hand is on the instance: a command is under way, or its effect is not seen yet. */
export function isInHand(incident: Incident): boolean {
  return incident.state === 'repairing' || incident.state === 'verifying'
}

/** One entry per policy and version. */
export function matchKey(policy: { name: PolicyName; version: number }): string {
  return `${policy.name}@${policy.version}`
}
