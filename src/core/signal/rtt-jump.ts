// A sudden rise of the round trip.
import type { ImageReader, ImageWriter } from '../kernel/image.ts'
import type { Kept, Verdict } from './verdict.ts'

export interface RttJumpOptions {
  readonly alpha: number
  /** Samples before anything is judged. */
  readonly least: number
  /** A rise of 300 % read as four times the baseline, or (`asRatio`) as three times. */
  readonly asRatio: boolean
  /** Round trips below this are no deviation, whatever the baseline; same unit as the samples. */
  readonly floor: number
  /** After so many deviating samples in a row they are the new baseline. */
  readonly relearnAfter: number
}

export const RTT_JUMP: RttJumpOptions = {
  alpha: 0.1,
  least: 10,
  asRatio: false,
  floor: 0,
  relearnAfter: 60,
}

/** Rise of 300 %, and ratio of 300 %. */
const RISE = 4
const RATIO = 3

/**
 * `rtt` (S0-35): deviates at four times the baseline or more (`as_ratio`: three times). The
 * baseline is an exponentially weighted mean of what did not deviate: a spike leaves it as it was.
 * A route that stays long becomes the baseline after `relearnAfter` samples.
 */
export class RttJump implements Kept {
  private readonly options: RttJumpOptions
  private baseline = 0
  private seen = 0
  private run = 0
  private runSum = 0
  /** The newest sample, and what it was held against. */
  private value = Number.NaN
  private limit = Number.NaN
  private held = 0

  constructor(options: Partial<RttJumpOptions> = {}) {
    this.options = { ...RTT_JUMP, ...options }
  }

  push(value: number): Verdict {
    this.update(value)
    return this.verdict()
  }

  /** As `push`; makes nothing. */
  update(value: number): boolean {
    const { least, asRatio, floor, relearnAfter } = this.options
    this.held = this.baseline
    this.value = value
    const times = asRatio ? RATIO : RISE
    this.limit = this.seen >= least ? Math.max(times * this.baseline, floor) : Number.NaN
    const deviates = value >= this.limit && value > 0
    if (!deviates) this.fold(value)
    else {
      this.run += 1
      this.runSum += value
      if (this.run >= relearnAfter) this.relearn()
    }
    return deviates
  }

  verdict(): Verdict {
    const { value, limit, held: baseline, run } = this
    const deviates = value >= limit && value > 0
    return { deviates, ready: !Number.isNaN(limit), value, limit, parts: { baseline, run } }
  }

  save(to: ImageWriter): void {
    to.number(this.baseline).int(this.seen).int(this.run).number(this.runSum)
    to.number(this.value).number(this.limit).number(this.held)
  }

  load(from: ImageReader): void {
    this.baseline = from.number()
    this.seen = from.int()
    this.run = from.int()
    this.runSum = from.number()
    this.value = from.number()
    this.limit = from.number()
    this.held = from.number()
  }

  private fold(value: number): void {
    const { alpha, least } = this.options
    this.run = 0
    this.runSum = 0
    if (this.seen < least) this.seen += 1
    // The plain mean of the first ones, so that no single one of them weighs more.
    const weight = this.seen < least ? 1 / this.seen : alpha
    this.baseline += weight * (value - this.baseline)
  }

  private relearn(): void {
    this.baseline = this.runSum / this.run
    this.run = 0
    this.runSum = 0
  }
}
