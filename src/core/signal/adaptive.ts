// Adaptive band around an exponentially weighted mean, with hard limits that no history can move.
import type { ImageReader, ImageWriter } from '../kernel/image.ts'
import { Ring } from './ring.ts'
import type { Kept, Verdict } from './verdict.ts'

export interface AdaptiveOptions {
  /** Weight of the newest sample in the mean. */
  readonly alpha: number
  /** Samples of which σ is taken. */
  readonly window: number
  readonly factor: number
  /** Samples outside the band in a row that count: 1 with factor 3, 2 with factor 2 (C-05). */
  readonly inRow: number
  /** Samples before anything is judged but by the ceiling. */
  readonly least: number
  readonly sides: 'both' | 'above'
  /** σ is taken for at least this, in the unit of the samples. */
  readonly sigmaMin: number
  /** And for at least this share of the mean. */
  readonly sigmaShare: number
  /** The upper limit never lies below the floor, nor above the ceiling (S0-22); null: none. */
  readonly floor: number | null
  readonly ceiling: number | null
  /**
   * The mean deviates at this multiple of the slow mean, however slowly it came there; null: never.
   */
  readonly driftFactor: number | null
  /** Samples over which the slow mean forgets. */
  readonly driftWindow: number
  /** So many deviating samples, without as many calm ones in a row in between, are a new level. */
  readonly relearnAfter: number
}

export const ADAPTIVE: AdaptiveOptions = {
  alpha: 0.3,
  window: 100,
  factor: 3,
  inRow: 1,
  least: 11,
  sides: 'both',
  sigmaMin: 0,
  sigmaShare: 0,
  floor: null,
  ceiling: null,
  driftFactor: 2,
  driftWindow: 4_320,
  relearnAfter: 30,
}

/** The slow mean is the plain mean of so many samples before it begins to forget. */
const DRIFT_FIRST = 60

/**
 * `adaptive` (S3-19 in causal form, C-05, C-06; S0-22): a sample deviates when it lies outside
 * mean ± factor · σ, both of samples strictly before it; appending samples never alters an earlier
 * verdict.
 *
 * What deviates is kept out of mean and σ, so that a fault does not teach that bad is normal. A
 * level that stands becomes the new baseline after `relearnAfter` deviating samples; above the
 * ceiling nothing is ever learnt. Drift too slow for the band is caught by the ceiling and by the
 * slow mean, of which the mean may be no more than `driftFactor` times.
 */
export class Adaptive implements Kept {
  private readonly options: AdaptiveOptions
  private readonly ring: Ring
  /** Samples outside the band that are not folded yet. */
  private readonly outside: Ring
  private mean = 0
  private slow = 0
  /** Samples folded into the slow mean, up to `DRIFT_FIRST`. */
  private slowCount = 0
  /** Samples on the same side of the band in a row, and which: 1 above, -1 below, 0 inside. */
  private run = 0
  private side = 0
  private calm = 0

  constructor(options: Partial<AdaptiveOptions> = {}) {
    this.options = { ...ADAPTIVE, ...options }
    this.ring = new Ring(this.options.window)
    this.outside = new Ring(Math.max(this.options.relearnAfter, this.options.inRow))
  }

  push(value: number): Verdict {
    const { inRow, least, sides } = this.options
    const ready = this.ring.size >= least
    const { sigma, upper, lower } = this.band(ready)
    const mean = this.mean
    const isBelow = sides === 'both' && value < lower
    const side = value > upper ? 1 : isBelow ? -1 : 0
    this.run = side === 0 ? 0 : side === this.side ? this.run + 1 : 1
    this.settle(value, side)
    this.side = side
    const drifting = this.isDrifting()
    const deviates = this.run >= inRow || drifting
    const limit = side < 0 ? lower : upper
    const parts = { mean, sigma, upper, lower, slow: this.slow, run: this.run }
    return { deviates, ready, value, limit, parts: { ...parts, drift: drifting ? 1 : 0 } }
  }

  save(to: ImageWriter): void {
    this.ring.save(to)
    this.outside.save(to)
    to.number(this.mean).number(this.slow).int(this.slowCount)
    to.int(this.run)
      .int(this.side + 1)
      .int(this.calm)
  }

  load(from: ImageReader): void {
    this.ring.load(from)
    this.outside.load(from)
    this.mean = from.number()
    this.slow = from.number()
    this.slowCount = from.int()
    this.run = from.int()
    this.side = from.int() - 1
    this.calm = from.int()
  }

  private band(ready: boolean): {
    readonly sigma: number
    readonly upper: number
    readonly lower: number
  } {
    const { factor, sigmaMin, sigmaShare, floor, ceiling } = this.options
    const sigma = Math.max(this.ring.spread().sigma, sigmaMin, sigmaShare * this.mean)
    const high = ready ? this.mean + factor * sigma : Number.POSITIVE_INFINITY
    const raised = floor === null ? high : Math.max(high, floor)
    const upper = ceiling === null ? raised : Math.min(raised, ceiling)
    const lower = ready ? this.mean - factor * sigma : Number.NEGATIVE_INFINITY
    return { sigma, upper, lower }
  }

  /** Folds what does not deviate, and a deviating level once it has stood long enough. */
  private settle(value: number, side: number): void {
    const { inRow, relearnAfter, ceiling } = this.options
    if (side === 0) {
      // Too few in a row were no deviation: they belong to the baseline after all.
      if (this.side !== 0 && this.outside.size < inRow) this.foldOutside()
      this.fold(value)
      this.calm += 1
      if (this.calm >= relearnAfter) this.outside.clear()
      return
    }
    this.calm = 0
    if (ceiling !== null && value > ceiling) return
    this.outside.push(value)
    if (this.outside.size < relearnAfter) return
    this.ring.clear()
    this.foldOutside()
    this.run = 0
  }

  private foldOutside(): void {
    for (let i = 0; i < this.outside.size; i++) this.fold(this.outside.at(i))
    this.outside.clear()
  }

  private fold(value: number): void {
    const { alpha, driftWindow } = this.options
    const isFirst = this.ring.size === 0
    this.mean = isFirst ? value : alpha * value + (1 - alpha) * this.mean
    this.ring.push(value)
    if (this.slowCount < DRIFT_FIRST) this.slowCount += 1
    const weight = this.slowCount < DRIFT_FIRST ? 1 / this.slowCount : 1 / driftWindow
    this.slow += weight * (value - this.slow)
  }

  private isDrifting(): boolean {
    const { driftFactor, floor } = this.options
    if (driftFactor === null || this.slowCount < DRIFT_FIRST || this.slow <= 0) return false
    return this.mean > driftFactor * this.slow && this.mean > (floor ?? 0)
  }
}
