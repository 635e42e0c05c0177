// One delta as the log of panes holds it, in words of 16 bits: a bucket seen in a second costs two
// bytes beside the head.
//   0–1  row, low word first
//   2    milliseconds into the second (10 bits); bit 15: the counts are wide
//   3    words of the pairs
//   4…   n, errors: a word each, wide: four words each (53 bits, low word first)
//   …    pairs: slot (11 bits) and count (5 bits); a count of 30 stands for the word that follows,
//        of 31 for the four words that follow
import { AssertionError } from '../kernel/assert.ts'

const HEAD = 4
const WIDE = 1 << 15
const MS_MASK = 1_023
const SLOT_BITS = 11
const SLOT_MASK = (1 << SLOT_BITS) - 1
const INLINE_MAX = 29
const ONE_WORD = 30
const FOUR_WORDS = 31
const WORD = 65_536
const WORD_MAX = WORD - 1
const MANY = WORD
/** Most pairs of an entry: the slots of the finest grid, which fit in 11 bits. */
const PAIRS_MAX = 1 << SLOT_BITS

/** Most words of an entry. */
export const ENTRY_WORDS_MAX: number = HEAD + 8 + 5 * PAIRS_MAX

/** Reused for whatever is added or visited. */
export class Entry {
  row: number = 0
  /** Milliseconds into the second; nothing in a merged pane. */
  ms: number = 0
  n: number = 0
  errors: number = 0
  /** Pairs in `slots` and `counts`, slots ascending. */
  pairs: number = 0
  readonly slots: Int32Array = new Int32Array(PAIRS_MAX)
  /** Whole numbers ≥ 1. */
  readonly counts: Float64Array = new Float64Array(PAIRS_MAX)
  /** The same, as far as 16 bits hold them; MANY for more. */
  readonly few: Int32Array = new Int32Array(PAIRS_MAX)
  /** All counts together. */
  latencies: number = 0
  /** Where counting the pairs has come to. */
  done: number = 0

  clear(row: number): void {
    this.row = row
    this.ms = 0
    this.n = 0
    this.errors = 0
    this.pairs = 0
    this.latencies = 0
  }

  /** Slots come in ascending order; the same slot again adds to it. */
  push(slot: number, count: number): void {
    this.latencies += count
    let at = this.pairs - 1
    let sum = count
    if (at >= 0 && this.slots[at] === slot) sum += this.counts[at] ?? 0
    else {
      at = this.pairs++
      if (at >= PAIRS_MAX) throw new AssertionError('more pairs than there are slots')
      this.slots[at] = slot
    }
    this.counts[at] = sum
    this.few[at] = sum > WORD_MAX ? MANY : sum
  }
}

/** Words that `pack` writes. */
export function wordsOf({ n, errors, pairs, counts }: Entry): number {
  let words = HEAD + (n > WORD_MAX || errors > WORD_MAX ? 8 : 2) + pairs
  for (let i = 0; i < pairs; i++) {
    const count = counts[i] ?? 0
    if (count > INLINE_MAX) words += count > WORD_MAX ? 4 : 1
  }
  return words
}

/** Writes the entry; returns the place behind it. */
export function pack(entry: Entry, words: Uint16Array, start: number): number {
  const { row, ms, n, errors, pairs, slots, counts } = entry
  const isWide = n > WORD_MAX || errors > WORD_MAX
  words[start] = row & WORD_MAX
  words[start + 1] = row >>> 16
  words[start + 2] = ms | (isWide ? WIDE : 0)
  let at = start + HEAD
  if (isWide) {
    at = putWide(words, at, n)
    at = putWide(words, at, errors)
  } else {
    words[at++] = n
    words[at++] = errors
  }
  const first = at
  for (let i = 0; i < pairs; i++) {
    const slot = slots[i] ?? 0
    const count = counts[i] ?? 0
    if (count <= INLINE_MAX) words[at++] = slot | (count << SLOT_BITS)
    else if (count <= WORD_MAX) {
      words[at++] = slot | (ONE_WORD << SLOT_BITS)
      words[at++] = count
    } else {
      words[at++] = slot | (FOUR_WORDS << SLOT_BITS)
      at = putWide(words, at, count)
    }
  }
  words[start + 3] = at - first
  return at
}

/** Reads an entry; returns the place behind it. */
export function unpack(words: Uint16Array, start: number, into: Entry): number {
  const head = words[start + 2] ?? 0
  into.row = rowAt(words, start)
  into.ms = head & MS_MASK
  let at = start + HEAD
  if ((head & WIDE) === 0) {
    into.n = words[at] ?? 0
    into.errors = words[at + 1] ?? 0
    at += 2
  } else {
    into.n = wideAt(words, at)
    into.errors = wideAt(words, at + 4)
    at += 8
  }
  const end = at + (words[start + 3] ?? 0)
  const { slots, counts, few } = into
  let pairs = 0
  let latencies = 0
  while (at < end) {
    const pair = words[at++] ?? 0
    let count = pair >>> SLOT_BITS
    slots[pairs] = pair & SLOT_MASK
    if (count === FOUR_WORDS) {
      counts[pairs] = wideAt(words, at)
      few[pairs] = MANY
      at += 4
    } else {
      if (count === ONE_WORD) count = words[at++] ?? 0
      counts[pairs] = count
      few[pairs] = count
    }
    latencies += counts[pairs] ?? 0
    pairs += 1
  }
  into.pairs = pairs
  into.latencies = latencies
  return at
}

/** Row of the entry at `start`. */
export function rowAt(words: Uint16Array, start: number): number {
  return (words[start] ?? 0) + (words[start + 1] ?? 0) * WORD
}

/** Gives the entry at `start` to another row. */
export function relabel(words: Uint16Array, start: number, row: number): void {
  words[start] = row & WORD_MAX
  words[start + 1] = row >>> 16
}

function putWide(words: Uint16Array, start: number, value: number): number {
  let rest = value
  for (let i = 0; i < 4; i++) {
    words[start + i] = rest % WORD
    rest = Math.floor(rest / WORD)
  }
  return start + 4
}

function wideAt(words: Uint16Array, at: number): number {
  let value = 0
  for (let i = 3; i >= 0; i--) value = value * WORD + (words[at + i] ?? 0)
  return value
}
