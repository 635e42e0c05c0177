// The time-ordered log behind a window: one pane per second of event time, each a flat list of what
// was added. An entry is [row, service row, event ms, n, errors, pairs, (slot, count) × pairs]; a
// row of 0 counts nowhere.

import type { ImageReader, ImageWriter } from '../kernel/image.ts'

const HEAD = 6

/** One second of event time. */
class Pane {
  sec: number = -1
  words: Float64Array = new Float64Array(0)
  length: number = 0

  room(size: number): void {
    if (this.length + size <= this.words.length) return
    const bigger = new Float64Array(Math.max(64, this.words.length * 2, this.length + size))
    bigger.set(this.words.subarray(0, this.length))
    this.words = bigger
  }
}

/** Where an entry lies while it is visited. */
export interface Entry {
  row: number
  serviceRow: number
  eventMs: number
  n: number
  errors: number
  /** Flat (slot, count) pairs. */
  pairs: Float64Array
}

export class PaneLog {
  private readonly panes: Pane[]

  /** Holds `seconds` panes. */
  constructor(seconds: number) {
    this.panes = Array.from({ length: seconds }, () => new Pane())
  }

  /** The pane of `sec` must not be older than the log holds. */
  add(sec: number, entry: Entry): void {
    const pane = this.at(sec)
    const pairs = entry.pairs.length / 2
    pane.room(HEAD + entry.pairs.length)
    const at = pane.length
    pane.sec = sec
    pane.words[at] = entry.row
    pane.words[at + 1] = entry.serviceRow
    pane.words[at + 2] = entry.eventMs
    pane.words[at + 3] = entry.n
    pane.words[at + 4] = entry.errors
    pane.words[at + 5] = pairs
    pane.words.set(entry.pairs, at + HEAD)
    pane.length = at + HEAD + entry.pairs.length
  }

  /** Empties the pane of `sec`, telling each entry. */
  evict(sec: number, each: (entry: Entry) => void): void {
    const pane = this.at(sec)
    if (pane.sec !== sec || pane.length === 0) return
    visit(pane, (entry) => each(entry))
    pane.length = 0
    // A burst must not hold its memory for ever.
    if (pane.words.length > 65_536) pane.words = new Float64Array(0)
  }

  /** Takes the entries of `row` that began before `beforeMs` away from it, telling each. */
  detach(row: number, beforeMs: number, each: (entry: Entry) => void): void {
    for (const pane of this.panes) {
      visit(pane, (entry, at) => {
        if (entry.row !== row || entry.eventMs >= beforeMs) return
        each(entry)
        pane.words[at] = 0
      })
    }
  }

  /** Second of the oldest pane with content, or null. */
  oldestSec(): number | null {
    let oldest: number | null = null
    for (const { sec, length } of this.panes) {
      if (length > 0 && (oldest === null || sec < oldest)) oldest = sec
    }
    return oldest
  }

  /** Every entry, pane by pane in time order. */
  visitAll(each: (entry: Entry) => void): void {
    const held = this.panes.filter((pane) => pane.length > 0).sort((a, b) => a.sec - b.sec)
    for (const pane of held) visit(pane, (entry) => each(entry))
  }

  save(to: ImageWriter): void {
    const held = this.panes.filter((pane) => pane.length > 0)
    to.int(held.length)
    for (const { sec, words, length } of held) to.int(sec).numbers([...words.subarray(0, length)])
  }

  /** Into an empty one. */
  load(from: ImageReader): void {
    for (let left = from.count(); left > 0; left--) {
      const sec = from.int()
      const words = from.numbers()
      const pane = this.at(sec)
      pane.sec = sec
      pane.room(words.length)
      pane.words.set(words)
      pane.length = words.length
    }
  }

  private at(sec: number): Pane {
    const pane = this.panes[sec % this.panes.length]
    if (pane === undefined) throw new RangeError(`no pane for second ${sec}`)
    return pane
  }
}

/** Visits with one reused entry. */
function visit(pane: Pane, each: (entry: Entry, at: number) => void): void {
  const { words, length } = pane
  const entry: Entry = { row: 0, serviceRow: 0, eventMs: 0, n: 0, errors: 0, pairs: words }
  for (let at = 0; at < length; ) {
    const end = at + HEAD + 2 * (words[at + 5] ?? 0)
    entry.row = words[at] ?? 0
    entry.serviceRow = words[at + 1] ?? 0
    entry.eventMs = words[at + 2] ?? 0
    entry.n = words[at + 3] ?? 0
    entry.errors = words[at + 4] ?? 0
    entry.pairs = words.subarray(at + HEAD, end)
    each(entry, at)
    at = end
  }
}
