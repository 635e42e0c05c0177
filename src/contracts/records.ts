// Generated from schemas/*.avsc by scripts/generate-records.mjs; change the schemas.
// Types of every record on the wire. Names are the wire names; units are part of the name.
import type {
  AgentId,
  ClusterId,
  CommandId,
  EventId,
  IncidentId,
  InstanceId,
  PolicyName,
  ServiceId,
  TaskId,
} from './ids.ts'

/** digest, ticket, page. */
export type Tier = 'low' | 'medium' | 'high'

/** State. */
export type AlertState = 'unknown' | 'firing' | 'resolved'

/** Something a person should know. */
export interface Alert {
  /** Unique id. */
  readonly alert_id: EventId
  /** Same for repeats. */
  readonly fingerprint: string
  /** Tier. */
  readonly tier: Tier
  /** State. */
  readonly state: AlertState
  /** Title. */
  readonly title: string
  /** Text. */
  readonly summary: string
  /** Service; the key of the record. */
  readonly service: ServiceId
  /** Instance. */
  readonly instance: InstanceId | null
  /** Incident. */
  readonly incident_id: IncidentId | null
  /** Labels. */
  readonly labels: Readonly<Record<string, string>>
  /** Repeats folded into it. */
  readonly count: number
  /** Log time of the first. */
  readonly since_ms: number
  /** Log time of this one. */
  readonly at_ms: number
  /** Where to read on. */
  readonly runbook: string | null
  /** Name of the rule, as in the label alertname. */
  readonly rule: string
  /** Texts of the rule, templates filled. */
  readonly annotations: Readonly<Record<string, string>>
  /** Where its tier goes: page, ticket, digest or a name of the policy. */
  readonly route: string
  /** Alerts of one group may be told in one notification. */
  readonly group: string
  /** Said before, and nothing is new: for those who forget what is not repeated. */
  readonly refresh: boolean
  /** AlertPolicy that has the rule; null: a rule of ours. */
  readonly policy: PolicyName | null
  /** Of the policy. */
  readonly policy_version: number
}

/** Next offset of an input. */
export interface Position {
  /** Topic kind. */
  readonly topic: string
  /** Partition. */
  readonly partition: number
  /** Next offset. */
  readonly offset: number
}

/** What the image is of. */
export interface SnapshotHeader {
  /** Cluster. */
  readonly cluster_id: ClusterId
  /** Task. */
  readonly task: TaskId
  /** gen. */
  readonly gen: number
  /** Last step contained. */
  readonly step_seq: number
  /** Journal entry it belongs to: the state is that right behind it. */
  readonly journal_offset: number
  /** Snapshot format. */
  readonly format: number
  /** Behaviour number. */
  readonly behaviour: number
  /** Pieces. */
  readonly parts: number
  /** Size. */
  readonly size_bytes: number
  /** Of all pieces, and behind them of this header with this field empty; hex. */
  readonly sha256: string
  /** Digest of the state, hex. */
  readonly state_digest: string
  /** Positions of the inputs. */
  readonly positions: readonly Position[]
  /** Hash of that entry, hex: says which history it belongs to. */
  readonly journal_hash: string
  /** First bytes that are the runtime's; the rest is the core's image. */
  readonly head_bytes: number
  /** Offset of the first piece. */
  readonly first_offset: number
  /** Prefix of the topics. */
  readonly prefix: string
  /** Log time of the last step contained. */
  readonly at_ms: number
}

/** A piece of a full image of a task's state; the header comes last and makes it valid. */
export interface SnapshotPart {
  /** Snapshot. */
  readonly snapshot_id: string
  /** Piece, from 0; of the header the number of pieces. */
  readonly index: number
  /** Packed state, at most 240 KiB; empty in the header. */
  readonly bytes: Uint8Array
  /** Present on the last record only. */
  readonly header: SnapshotHeader | null
}

/** Exactly one instance beside exactly one agent. */
export interface Target {
  /** Cluster. */
  readonly cluster_id: ClusterId
  /** Service; the key of the record. */
  readonly service: ServiceId
  /** Instance. */
  readonly instance: InstanceId
  /** Incarnation judged; another one found is refused. */
  readonly incarnation: number
  /** Agent. */
  readonly agent: AgentId
  /** Epoch of the agent; another one is refused. */
  readonly agent_epoch: number
  /** Host. */
  readonly host: string | null
}

/** Only enforce and canary reach a driver. */
export type Mode = 'observe' | 'dry_run' | 'canary' | 'enforce'

/** One step for one agent. kid and signature come first, so that the signed bytes are the contiguous rest of the datum as it lies in the record: Ed25519 over "hs-command-1" || schema fingerprint (CRC-64-AVRO) || rest. Fields are only ever added at the end. */
export interface Command {
  /** Key id; absent = unsigned (embedded log only). */
  readonly kid: string | null
  /** Ed25519, 64 bytes. */
  readonly signature: Uint8Array | null
  /** hash(cluster, task, step, index, body), 32 hex digits; the agent never applies one twice. */
  readonly command_id: CommandId
  /** Action of the fixed vocabulary: restart, isolate, drain, weight, scale, migrate, roll_back, diagnose, notify. */
  readonly action: string
  /** Target. */
  readonly target: Target
  /** Arguments, checked against the schema of the action; never a shell line. */
  readonly args: Readonly<Record<string, string>>
  /** Task that decided. */
  readonly task: TaskId
  /** Count of fences of the task: a lower one than seen is refused. */
  readonly gen: number
  /** Rises per (task, agent): not above the last one seen is refused. */
  readonly seq: number
  /** Step of the journal that decided. */
  readonly step_seq: number
  /** Condition the agent checks again before acting: probe_down, incarnation_is, or absent. */
  readonly predicate: string | null
  /** Log time, epoch ms. */
  readonly issued_at_ms: number
  /** Log time, epoch ms. */
  readonly not_before_ms: number
  /** Log time, epoch ms; judged by the broker's clock. */
  readonly expires_at_ms: number
  /** Incident. */
  readonly incident_id: IncidentId
  /** Step of the plan, from 0. */
  readonly plan_step: number
  /** From 1. */
  readonly attempt: number
  /** Policy that asked for it. */
  readonly policy: PolicyName
  /** Its version. */
  readonly policy_version: number
  /** Its hash, hex. */
  readonly policy_sha256: string
  /** Mode. */
  readonly mode: Mode
  /** Budget lease it was paid from. */
  readonly lease_id: string | null
  /** Behaviour number of the core that decided. */
  readonly behaviour: number
}

/** A header as it was. */
export interface Header {
  /** Name. */
  readonly key: string
  /** Value. */
  readonly value: Uint8Array | null
}

/** A refused record with its bytes; beyond a source's budget only a range and a count. */
export interface DeadLetter {
  /** Topic. */
  readonly origin_topic: string
  /** Partition. */
  readonly origin_partition: number
  /** Offset (first of the range). */
  readonly origin_offset: number
  /** Last offset of the range. */
  readonly origin_last_offset: number
  /** Records meant. */
  readonly count: number
  /** Time stamp of the record. */
  readonly timestamp_ms: number
  /** Key as it was. */
  readonly key: Uint8Array | null
  /** Value as it was. */
  readonly value: Uint8Array | null
  /** Headers, at most 64. */
  readonly headers: readonly Header[]
  /** decode, admit, fold, poison. */
  readonly stage: string
  /** Code. */
  readonly reason: string
  /** What was found, what to do. */
  readonly detail: string
  /** Task. */
  readonly task: TaskId
  /** Log time, epoch ms. */
  readonly at_ms: number
}

/** What it is. */
export type FleetKind = 'unknown' | 'pulse' | 'grant' | 'take_back' | 'verdict'

/** State of the fleet as of a log time. */
export interface Pulse {
  /** Log time the pulse speaks of. */
  readonly as_of_ms: number
  /** Agents expected. */
  readonly reporters_expected: number
  /** Agents heard. */
  readonly reporters_seen: number
  /** Too few reporters: no disruptive action. */
  readonly blind: boolean
}

/** Tokens of a budget; the deadline stops only the holder. */
export interface Grant {
  /** Lease. */
  readonly lease_id: string
  /** Budget (fleet, zone:<z>, service:<s>). */
  readonly budget: string
  /** Tokens. */
  readonly tokens: number
  /** Log time until which they may be spent. */
  readonly deadline_ms: number
}

/** Kind. */
export type FleetVerdictKind = 'unknown' | 'common_cause' | 'root_cause' | 'storm' | 'blind'

/** Something only visible across services. */
export interface FleetVerdict {
  /** Unique id. */
  readonly verdict_id: string
  /** What. */
  readonly what: FleetVerdictKind
  /** Services concerned. */
  readonly services: readonly string[]
  /** Cause. */
  readonly cause_service: ServiceId | null
  /** Cause. */
  readonly cause_instance: InstanceId | null
  /** Onset, log time. */
  readonly since_ms: number
  /** It ended. */
  readonly over: boolean
  /** What those concerned share: fleet, zone, version, services. */
  readonly attribute?: string
  /** Which zone or version. */
  readonly value?: string
  /** Sick among those who share it. */
  readonly sick?: number
  /** Those who share it. */
  readonly instances?: number
  /** It would not hold if those of whom only nothing is heard were well. */
  readonly unheard?: boolean
}

/** The fleet task to one service task: pulse, budget lease, verdict. */
export interface FleetRecord {
  /** Task addressed; the key of the record. */
  readonly task: TaskId
  /** Rises with every record of the fleet task, whatever its gen. */
  readonly seq: number
  /** gen of the fleet task. */
  readonly gen: number
  /** Log time, epoch ms. */
  readonly at_ms: number
  /** Kind. */
  readonly kind: FleetKind
  /** Pulse. */
  readonly pulse: Pulse | null
  /** Grant; of a take_back the lease that is asked for. */
  readonly grant: Grant | null
  /** Verdict. */
  readonly verdict: FleetVerdict | null
}

/** Raw verdict. */
export type Health = 'unknown' | 'healthy' | 'unstable' | 'unhealthy'

/** What a window says. */
export interface WindowFigures {
  /** Length of the window. */
  readonly span_ms: number
  /** Requests. */
  readonly n: number
  /** Failed ones. */
  readonly errors: number
  /** (n − errors) / n; absent when n is 0. */
  readonly success_rate: number | null
  /** P99 in microseconds (within 2.2 %); absent when n is 0. */
  readonly p99_us: number | null
  /** Upper edge of the highest non-empty bucket in microseconds. */
  readonly max_us: number
}

/** One of the figures that enter. */
export interface Indicator {
  /** What it is, with its unit. */
  readonly name: string
  /** As collected; absent = not measured, which counts as 0. */
  readonly value: number | null
  /** Points taken off per unit. */
  readonly weight: number
}

/** Health score (S3-14) with all that it is made of: each of its six stages (S3-15) follows from it. */
export interface HealthScore {
  /** 100 minus all points, between 0 and 100. */
  readonly score: number
  /** Below this it is a warning. */
  readonly warning: number
  /** Log time at which it was made, epoch ms. */
  readonly at_ms: number
  /** In the order in which their points are added. */
  readonly indicators: readonly Indicator[]
}

/** Raw health and, apart from it, what the guards make of it. Compacted: the newest stands. */
export interface HealthView {
  /** Service. */
  readonly service: ServiceId
  /** Instance; absent = the service as a whole. */
  readonly instance: InstanceId | null
  /** Incarnation. */
  readonly incarnation: number
  /** Raw health; never overwritten by guards. */
  readonly health: Health
  /** Log time since which it holds. */
  readonly since_ms: number
  /** One sentence. */
  readonly reason: string
  /** Traffic may go there, guards considered. */
  readonly routable: boolean
  /** Share of its normal traffic, 0…100. */
  readonly weight_percent: number
  /** Guard that keeps routable apart from health, with its value. */
  readonly guard: string | null
  /** Windows. */
  readonly windows: readonly WindowFigures[]
  /** Detectors that fire now. */
  readonly signals: readonly string[]
  /** Open incident. */
  readonly incident_id: IncidentId | null
  /** Log time, epoch ms. */
  readonly at_ms: number
  /** Rises with every record of this key. */
  readonly version: number
  /** It came and went too often of late (S3-01); nothing is done to it automatically. */
  readonly flapping?: boolean
  /** Absent: there is nothing to make it of. */
  readonly score?: HealthScore | null
}

/** What happened. */
export type IncidentEventKind =
  | 'unknown'
  | 'detected'
  | 'evidence'
  | 'matched'
  | 'refused'
  | 'commanded'
  | 'acted'
  | 'effective'
  | 'ineffective'
  | 'recovered'
  | 'failed'
  | 'escalated'
  | 'held'
  | 'note'

/** State after the event (S2-46). */
export type IncidentState =
  | 'unknown'
  | 'detected'
  | 'matched'
  | 'isolating'
  | 'repairing'
  | 'verifying'
  | 'recovered'
  | 'failed'
  | 'escalated'

/** self_evident acts at once; inferred waits for its settle time. */
export type EvidenceClass = 'unknown' | 'self_evident' | 'inferred'

/** A detector's finding. */
export interface Evidence {
  /** Detector. */
  readonly detector: string
  /** Class. */
  readonly class: EvidenceClass
  /** Log time of the onset. */
  readonly since_ms: number
  /** Value found. */
  readonly value: number
  /** Limit it crossed. */
  readonly limit: number
  /** Unit of both. */
  readonly unit: string
  /** One sentence. */
  readonly text: string
  /** Topic of the record that crossed the rule. */
  readonly topic: string | null
  /** Its partition. */
  readonly partition: number | null
  /** Its offset. */
  readonly offset: number | null
}

/** Policy and version. */
export interface PolicyRef {
  /** Policy. */
  readonly name: PolicyName
  /** Version. */
  readonly version: number
  /** Hash, hex. */
  readonly sha256: string
}

/** A clause of the trigger with what it saw. */
export interface Clause {
  /** Clause. */
  readonly text: string
  /** Values it saw. */
  readonly value: string
  /** Verdict. */
  readonly holds: boolean
}

/** A guard asked. */
export interface GuardVerdict {
  /** Guard. */
  readonly guard: string
  /** Verdict. */
  readonly passed: boolean
  /** Value found. */
  readonly value: string
  /** Limit. */
  readonly limit: string
  /** Log time at which it may pass. */
  readonly until_ms: number | null
}

/** doubtful: begun before a crash of the agent, its end is not known. */
export type ResultOutcome =
  | 'unknown'
  | 'started'
  | 'succeeded'
  | 'failed'
  | 'refused'
  | 'timed_out'
  | 'doubtful'

/** One line of the audit: what was seen, decided, refused, done, and whether it helped. Each holds the hash of the one before in its partition. */
export interface IncidentEvent {
  /** Incident; the key of the record; "ops" for events of the task itself. */
  readonly incident_id: IncidentId
  /** Counts from 1 in the incident. */
  readonly seq: number
  /** Service. */
  readonly service: ServiceId
  /** Instance; absent = the service. */
  readonly instance: InstanceId | null
  /** Incarnation judged. */
  readonly incarnation: number
  /** Event. */
  readonly event: IncidentEventKind
  /** State. */
  readonly state: IncidentState
  /** Log time, epoch ms. */
  readonly at_ms: number
  /** One sentence for people. */
  readonly summary: string
  /** Evidence at this moment. */
  readonly evidence: readonly Evidence[]
  /** Policy. */
  readonly policy: PolicyRef | null
  /** Clauses, matched and not. */
  readonly clauses: readonly Clause[]
  /** Guards asked, in order. */
  readonly guards: readonly GuardVerdict[]
  /** Command. */
  readonly command_id: CommandId | null
  /** Action. */
  readonly action: string | null
  /** Outcome of the command. */
  readonly outcome: ResultOutcome | null
  /** Facts of the result. */
  readonly facts: Readonly<Record<string, string>>
  /** Attempt of the plan, from 1; 0 = none yet. */
  readonly attempt: number
  /** Task. */
  readonly task: TaskId
  /** Step of the journal. */
  readonly step_seq: number
  /** Behaviour number of the core. */
  readonly behaviour: number
  /** SHA-256 of the event before in this partition (canonical bytes), 32 bytes; zeros for the first. */
  readonly prev_hash: Uint8Array
}

/** Instances of a service that share a zone and a version. */
export interface GroupCount {
  /** Zone; empty = registered without one. */
  readonly zone: string
  /** Version; empty = registered without one. */
  readonly app_version: string
  /** In service. */
  readonly instances: number
  /** Healthy. */
  readonly healthy: number
  /** Unhealthy, or with evidence that speaks for itself. */
  readonly sick: number
  /** Fell sick in the last 30 s. */
  readonly recent: number
  /** Log time at which the newest of them was found, of those of whom more than silence is known. */
  readonly newest_ms: number | null
  /** A command is under way or its effect not seen yet. */
  readonly in_hand: number
  /** Not healthy, and nothing but silence stands against them, or nothing any more. */
  readonly unheard: number
  /** Of the sick: those. */
  readonly sick_unheard: number
  /** Of those that fell sick in the last 30 s: those by silence alone. */
  readonly recent_unheard: number
}

/** Counts of one service. */
export interface ServiceCount {
  /** Service. */
  readonly service: ServiceId
  /** Instances. */
  readonly instances: number
  /** Healthy. */
  readonly healthy: number
  /** Unstable. */
  readonly unstable: number
  /** Unhealthy. */
  readonly unhealthy: number
  /** Unknown. */
  readonly unknown: number
  /** Routable. */
  readonly routable: number
  /** Requests in 60 s. */
  readonly n: number
  /** Failed ones. */
  readonly errors: number
  /** P99 in 60 s, microseconds. */
  readonly p99_us: number | null
  /** Log time of the oldest open deviation. */
  readonly onset_ms: number | null
  /** Not healthy by zone. */
  readonly sick_by_zone: Readonly<Record<string, number>>
  /** The same by zone and version. */
  readonly groups?: readonly GroupCount[]
}

/** An agent and when it was last heard. */
export interface Reporter {
  /** Agent. */
  readonly agent: AgentId
  /** Log time of its last record. */
  readonly last_ms: number
}

/** What became of a lease. */
export interface LeaseUse {
  /** Lease. */
  readonly lease_id: string
  /** Tokens spent. */
  readonly spent: number
  /** The holder is done with it. */
  readonly settled: boolean
  /** Tokens it was granted. */
  readonly tokens: number
  /** Budget it was granted of. */
  readonly budget?: string
}

/** Commands that wait for a token in a zone. */
export interface ZoneWant {
  /** Zone; empty = of instances without one. */
  readonly zone: string
  /** Commands. */
  readonly waiting: number
}

/** A service task to the fleet task: one vector of what it holds. */
export interface Observation {
  /** Task; the key of the record. */
  readonly task: TaskId
  /** gen of the task. */
  readonly gen: number
  /** Rises with every observation of the task, whatever its gen. */
  readonly seq: number
  /** Log time, epoch ms. */
  readonly at_ms: number
  /** Sent out of turn. */
  readonly urgent: boolean
  /** Services of the partition. */
  readonly services: readonly ServiceCount[]
  /** Agents expected. */
  readonly reporters: readonly Reporter[]
  /** Leases in its hand, and once each one that is settled. */
  readonly leases: readonly LeaseUse[]
  /** Commands that wait for nothing but a token. */
  readonly waiting: number
  /** Tokens it would keep in hand, to act at once. */
  readonly stock: number
  /** seq of the newest record of hs.fleet it has read; 0 = none. */
  readonly fleet_seq: number
  /** What `waiting` counts, by zone. */
  readonly wants?: readonly ZoneWant[]
}

/** What it is. */
export type OperatorKind =
  | 'unknown'
  | 'hold'
  | 'release'
  | 'kill_switch'
  | 'approval'
  | 'manual_command'
  | 'note'

/** Whom it concerns; empty selectors select nothing, fleet = everything. */
export interface Scope {
  /** Everything. */
  readonly fleet: boolean
  /** Service. */
  readonly service: ServiceId | null
  /** Instance. */
  readonly instance: InstanceId | null
  /** Policy. */
  readonly policy: PolicyName | null
}

/** Verdict. */
export type ApprovalVerdict = 'unknown' | 'approve' | 'deny'

/** A command asked for by a person; guards apply. */
export interface ManualCommand {
  /** Action. */
  readonly action: string
  /** Arguments. */
  readonly args: Readonly<Record<string, string>>
}

/** A word of a person: hold, release, kill switch, approval, manual command, note. Never taken back by automation. */
export interface OperatorRecord {
  /** Unique id; the key of the record. */
  readonly id: EventId
  /** Kind. */
  readonly kind: OperatorKind
  /** Who. */
  readonly actor: string
  /** Why. */
  readonly reason: string
  /** When, epoch ms. */
  readonly at_ms: number
  /** Until when; absent = until released. */
  readonly expires_at_ms: number | null
  /** Scope. */
  readonly scope: Scope
  /** Hold that is released, or incident or command that is approved. */
  readonly refers_to: string | null
  /** Of an approval. */
  readonly verdict: ApprovalVerdict | null
  /** Of a manual command. */
  readonly command: ManualCommand | null
  /** Ed25519 over the datum without this field. */
  readonly signature: Uint8Array | null
  /** Key id of the signature. */
  readonly kid: string | null
}

/** Kind of document. */
export type PolicyKind =
  | 'unknown'
  | 'HealPolicy'
  | 'DetectorSet'
  | 'GuardSet'
  | 'AlertPolicy'
  | 'AgentConfig'

/** One version of one document of a kind. Each record goes to all partitions. */
export interface PolicyRecord {
  /** Name; the key of the record. */
  readonly name: PolicyName
  /** Kind. */
  readonly kind: PolicyKind
  /** Rises by one with every change of (kind, name); older or equal ones are ignored. */
  readonly version: number
  /** The document is taken out of force. */
  readonly deleted: boolean
  /** The document as JSON (JCS, RFC 8785); empty when deleted. */
  readonly document: string
  /** SHA-256 of document, hex. */
  readonly sha256: string
  /** Who applied it. */
  readonly author: string
  /** When, epoch ms. */
  readonly at_ms: number
  /** Why. */
  readonly comment: string | null
}

/** Where the instance is in its life. */
export type Lifecycle = 'unknown' | 'standby' | 'ready' | 'draining' | 'gone'

/** Whether its agent is heard. */
export type Link = 'unknown' | 'online' | 'offline'

/** One instance as the registry knows it. Compacted: the newest stands, a tombstone ends it. */
export interface RegistryEntry {
  /** Service. */
  readonly service: ServiceId
  /** Instance; absent = a service-level entry. */
  readonly instance: InstanceId | null
  /** Cluster that owns the entry. */
  readonly cluster_id: ClusterId
  /** Incarnation. */
  readonly incarnation: number
  /** Version within it. */
  readonly version: number
  /** Lifecycle. */
  readonly lifecycle: Lifecycle
  /** Link. */
  readonly link: Link
  /** Address. */
  readonly host: string | null
  /** Port. */
  readonly port: number | null
  /** Health path. */
  readonly health_path: string | null
  /** Zone. */
  readonly zone: string | null
  /** Software version. */
  readonly app_version: string | null
  /** Agent beside it. */
  readonly agent: AgentId | null
  /** Epoch of the agent. */
  readonly agent_epoch: number
  /** Lease. */
  readonly lease_ttl_ms: number | null
  /** Log time at which it runs out. */
  readonly lease_until_ms: number | null
  /** Log time. */
  readonly registered_at_ms: number
  /** Log time of this record. */
  readonly at_ms: number
  /** Version vector. */
  readonly vector: Readonly<Record<string, number>>
  /** Clusters visited. */
  readonly path: readonly string[]
  /** Free text by key. */
  readonly metadata: Readonly<Record<string, string>>
  /** Rises with every record of this key. */
  readonly record_version: number
  /** Why it is gone or waits: deregistered, ttl_expired, admission. */
  readonly lifecycle_reason?: string | null
  /** Registrations wait to be admitted: before the next one wait a random time up to this (full jitter); 0 = none. */
  readonly retry_ms?: number
}

/** What is announced. */
export type ServiceAction =
  | 'unknown'
  | 'register'
  | 'deregister'
  | 'healthy'
  | 'unstable'
  | 'unhealthy'
  | 'renew'
  | 'drain'

/** Where the event lay in its origin cluster; present on hs.remote. */
export interface Origin {
  /** Cluster. */
  readonly cluster_id: ClusterId
  /** Topic. */
  readonly topic: string
  /** Partition. */
  readonly partition: number
  /** Offset. */
  readonly offset: number
}

/** Register, deregister and health announcements. The four names service_name, action, cluster_id, timestamp are the seed contract (S0-18); a bare four-field event is accepted. */
export interface ServiceEvent {
  /** Service; the key of the record. */
  readonly service_name: ServiceId
  /** Action. */
  readonly action: ServiceAction
  /** Cluster where the event arose (the broker's cluster.id). */
  readonly cluster_id: ClusterId
  /** Event time, epoch ms. */
  readonly timestamp: number
  /** Unique id; absent in bare events. */
  readonly event_id: EventId | null
  /** Instance; absent = the service as a whole. */
  readonly instance_id: InstanceId | null
  /** Higher wins; a restart makes a new one. */
  readonly incarnation: number
  /** Version within the incarnation; higher wins. */
  readonly version: number
  /** Lifecycle. */
  readonly lifecycle: Lifecycle | null
  /** Lease; the registration ends when it is not renewed in time. */
  readonly lease_ttl_ms: number | null
  /** Address. */
  readonly host: string | null
  /** Port. */
  readonly port: number | null
  /** Path of the HTTP health check. */
  readonly health_path: string | null
  /** Zone. */
  readonly zone: string | null
  /** Version of the software. */
  readonly app_version: string | null
  /** Agent beside the instance. */
  readonly agent: AgentId | null
  /** Epoch of the agent. */
  readonly epoch: number
  /** Sequence number of the agent (lane live); 0 = none. */
  readonly seq: number
  /** Clusters visited, origin first. */
  readonly path: readonly string[]
  /** Version vector: cluster → version. */
  readonly vector: Readonly<Record<string, number>>
  /** Source position. */
  readonly origin: Origin | null
  /** Free text by key. */
  readonly metadata: Readonly<Record<string, string>>
  /** Why, for people. */
  readonly reason: string | null
}

/** live: as it happens; backlog: from the spool after an outage. */
export type Lane = 'live' | 'backlog'

/** What an agent did with a command. */
export interface CommandResult {
  /** Service the record speaks of; the key of the record. */
  readonly service: ServiceId
  /** Instance the record speaks of. */
  readonly instance: InstanceId
  /** Agent that wrote this. */
  readonly agent: AgentId
  /** Epoch of the agent: a new durable folder is a new epoch. */
  readonly epoch: number
  /** Lane of the sequence number. */
  readonly lane: Lane
  /** Counts from 1 in (agent, epoch, lane); a gap is lost data, a repeat is a duplicate. */
  readonly seq: number
  /** Command answered. */
  readonly command_id: CommandId
  /** Incident the command belongs to. */
  readonly incident_id: IncidentId | null
  /** Action of the command. */
  readonly action: string
  /** Outcome. */
  readonly outcome: ResultOutcome
  /** Code of the check that refused. */
  readonly refusal: string | null
  /** Text for people, capped at 512 bytes. */
  readonly detail: string
  /** gen of the command. */
  readonly gen: number
  /** seq of the command. */
  readonly command_seq: number
  /** Agent time, epoch ms. */
  readonly started_at_ms: number
  /** Agent time, epoch ms; equals started_at_ms while started. */
  readonly ended_at_ms: number
  /** Incarnation found. */
  readonly incarnation_before: number
  /** Incarnation left behind. */
  readonly incarnation_after: number
  /** Facts for people and proofs: pid_before, pid_after, exit_code … */
  readonly facts: Readonly<Record<string, string>>
}

/** Which part is present. */
export type SignalKind =
  | 'unknown'
  | 'heartbeat'
  | 'probe'
  | 'connection'
  | 'process'
  | 'breaker'
  | 'agent'

/** S1-20…S1-22. */
export interface Heartbeat {
  /** 1 link, 2 business state, 3 full and signed. */
  readonly level: number
  /** Promised period to the next one. */
  readonly period_ms: number
  /** Business state, level 2 and up. */
  readonly state: string | null
  /** Requests in flight. */
  readonly in_flight: number | null
  /** Queued requests. */
  readonly queue: number | null
  /** Last error text, capped at 256 bytes. */
  readonly last_error: string | null
  /** Configuration version in force. */
  readonly config_version: number | null
  /** Ed25519 over the datum without this field, level 3. */
  readonly signature: Uint8Array | null
  /** Key id of the signature. */
  readonly kid: string | null
  /** Other agents it has reached since its last beat; absent: it does not look. */
  readonly peers?: number | null
  /** Hash of the content of the configuration in force, as the instance or its agent makes it; compared, never computed. */
  readonly config_hash?: string | null
}

/** How it was probed. */
export type ProbeProtocol = 'unknown' | 'http' | 'tcp' | 'grpc' | 'icmp' | 'exec'

/** down after the profile's failures in a row, up after its successes. */
export type ProbeVerdict = 'unknown' | 'up' | 'down'

/** Why. */
export type ProbeReason =
  | 'unknown'
  | 'ok'
  | 'refused'
  | 'timeout'
  | 'reset'
  | 'bad_status'
  | 'bad_answer'
  | 'unreachable'
  | 'unavailable'

/** Outcome of a probe profile: one try, or a verdict over several. */
export interface Probe {
  /** Protocol. */
  readonly protocol: ProbeProtocol
  /** Profile name (fast, isolate, steady, default, conservative). */
  readonly profile: string
  /** Verdict. */
  readonly verdict: ProbeVerdict
  /** Reason of the last try. */
  readonly reason: ProbeReason
  /** Failures in a row. */
  readonly failures: number
  /** Latency of the last try in microseconds. */
  readonly latency_us: number
  /** HTTP status of the last try. */
  readonly status: number | null
  /** The prober sits on the host of the instance. */
  readonly local: boolean
}

/** What happened. */
export type ConnectionEvent = 'unknown' | 'refused' | 'reset' | 'closed' | 'opened'

/** A connection event seen by the agent. */
export interface Connection {
  /** Event. */
  readonly event: ConnectionEvent
  /** Connection on the host of the instance (a refused one is self-evident). */
  readonly local: boolean
  /** Port of the instance. */
  readonly port: number | null
}

/** What happened. */
export type ProcessChange = 'unknown' | 'started' | 'exited'

/** A process event seen by the driver. */
export interface ProcessEvent {
  /** Event. */
  readonly event: ProcessChange
  /** Process id. */
  readonly pid: number | null
  /** Exit code. */
  readonly exit_code: number | null
  /** Ending signal, such as SIGKILL. */
  readonly signal: string | null
}

/** State. */
export type BreakerState = 'unknown' | 'closed' | 'open' | 'half_open'

/** State of a circuit breaker. */
export interface Breaker {
  /** Breaker. */
  readonly name: string
  /** State. */
  readonly state: BreakerState
}

/** The agent about itself: started, throttled, island, ledger trouble, module restarted. */
export interface AgentNotice {
  /** Code of the notice. */
  readonly code: string
  /** Text, capped at 256 bytes. */
  readonly detail: string
}

/** Something an agent noticed that is not a count: heartbeat, probe verdict, connection event, process event, breaker state. Exactly the part named by kind is present. */
export interface Signal {
  /** Service the record speaks of; the key of the record. */
  readonly service: ServiceId
  /** Instance the record speaks of. */
  readonly instance: InstanceId
  /** Agent that wrote this. */
  readonly agent: AgentId
  /** Epoch of the agent: a new durable folder is a new epoch. */
  readonly epoch: number
  /** Lane of the sequence number. */
  readonly lane: Lane
  /** Counts from 1 in (agent, epoch, lane); a gap is lost data, a repeat is a duplicate. */
  readonly seq: number
  /** Incarnation of the instance as the agent knows it. */
  readonly incarnation: number
  /** Event time at the agent, epoch ms. */
  readonly at_ms: number
  /** Kind of signal. */
  readonly kind: SignalKind
  /** Heartbeat. */
  readonly heartbeat: Heartbeat | null
  /** Probe verdict. */
  readonly probe: Probe | null
  /** Connection event. */
  readonly connection: Connection | null
  /** Process event. */
  readonly process: ProcessEvent | null
  /** Breaker state. */
  readonly breaker: Breaker | null
  /** Notice. */
  readonly agent_notice: AgentNotice | null
}

/** early: sent before the end of the tick because of a first failure. */
export type Flush = 'tick' | 'early'

/** A non-empty bucket, in ascending order. */
export interface Bucket {
  /** Index minus the index of the bucket before; the first one: the index itself. */
  readonly gap: number
  /** Latencies in the bucket. */
  readonly count: number
}

/** n samples, their sum and their largest. */
export interface Stat {
  /** Samples. */
  readonly n: number
  /** Sum of the samples. */
  readonly sum: number
  /** Largest sample. */
  readonly max: number
}

/** Signals sampled faster than the tick, aggregated; absent = not measured. */
export interface Gauges {
  /** CPU in cores (1 = one core busy). */
  readonly cpu: Stat | null
  /** Resident memory in bytes. */
  readonly rss: Stat | null
  /** Open file descriptors. */
  readonly fds: Stat | null
  /** Time runnable but not running, ms per second. */
  readonly run_queue_wait: Stat | null
  /** Event-loop delay in ms. */
  readonly event_loop_delay: Stat | null
  /** Round trip to the instance in ms. */
  readonly rtt: Stat | null
  /** Lost probes: 0 or 1 each. */
  readonly loss: Stat | null
}

/** Log lines by level. */
export interface LogCounts {
  /** Lines at level debug. */
  readonly debug: number
  /** Lines at level info. */
  readonly info: number
  /** Lines at level warn. */
  readonly warn: number
  /** Lines at level error. */
  readonly error: number
  /** Lines at level fatal. */
  readonly fatal: number
}

/** Outcomes of background tasks. */
export interface TaskOutcomes {
  /** Tasks that succeeded. */
  readonly succeeded: number
  /** Tasks that failed. */
  readonly failed: number
  /** Tasks that ran out of time. */
  readonly timed_out: number
}

/** Seen from a caller: the edge caller → callee. Absent: the instance speaks of itself. */
export interface Caller {
  /** Calling service. */
  readonly service: ServiceId
  /** Calling instance. */
  readonly instance: InstanceId
}

/** A trace that landed in a bucket. */
export interface Exemplar {
  /** W3C trace id, 32 hex digits. */
  readonly trace_id: string
  /** Its latency in microseconds. */
  readonly latency_us: number
}

/** A metric with a name of the user's own. */
export interface NamedMetric {
  /** Letters, digits, _ and :, no digit first, at most 64 bytes; the unit is part of it. Another name is refused, the rest of the record counts. */
  readonly name: string
  /** At the end of the tick, or the mean over it; finite. */
  readonly value: number
}

/** What one observer saw of one (service, instance, operation) during one tick. Mergeable: counts add up. */
export interface TelemetryDelta {
  /** Service the record speaks of; the key of the record. */
  readonly service: ServiceId
  /** Instance the record speaks of. */
  readonly instance: InstanceId
  /** Operation (route, method); empty = all operations together. */
  readonly operation: string
  /** Agent that wrote this. */
  readonly agent: AgentId
  /** Epoch of the agent: a new durable folder is a new epoch. */
  readonly epoch: number
  /** Lane of the sequence number. */
  readonly lane: Lane
  /** Counts from 1 in (agent, epoch, lane); a gap is lost data, a repeat is a duplicate. */
  readonly seq: number
  /** Incarnation of the instance the counts belong to. */
  readonly incarnation: number
  /** Event time at which the tick began, epoch ms. */
  readonly tick_start_ms: number
  /** Length of the tick in ms. */
  readonly tick_ms: number
  /** Why it was sent. */
  readonly flush: Flush
  /** Requests that ended in the tick. */
  readonly n: number
  /** Of n: failed (any reason). */
  readonly errors: number
  /** Of errors: of local origin (refused, reset, timed out before an answer), as far as a caller can tell. */
  readonly local_errors: number
  /** Sum of the latencies in microseconds. */
  readonly sum_us: number
  /** Largest latency in microseconds; 0 when n is 0. */
  readonly max_us: number
  /** Scale of the base-2 exponential grid (OpenTelemetry): bucket i holds (2^(i/2^scale), 2^((i+1)/2^scale)] microseconds. */
  readonly scale: number
  /** Latencies of 0 microseconds. */
  readonly zeros: number
  /** Non-empty buckets of the latency histogram. */
  readonly buckets: readonly Bucket[]
  /** Gauges of the instance. */
  readonly gauges: Gauges | null
  /** Log lines in the tick. */
  readonly logs: LogCounts | null
  /** Task outcomes in the tick. */
  readonly tasks: TaskOutcomes | null
  /** Who saw it, when it was a caller. */
  readonly caller: Caller | null
  /** At most one per non-empty top bucket. */
  readonly exemplars: readonly Exemplar[]
  /** Metrics of the instance's own, at most 32; further ones are refused, the rest of the record counts. */
  readonly metrics?: readonly NamedMetric[]
  /** Made from percentile summaries of a foreign source, not from counted requests. */
  readonly synthetic: boolean
}

/** Record type by topic kind. */
export interface RecordOf {
  readonly alerts: Alert
  readonly checkpoints: SnapshotPart
  readonly commands: Command
  readonly dlq: DeadLetter
  readonly fleet: FleetRecord
  readonly health: HealthView
  readonly incidents: IncidentEvent
  readonly observations: Observation
  readonly operator: OperatorRecord
  readonly policies: PolicyRecord
  readonly registry: RegistryEntry
  readonly remote: ServiceEvent
  readonly results: CommandResult
  readonly 'service-events': ServiceEvent
  readonly signals: Signal
  readonly snapshots: SnapshotPart
  readonly telemetry: TelemetryDelta
}
