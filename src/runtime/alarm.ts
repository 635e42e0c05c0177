// One timer that is only ever set earlier or let ring: "look again" at a monotonic time. Ringing
// too early is harmless, because whoever is woken looks at what is due and sets it again.
import { after } from './clock.ts'
import type { Clock } from './ports.ts'

export class Alarm {
  readonly #clock: Clock
  readonly #ring: () => void
  #dueMs = Number.POSITIVE_INFINITY
  #cancel: () => void = () => undefined
  #closed = false

  constructor(clock: Clock, ring: () => void) {
    this.#clock = clock
    this.#ring = ring
  }

  /** Rings at `dueMs` (monotonic) or earlier. Infinity sets nothing. */
  set(dueMs: number): void {
    if (this.#closed || dueMs >= this.#dueMs) return
    this.#cancel()
    this.#dueMs = dueMs
    const waitMs = Math.ceil(Math.max(0, dueMs - this.#clock.monotonicMs()))
    this.#cancel = after(this.#clock, waitMs, () => {
      if (this.#closed) return
      this.#dueMs = Number.POSITIVE_INFINITY
      this.#ring()
    })
  }

  close(): void {
    this.#closed = true
    this.#cancel()
  }
}
