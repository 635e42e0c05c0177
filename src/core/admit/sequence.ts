// Duplicates by (stream, agent, epoch, lane, seq): the highest number seen and a bitmap of the ones
// below it. What lies below the bitmap cannot be told from a repeat and is refused, because
// counting twice is worse than not at all.
import type { ImageReader, ImageWriter } from '../kernel/image.ts'
import { compareText, sortedKeys } from '../kernel/order.ts'

/**
 * Who numbers, and on which topic: a partition holds only some of an agent's records, each topic in
 * its own order.
 */
export interface Source {
  readonly stream: string
  readonly agent: string
  readonly epoch: number
  /** 0 live, 1 backlog. */
  readonly lane: number
}

export type Sequenced = 'fresh' | 'repeated' | 'too_old'

/** Numbers below the highest one that are told apart. */
export const REORDER_MAX = 512
const WORDS: number = REORDER_MAX / 32
/** Streams remembered; the one silent for longest is forgotten first. */
const STREAMS_MAX = 4_096
/** A spool is at most this old; a stream silent for longer is forgotten. */
const FORGET_MS = 86_400_000

interface Seen {
  highest: number
  /** Bit (seq % REORDER_MAX): seen, for the last REORDER_MAX numbers. */
  bits: Uint32Array
  lastMs: number
}

export class Sequences {
  private readonly streams = new Map<string, Seen>()
  /** Numbers that never came, so far: skipped ones less those that came late. */
  gaps: number = 0
  repeats: number = 0

  /** Notes `seq` (≥ 1) of a source, read at log time `atMs`. */
  note(source: Source, seq: number, atMs: number): Sequenced {
    const key = `${source.agent}\n${source.stream}\n${source.lane}\n${source.epoch}`
    let seen = this.streams.get(key)
    if (seen === undefined) {
      this.makeRoom(atMs)
      seen = { highest: seq, bits: new Uint32Array(WORDS), lastMs: atMs }
      this.streams.set(key, seen)
      setBit(seen.bits, seq)
      return 'fresh'
    }
    seen.lastMs = Math.max(seen.lastMs, atMs)
    const verdict = this.place(seen, seq)
    if (verdict !== 'fresh') this.repeats += 1
    return verdict
  }

  save(to: ImageWriter): void {
    to.number(this.gaps).number(this.repeats).int(this.streams.size)
    for (const [key, { highest, lastMs, bits }] of this.streams) {
      to.text(key).number(highest).number(lastMs)
      for (const word of bits) to.int(word)
    }
  }

  /** Into an empty one. */
  load(from: ImageReader): void {
    this.gaps = from.number()
    this.repeats = from.number()
    for (let left = from.count(); left > 0; left--) {
      const key = from.text()
      const seen = { highest: from.number(), lastMs: from.number(), bits: new Uint32Array(WORDS) }
      for (let i = 0; i < WORDS; i++) seen.bits[i] = from.int()
      this.streams.set(key, seen)
    }
  }

  describe(): unknown {
    const streams = sortedKeys(this.streams).map((key) => {
      const seen = this.streams.get(key)
      return [key, seen?.highest, seen?.lastMs, [...(seen?.bits ?? [])]]
    })
    return { gaps: this.gaps, repeats: this.repeats, streams }
  }

  private place(seen: Seen, seq: number): Sequenced {
    if (seq > seen.highest) {
      this.gaps += seq - seen.highest - 1
      if (seq - seen.highest >= REORDER_MAX) seen.bits.fill(0)
      else for (let s = seen.highest + 1; s < seq; s++) clearBit(seen.bits, s)
      setBit(seen.bits, seq)
      seen.highest = seq
      return 'fresh'
    }
    if (seq <= seen.highest - REORDER_MAX) return 'too_old'
    if (hasBit(seen.bits, seq)) return 'repeated'
    setBit(seen.bits, seq)
    if (this.gaps > 0) this.gaps -= 1
    return 'fresh'
  }

  private makeRoom(nowMs: number): void {
    if (this.streams.size < STREAMS_MAX) return
    const byAge = [...this.streams].sort(
      (a, b) => a[1].lastMs - b[1].lastMs || compareText(a[0], b[0]),
    )
    // A quarter at once, so that a flood of new agents does not sort for every record.
    const most = STREAMS_MAX - STREAMS_MAX / 4
    byAge.forEach(([key, seen], i) => {
      if (i < byAge.length - most || seen.lastMs < nowMs - FORGET_MS) this.streams.delete(key)
    })
  }
}

function wordOf(seq: number): number {
  return Math.floor((seq % REORDER_MAX) / 32)
}

function maskOf(seq: number): number {
  return 1 << (seq % 32)
}

function setBit(bits: Uint32Array, seq: number): void {
  bits[wordOf(seq)] = (bits[wordOf(seq)] ?? 0) | maskOf(seq)
}

function clearBit(bits: Uint32Array, seq: number): void {
  bits[wordOf(seq)] = (bits[wordOf(seq)] ?? 0) & ~maskOf(seq)
}

function hasBit(bits: Uint32Array, seq: number): boolean {
  return ((bits[wordOf(seq)] ?? 0) & maskOf(seq)) !== 0
}
