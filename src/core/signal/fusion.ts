// k of n: signals of different kinds, sampled at different rates, judged together.
import type { ImageReader, ImageWriter } from '../kernel/image.ts'
import type { Kept } from './verdict.ts'

export interface FusionOptions {
  /** Kinds that must stand together. */
  readonly k: number
  /** A signal that has ended still counts this long, so that rates of sampling do not matter. */
  readonly windowMs: number
}

export const FUSION: FusionOptions = { k: 2, windowMs: 1_000 }

export interface FusionVerdict {
  readonly deviates: boolean
  /** Number of kinds that count, and how many it takes. */
  readonly value: number
  readonly limit: number
  /** The kinds that count, in the order they were given to the constructor. */
  readonly kinds: readonly string[]
}

const NEVER = Number.NEGATIVE_INFINITY

/**
 * `fusion` (S0-38): deviates while at least `k` independent kinds of signal stand, or have ended no
 * longer than the window ago. Two detectors that look at the same thing are one kind.
 */
export class Fusion implements Kept {
  private readonly options: FusionOptions
  readonly kinds: readonly string[]
  private readonly stands: Uint8Array
  /** By kind: when it stood last. */
  private readonly lastMs: Float64Array

  constructor(kinds: readonly string[], options: Partial<FusionOptions> = {}) {
    this.options = { ...FUSION, ...options }
    this.kinds = kinds
    this.stands = new Uint8Array(kinds.length)
    this.lastMs = new Float64Array(kinds.length).fill(NEVER)
  }

  /** The kind begins, goes on or ends at event time `atMs`. Unknown kinds count for nothing. */
  push(kind: string, stands: boolean, atMs: number): void {
    const i = this.kinds.indexOf(kind)
    if (i < 0) return
    // Neither begins nor ends: how often that is told changes nothing.
    if (stands === (this.stands[i] === 1)) return
    this.lastMs[i] = Math.max(this.lastMs[i] ?? NEVER, atMs)
    this.stands[i] = stands ? 1 : 0
  }

  verdict(nowMs: number): FusionVerdict {
    const { k } = this.options
    const kinds = this.kinds.filter((_, i) => this.counts(i, nowMs))
    return { deviates: kinds.length >= k, value: kinds.length, limit: k, kinds }
  }

  /** Log time after `nowMs` at which a kind stops counting by time alone, or null. */
  nextMs(nowMs: number): number | null {
    let nextMs = Number.POSITIVE_INFINITY
    for (let i = 0; i < this.kinds.length; i++) {
      const endsMs = (this.lastMs[i] ?? NEVER) + this.options.windowMs + 1
      if (this.stands[i] === 0 && endsMs > nowMs) nextMs = Math.min(nextMs, endsMs)
    }
    return nextMs === Number.POSITIVE_INFINITY ? null : nextMs
  }

  save(to: ImageWriter): void {
    to.int(this.kinds.length)
    for (let i = 0; i < this.kinds.length; i++) {
      to.flag(this.stands[i] === 1).number(this.lastMs[i] ?? NEVER)
    }
  }

  load(from: ImageReader): void {
    const count = from.count()
    for (let i = 0; i < count; i++) {
      this.stands[i] = from.flag() ? 1 : 0
      this.lastMs[i] = from.number()
    }
  }

  private counts(i: number, nowMs: number): boolean {
    return this.stands[i] === 1 || nowMs - (this.lastMs[i] ?? NEVER) <= this.options.windowMs
  }
}
