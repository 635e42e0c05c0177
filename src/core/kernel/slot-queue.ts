// `DueQueue` of what has a slot: due at NEXT_MS, queued at QUEUED_MS of its row. Times and slots
// lie in tables, so that who is put right when it comes to the top, as everybody is now and then,
// costs no look at any object.
import { grownDoubles, grownInts } from './grow.ts'
import { DOUBLES, NEXT_MS, QUEUED_MS, type Slots } from './slots.ts'

const ITEMS_FIRST = 64
/** Slot 0, which is nobody's. */
const NOBODYS = 0

export class SlotQueue {
  private readonly slots: Slots
  private times = new Float64Array(ITEMS_FIRST)
  private items = new Int32Array(ITEMS_FIRST)
  private size = 0

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
    while (this.size > 0) {
      const atMs = this.times[0] ?? 0
      if (atMs >= belowMs) return null
      const { doubles } = this.slots
      const row = DOUBLES * (this.items[0] ?? 0)
      if (doubles[row + QUEUED_MS] === atMs && doubles[row + NEXT_MS] === atMs) return atMs
      const slot = this.pop()
      if (slot !== NOBODYS) this.note(slot)
    }
    return null
  }

  /** Queues the slot at the time at which it is due. */
  private push(slot: number): void {
    const { doubles } = this.slots
    const atMs = doubles[DOUBLES * slot + NEXT_MS] ?? 0
    doubles[DOUBLES * slot + QUEUED_MS] = atMs
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
