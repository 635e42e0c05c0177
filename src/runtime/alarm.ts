// One timer that is only ever set earlier or let ring: "look again" at a monotonic time. Ringing
// too early is harmless, because whoever is woken looks at what is due and sets it again.
import type { Clock } from './ports.ts'

/** Made once: an abort without a reason makes an error with a stack each time. */
const SET_ANEW = new Error('the alarm is set anew')

export class Alarm {
  readonly #clock: Clock
  readonly #ring: () => void
  #dueMs = Number.POSITIVE_INFINITY
  #sleep: AbortController | null = null
  #closed = false

  constructor(clock: Clock, ring: () => void) {
    this.#clock = clock
    this.#ring = ring
  }

  /** Rings at `dueMs` (monotonic) or earlier. Infinity sets nothing. */
  set(dueMs: number): void {
    if (this.#closed || dueMs >= this.#dueMs) return
    this.#sleep?.abort(SET_ANEW)
    this.#dueMs = dueMs
    const sleep = new AbortController()
    this.#sleep = sleep
    const waitMs = Math.ceil(Math.max(0, dueMs - this.#clock.monotonicMs()))
    this.#clock.sleep(waitMs, sleep.signal).then(
      () => {
        if (sleep.signal.aborted || this.#closed) return
        this.#dueMs = Number.POSITIVE_INFINITY
        this.#sleep = null
        this.#ring()
      },
      () => undefined,
    )
  }

  close(): void {
    this.#closed = true
    this.#sleep?.abort(SET_ANEW)
  }
}
