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
/**
 * Streams remembered, more than a partition holds instances; the one silent for longest is
 * forgotten first.
 */
const STREAMS_MAX = 32_768
/** A spool is at most this old; a stream silent for longer is forgotten. */
const FORGET_MS = 86_400_000
const SLOTS_FIRST = 64

/** What was seen of one source, in a slot that is its own as long as it is of this generation. */
export interface Stream {
  readonly slot: number
  readonly generation: number
}

export class Sequences {
  private readonly streams = new Map<string, Stream>()
  private readonly free: number[] = []
  /** By slot. */
  private generations = new Int32Array(SLOTS_FIRST)
  private highest = new Float64Array(SLOTS_FIRST)
  private lastMs = new Float64Array(SLOTS_FIRST)
  /** Bit (seq % REORDER_MAX): seen, for the last REORDER_MAX numbers. */
  private bits = new Uint32Array(SLOTS_FIRST * WORDS)
  /** Numbers that never came, so far: skipped ones less those that came late. */
  gaps: number = 0
  repeats: number = 0

  /** Notes `seq` (≥ 1) of a source, read at log time `atMs`. */
  note(source: Source, seq: number, atMs: number): Sequenced {
    const key = keyOf(source)
    const held = this.streams.get(key)
    if (held !== undefined) {
      this.heard(held, { timestampMs: atMs })
      return this.again(held, seq)
    }
    this.makeRoom(atMs)
    const { slot } = this.newStream(key)
    this.highest[slot] = seq
    this.lastMs[slot] = atMs
    this.setBit(slot, seq)
    return 'fresh'
  }

  /** The stream of a source that has been noted, or undefined. */
  find(source: Source): Stream | undefined {
    return this.streams.get(keyOf(source))
  }

  /** Whether the stream has not been forgotten. */
  isHeld({ slot, generation }: Stream): boolean {
    return this.generations[slot] === generation
  }

  /**
   * The first half of `note`, for a stream that is held. The record is handed over, not its time,
   * which would be boxed.
   */
  heard({ slot }: Stream, { timestampMs }: { readonly timestampMs: number }): void {
    const { lastMs } = this
    if (timestampMs > (lastMs[slot] ?? 0)) lastMs[slot] = timestampMs
  }

  /** The second half. */
  again({ slot }: Stream, seq: number): Sequenced {
    const verdict = this.place(slot, seq)
    if (verdict !== 'fresh') this.repeats += 1
    return verdict
  }

  save(to: ImageWriter): void {
    to.number(this.gaps).number(this.repeats).int(this.streams.size)
    for (const [key, { slot }] of this.streams) {
      to.text(key)
        .number(this.highest[slot] ?? 0)
        .number(this.lastMs[slot] ?? 0)
      for (let i = 0; i < WORDS; i++) to.int(this.bits[slot * WORDS + i] ?? 0)
    }
  }

  /** Into an empty one. */
  load(from: ImageReader): void {
    this.gaps = from.number()
    this.repeats = from.number()
    for (let left = from.count(); left > 0; left--) {
      const { slot } = this.newStream(from.text())
      this.highest[slot] = from.number()
      this.lastMs[slot] = from.number()
      for (let i = 0; i < WORDS; i++) this.bits[slot * WORDS + i] = from.int()
    }
  }

  describe(): unknown {
    const streams = sortedKeys(this.streams).map((key) => {
      const slot = this.streams.get(key)?.slot ?? 0
      const bits = [...this.bits.subarray(slot * WORDS, (slot + 1) * WORDS)]
      return [key, this.highest[slot], this.lastMs[slot], bits]
    })
    return { gaps: this.gaps, repeats: this.repeats, streams }
  }

  private place(slot: number, seq: number): Sequenced {
    const highest = this.highest[slot] ?? 0
    if (seq > highest) {
      this.gaps += seq - highest - 1
      if (seq - highest >= REORDER_MAX) this.bits.fill(0, slot * WORDS, (slot + 1) * WORDS)
      else for (let s = highest + 1; s < seq; s++) this.clearBit(slot, s)
      this.setBit(slot, seq)
      this.highest[slot] = seq
      return 'fresh'
    }
    if (seq <= highest - REORDER_MAX) return 'too_old'
    if (this.hasBit(slot, seq)) return 'repeated'
    this.setBit(slot, seq)
    if (this.gaps > 0) this.gaps -= 1
    return 'fresh'
  }

  private newStream(key: string): Stream {
    const slot = this.free.pop() ?? this.streams.size
    if (slot >= this.highest.length) this.grow()
    const stream = { slot, generation: this.generations[slot] ?? 0 }
    this.streams.set(key, stream)
    return stream
  }

  private grow(): void {
    const { generations, highest, lastMs, bits } = this
    this.generations = new Int32Array(2 * generations.length)
    this.generations.set(generations)
    this.highest = new Float64Array(2 * highest.length)
    this.highest.set(highest)
    this.lastMs = new Float64Array(2 * lastMs.length)
    this.lastMs.set(lastMs)
    this.bits = new Uint32Array(2 * bits.length)
    this.bits.set(bits)
  }

  private makeRoom(nowMs: number): void {
    if (this.streams.size < STREAMS_MAX) return
    const { lastMs } = this
    const byAge = [...this.streams].sort(([a, { slot: x }], [b, { slot: y }]) => {
      return (lastMs[x] ?? 0) - (lastMs[y] ?? 0) || compareText(a, b)
    })
    // A quarter at once, so that a flood of new agents does not sort for every record.
    const most = STREAMS_MAX - STREAMS_MAX / 4
    byAge.forEach(([key, stream], i) => {
      const { slot, generation } = stream
      const isOld = (lastMs[slot] ?? 0) < nowMs - FORGET_MS
      if (i >= byAge.length - most && !isOld) return
      this.streams.delete(key)
      this.generations[slot] = generation + 1
      this.bits.fill(0, slot * WORDS, (slot + 1) * WORDS)
      this.free.push(slot)
    })
  }

  private setBit(slot: number, seq: number): void {
    const at = slot * WORDS + wordOf(seq)
    this.bits[at] = (this.bits[at] ?? 0) | maskOf(seq)
  }

  private clearBit(slot: number, seq: number): void {
    const at = slot * WORDS + wordOf(seq)
    this.bits[at] = (this.bits[at] ?? 0) & ~maskOf(seq)
  }

  private hasBit(slot: number, seq: number): boolean {
    return ((this.bits[slot * WORDS + wordOf(seq)] ?? 0) & maskOf(seq)) !== 0
  }
}

function keyOf({ agent, stream, lane, epoch }: Source): string {
  return `${agent}\n${stream}\n${lane}\n${epoch}`
}

/** REORDER_MAX divides 2^32, so that the low bits of a wide number tell its place as well. */
function wordOf(seq: number): number {
  return ((seq >>> 0) % REORDER_MAX) >>> 5
}

function maskOf(seq: number): number {
  return 1 << ((seq >>> 0) & 31)
}
