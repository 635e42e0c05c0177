// Health score: one number from 0 to 100, made in six stages each of which can be looked at.
import type { Verdict } from './verdict.ts'

/** Stage 1, collect: what was measured; percent, and milliseconds. null: not measured. */
export interface Collected {
  readonly cpuPercent: number | null
  readonly memoryPercent: number | null
  readonly errorPercent: number | null
  readonly latencyMs: number | null
  /** Deviation of the heartbeat interval, z-score. */
  readonly heartbeatDeviation: number | null
  /** Error lines in the last 60 s. */
  readonly errorLogs: number | null
  /** Failed share of the last tasks, percent. */
  readonly taskFailurePercent: number | null
}

export type Indicator = keyof Collected

/** Points taken off per unit of each indicator. */
export type ScoreWeights = Readonly<Record<Indicator, number>>

/** The formula of S3-14; the three indicators that do not enter it weigh 0 (C-25). */
export const SCORE_WEIGHTS: ScoreWeights = {
  cpuPercent: 0.4,
  memoryPercent: 0.3,
  errorPercent: 5,
  latencyMs: 0.01,
  heartbeatDeviation: 0,
  errorLogs: 0,
  taskFailurePercent: 0,
}

export const SCORE_WARNING = 60
export const INDICATORS: readonly Indicator[] = [
  'cpuPercent',
  'memoryPercent',
  'errorPercent',
  'latencyMs',
  'heartbeatDeviation',
  'errorLogs',
  'taskFailurePercent',
]

export type Values = Readonly<Record<Indicator, number>>

/** The six stages of S3-15, in order. */
export interface ScoreStages {
  readonly collect: Collected
  /** Each indicator in its unit, what was not measured as 0. */
  readonly normalise: Values
  /** Points taken off for each. */
  readonly weigh: Values
  /** 100 minus all points, between 0 and 100. */
  readonly score: number
  /** Deviates below the warning; its parts are the points. */
  readonly compare: Verdict
  readonly output: 'ok' | 'warning'
}

export interface ScoreOptions {
  readonly weights: ScoreWeights
  readonly warning: number
}

const DEFAULTS: ScoreOptions = { weights: SCORE_WEIGHTS, warning: SCORE_WARNING }
/** Finer than this a score is not told, so that sums in another order give the same. */
const PRECISION = 1e6

/**
 * `health_score` (S3-14): 100 − 0.4 · CPU % − 0.3 · memory % − 5 · error % − latency ms / 100,
 * never below 0; below 60 is an early warning. null: a negative value, or one that is no number.
 */
export function healthScore(
  collect: Collected,
  { weights, warning }: ScoreOptions = DEFAULTS,
): ScoreStages | null {
  for (const name of INDICATORS) {
    const value = collect[name]
    if (value !== null && !(value >= 0 && value < Number.POSITIVE_INFINITY)) return null
  }
  const normalise = each((name) => collect[name] ?? 0)
  const weigh = each((name) => weights[name] * normalise[name])
  const points = INDICATORS.reduce((sum, name) => sum + weigh[name], 0)
  const score = Math.round(Math.min(100, Math.max(0, 100 - points)) * PRECISION) / PRECISION
  const deviates = score < warning
  const ready = INDICATORS.some((name) => collect[name] !== null)
  const compare = { deviates, ready, value: score, limit: warning, parts: weigh }
  return { collect, normalise, weigh, score, compare, output: deviates ? 'warning' : 'ok' }
}

function each(one: (name: Indicator) => number): Values {
  return {
    cpuPercent: one('cpuPercent'),
    memoryPercent: one('memoryPercent'),
    errorPercent: one('errorPercent'),
    latencyMs: one('latencyMs'),
    heartbeatDeviation: one('heartbeatDeviation'),
    errorLogs: one('errorLogs'),
    taskFailurePercent: one('taskFailurePercent'),
  }
}
