// Running totals of one key (an instance, a service or an edge) over one window.
import type { Figures } from '../kernel/facts.ts'
import { middleUs, SLOTS, upperUs } from './grid.ts'

/** Of which key; `instance` null: the service as a whole; `caller` set: an edge. */
export interface RowKey {
  readonly service: string
  readonly instance: string | null
  readonly caller: string | null
}

export class Row {
  readonly key: RowKey
  readonly id: number
  n: number = 0
  errors: number = 0
  /** Latencies counted; at most n. */
  latencies: number = 0
  /** Per slot of the grid; allocated with the first latency. Doubles, exact below 2^53. */
  counts: Float64Array | null = null
  /** Entries of the pane log that still count here. */
  entries: number = 0
  /** Entries that began before this log time are forgotten. */
  cutMs: number = 0
  changed: boolean = false

  constructor(id: number, key: RowKey) {
    this.id = id
    this.key = key
  }

  /** `sign` 1 adds, -1 takes away: exact inverses, because all sums stay integers below 2^53. */
  total(n: number, errors: number, sign: 1 | -1): void {
    this.n += sign * n
    this.errors += sign * errors
    this.entries += sign
  }

  latency(slot: number, count: number): void {
    this.counts ??= new Float64Array(SLOTS)
    this.counts[slot] = (this.counts[slot] ?? 0) + count
    this.latencies += count
  }

  figures(spanMs: number): Figures {
    const { n, errors, latencies } = this
    return {
      spanMs,
      n,
      errors,
      successRate: n === 0 ? null : (n - errors) / n,
      p99Us: latencies === 0 ? null : middleUs(this.slotFromTop(Math.floor(latencies / 100))),
      maxUs: latencies === 0 ? 0 : upperUs(this.slotFromTop(0)),
    }
  }

  /**
   * The slot that holds the latency with exactly `above` larger or equal ones after it. P99 is the
   * nearest rank: the ceil(0.99 × m)-th smallest of m, which has floor(m / 100) after it.
   */
  private slotFromTop(above: number): number {
    const counts = this.counts
    if (counts === null) return 0
    let seen = 0
    for (let slot = SLOTS - 1; slot > 0; slot--) {
      seen += counts[slot] ?? 0
      if (seen > above) return slot
    }
    return 0
  }

  /** Non-empty slots with their counts, flat. */
  nonEmpty(): number[] {
    const flat: number[] = []
    this.counts?.forEach((count, slot) => {
      if (count !== 0) flat.push(slot, count)
    })
    return flat
  }
}
