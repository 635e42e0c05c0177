// Multi-window burn rate: how fast the error budget of a service level is used up.
import type { ImageReader, ImageWriter } from '../kernel/image.ts'
import type { Kept } from './verdict.ts'

/** A long window and its short one (a twelfth of it), over which the budget burns this fast. */
export interface BurnPair {
  readonly longMs: number
  readonly factor: number
}

export interface BurnRateOptions {
  /** Share of requests that must succeed. */
  readonly objective: number
  readonly pairs: readonly BurnPair[]
  /** Requests in the long window before it is judged. */
  readonly least: number
}

const HOUR_MS = 3_600_000
/**
 * The pairs of the SRE workbook (Alerting on SLOs, table 5-8): 2 % in 1 h, 5 % in 6 h, 10 % in 3 d.
 */
export const BURN_RATE: BurnRateOptions = {
  objective: 0.999,
  pairs: [
    { longMs: HOUR_MS, factor: 14.4 },
    { longMs: 6 * HOUR_MS, factor: 6 },
    { longMs: 72 * HOUR_MS, factor: 1 },
  ],
  least: 100,
}

export interface PairVerdict {
  readonly longMs: number
  readonly factor: number
  /** Burn rates: share of failures over the share that the objective allows. */
  readonly long: number
  readonly short: number
  readonly n: number
  readonly deviates: boolean
}

export interface BurnVerdict {
  readonly deviates: boolean
  /** The first pair that burns, else the first one. */
  readonly value: number
  readonly limit: number
  readonly pairs: readonly PairVerdict[]
}

/** Buckets of a long window, and of its short one. */
const LONG = 60
const SHORT = 5

class Counts {
  private readonly bucketMs: number
  private readonly n = new Float64Array(LONG)
  private readonly errors = new Float64Array(LONG)
  /** Numbers of the newest and the first bucket, counted from time 0; -1: none. */
  private newest = -1
  private first = -1

  constructor(longMs: number) {
    this.bucketMs = longMs / LONG
  }

  /** Forgets what has left the long window. */
  advance(nowMs: number): void {
    const bucket = Math.floor(nowMs / this.bucketMs)
    const fresh = Math.min(LONG, bucket - this.newest)
    for (let i = 0; i < fresh; i++) {
      this.n[(bucket - i) % LONG] = 0
      this.errors[(bucket - i) % LONG] = 0
    }
    if (bucket > this.newest) this.newest = bucket
    if (this.first < 0) this.first = bucket
  }

  /** The long window has been watched from its beginning. */
  get isWhole(): boolean {
    return this.newest - this.first >= LONG - 1
  }

  add(n: number, errors: number, atMs: number): void {
    this.advance(atMs)
    const bucket = Math.floor(atMs / this.bucketMs)
    if (bucket <= this.newest - LONG) return
    this.n[bucket % LONG] = (this.n[bucket % LONG] ?? 0) + n
    this.errors[bucket % LONG] = (this.errors[bucket % LONG] ?? 0) + errors
  }

  sum(buckets: number): { readonly n: number; readonly errors: number } {
    let n = 0
    let errors = 0
    for (let i = 0; i < buckets && i <= this.newest; i++) {
      n += this.n[(this.newest - i) % LONG] ?? 0
      errors += this.errors[(this.newest - i) % LONG] ?? 0
    }
    return { n, errors }
  }

  save(to: ImageWriter): void {
    to.int(this.newest + 1).int(this.first + 1)
    for (let i = 0; i < LONG; i++) to.number(this.n[i] ?? 0).number(this.errors[i] ?? 0)
  }

  load(from: ImageReader): void {
    this.newest = from.int() - 1
    this.first = from.int() - 1
    for (let i = 0; i < LONG; i++) {
      this.n[i] = from.number()
      this.errors[i] = from.number()
    }
  }
}

/**
 * `burn_rate` (Google SRE workbook, chapter 5; S0-21 beside the absolute rule): deviates while both
 * windows of a pair burn faster than its factor. The long one says that it matters, the short one
 * that it still goes on. Windows slide by a sixtieth of the long one. `push` takes requests counted
 * since the last call; older ones count to their bucket as long as it is held.
 */
export class BurnRate implements Kept {
  private readonly options: BurnRateOptions
  private readonly counts: readonly Counts[]

  constructor(options: Partial<BurnRateOptions> = {}) {
    this.options = { ...BURN_RATE, ...options }
    this.counts = this.options.pairs.map(({ longMs }) => new Counts(longMs))
  }

  push(n: number, errors: number, atMs: number): BurnVerdict {
    for (const counts of this.counts) counts.add(n, errors, atMs)
    const pairs = this.options.pairs.map((pair, i) => this.judge(pair, this.counts[i]))
    const shown = pairs.find(({ deviates }) => deviates) ?? pairs[0]
    return {
      deviates: shown?.deviates ?? false,
      value: shown?.long ?? 0,
      limit: shown?.factor ?? Number.NaN,
      pairs,
    }
  }

  save(to: ImageWriter): void {
    for (const counts of this.counts) counts.save(to)
  }

  load(from: ImageReader): void {
    for (const counts of this.counts) counts.load(from)
  }

  private judge({ longMs, factor }: BurnPair, counts: Counts | undefined): PairVerdict {
    const { objective, least } = this.options
    const long = counts?.sum(LONG) ?? { n: 0, errors: 0 }
    const short = counts?.sum(SHORT) ?? { n: 0, errors: 0 }
    const burn = ({ n, errors }: { n: number; errors: number }): number => {
      return n === 0 ? 0 : errors / n / (1 - objective)
    }
    const isReady = counts?.isWhole === true && long.n >= least
    const deviates = isReady && burn(long) > factor && burn(short) > factor
    return { longMs, factor, long: burn(long), short: burn(short), n: long.n, deviates }
  }
}
