// Loss of packets or probes, sustained.
import type { ImageReader, ImageWriter } from '../kernel/image.ts'
import { SlidingSum } from './sliding-sum.ts'
import type { Kept, Verdict } from './verdict.ts'

export interface LossOptions {
  readonly bucketMs: number
  readonly windowMs: number
  /** Lost share above which it counts. */
  readonly max: number
  /** It must stay above for so long. */
  readonly sustainMs: number
  /** Sent in the window before it is judged. */
  readonly least: number
}

export const LOSS: LossOptions = {
  bucketMs: 100,
  windowMs: 2_000,
  max: 0.15,
  sustainMs: 1_000,
  least: 10,
}

/**
 * `loss` (S0-36): share of what was lost over a sliding window of 2 s (20 samples of 100 ms),
 * estimated from probes and retransmits; deviates once it has been above 15 % without a break for
 * a second.
 */
export class Loss implements Kept {
  private readonly options: LossOptions
  private readonly sent: SlidingSum
  private readonly lost: SlidingSum
  private aboveSinceMs: number | null = null
  private lastMs = 0

  constructor(options: Partial<LossOptions> = {}) {
    this.options = { ...LOSS, ...options }
    const { bucketMs, windowMs } = this.options
    const buckets = Math.max(1, Math.ceil(windowMs / bucketMs))
    this.sent = new SlidingSum({ bucketMs, buckets })
    this.lost = new SlidingSum({ bucketMs, buckets })
  }

  push(sent: number, lost: number, atMs: number): Verdict {
    this.update(sent, lost, atMs)
    return this.verdict()
  }

  /** As `push`; makes nothing. */
  update(sent: number, lost: number, atMs: number): boolean {
    const { max, sustainMs, least } = this.options
    this.sent.add(sent, atMs)
    this.lost.add(lost, atMs)
    this.lastMs = Math.max(this.lastMs, atMs)
    const n = this.sent.sum()
    if (n < least || this.lost.sum() / n <= max) this.aboveSinceMs = null
    else this.aboveSinceMs ??= this.lastMs
    return this.aboveSinceMs !== null && this.lastMs - this.aboveSinceMs >= sustainMs
  }

  verdict(): Verdict {
    const { max, sustainMs, least } = this.options
    const n = this.sent.sum()
    const value = n === 0 ? 0 : this.lost.sum() / n
    const forMs = this.aboveSinceMs === null ? 0 : this.lastMs - this.aboveSinceMs
    const deviates = this.aboveSinceMs !== null && forMs >= sustainMs
    return { deviates, ready: n >= least, value, limit: max, parts: { sent: n, forMs } }
  }

  save(to: ImageWriter): void {
    this.sent.save(to)
    this.lost.save(to)
    to.numberOrNull(this.aboveSinceMs).number(this.lastMs)
  }

  load(from: ImageReader): void {
    this.sent.load(from)
    this.lost.load(from)
    this.aboveSinceMs = from.numberOrNull()
    this.lastMs = from.number()
  }
}
