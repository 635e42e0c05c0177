// Figures of the instances of a service side by side, for their comparison: nothing is made anew
// for each of them.
import type { Subject } from './subject.ts'

const PEERS_FIRST = 64

/** Those that are compared, in order; used again for every service. */
export class PeerTable {
  count: number = 0
  readonly subjects: Subject[] = []
  /** Share of errors, and P99 in microseconds, over 60 s. */
  errors: Float64Array<ArrayBuffer> = new Float64Array(PEERS_FIRST)
  p99Us: Float64Array<ArrayBuffer> = new Float64Array(PEERS_FIRST)

  /** Room for so many. */
  begin(most: number): void {
    this.count = 0
    if (most <= this.errors.length) return
    this.errors = new Float64Array(2 * most)
    this.p99Us = new Float64Array(2 * most)
  }
}
