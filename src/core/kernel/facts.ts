// What judging hands to deciding: the state of instances and services at one log time, as plain
// values.
import type { EvidenceClass, Health, Lifecycle, Link } from '../../contracts/records.ts'
import type { AgentId, InstanceId, ServiceId } from '../../contracts/ids.ts'
import type { Metrics, Signs } from './signs.ts'

/** A detector's finding, as long as it stands. */
export interface Finding {
  /**
   * `success_rate`, `latency_p99`, `consecutive_failures`, `silence`, `probe_down`,
   * `connection_refused`, `process_exit` …
   */
  readonly detector: string
  readonly class: Exclude<EvidenceClass, 'unknown'>
  /** How bad: what health it argues for; a note argues for none. */
  readonly severity: 'note' | 'unstable' | 'unhealthy'
  /** Log time of the onset. */
  readonly sinceMs: number
  readonly value: number
  readonly limit: number
  readonly unit: string
  /** One sentence for people, with the figures. */
  readonly text: string
  /** The record that crossed the rule; null where time did (silence). */
  readonly place: {
    readonly topic: string
    readonly partition: number
    readonly offset: number
  } | null
}

/** The windows that are kept, milliseconds. */
export type SpanMs = 10_000 | 60_000 | 300_000

/**
 * A window's figures; rates and quantiles are null when nothing was counted. Latencies in
 * microseconds.
 */
export interface Figures {
  readonly spanMs: number
  readonly n: number
  readonly errors: number
  readonly successRate: number | null
  readonly p99Us: number | null
  readonly maxUs: number
}

export interface InstanceFacts {
  /** `viewKey` of service and instance. */
  readonly key: string
  readonly service: ServiceId
  readonly instance: InstanceId
  readonly incarnation: number
  /** Log time of the registration of this incarnation. */
  readonly registeredAtMs: number
  readonly lifecycle: Lifecycle
  readonly link: Link
  readonly zone: string | null
  readonly host?: string | null
  /** What it was registered with beside. */
  readonly metadata?: Readonly<Record<string, string>>
  /** Version of the application, as it was registered. */
  readonly appVersion: string | null
  readonly agent: AgentId | null
  readonly agentEpoch: number
  /** The agent was heard within its limit: it can be asked to act, its own counts are believed. */
  readonly agentHeard: boolean
  readonly health: Health
  readonly healthSinceMs: number
  /** Times health changed in the last ten minutes, for the flapping guard. */
  readonly transitions: number
  /** What argues for a health that is not well. */
  readonly findings: readonly Finding[]
  /** What deviates and argues for nothing by itself: told, and joined with others. */
  readonly notes: readonly Finding[]
  readonly signs: Signs
  /** Newest value of each metric with a name of the user's own, as its tick told it. */
  readonly metrics: Metrics
  /** The 60-s window. */
  readonly window: Figures
  /** Another window; absent: nothing is known of others. */
  over?(spanMs: SpanMs): Figures
  /** Last probe verdict of this incarnation, and its log time. */
  readonly probe: { readonly verdict: 'up' | 'down'; readonly atMs: number } | null
}

export interface ServiceFacts {
  readonly service: ServiceId
  readonly window: Figures
  /** Another window; absent: nothing is known of others. */
  over?(spanMs: SpanMs): Figures
  /** In order of instance id. */
  readonly instances: readonly InstanceFacts[]
  /** Instances that are not gone, by health; absent: see the instances. */
  readonly healths?: Readonly<Record<Health, number>>
  /**
   * Of them, in order, those of whom anything that policies or incidents ask about may have changed
   * since the last step, and those the last answer attends to; absent: all of them.
   */
  readonly due?: readonly InstanceFacts[]
}

/** What a step says of the task itself. */
export interface Doubts {
  /** Telemetry and signals have been read up to so long ago; null: not at all. */
  readonly lagMs: number | null
  /** A clock of an agent of the partition is not believed. */
  readonly skewed: boolean
}

/** Everything one step's decisions are made from. */
export interface Facts {
  readonly nowMs: number
  readonly stepSeq: number
  /** A step behind the log's end takes no action. */
  readonly behind: boolean
  /** All sources of the partition silent at once: nothing is known, so nothing is done. */
  readonly blind: boolean
  /** In order of service id. */
  readonly services: readonly ServiceFacts[]
  /** What the step says of the task itself; absent: nothing. */
  readonly doubts?: Doubts
  /** Keys of the instances that have left since the last step; absent: see who is there. */
  readonly left?: readonly string[]
}
