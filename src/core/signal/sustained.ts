// A value above its limit without a break for some time.
import type { ImageReader, ImageWriter } from '../kernel/image.ts'
import type { Kept, Verdict } from './verdict.ts'

export interface SustainedOptions {
  readonly max: number
  readonly forMs: number
  /** A break in the samples longer than this is a break of the run. */
  readonly gapMs: number
}

/** Limits of S3-10, shares of 1. */
export const OVERLOAD: Readonly<Record<'cpu' | 'memory', SustainedOptions>> = {
  cpu: { max: 0.8, forMs: 60_000, gapMs: 30_000 },
  memory: { max: 0.9, forMs: 60_000, gapMs: 30_000 },
}

/**
 * `overload` (S3-10): CPU above 80 % or memory above 90 % for 60 s on end; one sample at or below
 * the limit begins anew.
 */
export class Sustained implements Kept {
  private readonly options: SustainedOptions
  private sinceMs: number | null = null
  private lastMs = 0
  private value = 0

  constructor(options: SustainedOptions) {
    this.options = options
  }

  /** Samples come in order of time. */
  push(value: number, atMs: number): Verdict {
    this.update(value, atMs)
    return this.verdict()
  }

  /** As `push`; makes nothing. */
  update(value: number, atMs: number): boolean {
    const { max, forMs, gapMs } = this.options
    if (this.sinceMs !== null && atMs - this.lastMs > gapMs) this.sinceMs = null
    this.lastMs = atMs
    this.value = value
    if (value > max) this.sinceMs ??= atMs
    else this.sinceMs = null
    return this.sinceMs !== null && atMs - this.sinceMs >= forMs
  }

  verdict(): Verdict {
    const { max, forMs } = this.options
    const { value, sinceMs } = this
    const heldMs = sinceMs === null ? 0 : this.lastMs - sinceMs
    const deviates = sinceMs !== null && heldMs >= forMs
    return { deviates, ready: true, value, limit: max, parts: { heldMs } }
  }

  save(to: ImageWriter): void {
    to.numberOrNull(this.sinceMs).number(this.lastMs).number(this.value)
  }

  load(from: ImageReader): void {
    this.sinceMs = from.numberOrNull()
    this.lastMs = from.number()
    this.value = from.number()
  }
}
