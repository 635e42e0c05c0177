// Several dimensions judged together: each as a z-score against its own past, joined by a norm.
import type { ImageReader, ImageWriter } from '../kernel/image.ts'
import { Ring } from './ring.ts'
import type { Kept } from './verdict.ts'

export interface JointScoreOptions {
  readonly dimensions: number
  readonly window: number
  readonly least: number
  /** One dimension alone deviates from this z on. */
  readonly single: number
  /** The mean of the `top` largest deviates from this z on. */
  readonly joint: number
  readonly top: number
  readonly inRow: number
}

export const JOINT_SCORE: Omit<JointScoreOptions, 'dimensions'> = {
  window: 100,
  least: 30,
  single: 4,
  joint: 1.9,
  top: 3,
  inRow: 2,
}

/** A dimension that never varied and now does has this z; nothing has more. */
export const Z_MAX = 10

export interface JointVerdict {
  readonly deviates: boolean
  readonly ready: boolean
  /** Mean of the largest z-scores. */
  readonly value: number
  readonly limit: number
  /** z of each dimension, 0 … 10: its contribution. Below its mean a dimension counts 0. */
  readonly z: readonly number[]
  readonly max: number
}

/**
 * `joint` (S1-36): each dimension becomes a z-score over its trailing window, strictly before the
 * sample; larger is worse in every dimension. Deviates when one z alone is large, or the mean of
 * the top three is, twice in a row. Without variation z is 0 where nothing changed and 10 where
 * something did: never NaN or infinite. The unit of a dimension does not matter.
 */
export class JointScore implements Kept {
  private readonly options: JointScoreOptions
  private readonly rings: readonly Ring[]
  private run = 0

  constructor(options: Partial<JointScoreOptions> & { readonly dimensions: number }) {
    this.options = { ...JOINT_SCORE, ...options }
    const { dimensions, window } = this.options
    this.rings = Array.from({ length: dimensions }, () => new Ring(window))
  }

  /** One value per dimension; NaN: not measured, which counts 0 and is not remembered. */
  push(values: readonly number[]): JointVerdict {
    const { least, single, joint, top, inRow } = this.options
    const ready = this.rings.some(({ size }) => size >= least)
    const z = this.rings.map((ring, i) => this.scoreOf(ring, values[i] ?? Number.NaN))
    const ordered = [...z].sort((a, b) => b - a)
    const max = ordered[0] ?? 0
    const count = Math.min(top, z.length)
    const value = ordered.slice(0, count).reduce((sum, one) => sum + one, 0) / Math.max(1, count)
    // A mean of one dimension would be the looser rule for it.
    const isBeyond = max >= single || (count > 1 && value >= joint)
    this.run = isBeyond ? this.run + 1 : 0
    return { deviates: this.run >= inRow, ready, value, limit: joint, z, max }
  }

  save(to: ImageWriter): void {
    for (const ring of this.rings) ring.save(to)
    to.int(this.run)
  }

  load(from: ImageReader): void {
    for (const ring of this.rings) ring.load(from)
    this.run = from.int()
  }

  private scoreOf(ring: Ring, value: number): number {
    if (Number.isNaN(value)) return 0
    const { mean, sigma } = ring.spread()
    const known = ring.size >= this.options.least
    ring.push(value)
    if (!known || value <= mean) return 0
    return sigma === 0 ? Z_MAX : Math.min(Z_MAX, (value - mean) / sigma)
  }
}
