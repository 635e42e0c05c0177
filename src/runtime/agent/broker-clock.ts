// The broker's time as an agent can know it: the append times of its own records, and the monotonic
// time since. An agent judges the expiry of commands by it, never by its host's clock.
import type { Clock } from '../ports.ts'

export class BrokerClock {
  readonly #clock: Clock
  /** Broker time minus monotonic time; the largest seen is the one with the least delay in it. */
  #offsetMs: number | null = null

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** A record of ours was appended at this time, and the answer has just come. */
  observe(appendMs: number): void {
    const offsetMs = appendMs - this.#clock.monotonicMs()
    if (this.#offsetMs === null || offsetMs > this.#offsetMs) this.#offsetMs = offsetMs
  }

  /** Broker time, at most one answer's delay too early; null before the first answer. */
  nowMs(): number | null {
    return this.#offsetMs === null ? null : Math.floor(this.#offsetMs + this.#clock.monotonicMs())
  }
}
