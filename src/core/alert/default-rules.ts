// Rules of ours: the six conditions of S0-52 with the metrics that they need, the warning of S3-14
// and the alert of S0-23. They judge only where their metric is told. docs/alerts.md shows them and
// a test holds both equal.
import { parseExpression } from '../../contracts/alert-expression.ts'
import type { AlertRule } from '../../contracts/alert-policy.ts'
import { TIER_SEVERITIES } from '../../contracts/alert-tiers.ts'
import type { Tier } from '../../contracts/records.ts'
import { AssertionError } from '../kernel/assert.ts'

interface Words {
  readonly alert: string
  readonly tier: Tier
  readonly expr: string
  readonly forMs?: number
  readonly summary: string
}

const WORDS: readonly Words[] = [
  {
    alert: 'DatabasePoolExhausted',
    tier: 'high',
    expr: 'db_pool_used_percent >= 100',
    forMs: 10_000,
    summary: 'the database connection pool of {{ $labels.instance }} is exhausted',
  },
  {
    alert: 'CoreApiLatencyJump',
    tier: 'high',
    expr: 'core_api_latency_jump_ratio > 2',
    forMs: 10_000,
    summary: 'the core API of {{ $labels.instance }} takes {{ $value }} times as long as usual',
  },
  {
    alert: 'CacheHitRateLow',
    tier: 'medium',
    expr: 'cache_hit_percent < 80',
    forMs: 120_000,
    summary: 'the cache of {{ $labels.instance }} answers {{ $value }} % of what it is asked',
  },
  {
    alert: 'TaskBacklog',
    tier: 'medium',
    expr: 'task_backlog > 1000',
    forMs: 120_000,
    summary: '{{ $value }} tasks wait at {{ $labels.instance }}',
  },
  {
    alert: 'ErrorLogsFrequent',
    tier: 'low',
    expr: 'error_logs > 10',
    summary: '{{ $labels.instance }} logged {{ $value }} errors in a minute',
  },
  {
    alert: 'ProbeTimeouts',
    tier: 'low',
    expr: 'probe_timeouts > 0',
    summary: 'monitoring probes of {{ $labels.instance }} time out now and then',
  },
  {
    alert: 'ScoreLow',
    tier: 'medium',
    expr: 'health_score < 60',
    summary: 'the health score of {{ $labels.instance }} is {{ $value }}, below 60',
  },
  {
    alert: 'InstanceUnstable',
    tier: 'low',
    expr: 'instance_unstable > 0',
    summary: '{{ $labels.instance }} is unstable and keeps part of its traffic',
  },
]

export const DEFAULT_RULES: readonly AlertRule[] = WORDS.map(
  ({ alert, tier, expr, forMs = 0, summary }) => {
    const parsed = parseExpression(expr)
    if (!parsed.ok) throw new AssertionError(`${alert}: ${parsed.problem}`)
    return {
      alert,
      expression: parsed.expression,
      forMs,
      keepMs: 0,
      tier,
      labels: { severity: TIER_SEVERITIES[tier] },
      annotations: { summary },
    }
  },
)
