// Makes telemetry deltas: counts of one instance over one tick, ticks aligned to the wall clock,
// and early deltas for the first failures in a row, so that a fault need not wait for the end of
// the tick. Time is an argument.
import { SCALE } from '../../core/window/grid.ts'
import { METRICS_PER_INSTANCE_MAX } from '../../contracts/metric-name.ts'
import type { Bucket, Flush, Gauges, NamedMetric, TelemetryDelta } from '../../contracts/records.ts'
import { type CountBatch, Tally } from './tally.ts'

export const TICK_MS = 1_000
/**
 * Shortest time between two early deltas of an instance: bounds what a service that fails now and
 * then can cause.
 */
export const EARLY_GAP_MS = 50
/**
 * So many failures in a row are told of early; then the ticks do. Enough for any sensible limit of
 * failures in a row, and a bound for an instance that stays broken.
 */
export const EARLY_RUN_MAX = 16

/** What a delta says of the requests, without who says it of whom. */
export type DeltaBody = Omit<
  TelemetryDelta,
  'service' | 'instance' | 'agent' | 'epoch' | 'lane' | 'seq' | 'incarnation'
>

/** Begin of the tick that `nowMs` lies in. */
export function tickStart(nowMs: number): number {
  return Math.floor(nowMs / TICK_MS) * TICK_MS
}

function gapsOf(buckets: CountBatch['buckets']): readonly Bucket[] {
  let before = 0
  return buckets.map(([index, count]) => {
    const gap = index - before
    before = index
    return { gap, count }
  })
}

/** Counts of one instance. */
export class DeltaAggregator {
  readonly #earlyFlush: boolean
  #tally = new Tally()
  /** Newest value of each since the last tick. */
  #metrics = new Map<string, number>()
  /** Failures since the last success, as far as batches tell. */
  #run = 0
  #earlyAtMs = Number.NEGATIVE_INFINITY

  constructor(options: { readonly earlyFlush: boolean }) {
    this.#earlyFlush = options.earlyFlush
  }

  /**
   * Adds counts. The answer is the time (on the clock of `atMs`, monotonic) at which an early delta
   * is due, or null.
   */
  add(batch: CountBatch, atMs: number): number | null {
    if (batch.n === 0) return null
    const before = batch.errors < batch.n ? 0 : this.#run
    this.#run = batch.lastOk ? 0 : before + batch.errors
    this.#tally.merge(batch)
    const isNews = batch.errors > 0 && before < EARLY_RUN_MAX
    if (!isNews || !this.#earlyFlush) return null
    return Math.max(atMs, this.#earlyAtMs + EARLY_GAP_MS)
  }

  /** Told with the tick. */
  tell(metrics: readonly NamedMetric[]): void {
    for (const { name, value } of metrics) {
      const isMore = this.#metrics.size >= METRICS_PER_INSTANCE_MAX && !this.#metrics.has(name)
      if (!isMore) this.#metrics.set(name, value)
    }
  }

  /**
   * What was counted since the last call, or null when nothing was and there is nothing else,
   * unless that itself is to be told (`isNews`). `atMs` is on the clock of `add`; `tickStartMs` is
   * wall time.
   */
  take(
    flush: Flush,
    at: { readonly atMs: number; readonly tickStartMs: number },
    gauges: Gauges | null,
    isNews: boolean = false,
  ): DeltaBody | null {
    const { n, errors, localErrors, sumUs, maxUs, zeros, buckets } = this.#tally.snapshot()
    const metrics = flush === 'tick' ? this.#takeMetrics() : []
    if (n === 0 && gauges === null && metrics.length === 0 && !isNews) return null
    this.#tally = new Tally()
    if (flush === 'early') this.#earlyAtMs = at.atMs
    return {
      operation: '',
      tick_start_ms: at.tickStartMs,
      tick_ms: TICK_MS,
      flush,
      n,
      errors,
      local_errors: localErrors,
      sum_us: sumUs,
      max_us: maxUs,
      scale: SCALE,
      zeros,
      buckets: gapsOf(buckets),
      gauges,
      logs: null,
      tasks: null,
      caller: null,
      exemplars: [],
      metrics,
      synthetic: false,
    }
  }

  /** Drops what was counted (a process that was ended by our own hand). */
  clear(): void {
    this.#tally = new Tally()
    this.#metrics.clear()
    this.#run = 0
  }

  #takeMetrics(): readonly NamedMetric[] {
    const metrics = [...this.#metrics].map(([name, value]) => ({ name, value }))
    this.#metrics.clear()
    return metrics
  }
}
