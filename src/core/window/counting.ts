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
  /** Its first slot, and how many it has. */
  low: number
  size: number
}

/**
 * Adds to two rows at once; stops at the pair that would overflow either. What all pairs count
 * together is known thereafter, where none did.
 */
export function addBoth(one: Section, two: Section, entry: Entry): void {
  const { cells: a, base: baseA } = one
  const { cells: b, base: baseB } = two
  const { words, first, end } = entry
  let at = first
  let seen = 0
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
    seen += count
    at = next
  }
  entry.done = at
  if (at === end) entry.latencies = seen
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

/** Cells of a row in a section. */
export interface Part {
  readonly cells: Narrow | Wide
  readonly from: number
  readonly size: number
}

/** Of the same size and kind. */
export function swapCells(
  { cells: a, from: fromA, size }: Part,
  { cells: b, from: fromB }: Part,
): void {
  for (let i = 0; i < size; i++) {
    const held = a[fromA + i] ?? 0
    a[fromA + i] = b[fromB + i] ?? 0
    b[fromB + i] = held
  }
}

/** A section of `size` cells from `from` on; each with `times` what lies `apart` from it. */
export interface Stretch {
  readonly from: number
  readonly size: number
  readonly apart: number
  readonly times: number
}

/** Highest place from which on more than `above` are counted; below `from` when there is none. */
export function topNarrow(cells: Narrow, stretch: Stretch, above: number): number {
  const { from, size, apart, times } = stretch
  let seen = 0
  let top = from + size - 1
  for (; top >= from; top--) {
    seen += (cells[top] ?? 0) + times * (cells[top + apart] ?? 0)
    if (seen > above) break
  }
  return top
}

export function topWide(cells: Wide, stretch: Stretch, above: number): number {
  const { from, size, apart, times } = stretch
  let seen = 0
  let top = from + size - 1
  for (; top >= from; top--) {
    seen += (cells[top] ?? 0) + times * (cells[top + apart] ?? 0)
    if (seen > above) break
  }
  return top
}

/** A section of a row: its cells, those to the next section, and the slot of the first. */
export interface Place {
  from: number
  size: number
  apart: number
  low: number
}

/**
 * Moves what a section counts on to the one after it, takes it away from the one before it, which
 * it is part of, and pushes it to the entry. false: it stopped at what would overflow.
 */
export function settleNarrow(
  cells: Narrow,
  { from, size, apart, low }: Readonly<Place>,
  into: Entry,
): boolean {
  const end = from + size
  const slotFrom = low - from
  for (let at = from; at < end; at++) {
    const count = cells[at] ?? 0
    if (count === 0) continue
    const sum = (cells[at + apart] ?? 0) + count
    if (sum > NARROW_MOST) return false
    cells[at + apart] = sum
    cells[at - apart] = (cells[at - apart] ?? 0) - count
    cells[at] = 0
    into.push(slotFrom + at, count)
  }
  return true
}

export function settleWide(cells: Wide, { from, size, apart, low }: Place, into: Entry): void {
  for (let i = 0; i < size; i++) {
    const count = cells[from + i] ?? 0
    if (count === 0) continue
    cells[from + apart + i] = (cells[from + apart + i] ?? 0) + count
    cells[from - apart + i] = (cells[from - apart + i] ?? 0) - count
    cells[from + i] = 0
    into.push(low + i, count)
  }
}
