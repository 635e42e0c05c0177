// Connections whose clients are done with them, for the next clients: a task that begins opens ten
// of them one after the other, and over a slow way each handshake counts. Kept for seconds only:
// what has been silent for longer may be dead without anybody knowing.
import type { Clock } from '../../runtime/ports.ts'
import type { Lane } from './wire.ts'

const KEPT_MS = 3_000
const KEPT_MAX = 8

interface Idle {
  readonly lane: Lane
  readonly sinceMs: number
}

export class IdleLanes {
  readonly #clock: Clock
  /** The one that was used last comes last. */
  #idle: Idle[] = []
  #isClosed = false

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** One on which nothing is due any more; null: there is none. */
  take(): Lane | null {
    this.#sweep()
    const found = this.#idle.findLast(({ lane }) => !lane.isBusy)
    if (found === undefined) return null
    this.#idle = this.#idle.filter((one) => one !== found)
    return found.lane
  }

  give(lane: Lane): void {
    if (this.#isClosed) {
      lane.close()
      return
    }
    this.#idle.push({ lane, sinceMs: this.#clock.monotonicMs() })
    this.#sweep()
  }

  close(): void {
    this.#isClosed = true
    for (const { lane } of this.#idle) lane.close()
    this.#idle = []
  }

  #sweep(): void {
    const fromMs = this.#clock.monotonicMs() - KEPT_MS
    const kept = this.#idle.filter(({ sinceMs }) => sinceMs >= fromMs).slice(-KEPT_MAX)
    for (const one of this.#idle) if (!kept.includes(one)) one.lane.close()
    this.#idle = kept
  }
}
