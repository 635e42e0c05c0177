// Baseline by time of day: what is usual at this time, learnt over earlier periods.
import type { ImageReader, ImageWriter } from '../kernel/image.ts'
import type { Kept, Verdict } from './verdict.ts'

export interface SeasonalOptions {
  readonly periodMs: number
  /** Width of a bucket; the period holds a whole number of them, at most 1,440. */
  readonly bucketMs: number
  readonly factor: number
  readonly inRow: number
  /** Earlier periods a bucket must have been seen in before it judges. */
  readonly least: number
  /** Weight of what a period adds to what the bucket knew. */
  readonly alpha: number
  readonly sides: 'both' | 'above'
  /** σ is taken for at least this, in the unit of the samples. */
  readonly sigmaMin: number
}

export const SEASONAL: SeasonalOptions = {
  periodMs: 86_400_000,
  bucketMs: 900_000,
  factor: 4,
  inRow: 2,
  least: 2,
  alpha: 0.3,
  sides: 'above',
  sigmaMin: 0,
}

/** What a bucket holds: periods seen, mean, variance; of the period under way: n, mean, squares. */
const SEEN = 0
const MEAN = 1
const VARIANCE = 2
const N = 3
const NOW_MEAN = 4
const NOW_SQUARES = 5
const STRIDE = 6
const ROUNDING = 1e-9

/**
 * `seasonal` (S0-51): a sample deviates when it lies more than 4σ from the mean of its time of day
 * in earlier periods, twice in a row. A bucket joins its period when the next one begins; the
 * variance of earlier periods counts the differences between periods too. What deviates joins at
 * the limit only, so that one bad day widens tomorrow's band little and a new daily level is
 * learnt over some days.
 */
export class Seasonal implements Kept {
  private readonly options: SeasonalOptions
  private readonly table: Float64Array
  /** Number of the bucket, counted from time 0, that the last sample fell into; -1: none. */
  private last = -1
  private run = 0
  private side = 0

  constructor(options: Partial<SeasonalOptions> = {}) {
    this.options = { ...SEASONAL, ...options }
    const { periodMs, bucketMs } = this.options
    this.table = new Float64Array(STRIDE * Math.max(1, Math.floor(periodMs / bucketMs)))
  }

  /** Samples come in order of time; an older one counts to the newest bucket. */
  push(value: number, atMs: number): Verdict {
    const { least, factor, inRow, sides, sigmaMin } = this.options
    const at = this.turn(atMs)
    const mean = this.cell(at + MEAN)
    const ready = this.cell(at + SEEN) >= least
    const sigma = Math.max(Math.sqrt(this.cell(at + VARIANCE)), sigmaMin, ROUNDING * Math.abs(mean))
    const reach = ready ? factor * sigma : Number.POSITIVE_INFINITY
    const isBelow = sides === 'both' && value < mean - reach
    const side = value > mean + reach ? 1 : isBelow ? -1 : 0
    this.run = side === 0 ? 0 : side === this.side ? this.run + 1 : 1
    this.side = side
    this.fold(at, Math.min(Math.max(value, mean - reach), mean + reach))
    const limit = side < 0 ? mean - reach : mean + reach
    const parts = { mean, sigma, periods: this.cell(at + SEEN), run: this.run }
    return { deviates: this.run >= inRow, ready, value, limit, parts }
  }

  save(to: ImageWriter): void {
    to.int(this.last + 1)
      .int(this.run)
      .int(this.side + 1)
      .int(this.table.length)
    for (const cell of this.table) to.number(cell)
  }

  load(from: ImageReader): void {
    this.last = from.int() - 1
    this.run = from.int()
    this.side = from.int() - 1
    const count = from.count()
    for (let i = 0; i < count; i++) this.table[i] = from.number()
  }

  /** Place of the bucket of a time; a bucket that is entered takes in its last period. */
  private turn(atMs: number): number {
    const { bucketMs } = this.options
    const buckets = this.table.length / STRIDE
    const bucket = Math.max(this.last, Math.floor(atMs / bucketMs))
    const at = STRIDE * (bucket % buckets)
    if (bucket === this.last) return at
    this.last = bucket
    this.join(at)
    return at
  }

  private join(at: number): void {
    const { table } = this
    const n = this.cell(at + N)
    if (n === 0) return
    const weight = this.cell(at + SEEN) === 0 ? 1 : this.options.alpha
    const away = this.cell(at + NOW_MEAN) - this.cell(at + MEAN)
    const within = this.cell(at + NOW_SQUARES) / n
    const between = this.cell(at + SEEN) === 0 ? 0 : weight * (1 - weight) * away * away
    table[at + VARIANCE] = (1 - weight) * this.cell(at + VARIANCE) + weight * within + between
    table[at + MEAN] = this.cell(at + MEAN) + weight * away
    table[at + SEEN] = this.cell(at + SEEN) + 1
    table[at + N] = 0
    table[at + NOW_MEAN] = 0
    table[at + NOW_SQUARES] = 0
  }

  private fold(at: number, value: number): void {
    const { table } = this
    const n = this.cell(at + N) + 1
    const away = value - this.cell(at + NOW_MEAN)
    table[at + N] = n
    table[at + NOW_MEAN] = this.cell(at + NOW_MEAN) + away / n
    table[at + NOW_SQUARES] =
      this.cell(at + NOW_SQUARES) + away * (value - this.cell(at + NOW_MEAN))
  }

  private cell(at: number): number {
    return this.table[at] ?? 0
  }
}
