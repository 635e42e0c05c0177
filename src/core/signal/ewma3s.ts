// Dynamic threshold: mean + factor · σ of the samples before, exceeded several times in a row.
import type { ImageReader, ImageWriter } from '../kernel/image.ts'
import { Ring } from './ring.ts'
import type { Kept, Verdict } from './verdict.ts'

export interface Ewma3sOptions {
  /** Samples of the trailing window, at least 11. */
  readonly window: number
  readonly factor: number
  /** Samples above the limit in a row that count. */
  readonly inRow: number
  /** σ is taken for at least this, in the unit of the samples. */
  readonly sigmaMin: number
  /** And for at least this share of the mean. */
  readonly sigmaShare: number
}

export const EWMA3S: Ewma3sOptions = {
  window: 100,
  factor: 3,
  inRow: 2,
  sigmaMin: 0,
  sigmaShare: 0,
}
/** With the sample included a z of 3 needs more than ten samples: z is at most √(n − 1). */
export const EWMA3S_LEAST = 11

/**
 * `ewma3s` (S1-35): a sample deviates when it and the one before it are above mean + 3σ of the
 * trailing window, which lies strictly before the sample; one-sided. Nothing is judged before 11
 * samples are known. What deviates is part of the next window, as the rule says; `adaptive` keeps
 * it out.
 */
export class Ewma3s implements Kept {
  private readonly options: Ewma3sOptions
  private readonly ring: Ring
  private run = 0

  constructor(options: Partial<Ewma3sOptions> = {}) {
    this.options = { ...EWMA3S, ...options }
    this.ring = new Ring(Math.max(EWMA3S_LEAST, this.options.window))
  }

  push(value: number): Verdict {
    const { factor, inRow, sigmaMin, sigmaShare } = this.options
    const ready = this.ring.size >= EWMA3S_LEAST
    const { mean, sigma } = this.ring.spread()
    const limit = ready ? mean + factor * Math.max(sigma, sigmaMin, sigmaShare * mean) : Number.NaN
    this.run = value > limit ? this.run + 1 : 0
    this.ring.push(value)
    const parts = { mean, sigma, run: this.run }
    return { deviates: this.run >= inRow, ready, value, limit, parts }
  }

  save(to: ImageWriter): void {
    this.ring.save(to)
    to.int(this.run)
  }

  load(from: ImageReader): void {
    this.ring.load(from)
    this.run = from.int()
  }
}
