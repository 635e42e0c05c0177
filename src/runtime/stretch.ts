// Long work on the main loop, in stretches: between them the event loop turns, so that heartbeats
// do not suffer.
import type { Clock } from './ports.ts'

/** Records (a step counts as many) in a stretch: a few milliseconds. */
const STRETCH_RECORDS = 5_000
const STEP_WEIGHT = 50
const STRETCH_MS = 8

export class Stretch {
  readonly #clock: Clock
  #records = 0
  #sinceMs: number

  constructor(clock: Clock) {
    this.#clock = clock
    this.#sinceMs = clock.monotonicMs()
  }

  /** Before a step. Errors: the signal's reason. */
  async before(
    slices: readonly { readonly records: number }[],
    signal: AbortSignal,
  ): Promise<void> {
    for (const { records } of slices) this.#records += records
    this.#records += STEP_WEIGHT
    const isShort = this.#clock.monotonicMs() - this.#sinceMs < STRETCH_MS
    if (isShort && this.#records < STRETCH_RECORDS) return
    signal.throwIfAborted()
    await (this.#clock.turn?.() ?? new Promise((resolve) => setImmediate(resolve)))
    this.#records = 0
    this.#sinceMs = this.#clock.monotonicMs()
  }
}
