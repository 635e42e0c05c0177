// The last so many samples, oldest first, with their mean and standard deviation. Both are summed
// anew whenever they are asked for: nothing drifts, and the same samples give the same figures.
import type { ImageReader, ImageWriter } from '../kernel/image.ts'
import type { Kept } from './verdict.ts'

/** A spread below this share of the mean is rounding, not variation. */
const ROUNDING = 1e-9

export interface Spread {
  readonly mean: number
  /** Population standard deviation, never below what rounding alone gives. */
  readonly sigma: number
}

export class Ring implements Kept {
  private readonly values: Float64Array
  private next = 0
  private held = 0

  constructor(capacity: number) {
    this.values = new Float64Array(capacity)
  }

  get size(): number {
    return this.held
  }

  get capacity(): number {
    return this.values.length
  }

  push(value: number): void {
    this.values[this.next] = value
    this.next = (this.next + 1) % this.values.length
    if (this.held < this.values.length) this.held += 1
  }

  /** The i-th oldest. */
  at(i: number): number {
    return this.values[(this.next + this.values.length - this.held + i) % this.values.length] ?? 0
  }

  clear(): void {
    this.next = 0
    this.held = 0
  }

  spread(): Spread {
    let sum = 0
    for (let i = 0; i < this.held; i++) sum += this.at(i)
    const mean = this.held === 0 ? 0 : sum / this.held
    let squares = 0
    for (let i = 0; i < this.held; i++) squares += (this.at(i) - mean) * (this.at(i) - mean)
    const sigma = this.held === 0 ? 0 : Math.sqrt(squares / this.held)
    return { mean, sigma: Math.max(sigma, ROUNDING * Math.abs(mean)) }
  }

  /** Copies the samples to the beginning of `into`, oldest first. */
  copy(into: Float64Array): void {
    for (let i = 0; i < this.held; i++) into[i] = this.at(i)
  }

  save(to: ImageWriter): void {
    to.int(this.held)
    for (let i = 0; i < this.held; i++) to.number(this.at(i))
  }

  load(from: ImageReader): void {
    this.clear()
    for (let left = from.count(); left > 0; left--) this.push(from.number())
  }
}
