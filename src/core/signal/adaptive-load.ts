// Adaptive limit that knows the load: what is usual at this load, learnt from what was calm.
import type { ImageReader, ImageWriter } from '../kernel/image.ts'
import { medianOf } from './order-statistics.ts'
import { Ring } from './ring.ts'
import type { Kept, Verdict } from './verdict.ts'

export interface AdaptiveLoadOptions {
  /** A sample is high at this multiple of what is usual, */
  readonly ratioMin: number
  /** and at 1 + so many σ of the calm samples' ratios; the larger one counts. */
  readonly factor: number
  /** Of so many samples, the newest included, that many are high: then a calm one deviates too. */
  readonly near: number
  readonly nearMin: number
  /** Calm samples of a load before it is judged by its own; before that by loads near it, */
  readonly least: number
  /** against a limit so many times higher. */
  readonly strangeFactor: number
  /** Calm samples over which the level, common to all loads, forgets. */
  readonly forget: number
  /** So many deviating samples in a row are a new level. */
  readonly relearnAfter: number
  /** Values above it always deviate and are never learnt (S0-22); null: none. */
  readonly ceiling: number | null
}

export const ADAPTIVE_LOAD: AdaptiveLoadOptions = {
  ratioMin: 1.4,
  factor: 2.5,
  near: 5,
  nearMin: 3,
  least: 5,
  strangeFactor: 1.5,
  forget: 1_000,
  relearnAfter: 480,
  ceiling: null,
}

/** Loads are told apart by a quarter of an octave, up to 2^24. */
const PER_OCTAVE = 4
const OCTAVES = 24
const BINS: number = PER_OCTAVE * OCTAVES
/** 2^(1/4), 2^(1/2), 2^(3/4). */
const STEPS = [1.189_207_115_002_721, Math.SQRT2, 1.681_792_830_507_429] as const
/** Loads as far away as this say nothing of each other. */
const NEIGHBOURS: number = 4 * PER_OCTAVE
/** Calm samples over which the usual of one load forgets. */
const FORGET_OF_LOAD = 200
const FORGET_OF_SPREAD = 500
/** The level and the spread begin as if they had been seen so often. */
const LEVEL_FIRST = 60
const SPREAD_FIRST = 20
const VARIANCE_FIRST = 0.02
/** Of the ratios whose median is a new level. */
const RATIOS = 60
/** Two high samples near each other deviate; a single one is a spike. */
const HIGH_MIN = 2

/**
 * `adaptive_load` (S3-19, S3-20, S0-22): the baseline is kept by load, because latency that rises
 * with the load is no fault, and latency that a night's load does not explain is one, however low.
 * A sample is held against the usual value of its load times a level common to all loads; causal,
 * one-sided. What deviates is kept out of the baseline; what stands for `relearnAfter` samples (a
 * deploy) becomes the new level, unless it lies above the ceiling. Loads not seen before are judged
 * by those near them, with a wider limit.
 */
export class AdaptiveLoad implements Kept {
  private readonly options: AdaptiveLoadOptions
  /** By bin of load: the usual value at level 1, and how many calm samples it comes from. */
  private readonly usual = new Float64Array(BINS)
  private readonly seen = new Float64Array(BINS)
  private readonly ratios = new Ring(RATIOS)
  private readonly highs: Ring
  private readonly scratch = new Float64Array(RATIOS)
  private level = 1
  private calm = 0
  private variance = VARIANCE_FIRST
  /** Deviating samples in a row. */
  private run = 0

  constructor(options: Partial<AdaptiveLoadOptions> = {}) {
    this.options = { ...ADAPTIVE_LOAD, ...options }
    this.highs = new Ring(this.options.near)
  }

  /** `load` in any unit that stays the same, such as requests of the sample's time. */
  push(value: number, load: number): Verdict {
    const { ratioMin, factor, strangeFactor, least, ceiling } = this.options
    const bin = binOf(load)
    const usual = this.usualAt(bin)
    const ready = usual !== null
    const expected = (usual ?? value) * this.level
    const ratio = expected > 0 ? value / expected : 1
    const isKnown = (this.seen[bin] ?? 0) >= least
    const width = Math.max(ratioMin, 1 + factor * Math.sqrt(this.variance))
    const band = ready ? expected * width * (isKnown ? 1 : strangeFactor) : Number.POSITIVE_INFINITY
    const limit = ceiling === null ? band : Math.min(band, ceiling)
    const isHigh = value > limit
    const deviates = this.near(isHigh) || (ceiling !== null && value > ceiling)
    if (deviates) this.stand(ratio, ceiling !== null && value > ceiling)
    else {
      this.run = 0
      this.ratios.clear()
      if (!isHigh) this.learn(bin, value, ratio)
    }
    const parts = { expected, ratio, level: this.level, sigma: Math.sqrt(this.variance) }
    return { deviates, ready, value, limit, parts }
  }

  save(to: ImageWriter): void {
    this.ratios.save(to)
    this.highs.save(to)
    to.number(this.level).int(this.calm).number(this.variance).int(this.run)
    for (let bin = 0; bin < BINS; bin++) {
      const seen = this.seen[bin] ?? 0
      to.int(seen)
      if (seen > 0) to.number(this.usual[bin] ?? 0)
    }
  }

  load(from: ImageReader): void {
    this.ratios.load(from)
    this.highs.load(from)
    this.level = from.number()
    this.calm = from.int()
    this.variance = from.number()
    this.run = from.int()
    for (let bin = 0; bin < BINS; bin++) {
      const seen = from.int()
      this.seen[bin] = seen
      this.usual[bin] = seen > 0 ? from.number() : 0
    }
  }

  /** Whether enough of the newest samples are high. */
  private near(isHigh: boolean): boolean {
    this.highs.push(isHigh ? 1 : 0)
    let high = 0
    for (let i = 0; i < this.highs.size; i++) high += this.highs.at(i)
    return high >= (isHigh ? HIGH_MIN : this.options.nearMin)
  }

  /** A level that has stood long enough is the new one. */
  private stand(ratio: number, isAboveCeiling: boolean): void {
    this.run += 1
    this.ratios.push(ratio)
    if (this.run < this.options.relearnAfter || isAboveCeiling) return
    this.ratios.copy(this.scratch)
    this.level *= medianOf(this.scratch, this.ratios.size)
    this.run = 0
    this.ratios.clear()
    this.highs.clear()
  }

  private learn(bin: number, value: number, ratio: number): void {
    const { forget } = this.options
    const before = this.seen[bin] ?? 0
    const seen = Math.min(before + 1, FORGET_OF_LOAD)
    const usual = before === 0 ? value / this.level : (this.usual[bin] ?? 0)
    this.seen[bin] = seen
    this.usual[bin] = usual + (value / this.level - usual) / seen
    this.calm = Math.min(this.calm + 1, forget)
    this.level += (this.level * (ratio - 1)) / Math.max(LEVEL_FIRST, this.calm)
    const weight = 1 / Math.min(this.calm + SPREAD_FIRST, FORGET_OF_SPREAD)
    this.variance += ((ratio - 1) * (ratio - 1) - this.variance) * weight
  }

  /** Of this load, else between its neighbours, else of the nearest one; null: nothing is known. */
  private usualAt(bin: number): number | null {
    const own = this.known(bin)
    if (own !== null) return own
    let below: number | null = null
    let above: number | null = null
    for (let far = 1; far <= NEIGHBOURS; far++) {
      below ??= this.known(bin - far)
      above ??= this.known(bin + far)
    }
    return below !== null && above !== null ? (below + above) / 2 : (above ?? below)
  }

  private known(bin: number): number | null {
    return (this.seen[bin] ?? 0) >= this.options.least ? (this.usual[bin] ?? null) : null
  }
}

/** Quarter of an octave of a load; everything below 1 is one. */
function binOf(load: number): number {
  let rest = load
  let octave = 0
  while (rest >= 2 && octave < OCTAVES - 1) {
    rest /= 2
    octave += 1
  }
  const [first, second, third] = STEPS
  const quarter = rest < first ? 0 : rest < second ? 1 : rest < third ? 2 : 3
  return PER_OCTAVE * octave + quarter
}
