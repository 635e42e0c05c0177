// Success rate of the last so many executions, by count instead of by time.
import type { ImageReader, ImageWriter } from '../kernel/image.ts'
import { Ring } from './ring.ts'
import type { Kept, Verdict } from './verdict.ts'

export interface TaskSuccessOptions {
  /** Executions that count. */
  readonly window: number
  /** With fewer, nothing is said: insufficient is not 0 %. */
  readonly least: number
  /** Deviates at or below this share. */
  readonly min: number
}

export const TASK_SUCCESS: TaskSuccessOptions = { window: 50, least: 10, min: 0.8 }

/**
 * `task_success` (S3-13): share of the last N executions that succeeded. Outcomes that come
 * together have no order among themselves: the failures are spread evenly over them, and of more
 * than N every outcome counts by its share.
 */
export class TaskSuccess implements Kept {
  private readonly options: TaskSuccessOptions
  /** 1: succeeded. */
  private readonly ring: Ring
  private good = 0

  constructor(options: Partial<TaskSuccessOptions> = {}) {
    this.options = { ...TASK_SUCCESS, ...options }
    this.ring = new Ring(this.options.window)
  }

  push(succeeded: number, failed: number): Verdict {
    this.update(succeeded, failed)
    return this.verdict()
  }

  /** As `push`; makes nothing. */
  update(succeeded: number, failed: number): boolean {
    const total = succeeded + failed
    const count = Math.min(total, this.ring.capacity)
    const failures = count === total ? failed : Math.round((failed * count) / total)
    for (let i = 1; i <= count; i++) {
      const isFailure = spread(failures, i, count) > spread(failures, i - 1, count)
      this.add(isFailure ? 0 : 1)
    }
    const { size } = this.ring
    return size >= this.options.least && this.good / size <= this.options.min
  }

  /** Share that succeeded, or null while it is insufficient. */
  get share(): number | null {
    const { size } = this.ring
    return size < this.options.least ? null : this.good / size
  }

  verdict(): Verdict {
    const { least, min } = this.options
    const n = this.ring.size
    const ready = n >= least
    const value = n === 0 ? Number.NaN : this.good / n
    return {
      deviates: ready && value <= min,
      ready,
      value,
      limit: min,
      parts: { n, failed: n - this.good },
    }
  }

  save(to: ImageWriter): void {
    this.ring.save(to)
  }

  load(from: ImageReader): void {
    this.ring.load(from)
    this.good = 0
    for (let i = 0; i < this.ring.size; i++) this.good += this.ring.at(i)
  }

  private add(outcome: number): void {
    if (this.ring.size === this.ring.capacity) this.good -= this.ring.at(0)
    this.ring.push(outcome)
    this.good += outcome
  }
}

/** Of `failures` spread over `count`, those among the first `i`. */
function spread(failures: number, i: number, count: number): number {
  return Math.floor((failures * i) / count)
}
