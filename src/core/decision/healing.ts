// The face of decide → follow → record: policies, operator records and results are folded in, facts
// are judged against policies and guards, and what comes out is commands and the audit (DESIGN.md
// section 7).
import type { IncidentId, InstanceId, ServiceId } from '../../contracts/ids.ts'
import { DETECTOR_DEFAULTS, type DetectorLimits } from '../../contracts/limits.ts'
import type { CommandResult, OperatorRecord, PolicyRecord } from '../../contracts/records.ts'
import type { Facts } from '../kernel/facts.ts'
import type { CoreContext, Output } from '../kernel/step.ts'

export interface HealingState {
  readonly context: CoreContext
  behaviour: number
}

/**
 * From `atMs` on the window of the instance starts anew: what was counted before belongs to the
 * time before the act.
 */
export interface Cut {
  readonly service: ServiceId
  readonly instance: InstanceId
  readonly atMs: number
}

export interface HealingAnswer {
  readonly outputs: Output[]
  /** Commit at once: a command or an incident event is among the outputs. */
  readonly urgent: boolean
  /** Log time at which `decide` wants to be asked again at the latest, or null. */
  readonly wakeAtMs: number | null
  readonly cuts: Cut[]
}

/**
 * What healing adds to the raw health of an instance. `routable` null = no opinion, the raw health
 * decides.
 */
export interface Overlay {
  readonly routable: boolean | null
  readonly guard: string | null
  readonly incidentId: IncidentId | null
}

export function initialHealing(context: CoreContext): HealingState {
  return { context, behaviour: context.behaviour }
}

export function evolvePolicy(_state: HealingState, _record: PolicyRecord, _nowMs: number): void {}

export function evolveOperator(
  _state: HealingState,
  _record: OperatorRecord,
  _nowMs: number,
): void {}

export function evolveResult(_state: HealingState, _record: CommandResult, _nowMs: number): void {}

/** One step's decisions. Call once per step, after the records of the step have been folded in. */
export function decide(_state: HealingState, _facts: Facts): HealingAnswer {
  return { outputs: [], urgent: false, wakeAtMs: null, cuts: [] }
}

export function detectorLimits(_state: HealingState, _service: ServiceId): DetectorLimits {
  return DETECTOR_DEFAULTS
}

export function overlay(_state: HealingState, _service: ServiceId, _instance: InstanceId): Overlay {
  return { routable: null, guard: null, incidentId: null }
}

/** Canonical value of the whole state, for the digest. */
export function describeHealing(state: HealingState): unknown {
  return { behaviour: state.behaviour }
}
