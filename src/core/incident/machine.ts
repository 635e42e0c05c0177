// The life of an incident (S2-46) as a table, and its picture. An incident is open until it has
// recovered or failed; an escalated one is left to a person and closes when the instance is well.
import type { IncidentState } from '../../contracts/records.ts'
import { diagram, type Transitions } from '../kernel/machine.ts'

/**
 * `matched → repairing`: a command was written. `repairing → verifying`: it was carried out, or may
 * have been. Back to `matched`: it was refused, failed or without effect, and may be tried again.
 * `isolating` comes before repairing for plans that take an instance out of routing first, and
 * alone for those that do nothing else. `escalated → matched`: a fault that no policy knew is known
 * to one after all.
 */
export const INCIDENT_TABLE: Transitions<IncidentState> = {
  unknown: [],
  detected: ['matched', 'escalated', 'recovered', 'failed'],
  matched: ['isolating', 'repairing', 'escalated', 'recovered', 'failed'],
  isolating: ['repairing', 'verifying', 'matched', 'escalated', 'failed'],
  repairing: ['verifying', 'matched', 'escalated', 'recovered', 'failed'],
  verifying: ['matched', 'escalated', 'recovered', 'failed'],
  escalated: ['matched', 'recovered', 'failed'],
  recovered: [],
  failed: [],
}

/** The table as a picture, for the documents. */
export const INCIDENT_DIAGRAM: string = diagram(INCIDENT_TABLE, 'detected')
