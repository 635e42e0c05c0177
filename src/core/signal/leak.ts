// Memory leak: memory that grows steadily, told apart from the sawtooth of a garbage collector.
import type { ImageReader, ImageWriter } from '../kernel/image.ts'
import { medianOf } from './order-statistics.ts'
import { Ring } from './ring.ts'
import type { Kept, Verdict } from './verdict.ts'

export interface LeakOptions {
  /** Samples that slope and correlation are taken of, at most 100. */
  readonly window: number
  /** The samples must span this. */
  readonly spanMs: number
  /** Growth per minute from which on it is a leak, in the unit of the samples. */
  readonly perMinute: number
  readonly correlation: number
  /** A fall by this share of the rise before it is a collection. */
  readonly fallShare: number
  /** After a collection, growth is a leak again only beyond this multiple of the peak before it. */
  readonly peakFactor: number
  /** How long that peak is remembered. */
  readonly rememberMs: number
}

const MEGABYTE = 1_048_576

export const LEAK: LeakOptions = {
  window: 30,
  spanMs: 240_000,
  perMinute: 5 * MEGABYTE,
  correlation: 0.9,
  fallShare: 0.5,
  peakFactor: 1.05,
  rememberMs: 3_600_000,
}

const MINUTE_MS = 60_000
const WINDOW_MAX = 100

/**
 * `memory_leak` (S0-55): the median of the slopes between all pairs of samples (Theil–Sen) exceeds
 * the limit per minute and memory correlates with time above 0.9. A process that collects garbage
 * rises and falls: once a fall was seen, growth below the peak before it is no leak, so that a
 * sawtooth longer than the window is none either.
 */
export class Leak implements Kept {
  private readonly options: LeakOptions
  private readonly times: Ring
  private readonly values: Ring
  private readonly slopes: Float64Array
  /** Since the last collection: lowest and highest. */
  private low = Number.NaN
  private high = Number.NaN
  /** Peak before the last collection and its time; NaN: none was seen. */
  private peak = Number.NaN
  private peakMs = 0

  constructor(options: Partial<LeakOptions> = {}) {
    this.options = { ...LEAK, ...options }
    const window = Math.min(WINDOW_MAX, this.options.window)
    this.times = new Ring(window)
    this.values = new Ring(window)
    this.slopes = new Float64Array((window * (window - 1)) / 2)
  }

  /** Samples come in order of time. */
  push(value: number, atMs: number): Verdict {
    const { spanMs, perMinute, correlation: least, peakFactor, rememberMs } = this.options
    this.watch(value, atMs)
    this.times.push(atMs)
    this.values.push(value)
    const ready = atMs - this.times.at(0) >= spanMs && this.times.size >= 10
    const slope = ready ? this.slopePerMs() * MINUTE_MS : 0
    const correlation = ready ? this.correlation() : 0
    const isKept = !Number.isNaN(this.peak) && atMs - this.peakMs <= rememberMs
    const isBelowPeak = isKept && value < peakFactor * this.peak
    const deviates = ready && slope > perMinute && correlation > least && !isBelowPeak
    const parts = { slope, correlation, peak: isKept ? this.peak : 0, memory: value }
    return { deviates, ready, value: slope, limit: perMinute, parts }
  }

  save(to: ImageWriter): void {
    this.times.save(to)
    this.values.save(to)
    to.number(this.low).number(this.high).number(this.peak).number(this.peakMs)
  }

  load(from: ImageReader): void {
    this.times.load(from)
    this.values.load(from)
    this.low = from.number()
    this.high = from.number()
    this.peak = from.number()
    this.peakMs = from.number()
  }

  private watch(value: number, atMs: number): void {
    if (Number.isNaN(this.low)) {
      this.low = value
      this.high = value
      return
    }
    if (value > this.high) this.high = value
    const rise = this.high - this.low
    const isFall = this.high - value >= this.options.fallShare * rise
    if (rise > 0 && isFall && rise >= this.options.perMinute) {
      this.peak = this.high
      this.peakMs = atMs
      this.low = value
      this.high = value
    }
    if (value < this.low) this.low = value
  }

  private slopePerMs(): number {
    const { times, values, slopes } = this
    let count = 0
    for (let i = 0; i < times.size; i++) {
      for (let j = i + 1; j < times.size; j++) {
        const span = times.at(j) - times.at(i)
        if (span > 0) slopes[count++] = (values.at(j) - values.at(i)) / span
      }
    }
    return count === 0 ? 0 : medianOf(slopes, count)
  }

  private correlation(): number {
    const { times, values } = this
    const [x, y] = [times.spread(), values.spread()]
    let sum = 0
    for (let i = 0; i < times.size; i++) sum += (times.at(i) - x.mean) * (values.at(i) - y.mean)
    const scale = x.sigma * y.sigma * times.size
    return scale === 0 ? 0 : sum / scale
  }
}
