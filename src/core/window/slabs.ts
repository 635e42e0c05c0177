// Memory for counters: slabs with places for rows of one size, and whose each place is. A slab is
// given back with its last row. Places of one kind have an order, that of a pass over them.
import { assert, present } from '../kernel/assert.ts'
import type { Narrow, Wide } from './counting.ts'

export interface Slab {
  readonly kind: number
  readonly narrow: Narrow | null
  readonly wide: Wide | null
  /** Cells of a place in each section. */
  readonly size: number
  /**
   * Cells from one section of a row to the next: each section of all rows lies together, since it
   * is one section that is counted in at a time.
   */
  readonly apart: number
  /** Whose the places are, NOBODY: free. */
  readonly rows: Int32Array<ArrayBuffer>
  free: number
}

/** A place; its cells begin at `place` times the size of the slab. */
export interface Spot {
  readonly index: number
  readonly place: number
}

export const NOBODY: number = -1
/** Slots by which ranges grow: an octave at scale 4. */
export const UNIT = 16
const SLAB_BYTES = 65_536
const PLACES_FIRST = 4

export class Slabs {
  /** null where a slab was given back. */
  readonly held: (Slab | null)[] = []
  /** Bytes of all slabs. */
  bytes: number = 0
  private readonly sections: number
  private readonly unused: number[] = []
  /** Slabs by kind (twice the units of a place, plus one when wide), and those with free places. */
  private readonly alike: number[][] = []
  private readonly open: number[][] = []
  /** By kind: the place that comes next in the pass under way. */
  private readonly nexts: { ordinal: number; place: number }[] = []

  constructor(sections: number) {
    this.sections = sections
  }

  /** A place for the row. */
  take(size: number, isWide: boolean, row: number): Spot {
    const kind = 2 * (size / UNIT) + (isWide ? 1 : 0)
    const index = listOf(this.open, kind).at(-1) ?? this.make(kind)
    const place = this.at(index).rows.indexOf(NOBODY)
    this.occupy({ index, place }, row)
    return { index, place }
  }

  /** The place, whose cells are zeros, is free again. */
  give(spot: Spot): void {
    const { index, place } = spot
    const slab = this.at(index)
    assert(slab.rows[place] !== NOBODY, 'a place that was taken')
    slab.rows[place] = NOBODY
    slab.free += 1
    if (slab.free === 1) listOf(this.open, slab.kind).push(index)
    if (slab.free === slab.rows.length) this.drop(index)
  }

  /** The place of `spot` becomes that of `other`, which may be free, and the other way round. */
  swap(spot: Spot, other: Spot): void {
    const row = this.rowAt(spot)
    const otherRow = this.rowAt(other)
    if (otherRow === NOBODY) {
      this.occupy(other, row)
      this.give(spot)
      return
    }
    this.at(spot.index).rows[spot.place] = otherRow
    this.at(other.index).rows[other.place] = row
  }

  at(index: number): Slab {
    return present(this.held[index], 'a slab that is held')
  }

  /** Whose the place is. */
  rowAt({ index, place }: Spot): number {
    return this.at(index).rows[place] ?? NOBODY
  }

  /** A pass over the places begins. */
  rewind(): void {
    this.nexts.length = 0
  }

  /** The next place of the kind in the pass under way; null: there is none. */
  next(kind: number): Spot | null {
    const next = (this.nexts[kind] ??= { ordinal: 0, place: 0 })
    const index = this.alike[kind]?.[next.ordinal]
    if (index === undefined) return null
    const { place } = next
    next.place += 1
    if (next.place >= this.at(index).rows.length) {
      next.ordinal += 1
      next.place = 0
    }
    return { index, place }
  }

  private occupy({ index, place }: Spot, row: number): void {
    const slab = this.at(index)
    slab.rows[place] = row
    slab.free -= 1
    if (slab.free === 0) remove(listOf(this.open, slab.kind), index)
  }

  /** Slabs of a kind are the larger the more rows of it there are. */
  private make(kind: number): number {
    const isWide = kind % 2 === 1
    const size = (kind >> 1) * UNIT
    const most = Math.floor(SLAB_BYTES / (this.sections * size * (isWide ? 8 : 2)))
    const alike = listOf(this.alike, kind)
    const places = Math.max(1, Math.min(most, PLACES_FIRST * (alike.length + 1)))
    const apart = places * size
    const narrow = isWide ? null : new Uint16Array(this.sections * apart)
    const wide = isWide ? new Float64Array(this.sections * apart) : null
    const rows = new Int32Array(places).fill(NOBODY)
    const index = this.unused.pop() ?? this.held.length
    this.held[index] = { kind, narrow, wide, size, apart, rows, free: places }
    this.bytes += (narrow ?? wide)?.byteLength ?? 0
    alike.push(index)
    listOf(this.open, kind).push(index)
    return index
  }

  private drop(index: number): void {
    const { kind, narrow, wide } = this.at(index)
    remove(listOf(this.open, kind), index)
    remove(listOf(this.alike, kind), index)
    this.held[index] = null
    this.unused.push(index)
    this.bytes -= (narrow ?? wide)?.byteLength ?? 0
  }
}

function listOf(lists: number[][], kind: number): number[] {
  return (lists[kind] ??= [])
}

function remove(list: number[], index: number): void {
  list.splice(list.indexOf(index), 1)
}
