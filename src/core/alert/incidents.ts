// What the audit says of an incident, as conditions that alerts are made of: open and not healed
// yet, left to a person, left the registry before it was seen to recover.
import type { IncidentEvent, Tier } from '../../contracts/records.ts'

export type IncidentAlert = 'IncidentOpen' | 'IncidentEscalated' | 'IncidentFailed'

export const INCIDENT_TIERS: Readonly<Record<IncidentAlert, Tier>> = {
  IncidentOpen: 'medium',
  IncidentEscalated: 'high',
  IncidentFailed: 'high',
}

/** Nobody can heal what has left: the alert ends by itself. */
export const FAILED_MS = 3_600_000

export interface Condition {
  readonly name: IncidentAlert
  readonly tier: Tier
  readonly isOn: boolean
  /** Log time at which it ends by itself, or null. */
  readonly untilMs: number | null
}

const on = (name: IncidentAlert, untilMs: number | null = null): Condition => {
  return { name, tier: INCIDENT_TIERS[name], isOn: true, untilMs }
}
const off = (name: IncidentAlert): Condition => {
  return { name, tier: INCIDENT_TIERS[name], isOn: false, untilMs: null }
}

export function conditionsOf({ event, state }: IncidentEvent, nowMs: number): readonly Condition[] {
  // What the task says of itself is no incident.
  if (state === 'unknown') return []
  if (state === 'recovered') return [off('IncidentOpen'), off('IncidentEscalated')]
  if (state === 'failed')
    return [
      off('IncidentOpen'),
      off('IncidentEscalated'),
      ...(event === 'failed' ? [on('IncidentFailed', nowMs + FAILED_MS)] : []),
    ]
  if (state === 'escalated') return [on('IncidentOpen'), on('IncidentEscalated')]
  return event === 'detected' ? [on('IncidentOpen'), off('IncidentFailed')] : [on('IncidentOpen')]
}
