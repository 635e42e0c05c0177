// One delta as the log of panes holds it, in words of 16 bits: a bucket seen in a second costs two
// bytes beside the head.
//   0–1  row, low word first
//   2    milliseconds into the second (10 bits); bit 15: the counts are wide
//   3    words of the pairs
//   4…   n, errors: a word each, wide: four words each (53 bits, low word first)
//   …    pairs: slot (11 bits) and count (5 bits); a count of 30 stands for the word that follows,
//        of 31 for the four words that follow
// Pairs are counted as they lie there; only the head is read out.
import { assert } from '../kernel/assert.ts'

type Words = Uint16Array<ArrayBuffer>

const HEAD = 4
const WIDE = 1 << 15
const MS_MASK = 1_023
const BITS = 11
const MASK = (1 << BITS) - 1
/** Larger counts stand behind their pair. */
const FEW = 29
const ONE_WORD = 30
const FOUR_WORDS = 31
const WORD = 65_536
const WORD_MAX = WORD - 1
/** Words of the pairs at most: one for each slot of the finest grid, which fits in 11 bits. */
const PAIR_WORDS_MAX: number = 5 << BITS

/** Most words of an entry. */
export const ENTRY_WORDS_MAX: number = HEAD + 8 + PAIR_WORDS_MAX

/** The same for the loops over pairs that lie elsewhere. */
export const SLOT_BITS: number = BITS
export const INLINE_MAX: number = FEW

/** Counts of latencies by bucket, ascending. */
export interface Buckets {
  readonly buckets: number
  readonly bucketIndex: Int32Array
  readonly bucketCount: Float64Array
}

/** Reused for whatever is added or visited. */
export class Entry {
  row: number = 0
  /** Milliseconds into the second; nothing in a merged pane. */
  ms: number = 0
  n: number = 0
  errors: number = 0
  /** All counts of the pairs together; -1: they were not added up. */
  latencies: number = 0
  private readonly own: Words = new Uint16Array(PAIR_WORDS_MAX)
  /** Pairs, slots ascending, from `first` up to `end`: its own, or those of the entry visited. */
  words: Words = this.own
  first: number = 0
  end: number = 0
  /** Where counting the pairs has come to. */
  done: number = 0
  /** Slot of the last pair; -1: not known. */
  lastSlot: number = -1
  private lastCount = 0
  private lastAt = 0

  clear(row: number): void {
    this.row = row
    this.ms = 0
    this.n = 0
    this.errors = 0
    this.latencies = 0
    this.words = this.own
    this.first = 0
    this.end = 0
    this.lastSlot = -1
  }

  /** Slots come in ascending order; the same slot again adds to it. Counts are whole and ≥ 1. */
  push(slot: number, count: number): void {
    const few = count | 0
    const at = this.end
    if (few !== count || few > FEW || slot === this.lastSlot || at >= PAIR_WORDS_MAX) {
      this.pushLarge(slot, count)
      return
    }
    this.own[at] = slot | (few << BITS)
    this.latencies += few
    this.lastSlot = slot
    this.lastCount = few
    this.lastAt = at
    this.end = at + 1
  }

  /**
   * `push` of buckets, each `offset` below its slot, up to the first that is no plain new pair of a
   * slot from 1 up to `last`. Returns how many were taken.
   */
  pushPlain(buckets: Buckets, offset: number, last: number): number {
    const { own } = this
    const { buckets: length, bucketIndex, bucketCount } = buckets
    const start = this.end
    let at = start
    let before = this.lastSlot > 0 ? this.lastSlot : 0
    let sum = 0
    for (let i = 0; i < length; i++) {
      const slot = (bucketIndex[i] ?? 0) + offset
      const count = bucketCount[i] ?? 0
      const few = count | 0
      if (few !== count || few > FEW || slot <= before || slot > last) break
      own[at++] = slot | (few << BITS)
      sum += few
      before = slot
    }
    if (at === start) return 0
    this.latencies += sum
    this.lastSlot = before
    this.lastAt = at - 1
    this.lastCount = (own[at - 1] ?? 0) >>> BITS
    this.end = at
    return at - start
  }

  private pushLarge(slot: number, more: number): void {
    this.latencies += more
    const isSame = slot === this.lastSlot
    const count = isSame ? this.lastCount + more : more
    if (!isSame) this.lastAt = this.end
    assert(this.lastAt + 5 <= PAIR_WORDS_MAX, 'no more pairs than there are slots')
    this.lastSlot = slot
    this.lastCount = count
    this.end = putPair(this.own, this.lastAt, slot, count)
  }
}

/** Words that `pack` writes. */
export function wordsOf({ n, errors, first, end }: Entry): number {
  return HEAD + (isWide(n, errors) ? 8 : 2) + end - first
}

/** Writes the entry; returns the place behind it. */
export function pack(entry: Entry, words: Words, start: number): number {
  const { row, ms, n, errors, words: from, first, end } = entry
  words[start] = row & WORD_MAX
  words[start + 1] = row >>> 16
  words[start + 2] = ms | (isWide(n, errors) ? WIDE : 0)
  words[start + 3] = end - first
  let at = start + HEAD
  if (isWide(n, errors)) {
    at = putWide(words, at, n)
    at = putWide(words, at, errors)
  } else {
    words[at++] = n
    words[at++] = errors
  }
  for (let i = first; i < end; i++) words[at++] = from[i] ?? 0
  return at
}

/** Reads an entry, whose pairs stay where they are; returns the place behind it. */
export function unpack(words: Words, start: number, into: Entry): number {
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
  into.words = words
  into.first = at
  into.end = end
  into.lastSlot = -1
  into.latencies = -1
  return end
}

/** Shows the slots and counts of the entry, in order. */
export function eachPair(
  { words, first, end }: Entry,
  show: (slot: number, count: number) => void,
): void {
  for (let at = first; at < end; ) {
    const pair = words[at] ?? 0
    const count = countAt(words, at)
    show(pair & MASK, count)
    at += pairWords(pair)
  }
}

/** All counts of the pairs together. */
export function latenciesOf(entry: Entry): number {
  if (entry.latencies < 0) entry.latencies = sumOf(entry.words, entry.first, entry.end)
  return entry.latencies
}

/** Slot of the first pair of an entry that has one. */
export function firstSlotOf({ words, first }: Entry): number {
  return (words[first] ?? 0) & MASK
}

/** Slot of the last pair of an entry that has one. */
export function lastSlotOf({ words, first, end, lastSlot }: Entry): number {
  if (lastSlot >= 0) return lastSlot
  let slot = 0
  for (let at = first; at < end; ) {
    const pair = words[at] ?? 0
    slot = pair & MASK
    at += pairWords(pair)
  }
  return slot
}

/** Words of a pair that begins so. */
export function pairWords(pair: number): number {
  const count = pair >>> BITS
  return count <= FEW ? 1 : count === ONE_WORD ? 2 : 5
}

/** Count of the pair at a place. */
export function countAt(words: Words, at: number): number {
  const count = (words[at] ?? 0) >>> BITS
  if (count <= FEW) return count
  return count === ONE_WORD ? (words[at + 1] ?? 0) : wideAt(words, at + 1)
}

/** Row of the entry at `start`. */
export function rowAt(words: Words, start: number): number {
  return (words[start] ?? 0) + (words[start + 1] ?? 0) * WORD
}

/** The place behind the entry at `start`. */
export function entryEnd(words: Words, start: number): number {
  const isWideHead = ((words[start + 2] ?? 0) & WIDE) !== 0
  return start + HEAD + (isWideHead ? 8 : 2) + (words[start + 3] ?? 0)
}

/** Gives the entry at `start` to another row. */
export function relabel(words: Words, start: number, row: number): void {
  words[start] = row & WORD_MAX
  words[start + 1] = row >>> 16
}

function isWide(n: number, errors: number): boolean {
  return n > WORD_MAX || errors > WORD_MAX
}

function sumOf(words: Words, first: number, end: number): number {
  let sum = 0
  for (let at = first; at < end; at++) {
    const count = (words[at] ?? 0) >>> BITS
    if (count > FEW) return sum + sumOfLarge(words, at, end)
    sum += count
  }
  return sum
}

function sumOfLarge(words: Words, first: number, end: number): number {
  let sum = 0
  for (let at = first; at < end; at += pairWords(words[at] ?? 0)) sum += countAt(words, at)
  return sum
}

function putPair(words: Words, at: number, slot: number, count: number): number {
  if (count <= FEW) {
    words[at] = slot | (count << BITS)
    return at + 1
  }
  if (count > WORD_MAX) {
    words[at] = slot | (FOUR_WORDS << BITS)
    return putWide(words, at + 1, count)
  }
  words[at] = slot | (ONE_WORD << BITS)
  words[at + 1] = count
  return at + 2
}

function putWide(words: Words, start: number, value: number): number {
  let rest = value
  for (let i = 0; i < 4; i++) {
    words[start + i] = rest % WORD
    rest = Math.floor(rest / WORD)
  }
  return start + 4
}

function wideAt(words: Words, at: number): number {
  let value = 0
  for (let i = 3; i >= 0; i--) value = value * WORD + (words[at + i] ?? 0)
  return value
}
