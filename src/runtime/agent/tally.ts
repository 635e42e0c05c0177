// Counts of request outcomes on the latency grid: what a service counts between two lines to its
// agent, and what an agent counts during a tick. Memory is bounded by the grid, whatever the
// traffic.
import { indexOf } from '../../core/window/grid.ts'

/** One request that has ended. */
export interface Sample {
  readonly ok: boolean
  readonly latencyUs: number
  /** It failed at the caller's end, before an answer: refused, reset, timed out. */
  readonly local?: boolean
}

/** Counts as they travel from a service to its agent. Latencies in microseconds. */
export interface CountBatch {
  readonly n: number
  readonly errors: number
  readonly localErrors: number
  readonly sumUs: number
  readonly maxUs: number
  readonly zeros: number
  /** Index on the grid (scale 4) and count of each non-empty bucket, ascending. */
  readonly buckets: readonly (readonly [index: number, count: number])[]
  /** Whether the last request of the batch was well. */
  readonly lastOk: boolean
}

/** Longest latency that is told apart: the upper end of the grid, 12.7 days. */
export const LATENCY_MAX_US: number = 2 ** 40

function wholeMicroseconds(latencyUs: number): number {
  if (!(latencyUs > 0)) return 0
  return Math.min(Math.round(latencyUs), LATENCY_MAX_US)
}

export class Tally {
  n = 0
  errors = 0
  localErrors = 0
  sumUs = 0
  maxUs = 0
  zeros = 0
  lastOk = true
  readonly #counts = new Map<number, number>()

  /** Number of non-empty buckets. */
  get width(): number {
    return this.#counts.size
  }

  /** Latencies are rounded to whole microseconds; what is not a number above 0 counts as 0. */
  add(sample: Sample): void {
    const latencyUs = wholeMicroseconds(sample.latencyUs)
    this.n += 1
    if (!sample.ok) this.errors += 1
    if (!sample.ok && sample.local === true) this.localErrors += 1
    this.sumUs += latencyUs
    this.maxUs = Math.max(this.maxUs, latencyUs)
    this.lastOk = sample.ok
    if (latencyUs === 0) this.zeros += 1
    else this.#count(indexOf(latencyUs), 1)
  }

  merge(batch: CountBatch): void {
    if (batch.n === 0) return
    this.n += batch.n
    this.errors += batch.errors
    this.localErrors += batch.localErrors
    this.sumUs += batch.sumUs
    this.maxUs = Math.max(this.maxUs, batch.maxUs)
    this.zeros += batch.zeros
    this.lastOk = batch.lastOk
    for (const [index, count] of batch.buckets) this.#count(index, count)
  }

  snapshot(): CountBatch {
    const { n, errors, localErrors, sumUs, maxUs, zeros, lastOk } = this
    const buckets = [...this.#counts].sort(([a], [b]) => a - b)
    return { n, errors, localErrors, sumUs, maxUs, zeros, buckets, lastOk }
  }

  #count(index: number, count: number): void {
    this.#counts.set(index, (this.#counts.get(index) ?? 0) + count)
  }
}
