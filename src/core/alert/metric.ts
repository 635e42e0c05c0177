// The metrics a rule can name: what every instance tells or is judged by, and beside them every
// metric with a name of the user's own. docs/alerts.md shows this table and a test holds both
// equal.
import type { InstanceFacts } from '../kernel/facts.ts'

/** What rules see of an instance at one log time. */
export type AlertFacts = Pick<
  InstanceFacts,
  | 'key'
  | 'service'
  | 'instance'
  | 'zone'
  | 'lifecycle'
  | 'health'
  | 'transitions'
  | 'window'
  | 'signs'
  | 'metrics'
>

export interface MetricSpec {
  readonly text: string
  /**
   * `judged`: it changes where the instance is judged anew. `counted`: with every request, so
   * instances of services with a rule on it are looked at whenever they count.
   */
  readonly reads: 'judged' | 'counted'
  /** null: not known, or not told. */
  readonly of: (facts: AlertFacts) => number | null
}

const flag = (is: boolean): number => (is ? 1 : 0)
const judged = (text: string, of: MetricSpec['of']): MetricSpec => ({ text, reads: 'judged', of })
const counted = (text: string, of: MetricSpec['of']): MetricSpec => ({ text, reads: 'counted', of })
const scaled = (value: number | null, by: number): number | null =>
  value === null ? null : value * by

export const METRICS: Readonly<Record<string, MetricSpec>> = {
  success_rate: counted(
    'share of requests of the last 60 s that succeeded, 0 to 1',
    ({ window }) => window.successRate,
  ),
  error_rate: counted('share of requests of the last 60 s that failed, 0 to 1', ({ window }) =>
    window.n === 0 ? null : window.errors / window.n,
  ),
  p99_ms: counted(
    '99th percentile of the latencies of the last 60 s, milliseconds',
    ({ window }) => (window.p99Us === null ? null : window.p99Us / 1_000),
  ),
  requests: counted('requests in the last 60 s', ({ window }) => window.n),
  errors: counted('failed requests in the last 60 s', ({ window }) => window.errors),
  instance_unstable: judged('1 while it is judged unstable, else 0', ({ health }) =>
    flag(health === 'unstable'),
  ),
  instance_unhealthy: judged('1 while it is judged unhealthy, else 0', ({ health }) =>
    flag(health === 'unhealthy'),
  ),
  health_transitions: judged(
    'changes of health in the last 10 minutes',
    ({ transitions }) => transitions,
  ),
  health_score: judged('health score of S3-14, 0 to 100', ({ signs }) => signs.score),
  instance_cpu_time_percent: judged('CPU time, percent of one core', ({ signs }) =>
    scaled(signs.cpu, 100),
  ),
  memory_bytes: judged('resident memory, bytes', ({ signs }) => signs.memory),
  open_fds: judged('open files and sockets', ({ signs }) => signs.fds),
  run_queue_ms: judged(
    'time runnable but not running, milliseconds per second',
    ({ signs }) => signs.runQueueMs,
  ),
  loop_delay_ms: judged('delay of the event loop, milliseconds', ({ signs }) => signs.loopDelayMs),
  rtt_ms: judged('round-trip time, milliseconds', ({ signs }) => signs.rttMs),
  loss_ratio: judged('lost share of probes, 0 to 1', ({ signs }) => signs.loss),
  error_logs: judged(
    'log lines of level error and above in the last 60 s',
    ({ signs }) => signs.errorLogs,
  ),
  task_success: judged(
    'share of the last tasks that succeeded, 0 to 1',
    ({ signs }) => signs.taskSuccess,
  ),
  breaker_open: judged('1 while a circuit breaker of it is open, else 0', ({ signs }) =>
    signs.breaker === null ? null : flag(signs.breaker === 'open'),
  ),
}

/** The value of a metric of the table, else of one of the user's own; null: not known. */
export function metricOf(facts: AlertFacts, metric: string): number | null {
  if (Object.hasOwn(METRICS, metric)) return METRICS[metric]?.of(facts) ?? null
  return facts.metrics.get(metric) ?? null
}

/** Whether instances have to be looked at whenever they count. */
export function isCounted(metric: string): boolean {
  return Object.hasOwn(METRICS, metric) && METRICS[metric]?.reads === 'counted'
}
