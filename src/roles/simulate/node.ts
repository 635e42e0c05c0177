// A process of the simulated cluster, seen from outside: a clock of its own (offset, drift, jumps
// of wall time), and a door through which everything reaches it: timers and answers. Stopped
// (SIGSTOP), they wait before the door; killed, nothing passes any more, in or out.
import type { Clock } from '../../runtime/ports.ts'
import { type Due, type World, WORLD_BEGINS_MS } from './world.ts'

/** A timer never rings early, whatever was rounded. */
const GRAIN_MS = 1e-6
/** A stretch of work between two turns. */
const TURN_MS = 2

export interface NodeOptions {
  readonly name: string
  /** Wall time minus the broker's, ms. */
  readonly offsetMs: number
  /** Milliseconds of this clock per millisecond of the world. */
  readonly rate: number
}

export class SimNode implements Clock {
  readonly name: string
  readonly #world: World
  readonly #rate: number
  readonly #waiting: (() => void)[] = []
  #offsetMs: number
  #state: 'up' | 'paused' | 'dead' = 'up'
  /** Sleeps that have not ended. */
  sleeping: number = 0

  constructor(world: World, { name, offsetMs, rate }: NodeOptions) {
    this.name = name
    this.#world = world
    this.#offsetMs = offsetMs
    this.#rate = rate
  }

  get isDead(): boolean {
    return this.#state === 'dead'
  }

  get isPaused(): boolean {
    return this.#state === 'paused'
  }

  nowMs(): number {
    return Math.floor(WORLD_BEGINS_MS + this.#world.nowMs + this.#offsetMs)
  }

  monotonicMs(): number {
    return 1_000 + this.#world.nowMs * this.#rate
  }

  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      if (signal?.aborted === true) {
        reject(signal.reason)
        return
      }
      this.sleeping++
      const wake = (): void => {
        if (due.act === null) return
        due.act = null
        this.sleeping--
        signal?.removeEventListener('abort', stop)
        resolve()
      }
      const due: Due = this.#world.after(ms / this.#rate + GRAIN_MS, () => {
        due.act = wake
        this.enter(wake)
      })
      const stop = (): void => {
        due.act = null
        this.sleeping--
        reject(signal?.reason)
      }
      signal?.addEventListener('abort', stop, { once: true })
    })
  }

  timer(ms: number, act: () => void): () => void {
    this.sleeping++
    const ring = (): void => {
      if (due.act === null) return
      due.act = null
      this.sleeping--
      act()
    }
    const due: Due = this.#world.after(ms / this.#rate + GRAIN_MS, () => {
      due.act = ring
      this.enter(ring)
    })
    return () => {
      if (due.act === null) return
      due.act = null
      this.sleeping--
    }
  }

  /** Work takes a moment here too. */
  turn(): Promise<void> {
    return this.sleep(TURN_MS)
  }

  /** Something reaches the process: now, when it goes on, or never. */
  enter(act: () => void): void {
    if (this.#state === 'up') act()
    else if (this.#state === 'paused') this.#waiting.push(act)
  }

  jump(byMs: number): void {
    this.#offsetMs += byMs
  }

  kill(): void {
    this.#state = 'dead'
    this.#waiting.length = 0
    this.sleeping = 0
  }

  pause(): void {
    if (this.#state === 'up') this.#state = 'paused'
  }

  /** Everything that waited happens at once, in the order in which it came. */
  resume(): void {
    if (this.#state !== 'paused') return
    this.#state = 'up'
    for (const act of this.#waiting.splice(0)) this.#world.after(0, () => this.enter(act))
  }
}
