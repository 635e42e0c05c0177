// Time-outs of the broker on the injected clock; none outlives close().
import { after } from '../../../runtime/clock.ts'
import type { Clock } from '../../../runtime/ports.ts'

export type Cancel = () => void

export class Timers {
  readonly #clock: Clock
  readonly #pending = new Set<Cancel>()

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
    const cancel = after(this.#clock, ms, () => {
      this.#pending.delete(cancel)
      act()
    })
    this.#pending.add(cancel)
    return () => {
      if (this.#pending.delete(cancel)) cancel()
    }
  }

  close(): void {
    for (const cancel of this.#pending) cancel()
    this.#pending.clear()
  }
}
