// A health score as hs.health tells it: the figures that entered and their weights, from which
// each of the six stages can be worked out again (S3-15), and its part of an image.
import type { HealthScore } from '../../contracts/records.ts'
import type { ImageReader, ImageWriter } from '../kernel/image.ts'
import {
  type Indicator,
  INDICATORS,
  type ScoreOptions,
  type ScoreStages,
} from '../signal/health-score.ts'

const NAMES: Readonly<Record<Indicator, string>> = {
  cpuPercent: 'cpu_percent',
  memoryPercent: 'memory_percent',
  errorPercent: 'error_percent',
  latencyMs: 'latency_ms',
  heartbeatDeviation: 'heartbeat_deviation',
  errorLogs: 'error_logs',
  taskFailurePercent: 'task_failure_percent',
}

export function scoreRecord(
  { collect, score }: Pick<ScoreStages, 'collect' | 'score'>,
  { weights, warning }: ScoreOptions,
  atMs: number,
): HealthScore {
  const indicators = INDICATORS.map((name) => {
    return { name: NAMES[name], value: collect[name], weight: weights[name] }
  })
  return { score, warning, at_ms: atMs, indicators }
}

export function saveScore(record: HealthScore | null, to: ImageWriter): void {
  to.flag(record !== null)
  if (record === null) return
  to.number(record.score).number(record.warning).number(record.at_ms)
  for (const { value, weight } of record.indicators) to.numberOrNull(value).number(weight)
}

export function loadScore(from: ImageReader): HealthScore | null {
  if (!from.flag()) return null
  const [score, warning, atMs] = [from.number(), from.number(), from.number()]
  const indicators = INDICATORS.map((name) => {
    return { name: NAMES[name], value: from.numberOrNull(), weight: from.number() }
  })
  return { score, warning, at_ms: atMs, indicators }
}
