// Counters of rows over the range of slots each has seen, one run of cells for every section. They
// lie in slabs of rows of one size; a row moves when its range grows, and from cells of 16 bits to
// doubles before a counter would pass 65,535. Nothing of where they lie shows outside.
import { assert, present } from '../kernel/assert.ts'
import {
  addBoth,
  addNarrow,
  addWide,
  type Part,
  type Place,
  type Section,
  settleNarrow,
  settleWide,
  subtractNarrow,
  swapCells,
  topNarrow,
  topWide,
  type Wide,
} from './counting.ts'
import { type Entry, firstSlotOf, lastSlotOf } from './entry.ts'
import { grownInts } from '../kernel/grow.ts'
import { NOBODY, type Slab, Slabs, type Spot, UNIT } from './slabs.ts'

/** A section, and what is counted with it or, as a part of it, is not. */
export interface Run {
  readonly section: number
  readonly other: number
  /** How often the other counts. */
  readonly times: 1 | 0 | -1
}

const ROWS_FIRST = 64
const NONE = -1
/** A pass begins when one row in so many has moved. */
const MOVED_SHARE = 8
/** Columns of the table of rows. */
const SLAB = 0
const FIRST = 1
const LOW = 2
const SIZE = 3
const STRIDE = 4

export class Cells {
  private readonly sections: number
  private readonly slabs: Slabs
  /** By row: its slab or NONE, its first cell there, its first slot, its slots. */
  private table = new Int32Array(STRIDE * ROWS_FIRST).fill(NONE)
  private readonly one: Section = { cells: new Uint16Array(0), base: 0, low: 0, size: 0 }
  private readonly two: Section = { cells: new Uint16Array(0), base: 0, low: 0, size: 0 }
  private readonly place: Place = { from: 0, size: 0, apart: 0, low: 0 }
  /** Rows with cells, and how many have come to a place or left it since a pass began. */
  private rows = 0
  private moved = 0
  /** Row with which the pass under way goes on; 0: there is none. */
  private next = 0

  constructor(sections: number, slabs: Slabs = new Slabs(sections)) {
    this.sections = sections
    this.slabs = slabs
  }

  /** Bytes of all slabs. */
  get bytes(): number {
    return this.slabs.bytes
  }

  /** Rows up to `count` can be asked for. */
  reserve(count: number): void {
    const held = this.table.length
    if (STRIDE * count <= held) return
    this.table = grownInts(this.table, Math.max(STRIDE * count, 2 * held))
    this.table.fill(NONE, held)
  }

  /** Adds the pairs of the entry to a section of the row. */
  add(row: number, section: number, entry: Entry): void {
    if (entry.end === entry.first) return
    this.cover(row, entry)
    entry.done = entry.first
    this.addRest(row, section, entry)
  }

  /** `add` for two rows. */
  addBoth(row: number, other: number, section: number, entry: Entry): void {
    if (entry.end === entry.first) return
    const isRoom = this.areNarrow(row, other, section) && this.haveRoom(entry)
    if (isRoom) addBoth(this.one, this.two, entry)
    else {
      this.cover(row, entry)
      this.cover(other, entry)
      entry.done = entry.first
    }
    if (entry.done < entry.end) this.addRestBoth(row, other, section, entry)
  }

  /** `addBoth` of what another section of both has counted before, so that there is room for it. */
  againBoth(row: number, other: number, section: number, entry: Entry): void {
    if (this.areNarrow(row, other, section)) addBoth(this.one, this.two, entry)
    else entry.done = entry.first
    if (entry.done < entry.end) this.addRestBoth(row, other, section, entry)
  }

  /** Takes away what was added. */
  subtract(row: number, section: number, entry: Entry): void {
    if (entry.end === entry.first) return
    entry.done = entry.first
    this.subtractRest(row, section, entry)
  }

  /** Empties a section of a row. */
  empty(row: number, section: number): void {
    if ((this.table[STRIDE * row + SLAB] ?? NONE) === NONE) return
    const { narrow, wide } = this.slabOf(row)
    const { from, size } = this.placeOf(row, section)
    ;(narrow ?? wide)?.fill(0, from, from + size)
  }

  /**
   * Moves all that a section counts on to the one after it, takes it away from the one before it,
   * and pushes it to the entry.
   */
  settle(row: number, section: number, into: Entry): void {
    if ((this.table[STRIDE * row + SLAB] ?? NONE) === NONE) return
    const { narrow } = this.slabOf(row)
    if (narrow !== null && settleNarrow(narrow, this.placeOf(row, section), into)) return
    settleWide(this.widened(row), this.placeOf(row, section), into)
  }

  /** Count of a slot in a section. */
  count(row: number, section: number, slot: number): number {
    if ((this.table[STRIDE * row + SLAB] ?? NONE) === NONE) return 0
    const low = this.table[STRIDE * row + LOW] ?? 0
    if (slot < low || slot >= low + (this.table[STRIDE * row + SIZE] ?? 0)) return 0
    const { narrow, wide } = this.slabOf(row)
    return (narrow ?? wide)?.[this.baseOf(row, section) + slot] ?? 0
  }

  /** One above the highest slot the row has cells for. */
  end(row: number): number {
    const at = STRIDE * row
    if ((this.table[at + SLAB] ?? NONE) === NONE) return 0
    return (this.table[at + LOW] ?? 0) + (this.table[at + SIZE] ?? 0)
  }

  /** Slots of the row: from the first up to, not including, the last. */
  range(row: number): { readonly from: number; readonly to: number } {
    if ((this.table[STRIDE * row + SLAB] ?? NONE) === NONE) return { from: 0, to: 0 }
    const from = this.table[STRIDE * row + LOW] ?? 0
    return { from, to: from + (this.table[STRIDE * row + SIZE] ?? 0) }
  }

  /**
   * Highest slot with more than `above` counted in it and those above it, or -1. With 0 that of
   * the largest.
   */
  fromTop(row: number, { section, other, times }: Run, above: number): number {
    if ((this.table[STRIDE * row + SLAB] ?? NONE) === NONE) return -1
    const { narrow, wide, apart } = this.slabOf(row)
    const { from, size, low } = this.placeOf(row, section)
    const stretch = { from, size, apart: (other - section) * apart, times }
    const place =
      narrow !== null
        ? topNarrow(narrow, stretch, above)
        : topWide(present(wide, 'wide cells'), stretch, above)
    return place < from ? -1 : place - from + low
  }

  /** Gives the cells of a row back. */
  release(row: number): void {
    const index = this.table[STRIDE * row + SLAB] ?? NONE
    if (index === NONE) return
    for (let section = 0; section < this.sections; section++) this.empty(row, section)
    this.slabs.give(this.spotOf(row))
    this.table[STRIDE * row + SLAB] = NONE
    this.rows -= 1
    this.moved += 1
  }

  /**
   * Brings rows into the order of their numbers, which is about that in which they are counted in,
   * so that counting goes straight through memory; `count` rows at a time, in passes that begin
   * when many rows have moved.
   */
  tidy(count: number): void {
    const all = this.table.length / STRIDE
    if (this.next === 0) {
      if (MOVED_SHARE * this.moved <= this.rows) return
      this.moved = 0
      this.slabs.rewind()
    }
    const end = Math.min(all, this.next + count)
    for (let row = this.next; row < end; row++) {
      if ((this.table[STRIDE * row + SLAB] ?? NONE) !== NONE) this.align(row)
    }
    this.next = end < all ? end : 0
  }

  /** `add` from where the entry has come to. */
  private addRest(row: number, section: number, entry: Entry): void {
    const { narrow } = this.slabOf(row)
    if (narrow !== null) addNarrow(narrow, this.baseOf(row, section), entry)
    if (entry.done < entry.end) addWide(this.widened(row), this.baseOf(row, section), entry, 1)
  }

  private addRestBoth(row: number, other: number, section: number, entry: Entry): void {
    const { done } = entry
    this.addRest(row, section, entry)
    entry.done = done
    this.addRest(other, section, entry)
  }

  private subtractRest(row: number, section: number, entry: Entry): void {
    const { narrow, wide } = this.slabOf(row)
    const base = this.baseOf(row, section)
    if (narrow !== null) subtractNarrow(narrow, base, entry)
    else addWide(present(wide, 'wide cells'), base, entry, -1)
  }

  /** Whether both rows are narrow; then `one` and `two` are their sections. */
  private areNarrow(row: number, other: number, section: number): boolean {
    return this.isNarrow(row, section, this.one) && this.isNarrow(other, section, this.two)
  }

  private isNarrow(row: number, section: number, into: Section): boolean {
    const { table } = this
    const at = STRIDE * row
    const slab = this.slabs.held[table[at + SLAB] ?? NONE]
    if (slab === undefined || slab === null || slab.narrow === null) return false
    const low = table[at + LOW] ?? 0
    const size = table[at + SIZE] ?? 0
    into.cells = slab.narrow
    into.low = low
    into.size = size
    into.base = (table[at + FIRST] ?? 0) + section * slab.apart - low
    return true
  }

  /** Whether `one` and `two` have the slots of the entry. */
  private haveRoom(entry: Entry): boolean {
    const { one, two } = this
    const from = firstSlotOf(entry)
    const to = lastSlotOf(entry)
    return from >= one.low && to < one.low + one.size && from >= two.low && to < two.low + two.size
  }

  /** Cells of the row as doubles. */
  private widened(row: number): Wide {
    if (this.slabOf(row).wide === null) {
      const { from, to } = this.range(row)
      this.move(row, { low: from, size: to - from, isWide: true })
    }
    return present(this.slabOf(row).wide, 'wide cells')
  }

  /** Makes room for the slots of an entry. */
  private cover(row: number, entry: Entry): void {
    const from = firstSlotOf(entry)
    const to = lastSlotOf(entry)
    if ((this.table[STRIDE * row + SLAB] ?? NONE) === NONE) {
      const low = from - (from % UNIT)
      this.give(row, { low, size: sizeFrom(low, to), isWide: false })
      return
    }
    const low = this.table[STRIDE * row + LOW] ?? 0
    const size = this.table[STRIDE * row + SIZE] ?? 0
    if (from >= low && to < low + size) return
    const newLow = Math.min(low, from - (from % UNIT))
    const newSize = sizeFrom(newLow, Math.max(to, low + size - 1))
    this.move(row, { low: newLow, size: newSize, isWide: this.slabOf(row).wide !== null })
  }

  private move(row: number, to: Range): void {
    const { narrow, wide } = this.slabOf(row)
    const cells = present(narrow ?? wide, 'cells of a row that has some')
    const held = Array.from({ length: this.sections }, (_, section) => {
      const { from, size, low } = this.placeOf(row, section)
      return { low, cells: cells.slice(from, from + size) }
    })
    this.release(row)
    this.give(row, to)
    const slab = this.slabOf(row)
    const into = present(slab.narrow ?? slab.wide, 'cells of a row just placed')
    held.forEach((part, section) => into.set(part.cells, this.baseOf(row, section) + part.low))
  }

  private give(row: number, { low, size, isWide }: Range): void {
    const { index, place } = this.slabs.take(size, isWide, row)
    const at = STRIDE * row
    this.table[at + SLAB] = index
    this.table[at + FIRST] = place * size
    this.table[at + LOW] = low
    this.table[at + SIZE] = size
    this.rows += 1
    this.moved += 1
  }

  /** Brings a row to the place that is its own in the order of a pass. */
  private align(row: number): void {
    const at = STRIDE * row
    const slab = this.slabOf(row)
    const from = this.spotOf(row)
    const to = this.slabs.next(slab.kind)
    if (to === null || (to.index === from.index && to.place === from.place)) return
    const other = this.slabs.rowAt(to)
    for (let section = 0; section < this.sections; section++) {
      swapCells(
        partOf(slab, from.place, section),
        partOf(this.slabs.at(to.index), to.place, section),
      )
    }
    this.slabs.swap(from, to)
    this.table[at + SLAB] = to.index
    this.table[at + FIRST] = to.place * slab.size
    if (other === NOBODY) return
    this.table[STRIDE * other + SLAB] = from.index
    this.table[STRIDE * other + FIRST] = from.place * slab.size
  }

  private spotOf(row: number): Spot {
    const index = this.table[STRIDE * row + SLAB] ?? NONE
    const place = (this.table[STRIDE * row + FIRST] ?? 0) / (this.table[STRIDE * row + SIZE] ?? 1)
    return { index, place }
  }

  private slabOf(row: number): Slab {
    const slab = this.slabs.held[this.table[STRIDE * row + SLAB] ?? NONE]
    assert(slab !== undefined && slab !== null, 'a row with cells')
    return slab
  }

  /** It stands until the next call. */
  private placeOf(row: number, section: number): Place {
    const { place, table } = this
    const at = STRIDE * row
    place.size = table[at + SIZE] ?? 0
    place.low = table[at + LOW] ?? 0
    place.apart = this.slabOf(row).apart
    place.from = (table[at + FIRST] ?? 0) + section * place.apart
    return place
  }

  /** What added to a slot gives its cell. */
  private baseOf(row: number, section: number): number {
    return (
      (this.table[STRIDE * row + FIRST] ?? 0) +
      section * this.slabOf(row).apart -
      (this.table[STRIDE * row + LOW] ?? 0)
    )
  }
}

interface Range {
  readonly low: number
  readonly size: number
  readonly isWide: boolean
}

/** Cells of a place in a section. */
function partOf({ narrow, wide, apart, size }: Slab, place: number, section: number): Part {
  return { cells: present(narrow ?? wide, 'cells'), from: section * apart + place * size, size }
}

/** Whole units from `low` on that contain `last`. */
function sizeFrom(low: number, last: number): number {
  return Math.floor((last - low) / UNIT + 1) * UNIT
}
