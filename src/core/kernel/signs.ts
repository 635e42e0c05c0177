// What an instance tells of itself beside its requests, and what is concluded from all of it.
// Nearly nobody tells everything: what was never told is null, and those of whom nothing was told
// share one object.

/** Why an instance fails, as far as its signs say (S1-13, S1-14, S1-15). */
export type FailureLabel = 'network_partition' | 'resource_contention' | 'config_drift'

export type Breaker = 'closed' | 'open' | 'half_open'

/** The newest of each; gauges are means over the tick that told them. */
export interface Signs {
  /** In cores: 1 = one core busy. */
  readonly cpu: number | null
  /** Resident memory, bytes. */
  readonly memory: number | null
  readonly fds: number | null
  /** Time runnable but not running, ms per second. */
  readonly runQueueMs: number | null
  readonly loopDelayMs: number | null
  readonly rttMs: number | null
  /** Lost share of probes, 0 … 1. */
  readonly loss: number | null
  /** Log lines of level error and above in the last 60 s. */
  readonly errorLogs: number | null
  /** Share of the last tasks that succeeded, 0 … 1. */
  readonly taskSuccess: number | null
  /** The worst of its circuit breakers. */
  readonly breaker: Breaker | null
  /** S3-14, 0 … 100. */
  readonly score: number | null
  readonly label: FailureLabel | null
}

export const NO_SIGNS: Signs = Object.freeze({
  cpu: null,
  memory: null,
  fds: null,
  runQueueMs: null,
  loopDelayMs: null,
  rttMs: null,
  loss: null,
  errorLogs: null,
  taskSuccess: null,
  breaker: null,
  score: null,
  label: null,
})

/** Metrics with names of the user's own. */
export type Metrics = ReadonlyMap<string, number>

export const NO_METRICS: Metrics = new Map()
