// Up to when is everything known? Of a partition that was read to its end: up to when it was asked;
// of one that is behind: up to the append time of what was read last.
import type { Clock, Fetched, TopicPartition } from '../../runtime/ports.ts'

const MEASURE_MS = 1_000

export class Recency {
  private readonly clock: Clock
  private readonly known: Map<string, { readonly partition: number; atMs: number }>
  private measuredMs = Number.NEGATIVE_INFINITY

  constructor(places: readonly TopicPartition[], clock: Clock) {
    this.clock = clock
    this.known = new Map(
      places.map(({ topic, partition }) => [`${topic}-${partition}`, { partition, atMs: 0 }]),
    )
  }

  heard(fetched: Fetched): void {
    const held = this.known.get(`${fetched.topic}-${fetched.partition}`)
    if (held === undefined) return
    const sinceMs = Math.max(0, this.clock.monotonicMs() - fetched.sentMs)
    const last = fetched.batches.at(-1)?.maxTimestampMs ?? 0
    const atMs = fetched.caughtUp ? this.clock.nowMs() - sinceMs : last
    held.atMs = Math.max(held.atMs, Math.min(atMs, this.clock.nowMs()))
  }

  /** Epoch ms; 0 while a partition has not been heard of. */
  asOfMs(): number {
    return Math.min(...[...this.known.values()].map(({ atMs }) => atMs))
  }

  /** Once a second: how far each partition lies back, the worst of its topics. */
  lags(): readonly { readonly partition: number; readonly seconds: number }[] {
    const nowMs = this.clock.monotonicMs()
    if (nowMs - this.measuredMs < MEASURE_MS) return []
    this.measuredMs = nowMs
    const worst = new Map<number, number>()
    for (const { partition, atMs } of this.known.values())
      if (atMs > 0) worst.set(partition, Math.min(worst.get(partition) ?? atMs, atMs))
    return [...worst].map(([partition, atMs]) => ({
      partition,
      seconds: Math.max(0, this.clock.nowMs() - atMs) / 1_000,
    }))
  }
}
