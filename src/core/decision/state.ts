// The state of healing, and the turn of one step: what it may read, and where it puts what it says.
import {
  incidentId,
  type IncidentId,
  type InstanceId,
  type ServiceId,
} from '../../contracts/ids.ts'
import type { CommandResult } from '../../contracts/records.ts'
import type { Notification } from '../plan/notification.ts'
import { Holder } from '../fleet/holder.ts'
import { Audit, type Chain, newChain, type Said } from '../incident/audit.ts'
import type { Incident } from '../incident/incident.ts'
import { canonical, hex } from '../kernel/canonical.ts'
import type { Facts, InstanceFacts } from '../kernel/facts.ts'
import type { CoreContext, Output } from '../kernel/step.ts'
import { type Care, newCare } from './care.ts'
import { type Documents, newDocuments } from './documents.ts'
import { type History, newHistory } from './history.ts'
import { type Holds, holdsAtBirth } from './holds.ts'
import type { Onsets } from './onsets.ts'
import type { Program, Streaks } from './policy.ts'
import type { Marks } from '../plan/marks.ts'
import type { Configs } from '../plan/config-versions.ts'
import type { Wanted } from '../plan/scale.ts'

/** Something about the task itself, to be told with the next decision. */
export interface Notice {
  readonly said: Said
  readonly service: ServiceId | null
}

export interface State {
  readonly context: CoreContext
  behaviour: number
  readonly documents: Documents
  readonly holds: Holds
  readonly history: History
  readonly streaks: Streaks
  /** Conditions over time, from behaviour 3 on. */
  readonly onsets: Onsets
  /** Policies by service, ready to be asked; emptied with every change of a document. */
  readonly programs: Map<ServiceId, Program>
  /** Open incidents by `viewKey` of their instance, or of the service they are about. */
  readonly incidents: Map<string, Incident>
  /** By instance: the incarnation that has been seen well. */
  readonly wellOnce: Map<string, number>
  readonly chain: Chain
  /** What plans have set on the routing of instances; from BEHAVIOUR_JUDGEMENT on. */
  readonly marks: Marks
  /** Replicas wanted lately, by service. */
  readonly wanted: Map<string, Wanted>
  /** Configurations of agents; from BEHAVIOUR_JUDGEMENT on. */
  readonly configs: Configs
  /** Pulses and leases of the fleet task. */
  readonly fleet: Holder
  /** What the guards remember. */
  readonly care: Care
  /** Results of this step, in order. */
  results: CommandResult[]
  notices: Notice[]
}

export function newState(context: CoreContext): State {
  return {
    context,
    behaviour: context.behaviour,
    documents: newDocuments(),
    holds: holdsAtBirth(context.afterLossMs),
    history: newHistory(),
    streaks: new Map(),
    onsets: new Map(),
    programs: new Map(),
    incidents: new Map(),
    wellOnce: new Map(),
    chain: newChain(),
    marks: new Map(),
    wanted: new Map(),
    configs: new Map(),
    fleet: new Holder(),
    care: newCare(),
    results: [],
    notices: [],
  }
}

/**
 * From `atMs` on the window of the instance starts anew: what was counted before belongs to the
 * time
 * before the act.
 */
export interface Cut {
  readonly service: ServiceId
  readonly instance: InstanceId
  readonly atMs: number
}

/** One step: outputs in order, cuts, and the next time anything can change by time alone. */
export class Turn {
  readonly state: State
  readonly facts: Facts
  readonly outputs: Output[] = []
  readonly cuts: Cut[] = []
  readonly attended: InstanceFacts[] = []
  readonly notifications: Notification[] = []
  wakeAtMs: number | null = null
  private readonly audit: Audit

  constructor(state: State, facts: Facts) {
    this.state = state
    this.facts = facts
    const { nowMs, stepSeq } = facts
    this.audit = new Audit(state.context, state.chain, {
      nowMs,
      stepSeq,
      behaviour: state.behaviour,
    })
  }

  get nowMs(): number {
    return this.facts.nowMs
  }

  say(incident: Incident, said: Said): void {
    this.outputs.push(this.audit.about(incident, said))
  }

  ops(notice: Notice): void {
    this.outputs.push(this.audit.ops(notice.said, notice.service))
  }

  /** Asks for a step at `atMs` at the latest; times that have passed are nothing to wait for. */
  wake(atMs: number | null): void {
    if (atMs === null || atMs <= this.nowMs) return
    this.wakeAtMs = Math.min(this.wakeAtMs ?? atMs, atMs)
  }
}

/** Where it was opened names an incident, so that the same journal names it alike. */
export function newIncidentId(
  { state, facts }: Turn,
  at: { readonly service: ServiceId; readonly instance: InstanceId | null },
): IncidentId {
  const { context } = state
  const place = [context.clusterId, context.taskId, facts.stepSeq, at.service, at.instance]
  const digest = hex(context.sha256(canonical([...place, 'incident'])))
  return incidentId(`inc-${digest.slice(0, 16)}`)
}
