// Sums over the last so many buckets of time.
import type { ImageReader, ImageWriter } from '../kernel/image.ts'
import type { Kept } from './verdict.ts'

export interface SlidingSumOptions {
  readonly bucketMs: number
  /** Of the window; the bucket under way is one of them. */
  readonly buckets: number
}

/** What is older than the window when it comes is not counted. */
export class SlidingSum implements Kept {
  private readonly bucketMs: number
  private readonly sums: Float64Array
  /** Number of the newest bucket, counted from time 0; -1: none yet. */
  private newestBucket = -1

  constructor({ bucketMs, buckets }: SlidingSumOptions) {
    this.bucketMs = bucketMs
    this.sums = new Float64Array(buckets)
  }

  /** Number of the newest bucket, counted from time 0; -1: none yet. */
  get newest(): number {
    return this.newestBucket
  }

  advance(nowMs: number): void {
    const { length } = this.sums
    const bucket = Math.floor(nowMs / this.bucketMs)
    const fresh = Math.min(length, bucket - this.newestBucket)
    for (let i = 0; i < fresh; i++) this.sums[(bucket - i) % length] = 0
    if (bucket > this.newestBucket) this.newestBucket = bucket
  }

  add(value: number, atMs: number): void {
    this.advance(atMs)
    const { length } = this.sums
    const bucket = Math.floor(atMs / this.bucketMs)
    if (bucket <= this.newestBucket - length || bucket < 0) return
    this.sums[bucket % length] = (this.sums[bucket % length] ?? 0) + value
  }

  sum(): number {
    let sum = 0
    for (const one of this.sums) sum += one
    return sum
  }

  /** Of the buckets `from` ≤ number < `to`, as far as they are held. */
  between(from: number, to: number): number {
    const { length } = this.sums
    let sum = 0
    const first = Math.max(from, this.newestBucket - length + 1, 0)
    for (let i = first; i < to && i <= this.newestBucket; i++) sum += this.sums[i % length] ?? 0
    return sum
  }

  save(to: ImageWriter): void {
    to.int(this.newestBucket + 1)
    for (const one of this.sums) to.number(one)
  }

  load(from: ImageReader): void {
    this.newestBucket = from.int() - 1
    for (let i = 0; i < this.sums.length; i++) this.sums[i] = from.number()
  }
}
