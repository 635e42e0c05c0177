import { WORLD_BEGINS_MS } from './world.js'
/** A stretch of work between two turns. */
const TURN_MS = 2
export class SimNode {
  name
  #world
  #rate
  #waiting = []
  #offsetMs
  #state = 'up'
  /** Sleeps that have not ended. */
  sleeping = 0
  constructor(world, { name, offsetMs, rate }) {
    this.name = name
    this.#world = world
    this.#offsetMs = offsetMs
    this.#rate = rate
  }
  get isDead() {
    return this.#state === 'dead'
  }
  get isPaused() {
    return this.#state === 'paused'
  }
  nowMs() {
    return Math.floor(WORLD_BEGINS_MS + this.#world.nowMs + this.#offsetMs)
  }
  monotonicMs() {
    return 1_000 + this.#world.nowMs * this.#rate
  }
  sleep(ms, signal) {
    return new Promise((resolve, reject) => {
      if (signal?.aborted === true) {
        reject(signal.reason)
        return
      }
      this.sleeping++
      const wake = () => {
        if (due.act === null) return
        due.act = null
        this.sleeping--
        signal?.removeEventListener('abort', stop)
        resolve()
      }
      const due = this.#world.after(ms / this.#rate, () => {
        due.act = wake
        this.enter(wake)
      })
      const stop = () => {
        due.act = null
        this.sleeping--
        reject(signal?.reason)
      }
      signal?.addEventListener('abort', stop, { once: true })
    })
  }
  /** Work takes a moment here too. */
  turn() {
    return this.sleep(TURN_MS)
  }
  /** Something reaches the process: now, when it goes on, or never. */
  enter(act) {
    if (this.#state === 'up') act()
    else if (this.#state === 'paused') this.#waiting.push(act)
  }
  jump(byMs) {
    this.#offsetMs += byMs
  }
  kill() {
    this.#state = 'dead'
    this.#waiting.length = 0
    this.sleeping = 0
  }
  pause() {
    if (this.#state === 'up') this.#state = 'paused'
  }
  /** Everything that waited happens at once, in the order in which it came. */
  resume() {
    if (this.#state !== 'paused') return
    this.#state = 'up'
    for (const act of this.#waiting.splice(0)) this.#world.after(0, () => this.enter(act))
  }
}
//# sourceMappingURL=node.js.map
