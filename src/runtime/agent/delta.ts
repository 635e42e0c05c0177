// Makes telemetry deltas: counts of one instance over one tick, ticks aligned to the wall clock,
// and an early delta at the first failure after a success, so that a fault need not wait for the
// end of the tick. Time is an argument.
import { SCALE } from '../../core/window/grid.ts'
import type { Bucket, Flush, Gauges, TelemetryDelta } from '../../contracts/records.ts'
import { type CountBatch, Tally } from './tally.ts'

export const TICK_MS = 1_000
/**
 * Shortest time between two early deltas of an instance: bounds what a service that fails now and
 * then can cause.
 */
export const EARLY_GAP_MS = 50

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
  #failing = false
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
    const afterSuccess = !this.#failing || batch.errors < batch.n
    const first = batch.errors > 0 && afterSuccess
    this.#failing = !batch.lastOk
    this.#tally.merge(batch)
    if (!first || !this.#earlyFlush) return null
    return Math.max(atMs, this.#earlyAtMs + EARLY_GAP_MS)
  }

  /**
   * What was counted since the last call, or null when nothing was and there are no gauges. `atMs`
   * is on the clock of `add`; `tickStartMs` is wall time.
   */
  take(
    flush: Flush,
    at: { readonly atMs: number; readonly tickStartMs: number },
    gauges: Gauges | null,
  ): DeltaBody | null {
    const { n, errors, localErrors, sumUs, maxUs, zeros, buckets } = this.#tally.snapshot()
    if (n === 0 && gauges === null) return null
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
      synthetic: false,
    }
  }

  /** Drops what was counted (a process that was ended by our own hand). */
  clear(): void {
    this.#tally = new Tally()
    this.#failing = false
  }
}
