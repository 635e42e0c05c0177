// `DueQueue` of what has a slot: due at NEXT_MS, queued at QUEUED_MS of its row. A heap holds what
// is near; what is due in one of the seconds to come lies in the list of its second, and most of it
// has moved to a later one when that comes (a silence that was broken), which costs one look at a
// table and nothing in order.
import { present } from './assert.ts'
import { grownDoubles, grownInts } from './grow.ts'
import { DOUBLES, NEXT_MS, QUEUED_MS, type Slots } from './slots.ts'

const ITEMS_FIRST = 64
const SECOND_MS = 1_000
/** Seconds to come that have a list. */
const LISTS = 64
/** Slot 0, which is nobody's. */
const NOBODYS = 0

interface List {
  slots: Int32Array<ArrayBuffer>
  count: number
}

export class SlotQueue {
  private readonly slots: Slots
  private times = new Float64Array(ITEMS_FIRST)
  private items = new Int32Array(ITEMS_FIRST)
  private size = 0
  /** All that is due in this second or before lies in the heap. */
  private nearSec = -1
  /** By second modulo LISTS, of the seconds after that one; stale ones among them. */
  private readonly lists: List[] = Array.from({ length: LISTS }, () => {
    return { slots: new Int32Array(0), count: 0 }
  })
  private listed = 0

  constructor(slots: Slots) {
    this.slots = slots
  }

  /** The time at which the slot is due may have come nearer; Infinity: never. */
  note(slot: number): void {
    const { doubles } = this.slots
    const at = DOUBLES * slot
    if ((doubles[at + NEXT_MS] ?? 0) < (doubles[at + QUEUED_MS] ?? 0)) this.push(slot)
  }

  /** The slot is nobody's any more, or not yet anybody's in this queue. */
  forget(slot: number): void {
    this.slots.setDouble(slot, NEXT_MS, Number.POSITIVE_INFINITY)
    this.slots.setDouble(slot, QUEUED_MS, Number.POSITIVE_INFINITY)
  }

  /** Takes out what is due at `nowMs`; whoever stays has to be noted again. */
  take(nowMs: number, due: number[]): void {
    const sec = Math.floor(nowMs / SECOND_MS)
    while (this.nearSec < sec && this.listed > 0) this.open()
    this.nearSec = Math.max(this.nearSec, sec)
    while (this.size > 0 && (this.times[0] ?? 0) <= nowMs) {
      const slot = this.pop()
      if (slot === NOBODYS) continue
      const dueMs = this.slots.doubles[DOUBLES * slot + NEXT_MS] ?? 0
      if (dueMs <= nowMs) due.push(slot)
      else if (dueMs < Number.POSITIVE_INFINITY) this.push(slot)
    }
  }

  /** The earliest time at which something is due, when it is before `belowMs`; else null. */
  earliest(belowMs: number): number | null {
    let atMs = this.top(belowMs)
    while (this.listed > 0 && (this.nearSec + 1) * SECOND_MS < Math.min(atMs, belowMs)) {
      this.open()
      atMs = this.top(belowMs)
    }
    return atMs < belowMs ? atMs : null
  }

  /** The earliest time in the heap, as far as it is before `belowMs`; else a later one. */
  private top(belowMs: number): number {
    while (this.size > 0) {
      const atMs = this.times[0] ?? 0
      if (atMs >= belowMs) return atMs
      const { doubles } = this.slots
      const row = DOUBLES * (this.items[0] ?? 0)
      if (doubles[row + QUEUED_MS] === atMs && doubles[row + NEXT_MS] === atMs) return atMs
      const slot = this.pop()
      if (slot !== NOBODYS) this.note(slot)
    }
    return Number.POSITIVE_INFINITY
  }

  /** The next second is near: what is due in it goes into the heap, what has moved to its list. */
  private open(): void {
    const sec = ++this.nearSec
    const list = listAt(this.lists, sec)
    const { slots, count } = list
    const { doubles } = this.slots
    list.count = 0
    this.listed -= count
    for (let i = 0; i < count; i++) {
      const slot = slots[i] ?? 0
      const at = DOUBLES * slot
      // Brought forward since, or another's by now.
      if (Math.floor((doubles[at + QUEUED_MS] ?? 0) / SECOND_MS) !== sec) continue
      doubles[at + QUEUED_MS] = Number.POSITIVE_INFINITY
      if ((doubles[at + NEXT_MS] ?? 0) < Number.POSITIVE_INFINITY) this.push(slot)
    }
  }

  /** Queues the slot at the time at which it is due. */
  private push(slot: number): void {
    const { doubles } = this.slots
    const atMs = doubles[DOUBLES * slot + NEXT_MS] ?? 0
    doubles[DOUBLES * slot + QUEUED_MS] = atMs
    const sec = Math.floor(atMs / SECOND_MS)
    if (sec > this.nearSec && sec <= this.nearSec + LISTS) {
      append(listAt(this.lists, sec), slot)
      this.listed += 1
      return
    }
    if (this.size === this.items.length) this.grow()
    const { times, items } = this
    let at = this.size++
    while (at > 0) {
      const parent = (at - 1) >> 1
      const parentMs = times[parent] ?? 0
      if (parentMs <= atMs) break
      times[at] = parentMs
      items[at] = items[parent] ?? 0
      at = parent
    }
    times[at] = atMs
    items[at] = slot
  }

  /**
   * Takes the first one out; NOBODYS: it was there for a time that was brought forward since, or
   * for who had the slot before.
   */
  private pop(): number {
    const { times, items } = this
    const { doubles } = this.slots
    const slot = items[0] ?? 0
    const isHeld = doubles[DOUBLES * slot + QUEUED_MS] === times[0]
    if (isHeld) doubles[DOUBLES * slot + QUEUED_MS] = Number.POSITIVE_INFINITY
    const size = --this.size
    const atMs = times[size] ?? 0
    const item = items[size] ?? 0
    let at = 0
    for (let child = 1; child < size; child = 2 * at + 1) {
      const right = child + 1
      if (right < size && (times[right] ?? 0) < (times[child] ?? 0)) child = right
      const childMs = times[child] ?? 0
      if (childMs >= atMs) break
      times[at] = childMs
      items[at] = items[child] ?? 0
      at = child
    }
    times[at] = atMs
    items[at] = item
    return isHeld ? slot : NOBODYS
  }

  private grow(): void {
    this.times = grownDoubles(this.times, 2 * this.times.length)
    this.items = grownInts(this.items, 2 * this.items.length)
  }
}

function listAt(lists: readonly List[], sec: number): List {
  return present(lists[sec % LISTS], 'a list for every second')
}

function append(list: List, slot: number): void {
  if (list.count === list.slots.length) {
    list.slots = grownInts(list.slots, Math.max(ITEMS_FIRST, 2 * list.count))
  }
  list.slots[list.count++] = slot
}
