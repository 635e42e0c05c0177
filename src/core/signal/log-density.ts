// Density of error lines: so many in ten seconds, so many in a minute.
import type { ImageReader, ImageWriter } from '../kernel/image.ts'
import { SlidingSum } from './sliding-sum.ts'
import type { Kept, Verdict } from './verdict.ts'

export interface LogDensityOptions {
  /** Error lines in a tumbling window of 10 s from which on it deviates. */
  readonly burst: number
  /** Error lines in the last 60 s from which on it deviates. */
  readonly minute: number
}

export const LOG_DENSITY: LogDensityOptions = { burst: 100, minute: 300 }

const SECOND_MS = 1_000
const TUMBLING = 10
const SLIDING = 60

/**
 * `error_logs` (S3-12): lines of level error and above, counted in tumbling windows of 10 s and a
 * sliding one of 60 s, in whole seconds of event time. Deviates as soon as the tumbling window
 * under way or the last one reaches `burst`, or the sliding one `minute`: within a second of it.
 */
export class LogDensity implements Kept {
  private readonly options: LogDensityOptions
  private readonly seconds = new SlidingSum({ bucketMs: SECOND_MS, buckets: SLIDING })

  constructor(options: Partial<LogDensityOptions> = {}) {
    this.options = { ...LOG_DENSITY, ...options }
  }

  push(lines: number, atMs: number): Verdict {
    this.update(lines, atMs)
    return this.verdict()
  }

  /** As `push`; makes nothing. */
  update(lines: number, atMs: number): boolean {
    this.seconds.add(lines, atMs)
    const { burst, minute } = this.options
    const { newest } = this.seconds
    const start = newest - (newest % TUMBLING)
    if (this.seconds.between(start, start + TUMBLING) >= burst) return true
    return this.seconds.between(start - TUMBLING, start) >= burst || this.seconds.sum() >= minute
  }

  /** Lines of the last 60 s, as of the last sample. */
  get lastMinute(): number {
    return this.seconds.sum()
  }

  verdict(nowMs: number | null = null): Verdict {
    if (nowMs !== null) this.seconds.advance(nowMs)
    const { burst, minute } = this.options
    const { newest } = this.seconds
    const start = newest - (newest % TUMBLING)
    const now = this.seconds.between(start, start + TUMBLING)
    const last = this.seconds.between(start - TUMBLING, start)
    const sliding = this.seconds.sum()
    const value = Math.max(now, last)
    const deviates = value >= burst || sliding >= minute
    return { deviates, ready: true, value, limit: burst, parts: { now, last, sliding, minute } }
  }

  save(to: ImageWriter): void {
    this.seconds.save(to)
  }

  load(from: ImageReader): void {
    this.seconds.load(from)
  }
}
