// Virtual time for a whole cluster in one process. What is due is done in the order of its time,
// then of its making; between two of them everything that can go on without time has gone on. The
// event loop is not waited for (a tick behind all microtasks is enough, and a hundred times
// quicker), so nothing inside may wait for it either.

/** Something that will be done, unless it is cancelled before. */
export interface Due {
  readonly atMs: number
  readonly order: number
  act: (() => void) | null
}

/** So many events, then the process hears signals and messages again. */
const EVENTS_PER_TURN = 50_000
/** Epoch ms at which every simulation begins: a whole minute. */
export const WORLD_BEGINS_MS = 1_800_000_000_000

/** Already resolved. */
const NOTHING = Promise.resolve()

export class World {
  /** Milliseconds since the world began. */
  nowMs: number = 0
  #heap: Due[] = []
  #order = 0
  /** Events done so far. */
  events: number = 0

  after(ms: number, act: () => void): Due {
    this.#order++
    const due = { atMs: this.nowMs + Math.max(0, ms), order: this.#order, act }
    this.#push(due)
    return due
  }

  /** Lets time go on to `untilMs`, or until `isOver` says so. Errors: what an event throws. */
  run(untilMs: number, isOver: () => boolean = () => false): Promise<void> {
    return new Promise((resolve, reject) => {
      const goOn = (): void => {
        try {
          if (isOver() || !this.#next(untilMs)) resolve()
          else if (this.events % EVENTS_PER_TURN === 0) setImmediate(goOn)
          else void NOTHING.then(settle)
        } catch (error) {
          reject(error instanceof Error ? error : new Error(String(error)))
        }
      }
      // A tick comes when no promise can make progress by itself any more.
      const settle = (): void => process.nextTick(goOn)
      // By way of a promise here too: whoever calls may be in a tick, with promises behind it.
      void NOTHING.then(settle)
    })
  }

  /** Does what is due next; false: nothing is until then, and it is then. */
  #next(untilMs: number): boolean {
    for (;;) {
      const due = this.#heap[0]
      if (due === undefined || due.atMs > untilMs) {
        this.nowMs = untilMs
        return false
      }
      this.#pop()
      if (due.act === null) continue
      this.nowMs = due.atMs
      due.act()
      this.events++
      return true
    }
  }

  /**
   * Lets time go on until the promise has settled. Errors: RangeError after `withinMs`, or the
   * promise's own.
   */
  async settle<T>(what: string, promise: Promise<T>, withinMs: number): Promise<T> {
    let isSettled = false
    const note = (): void => {
      isSettled = true
    }
    promise.then(note, note)
    await this.run(this.nowMs + withinMs, () => isSettled)
    if (!isSettled) throw new RangeError(`${what}: not within ${withinMs} ms`)
    return promise
  }

  #push(due: Due): void {
    const heap = this.#heap
    let at = heap.length
    heap.push(due)
    while (at > 0) {
      const parent = (at - 1) >>> 1
      const above = heap[parent]
      if (above === undefined || isBefore(above, due)) break
      heap[at] = above
      at = parent
    }
    heap[at] = due
  }

  #pop(): void {
    const heap = this.#heap
    const last = heap.pop()
    if (last === undefined || heap.length === 0) return
    let at = 0
    for (;;) {
      let child = 2 * at + 1
      const left = heap[child]
      if (left === undefined) break
      const right = heap[child + 1]
      if (right !== undefined && isBefore(right, left)) child++
      const least = heap[child]
      if (least === undefined || isBefore(last, least)) break
      heap[at] = least
      at = child
    }
    heap[at] = last
  }
}

function isBefore(a: Due, b: Due): boolean {
  return a.atMs < b.atMs || (a.atMs === b.atMs && a.order < b.order)
}
