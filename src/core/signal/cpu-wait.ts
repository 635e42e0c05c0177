// Time that a process was ready to run and waited for a processor.
import type { ImageReader, ImageWriter } from '../kernel/image.ts'
import { SlidingSum } from './sliding-sum.ts'
import type { Kept, Verdict } from './verdict.ts'

export interface CpuWaitOptions {
  readonly bucketMs: number
  readonly windowMs: number
  /** Waited longer than this in the window, milliseconds. */
  readonly maxMs: number
}

export const CPU_WAIT: CpuWaitOptions = { bucketMs: 20, windowMs: 1_000, maxMs: 200 }

/**
 * `cpu_wait` (S0-37, read as in C-30): run-queue wait summed over a sliding second of samples of
 * 20 ms; deviates above 200 ms. One thread cannot wait longer than its sample, hence the sum.
 */
export class CpuWait implements Kept {
  private readonly options: CpuWaitOptions
  private readonly waits: SlidingSum

  constructor(options: Partial<CpuWaitOptions> = {}) {
    this.options = { ...CPU_WAIT, ...options }
    const { bucketMs, windowMs } = this.options
    this.waits = new SlidingSum({ bucketMs, buckets: Math.max(1, Math.ceil(windowMs / bucketMs)) })
  }

  push(waitedMs: number, atMs: number): Verdict {
    this.update(waitedMs, atMs)
    return this.verdict()
  }

  /** As `push`; makes nothing. */
  update(waitedMs: number, atMs: number): boolean {
    this.waits.add(waitedMs, atMs)
    return this.waits.sum() > this.options.maxMs
  }

  verdict(): Verdict {
    const { maxMs } = this.options
    const value = this.waits.sum()
    return { deviates: value > maxMs, ready: true, value, limit: maxMs, parts: {} }
  }

  save(to: ImageWriter): void {
    this.waits.save(to)
  }

  load(from: ImageReader): void {
    this.waits.load(from)
  }
}
