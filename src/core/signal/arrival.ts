// Arrival of heartbeats: how regular they are, and how surprising a silence is (phi accrual).
import type { ImageReader, ImageWriter } from '../kernel/image.ts'
import { Ring } from './ring.ts'
import { softplus } from './softplus.ts'
import type { Kept, Verdict } from './verdict.ts'

export interface ArrivalOptions {
  /** Intervals that mean and σ are taken of. */
  readonly window: number
  readonly least: number
  /** σ is taken for at least this: networks and schedulers are never better (Akka: 100 ms). */
  readonly sigmaMinMs: number
  /** An interval deviates beyond mean + factor · σ. */
  readonly factor: number
  /** Added to the mean before a silence counts as suspicious at all. */
  readonly pauseMs: number
  /** Suspicion from this phi on. */
  readonly phi: number
}

export const ARRIVAL: ArrivalOptions = {
  window: 100,
  least: 5,
  sigmaMinMs: 100,
  factor: 4,
  pauseMs: 3_000,
  phi: 8,
}

/**
 * `arrival` (S3-11; phi accrual after Hayashibara et al. 2004 with the logistic approximation of
 * the normal distribution that Akka uses, error below 0.02 %): mean and σ of the last intervals
 * between heartbeats. An interval far above the mean deviates: the network or the process was
 * blocked. `phi` of a silence is −log10 of the chance that the next heartbeat comes even later;
 * `pauseMs` keeps a stop of the world from looking like death.
 */
export class Arrival implements Kept {
  private readonly options: ArrivalOptions
  private readonly ring: Ring
  private lastMs: number | null = null
  /** How far the last interval lay above the mean, in σ; null: not judged yet. */
  lastZ: number | null = null

  constructor(options: Partial<ArrivalOptions> = {}) {
    this.options = { ...ARRIVAL, ...options }
    this.ring = new Ring(this.options.window)
  }

  /** A heartbeat; one older than the last is passed over. Judges its interval, milliseconds. */
  push(atMs: number): Verdict {
    const { least, factor } = this.options
    const value = this.lastMs === null ? 0 : Math.max(0, atMs - this.lastMs)
    const ready = this.ring.size >= least
    const { mean, sigma } = this.spread()
    const limit = ready ? mean + factor * sigma : Number.NaN
    this.lastZ = ready ? Math.max(0, (value - mean) / sigma) : null
    if (this.lastMs !== null && value > 0) this.ring.push(value)
    this.lastMs = Math.max(this.lastMs ?? atMs, atMs)
    return { deviates: value > limit, ready, value, limit, parts: { mean, sigma } }
  }

  /** How surprising the silence is at `nowMs`; 0 while too few intervals are known. */
  phi(nowMs: number): number {
    if (this.lastMs === null || this.ring.size < this.options.least) return 0
    const { mean, sigma } = this.spread()
    const y = (nowMs - this.lastMs - mean - this.options.pauseMs) / sigma
    const a = y * (1.5976 + 0.070566 * y * y)
    return ((a > 0 ? a : 0) + softplus(Math.abs(a))) / Math.LN10
  }

  isSuspicious(nowMs: number): boolean {
    return this.phi(nowMs) >= this.options.phi
  }

  /** Mean and σ (never below its least), milliseconds. */
  spread(): { readonly mean: number; readonly sigma: number } {
    const { mean, sigma } = this.ring.spread()
    return { mean, sigma: Math.max(sigma, this.options.sigmaMinMs) }
  }

  /** The silence at which phi reaches the limit, epoch ms; null: too few intervals are known. */
  suspectAtMs(): number | null {
    if (this.lastMs === null || this.ring.size < this.options.least) return null
    const { mean, sigma } = this.spread()
    // phi rises with time: halve the span in which it crosses the limit.
    let low = 0
    let high = 64
    for (let i = 0; i < 52; i++) {
      const y = (low + high) / 2
      const a = y * (1.5976 + 0.070566 * y * y)
      if ((a + softplus(a)) / Math.LN10 >= this.options.phi) high = y
      else low = y
    }
    return Math.ceil(this.lastMs + mean + this.options.pauseMs + high * sigma)
  }

  save(to: ImageWriter): void {
    this.ring.save(to)
    to.numberOrNull(this.lastMs).numberOrNull(this.lastZ)
  }

  load(from: ImageReader): void {
    this.ring.load(from)
    this.lastMs = from.numberOrNull()
    this.lastZ = from.numberOrNull()
  }
}
