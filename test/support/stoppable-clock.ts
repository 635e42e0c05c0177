// The clock of one process that is stopped and goes on again: who is due meanwhile wakes when it
// goes on, all at once, in the order that the test wants.
import type { Clock } from '../../src/runtime/ports.ts'

export class StoppableClock implements Clock {
  readonly #inner: Clock
  #stopped = false
  #due: (() => void)[] = []

  constructor(inner: Clock) {
    this.#inner = inner
  }

  nowMs(): number {
    return this.#inner.nowMs()
  }

  monotonicMs(): number {
    return this.#inner.monotonicMs()
  }

  async sleep(ms: number, signal?: AbortSignal): Promise<void> {
    await this.#inner.sleep(ms, signal)
    if (!this.#stopped) return
    await new Promise<void>((resolve) => {
      this.#due.push(resolve)
    })
    signal?.throwIfAborted()
  }

  stop(): void {
    this.#stopped = true
  }

  go(order: 'first to last' | 'last to first'): void {
    this.#stopped = false
    const due = this.#due.splice(0)
    for (const wake of order === 'first to last' ? due : due.toReversed()) wake()
  }
}
