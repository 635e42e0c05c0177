// Metrics with names of the user's own, of one instance: the newest value of each, until it was not
// told for a while. Bounded; what is not told costs nothing.
import { METRICS_PER_INSTANCE_MAX } from '../../contracts/metric-name.ts'
import type { ImageReader, ImageWriter } from '../kernel/image.ts'
import type { Metrics } from '../kernel/signs.ts'

/** A metric that is not told again is not known after this. */
export const METRIC_STALE_MS = 60_000

export class OwnMetrics {
  private readonly newest = new Map<string, number>()
  private readonly toldMs = new Map<string, number>()

  get values(): Metrics {
    return this.newest
  }

  /**
   * `new`: a name that was not known; `passed`: older than what is known; `too_many`: a further
   * name than are told apart.
   */
  fold(name: string, value: number, atMs: number): 'new' | 'known' | 'passed' | 'too_many' {
    const heldMs = this.toldMs.get(name)
    if (heldMs === undefined && this.newest.size >= METRICS_PER_INSTANCE_MAX) return 'too_many'
    if (heldMs !== undefined && atMs < heldMs) return 'passed'
    this.newest.set(name, value)
    this.toldMs.set(name, atMs)
    return heldMs === undefined ? 'new' : 'known'
  }

  /** Forgets what is stale. Log time at which the next one is, or Infinity. */
  expire(nowMs: number): number {
    let nextMs = Number.POSITIVE_INFINITY
    for (const [name, toldMs] of this.toldMs) {
      const staleMs = toldMs + METRIC_STALE_MS
      if (staleMs > nowMs) nextMs = Math.min(nextMs, staleMs)
      else {
        this.newest.delete(name)
        this.toldMs.delete(name)
      }
    }
    return nextMs
  }

  save(to: ImageWriter): void {
    to.int(this.newest.size)
    for (const [name, value] of this.newest) {
      to.text(name)
        .number(value)
        .number(this.toldMs.get(name) ?? 0)
    }
  }

  load(from: ImageReader): void {
    for (let left = from.count(); left > 0; left--) {
      const name = from.text()
      this.newest.set(name, from.number())
      this.toldMs.set(name, from.number())
    }
  }
}
