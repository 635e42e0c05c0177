// What falls due when, so that a step touches only that and not everything there is. A binary heap
// over times that are lower bounds: whoever moves to a later time is left where it is and put right
// when it comes to the top, so that a sign of life costs nothing. Answers are exact; their order
// among equals is not, and is the caller's to make.

/** Held by a queue. `queuedMs`: where the queue has it (Infinity: nowhere); it alone changes it. */
export interface Queued {
  queuedMs: number
}

export class DueQueue<T extends Queued> {
  private readonly dueOf: (item: T) => number | null
  private readonly times: number[] = []
  private readonly items: T[] = []

  /** `dueOf`: when the item is due as things are; null: never. */
  constructor(dueOf: (item: T) => number | null) {
    this.dueOf = dueOf
  }

  /** The time at which the item is due may have come nearer. */
  note(item: T): void {
    const dueMs = this.dueOf(item)
    if (dueMs !== null && dueMs < item.queuedMs) this.push(dueMs, item)
  }

  /** Takes out what is due at `nowMs`; whoever stays has to be noted again. */
  take(nowMs: number, due: T[]): void {
    for (let atMs = this.times[0]; atMs !== undefined && atMs <= nowMs; atMs = this.times[0]) {
      const item = this.items[0]
      this.pop()
      // An entry for a time that was brought forward since.
      if (item === undefined || item.queuedMs !== atMs) continue
      item.queuedMs = Number.POSITIVE_INFINITY
      const dueMs = this.dueOf(item)
      if (dueMs === null) continue
      if (dueMs > nowMs) this.push(dueMs, item)
      else due.push(item)
    }
  }

  /** The earliest time at which something is due, when it is before `belowMs`; else null. */
  earliest(belowMs: number): number | null {
    for (let atMs = this.times[0]; atMs !== undefined && atMs < belowMs; atMs = this.times[0]) {
      const item = this.items[0]
      const dueMs = item === undefined || item.queuedMs !== atMs ? null : this.dueOf(item)
      if (dueMs === atMs) return atMs
      this.pop()
      if (item === undefined || item.queuedMs !== atMs) continue
      item.queuedMs = Number.POSITIVE_INFINITY
      if (dueMs !== null) this.push(dueMs, item)
    }
    return null
  }

  private push(atMs: number, item: T): void {
    const { times, items } = this
    item.queuedMs = atMs
    let at = times.length
    times.push(atMs)
    items.push(item)
    while (at > 0) {
      const parent = (at - 1) >> 1
      const parentMs = times[parent] ?? 0
      const parentItem = items[parent]
      if (parentMs <= atMs || parentItem === undefined) break
      times[at] = parentMs
      items[at] = parentItem
      at = parent
    }
    times[at] = atMs
    items[at] = item
  }

  private pop(): void {
    const { times, items } = this
    const atMs = times.pop()
    const item = items.pop()
    const size = times.length
    if (atMs === undefined || item === undefined || size === 0) return
    let at = 0
    for (let child = 1; child < size; child = 2 * at + 1) {
      const right = child + 1
      if (right < size && (times[right] ?? 0) < (times[child] ?? 0)) child = right
      const childMs = times[child] ?? 0
      const childItem = items[child]
      if (childMs >= atMs || childItem === undefined) break
      times[at] = childMs
      items[at] = childItem
      at = child
    }
    times[at] = atMs
    items[at] = item
  }
}
