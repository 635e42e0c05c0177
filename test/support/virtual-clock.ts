// Time that stands still until somebody moves it. Sleepers wake in the order of their time, then of
// their sleep; between two of them everything that can run without time has run, so the same test
// gives the same order every time.
import type { Clock } from '../../src/runtime/ports.ts'

const IDLE_TURNS = 1_000

interface Sleeper {
  readonly dueMs: number
  readonly wake: () => void
}

/** Until no promise can make progress by itself. */
function settle(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve)
  })
}

export class VirtualClock implements Clock {
  readonly #startMs: number
  /** Ordered by due time; equal times in the order of arrival. */
  readonly #sleepers: Sleeper[] = []
  #elapsedMs = 0
  #pumping = false

  constructor(startMs: number = 1_760_000_000_000) {
    this.#startMs = startMs
  }

  nowMs(): number {
    return this.#startMs + this.#elapsedMs
  }

  monotonicMs(): number {
    return this.#elapsedMs
  }

  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      if (signal?.aborted === true) {
        reject(signal.reason)
        return
      }
      const stop = (): void => {
        const at = this.#sleepers.indexOf(sleeper)
        if (at >= 0) this.#sleepers.splice(at, 1)
        reject(signal?.reason)
      }
      const sleeper: Sleeper = {
        dueMs: this.#elapsedMs + Math.max(0, ms),
        wake: () => {
          signal?.removeEventListener('abort', stop)
          resolve()
        },
      }
      const behind = this.#sleepers.findLastIndex((other) => other.dueMs <= sleeper.dueMs)
      this.#sleepers.splice(behind + 1, 0, sleeper)
      signal?.addEventListener('abort', stop, { once: true })
    })
  }

  /** Number of sleepers: 0 after everything was closed. */
  get sleeping(): number {
    return this.#sleepers.length
  }

  /** Moves time on, waking who is due on the way. */
  async advance(ms: number): Promise<void> {
    const untilMs = this.#elapsedMs + ms
    await settle()
    while (this.#wakeNext(untilMs)) await settle()
    this.#elapsedMs = untilMs
  }

  /** Lets time jump from sleeper to sleeper until the promise settles. */
  async run<T>(promise: Promise<T>): Promise<T> {
    const state = { done: false }
    const finish = (): void => {
      state.done = true
    }
    promise.then(finish, finish)
    await settle()
    // Work without a sleeper may take some turns of the event loop.
    for (let idle = 0; !state.done; ) {
      idle = this.#wakeNext(Number.POSITIVE_INFINITY) ? 0 : idle + 1
      if (idle > IDLE_TURNS) throw new Error('nothing sleeps, and the promise is still pending')
      await settle()
    }
    return promise
  }

  /** As `run`, in the background, until the returned function is called. */
  pump(): () => void {
    if (this.#pumping) throw new Error('the clock is being pumped already')
    this.#pumping = true
    const turn = async (): Promise<void> => {
      while (this.#pumping) {
        await settle()
        this.#wakeNext(Number.POSITIVE_INFINITY)
      }
    }
    turn().catch((error: unknown) => {
      throw error
    })
    return () => {
      this.#pumping = false
    }
  }

  #wakeNext(untilMs: number): boolean {
    const next = this.#sleepers[0]
    if (next === undefined || next.dueMs > untilMs) return false
    this.#sleepers.shift()
    this.#elapsedMs = Math.max(this.#elapsedMs, next.dueMs)
    next.wake()
    return true
  }
}
