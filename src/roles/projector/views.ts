// What the reading endpoint answers and the command line prints. Field names are those of the
// records (units last), so that a view and the record behind it read alike. `health` is raw,
// `routable` is after guards: two fields.
import type {
  CommandId,
  IncidentId,
  InstanceId,
  PolicyName,
  ServiceId,
} from '../../contracts/ids.ts'
import type {
  Command,
  CommandResult,
  Health,
  HealthScore,
  IncidentEvent,
  IncidentState,
  Lifecycle,
  Link,
  PolicyKind,
  ResultOutcome,
} from '../../contracts/records.ts'

/** What the 60-s window says; nulls = no requests in it, or nothing heard yet. */
export interface WindowView {
  readonly n: number
  readonly success_rate: number | null
  readonly p99_us: number | null
}

export interface InstanceView extends WindowView {
  readonly service: ServiceId
  readonly instance: InstanceId
  readonly incarnation: number
  readonly lifecycle: Lifecycle
  readonly link: Link
  readonly health: Health
  readonly since_ms: number | null
  readonly reason: string
  readonly routable: boolean
  /** Guard that keeps routable apart from health, with its value. */
  readonly guard: string | null
  readonly signals: readonly string[]
  readonly host: string | null
  readonly port: number | null
  readonly zone: string | null
  readonly app_version: string | null
  readonly agent: string | null
  readonly incident_id: IncidentId | null
  /** null: there is nothing to make it of. */
  readonly score: HealthScore | null
}

export interface ServiceView extends WindowView {
  readonly service: ServiceId
  readonly health: Health
  readonly reason: string
  readonly instances: number
  readonly healthy: number
  readonly unstable: number
  readonly unhealthy: number
  readonly unknown: number
  readonly routable: number
  /** Open incidents of the service and its instances. */
  readonly open_incidents: number
}

export interface IncidentSummary {
  readonly incident_id: IncidentId
  readonly service: ServiceId
  readonly instance: InstanceId | null
  readonly state: IncidentState
  readonly open: boolean
  readonly opened_at_ms: number
  readonly updated_at_ms: number
  readonly attempt: number
  readonly events: number
  readonly commands: number
  /** Sentence of the newest event. */
  readonly summary: string
}

export interface IncidentView extends IncidentSummary {
  readonly timeline: readonly IncidentEvent[]
  /** Events no longer held by this endpoint (they stay on hs.incidents). */
  readonly events_dropped: number
  readonly command_records: readonly Command[]
  readonly results: readonly CommandResult[]
}

export interface CommandView {
  readonly command_id: CommandId
  readonly service: ServiceId
  readonly instance: InstanceId
  readonly action: string
  readonly mode: string
  readonly incident_id: IncidentId
  readonly attempt: number
  readonly policy: PolicyName
  readonly policy_version: number
  readonly agent: string
  readonly issued_at_ms: number
  readonly expires_at_ms: number
  /** Newest result, null before one came. */
  readonly outcome: ResultOutcome | null
  readonly refusal: string | null
  readonly detail: string
  readonly ended_at_ms: number | null
}

export interface PolicyView {
  readonly name: PolicyName
  readonly kind: PolicyKind
  readonly version: number
  readonly sha256: string
  readonly author: string
  readonly at_ms: number
  readonly comment: string | null
  readonly document: string
  /** Partitions that hold this version; all of them, once an apply has succeeded. */
  readonly partitions: number
}

/** Where a record lies, and the record; or why it cannot be shown. */
export interface TailLine {
  readonly topic: string
  readonly partition: number
  readonly offset: number
  readonly timestamp_ms: number
  readonly key: string | null
  /** null: a tombstone, or not decodable. */
  readonly record: unknown
  readonly undecodable?: string
}

/** The smallest reason of a decision: without any one of the records it would not be. */
export interface ReasonView {
  readonly event: IncidentEvent
  /** Log time of the state from which on records were looked at; what was before lies in it. */
  readonly since_ms: number
  /** Records since then. */
  readonly among: number
  /** Sets of records that were tried. */
  readonly tests: number
  /** false: the time ran out, and some of the records may be needless. */
  readonly minimal: boolean
  /** In the order in which they were read. */
  readonly records: readonly TailLine[]
}

/** What became of each document of an apply. */
export interface AppliedPolicy {
  readonly name: string
  readonly kind: string
  readonly version: number
  readonly sha256: string
  readonly outcome: 'created' | 'updated' | 'unchanged' | 'repeated'
  readonly dry_run: boolean
}

/** What a check of one task's journal found. */
export interface JournalView {
  readonly task: string
  readonly partition: number
  readonly entries: number
  readonly steps: number
  readonly gen: number
  readonly skipped: number
  /** Offset of the first entry where retention has taken the beginning; null: none is missing. */
  readonly begins: number | null
  /** Hash of the last entry, hex. */
  readonly tip: string
  /** Code and sentence, or null. */
  readonly problem: string | null
}

/** Incidents in these states are over. */
export function isOver(state: IncidentState): boolean {
  return state === 'recovered' || state === 'failed' || state === 'escalated'
}

/** Incident id of what happens to tasks themselves; not an incident, but readable like one. */
export const OPS = 'ops'
