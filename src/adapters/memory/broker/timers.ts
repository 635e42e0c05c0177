// Time-outs of the broker on the injected clock; none outlives close().
import type { Clock } from '../../../runtime/ports.ts'

export type Cancel = () => void

/** Made once: an abort without a reason makes an error with a stack each time. */
const CANCELLED = new Error('the timer is cancelled')

export class Timers {
  readonly #clock: Clock
  readonly #pending = new Set<AbortController>()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  nowMs(): number {
    return this.#clock.nowMs()
  }

  monotonicMs(): number {
    return this.#clock.monotonicMs()
  }

  after(ms: number, act: () => void): Cancel {
    const stop = new AbortController()
    this.#pending.add(stop)
    this.#clock.sleep(ms, stop.signal).then(
      () => {
        // A cancelled timer whose sleep had already ended must not act either.
        if (this.#pending.delete(stop)) act()
      },
      () => {},
    )
    return () => {
      if (this.#pending.delete(stop)) stop.abort(CANCELLED)
    }
  }

  close(): void {
    for (const stop of this.#pending) stop.abort(CANCELLED)
    this.#pending.clear()
  }
}
