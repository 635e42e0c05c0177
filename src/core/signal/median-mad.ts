// Robust deviation: how far a sample lies from the median, in units of the median absolute
// deviation.
import type { ImageReader, ImageWriter } from '../kernel/image.ts'
import { medianOf } from './order-statistics.ts'
import { Ring } from './ring.ts'
import type { Kept, Verdict } from './verdict.ts'

export interface MedianMadOptions {
  readonly window: number
  /** Largest modified z-score that is no deviation (Iglewicz and Hoaglin: 3.5). */
  readonly factor: number
  readonly inRow: number
  /** Samples before anything is judged. */
  readonly least: number
  readonly sides: 'both' | 'above'
  /** The spread is taken for at least this, in the unit of the samples. */
  readonly spreadMin: number
  /** And for at least this share of the median. */
  readonly spreadShare: number
}

export const MEDIAN_MAD: MedianMadOptions = {
  window: 60,
  factor: 3.5,
  inRow: 2,
  least: 11,
  sides: 'above',
  spreadMin: 0,
  spreadShare: 0,
}

/** A normal distribution's σ is so many times its MAD, and so many times its mean deviation. */
export const SIGMA_PER_MAD = 1.482602218505602
const SIGMA_PER_MEAN_DEVIATION = 1.2533141373155001
const ROUNDING = 1e-9

/**
 * `median_mad` (S0-51): a sample deviates when its modified z-score over the trailing window,
 * strictly before it, exceeds 3.5, twice in a row. Up to half of the window may be outliers without
 * moving the limit. When more than half of the samples are equal the MAD is 0 and the mean absolute
 * deviation takes its place.
 */
export class MedianMad implements Kept {
  private readonly options: MedianMadOptions
  private readonly ring: Ring
  private readonly scratch: Float64Array
  private run = 0
  private side = 0

  constructor(options: Partial<MedianMadOptions> = {}) {
    this.options = { ...MEDIAN_MAD, ...options }
    this.ring = new Ring(this.options.window)
    this.scratch = new Float64Array(this.options.window)
  }

  push(value: number): Verdict {
    const { factor, inRow, least, sides } = this.options
    const ready = this.ring.size >= least
    const { median, spread } = this.centre()
    const reach = ready ? factor * spread : Number.POSITIVE_INFINITY
    const isBelow = sides === 'both' && value < median - reach
    const side = value > median + reach ? 1 : isBelow ? -1 : 0
    this.run = side === 0 ? 0 : side === this.side ? this.run + 1 : 1
    this.side = side
    this.ring.push(value)
    const limit = side < 0 ? median - reach : median + reach
    const parts = { median, spread, run: this.run }
    return { deviates: this.run >= inRow, ready, value, limit, parts }
  }

  save(to: ImageWriter): void {
    this.ring.save(to)
    to.int(this.run).int(this.side + 1)
  }

  load(from: ImageReader): void {
    this.ring.load(from)
    this.run = from.int()
    this.side = from.int() - 1
  }

  /** Median, and the σ that the spread around it stands for. */
  private centre(): { readonly median: number; readonly spread: number } {
    const { ring, scratch } = this
    const { size } = ring
    if (size === 0) return { median: 0, spread: 0 }
    ring.copy(scratch)
    const median = medianOf(scratch, size)
    let sum = 0
    for (let i = 0; i < size; i++) {
      const distance = Math.abs(ring.at(i) - median)
      scratch[i] = distance
      sum += distance
    }
    const mad = medianOf(scratch, size)
    const sigma = mad > 0 ? SIGMA_PER_MAD * mad : SIGMA_PER_MEAN_DEVIATION * (sum / size)
    const { spreadMin, spreadShare } = this.options
    const least = Math.max(spreadMin, spreadShare * median, ROUNDING * Math.abs(median))
    return { median, spread: Math.max(sigma, least) }
  }
}
