// What a slow way does to frames: each waits for its delay and for its turn at the rate, and none
// overtakes another.
import { Lcg } from './lcg.ts'

/** Of one direction; a rate of null is no limit. */
export interface Slowness {
  readonly delayMs: number
  /** Added to the delay, from 0 up to this, for each frame anew. */
  readonly jitterMs: number
  readonly bytesPerSecond: number | null
}

interface Waiting {
  readonly dueMs: number
  readonly pass: () => void
}

/** One direction of one connection. */
export class Pace {
  readonly #random = new Lcg(1)
  readonly #waiting: Waiting[] = []
  #timer: NodeJS.Timeout | null = null
  /** When the way has carried everything before. */
  #freeMs = 0

  /** At once where nothing is slow and nothing waits. */
  carry(bytes: number, slow: Slowness | null, pass: () => void): void {
    if (slow === null && this.#waiting.length === 0) {
      pass()
      return
    }
    const nowMs = performance.now()
    const { delayMs, jitterMs, bytesPerSecond } = slow ?? FAST
    const takesMs = bytesPerSecond === null ? 0 : (bytes / bytesPerSecond) * 1_000
    this.#freeMs = Math.max(this.#freeMs, nowMs) + takesMs
    const ownMs = this.#freeMs + delayMs + this.#random.below(jitterMs + 1)
    const beforeMs = this.#waiting.at(-1)?.dueMs ?? 0
    this.#waiting.push({ dueMs: Math.max(ownMs, beforeMs), pass })
    this.#arm()
  }

  /** What waits never arrives. */
  end(): void {
    this.#waiting.length = 0
    if (this.#timer !== null) clearTimeout(this.#timer)
    this.#timer = null
  }

  #arm(): void {
    const next = this.#waiting[0]
    if (next === undefined || this.#timer !== null) return
    this.#timer = setTimeout(() => this.#ring(), Math.max(0, next.dueMs - performance.now()))
  }

  #ring(): void {
    this.#timer = null
    for (let next = this.#waiting[0]; next !== undefined; next = this.#waiting[0]) {
      if (next.dueMs > performance.now()) break
      this.#waiting.shift()
      next.pass()
    }
    this.#arm()
  }
}

const FAST: Slowness = { delayMs: 0, jitterMs: 0, bytesPerSecond: null }
