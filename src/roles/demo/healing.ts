// The sum of the story of one fault: when it was detected, commanded, done and verified, out of
// records alone. This is what `--headless` prints as its last line.
import type { IncidentEvent } from '../../contracts/records.ts'
import type { DemoFault, Victim } from './fault.ts'
import type { StoryRecord } from './story.ts'

/** Times are epoch ms, null where the record has not been seen. */
export interface Healing {
  readonly log: string
  readonly fault: DemoFault
  readonly faultAt: number
  /** Log time of the event `detected`. */
  readonly detectedAt: number | null
  /** When the log took the first command. */
  readonly commandAt: number | null
  /** When the log took the result that says it was done. */
  readonly actedAt: number | null
  /** Log time of the event `recovered`. */
  readonly recoveredAt: number | null
  /** Command records of the whole run, to whomever: more than one is one too many. */
  readonly commands: number
  readonly oldPid: number
  readonly newPid: number | null
}

export type HealingState = 'open' | 'recovered' | 'failed' | 'escalated'

export interface Broken {
  readonly log: string
  readonly fault: DemoFault
  readonly faultAt: number
  readonly victim: Victim
  /** What was done to whom, for people. */
  readonly text: string
}

/** Whether a record speaks of the broken instance and came after the fault. */
export function concerns(record: StoryRecord, { victim, faultAt }: Broken): boolean {
  if (record.appendMs < faultAt || record.kind === 'pulse') return false
  const { service, instance } =
    record.kind === 'incident'
      ? record.event
      : record.kind === 'command'
        ? record.command.target
        : record.result
  return service === victim.service && instance === victim.instance
}

/** The incident of the fault: the first detected for the instance after it. */
export function incidentOf(records: readonly StoryRecord[], broken: Broken): IncidentEvent | null {
  for (const record of records)
    if (record.kind === 'incident' && record.event.event === 'detected')
      if (concerns(record, broken)) return record.event
  return null
}

/** How far the incident has come. `records`: everything read so far, in any order of topics. */
export function healingState(records: readonly StoryRecord[], broken: Broken): HealingState {
  const id = incidentOf(records, broken)?.incident_id
  for (const record of records) {
    if (record.kind !== 'incident' || record.event.incident_id !== id) continue
    const { state } = record.event
    if (state === 'recovered' || state === 'failed' || state === 'escalated') return state
  }
  return 'open'
}

/**
 * The sum of the records. Topics may have been read in any order, so nothing is taken in passing.
 */
export function summarise(records: readonly StoryRecord[], broken: Broken): Healing {
  const { log, fault, faultAt, victim } = broken
  const incident = incidentOf(records, broken)
  const id = incident?.incident_id
  const command = records.find(
    (r) => r.kind === 'command' && concerns(r, broken) && r.command.incident_id === id,
  )
  const recovered = records.find(
    (r) => r.kind === 'incident' && r.event.incident_id === id && r.event.state === 'recovered',
  )
  const acted = records.find(
    (record) =>
      record.kind === 'result' &&
      record.result.incident_id === id &&
      record.result.outcome === 'succeeded',
  )
  const newPid = acted?.kind === 'result' ? Number(acted.result.facts['pid_after']) : Number.NaN
  return {
    log,
    fault,
    faultAt,
    detectedAt: incident?.at_ms ?? null,
    commandAt: command?.appendMs ?? null,
    actedAt: acted?.appendMs ?? null,
    recoveredAt: recovered?.kind === 'incident' ? recovered.event.at_ms : null,
    commands: records.filter((r) => r.kind === 'command').length,
    oldPid: victim.pid,
    newPid: Number.isInteger(newPid) ? newPid : null,
  }
}
