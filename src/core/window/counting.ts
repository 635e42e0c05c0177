// The inner loops of the windows: pairs of an entry, as they lie in the log, into cells and out of
// them. One loop for each kind of array: a loop that meets both costs three times as much.
import { countAt, type Entry, INLINE_MAX, pairWords, SLOT_BITS } from './entry.ts'

export type Narrow = Uint16Array<ArrayBuffer>
export type Wide = Float64Array<ArrayBuffer>

// A module's own constants are numbers in the compiled loop; imported ones are looked up each time.
const BITS = SLOT_BITS
const MASK: number = (1 << SLOT_BITS) - 1
const FEW = INLINE_MAX
const FOUR_WORDS = 31
/** The most that a narrow cell counts. */
const NARROW_MOST = 65_535

/** A section of a row for the loops. */
export interface Section {
  cells: Narrow
  /** What added to a slot gives its cell. */
  base: number
  /** Cells from one section to the next. */
  size: number
}

/** Adds to two rows at once; stops at the pair that would overflow either. */
export function addBoth(one: Section, two: Section, entry: Entry): void {
  const { cells: a, base: baseA } = one
  const { cells: b, base: baseB } = two
  const { words, end } = entry
  let at = entry.done
  while (at < end) {
    const pair = words[at] ?? 0
    const slot = pair & MASK
    let count = pair >>> BITS
    let next = at + 1
    if (count > FEW) {
      if (count === FOUR_WORDS) break
      count = words[next++] ?? 0
    }
    const sumA = (a[baseA + slot] ?? 0) + count
    const sumB = (b[baseB + slot] ?? 0) + count
    if (sumA > NARROW_MOST || sumB > NARROW_MOST) break
    a[baseA + slot] = sumA
    b[baseB + slot] = sumB
    at = next
  }
  entry.done = at
}

/** Moves on to the next section of both rows; stops at the pair that would overflow either. */
export function passBoth(one: Section, two: Section, entry: Entry): void {
  const { cells: a, base: baseA, size: sizeA } = one
  const { cells: b, base: baseB, size: sizeB } = two
  const { words, end } = entry
  let at = entry.done
  while (at < end) {
    const pair = words[at] ?? 0
    const cellA = baseA + (pair & MASK)
    const cellB = baseB + (pair & MASK)
    let count = pair >>> BITS
    let next = at + 1
    if (count > FEW) count = words[next++] ?? 0
    const sumA = (a[cellA + sizeA] ?? 0) + count
    const sumB = (b[cellB + sizeB] ?? 0) + count
    if (sumA > NARROW_MOST || sumB > NARROW_MOST) break
    a[cellA + sizeA] = sumA
    b[cellB + sizeB] = sumB
    a[cellA] = (a[cellA] ?? 0) - count
    b[cellB] = (b[cellB] ?? 0) - count
    at = next
  }
  entry.done = at
}

/** Stops at the pair that would overflow. */
export function addNarrow(cells: Narrow, base: number, entry: Entry): void {
  const { words, end } = entry
  let at = entry.done
  while (at < end) {
    const pair = words[at] ?? 0
    const cell = base + (pair & MASK)
    let count = pair >>> BITS
    let next = at + 1
    if (count > FEW) {
      if (count === FOUR_WORDS) break
      count = words[next++] ?? 0
    }
    const sum = (cells[cell] ?? 0) + count
    if (sum > NARROW_MOST) break
    cells[cell] = sum
    at = next
  }
  entry.done = at
}

/** What narrow cells count came from narrow counts. */
export function subtractNarrow(cells: Narrow, base: number, entry: Entry): void {
  const { words, end } = entry
  for (let at = entry.done; at < end; at++) {
    const pair = words[at] ?? 0
    const cell = base + (pair & MASK)
    let count = pair >>> BITS
    if (count > FEW) count = words[++at] ?? 0
    cells[cell] = (cells[cell] ?? 0) - count
  }
}

/** `sign` -1: takes away. */
export function addWide(cells: Wide, base: number, entry: Entry, sign: 1 | -1): void {
  const { words, end } = entry
  for (let at = entry.done; at < end; ) {
    const pair = words[at] ?? 0
    const cell = base + (pair & MASK)
    cells[cell] = (cells[cell] ?? 0) + sign * countAt(words, at)
    at += pairWords(pair)
  }
}

/** A run of sections, each of `size` cells, the first from `from` on. */
export interface Stretch {
  readonly from: number
  readonly size: number
  readonly sections: number
}

/** Highest place from which on more than `above` are counted; below `from` when there is none. */
export function topNarrow(cells: Narrow, { from, size, sections }: Stretch, above: number): number {
  let seen = 0
  let top = from + size - 1
  for (; top >= from; top--) {
    const end = top + sections * size
    for (let at = top; at < end; at += size) seen += cells[at] ?? 0
    if (seen > above) break
  }
  return top
}

export function topWide(cells: Wide, { from, size, sections }: Stretch, above: number): number {
  let seen = 0
  let top = from + size - 1
  for (; top >= from; top--) {
    const end = top + sections * size
    for (let at = top; at < end; at += size) seen += cells[at] ?? 0
    if (seen > above) break
  }
  return top
}

/** A section of a row: its cells, and the slot of the first. */
export interface Place {
  readonly from: number
  readonly size: number
  readonly low: number
}

/**
 * Moves what a section counts on to the one after it, and pushes it to the entry. false: it stopped
 * at what would overflow.
 */
export function settleNarrow(cells: Narrow, { from, size, low }: Place, into: Entry): boolean {
  for (let i = 0; i < size; i++) {
    const count = cells[from + i] ?? 0
    if (count === 0) continue
    const sum = (cells[from + size + i] ?? 0) + count
    if (sum > NARROW_MOST) return false
    cells[from + size + i] = sum
    cells[from + i] = 0
    into.push(low + i, count)
  }
  return true
}

export function settleWide(cells: Wide, { from, size, low }: Place, into: Entry): void {
  for (let i = 0; i < size; i++) {
    const count = cells[from + i] ?? 0
    if (count === 0) continue
    cells[from + size + i] = (cells[from + size + i] ?? 0) + count
    cells[from + i] = 0
    into.push(low + i, count)
  }
}
