// Detectors against the labelled traces, the best fixed threshold beside them (S3-20, S0-51).
// Everything that is measured is measured on the same samples; the threshold is even chosen on
// them. Seeds are independent of each other: the report has their sum and the worst of them.
import { alarmsOf, bestThreshold, type Labelled, thresholdOfRecall } from './score/threshold.ts'
import {
  type Confusion,
  confusionOf,
  delaysOf,
  quantile,
  runsOf,
  type Score,
  scoreOf,
  sumOf,
} from './score/score.ts'
import { SAMPLE_MS, type TraceKind, traceOf } from './traces/generate.ts'
import type { Series, Trace } from './traces/series.ts'

export const INDICATORS = ['latency', 'errors'] as const
export type Indicator = (typeof INDICATORS)[number]

/** What a detector is told of one sample; it knows nothing of those that follow. */
export interface Sample {
  readonly atMs: number
  readonly value: number
  readonly requests: number
}

/** A detector that takes part; `start` makes one for a series. */
export interface Contestant {
  readonly name: string
  /** Where it takes part. */
  readonly of: readonly Indicator[]
  readonly start: (indicator: Indicator) => (sample: Sample) => boolean
}

export interface Row extends Score {
  readonly kind: TraceKind
  readonly indicator: Indicator
  readonly detector: string
  /** Of the seed with the lowest one. */
  readonly accuracyMin: number | null
  /** From the begin of a fault until it is told: half and nine tenths of those told are faster. */
  readonly delayP50Ms: number | null
  readonly delayP90Ms: number | null
  /** Faults never told. */
  readonly missed: number
  readonly faults: number
  /** Alarms that begin: what a person would be told of, once each. */
  readonly alerts: number
}

/** What one detector made of one trace. */
interface Outcome {
  readonly confusion: Confusion
  readonly delays: readonly (number | null)[]
  readonly alerts: number
}

export interface Contest {
  readonly kinds: readonly TraceKind[]
  readonly seed: number
  readonly seeds: number
  readonly contestants: readonly Contestant[]
  /** After each trace. */
  readonly done?: (trace: Trace) => void
}

export const NEVER = 'never'
/** One threshold for all series of a trace. */
export const FIXED = 'fixed'
/** Another threshold for each series. */
export const FIXED_EACH = 'fixed, each series'
/** The highest threshold that finds as much as the first contestant. */
export const FIXED_RECALL = 'fixed, equal recall'

/** In order of kinds, indicators and detectors; fixed thresholds first. */
export function contest({ kinds, seed, seeds, contestants, done }: Contest): readonly Row[] {
  return kinds.flatMap((kind) => {
    const outcomes = new Map<string, Outcome[]>()
    for (let i = 0; i < seeds; i++) {
      const trace = traceOf(kind, seed + i)
      for (const indicator of INDICATORS)
        for (const [detector, outcome] of outcomesOf(trace, indicator, contestants)) {
          const key = `${indicator} ${detector}`
          outcomes.set(key, [...(outcomes.get(key) ?? []), outcome])
        }
      done?.(trace)
    }
    const names = [NEVER, FIXED, FIXED_EACH, FIXED_RECALL, ...contestants.map(({ name }) => name)]
    return INDICATORS.flatMap((indicator) =>
      names.flatMap((detector) => {
        const all = outcomes.get(`${indicator} ${detector}`)
        return all === undefined ? [] : [rowOf({ kind, indicator, detector }, all)]
      }),
    )
  })
}

function outcomesOf(
  { series }: Trace,
  indicator: Indicator,
  contestants: readonly Contestant[],
): readonly (readonly [string, Outcome])[] {
  const parts = series.map((one) => labelledOf(one, indicator))
  const told = contestants
    .filter(({ of }) => of.includes(indicator))
    .map(({ name, start }): [string, readonly Uint8Array[]] => {
      return [name, series.map((one, k) => listen(one, parts[k], start(indicator)))]
    })
  const recall = told.slice(0, 1).map(([, alarms]) => recallOf(parts, alarms))
  const fixed = (threshold: number): readonly Uint8Array[] =>
    parts.map(({ values }) => alarmsOf(values, threshold))
  return [
    [NEVER, fixed(Number.POSITIVE_INFINITY)] as const,
    [FIXED, fixed(bestThreshold(parts))] as const,
    [FIXED_EACH, parts.map((part) => alarmsOf(part.values, bestThreshold([part])))] as const,
    ...recall.map((it) => [FIXED_RECALL, fixed(thresholdOfRecall(parts, it))] as const),
    ...told,
  ].map(([name, alarms]) => [name, outcomeOf(parts, alarms)])
}

function labelledOf(series: Series, indicator: Indicator): Labelled {
  if (indicator === 'latency') return { values: series.p99Ms, labels: series.latencyBad }
  const values = series.errors.map((errors, i) => errors / Math.max(1, series.requests[i] ?? 0))
  return { values, labels: series.errorsBad }
}

function listen(
  { requests, sampleMs }: Series,
  part: Labelled | undefined,
  says: (sample: Sample) => boolean,
): Uint8Array {
  const at = (i: number): number => requests[i] ?? 0
  const alarms = new Uint8Array(requests.length)
  part?.values.forEach((value, i) => {
    alarms[i] = says({ atMs: i * sampleMs, value, requests: at(i) }) ? 1 : 0
  })
  return alarms
}

function outcomeOf(parts: readonly Labelled[], alarms: readonly Uint8Array[]): Outcome {
  const pairs = parts.map(({ labels }, k) => [labels, alarms[k] ?? new Uint8Array(0)] as const)
  return {
    confusion: sumOf(pairs.map(([labels, told]) => confusionOf(labels, told))),
    delays: pairs.flatMap(([labels, told]) => delaysOf(labels, told)),
    alerts: alarms.reduce((sum, told) => sum + runsOf(told).length, 0),
  }
}

function recallOf(parts: readonly Labelled[], alarms: readonly Uint8Array[]): number {
  return scoreOf(outcomeOf(parts, alarms).confusion).recall ?? 0
}

function rowOf(
  head: Pick<Row, 'kind' | 'indicator' | 'detector'>,
  outcomes: readonly Outcome[],
): Row {
  const each = outcomes.map(({ confusion }) => scoreOf(confusion).accuracy ?? 0)
  const delays = outcomes.flatMap((outcome) => outcome.delays)
  const told = delays.filter((delay) => delay !== null)
  const ms = (samples: number | null): number | null => samples && samples * SAMPLE_MS
  return {
    ...head,
    ...scoreOf(sumOf(outcomes.map(({ confusion }) => confusion))),
    accuracyMin: quantile(each, 0),
    delayP50Ms: ms(quantile(told, 0.5)),
    delayP90Ms: ms(quantile(told, 0.9)),
    missed: delays.length - told.length,
    faults: delays.length,
    alerts: outcomes.reduce((sum, { alerts }) => sum + alerts, 0),
  }
}

export interface Verdict {
  /** The first contestant is right often enough, and better than the fixed threshold (S3-20). */
  readonly ok: boolean
  readonly accuracy: number | null
  readonly fixedAccuracy: number | null
  readonly text: string
}

export const ACCURACY_MIN = 0.91

/** Of the first contestant, and of the best fixed threshold, on the latency of dynamic traces. */
export function verdictOf(rows: readonly Row[]): Verdict {
  const of = rows.filter(({ kind, indicator }) => kind === 'dynamic' && indicator === 'latency')
  const fixed = of.find(({ detector }) => detector === FIXED)
  const baselines: readonly string[] = [NEVER, FIXED, FIXED_EACH, FIXED_RECALL]
  const first = of.find(({ detector }) => !baselines.includes(detector))
  const accuracy = first?.accuracy ?? null
  const fixedAccuracy = fixed?.accuracy ?? null
  const wins = accuracy !== null && fixedAccuracy !== null && accuracy > fixedAccuracy
  const ok = wins && accuracy >= ACCURACY_MIN
  const share = (value: number | null): string => `${((value ?? 0) * 100).toFixed(1)} %`
  const text =
    `latency of the dynamic traces: ${first?.detector ?? 'nobody'} ${share(accuracy)} ` +
    `(wanted: ${share(ACCURACY_MIN)}), the best fixed threshold ${share(fixedAccuracy)}`
  return { ok, accuracy, fixedAccuracy, text }
}
