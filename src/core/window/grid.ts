// The grid of latencies: OpenTelemetry's base-2 exponential histogram at scale 4 or 5. Bucket i
// holds the latencies in (2^(i/n), 2^((i+1)/n)] microseconds, n = 2^scale buckets an octave. All
// edges are found with integers alone (the floor of a 2^k-th root is k nested floors of square
// roots), so that every machine agrees on every microsecond. Latencies above 2^40 µs (12.7 days)
// count in the last bucket, those of at most one microsecond in the one before bucket 0.
import { present } from '../kernel/assert.ts'

export type Scale = 4 | 5

const OCTAVES = 40
const FIRST = 2
const TWO_32 = 4_294_967_296

/** Largest integer whose square is at most `n`. */
function floorSqrt(n: bigint): bigint {
  if (n < 2n) return n
  let high = 1n << BigInt((n.toString(2).length + 1) >> 1)
  for (;;) {
    const next = (high + n / high) >> 1n
    if (next >= high) return high
    high = next
  }
}

/** floor(2^(exponent / 2^roots)). */
function floorPower(exponent: number, roots: number): number {
  let value = 1n << BigInt(exponent)
  for (let i = 0; i < roots; i++) value = floorSqrt(value)
  return Number(value)
}

export class Grid {
  /** Buckets per octave are 2^scale. */
  readonly scale: Scale
  /** Highest bucket index that is told apart. */
  readonly indexMax: number
  /** Slots of a row: zeros, index -1 and lower, then the buckets from index 0 on. */
  readonly slots: number
  private readonly perOctave: number
  /**
   * floors[i] = floor(2^(i/n)): an integer latency lies at or below edge i exactly when it is at
   * most this.
   */
  private readonly floors: Float64Array
  /**
   * Geometric middle of each bucket, rounded to the microsecond, not above its last whole one:
   * 2^((2i+1)/2n).
   */
  private readonly middles: Float64Array

  constructor(scale: Scale) {
    const perOctave = 1 << scale
    this.scale = scale
    this.perOctave = perOctave
    this.indexMax = OCTAVES * perOctave - 1
    this.slots = this.indexMax + 1 + FIRST
    const floors = Float64Array.from({ length: this.indexMax + 2 }, (_, i) => floorPower(i, scale))
    this.floors = floors
    this.middles = Float64Array.from({ length: this.indexMax + 1 }, (_, i) => {
      const twice = floorPower(2 * (i + perOctave) + 1, scale + 1)
      return Math.min(Math.floor((twice + 1) / 2), floors[i + 1] ?? 0)
    })
  }

  /** Index of the bucket of a latency in whole microseconds, ≥ 1; not above indexMax. */
  indexOf(latencyUs: number): number {
    if (latencyUs <= 1) return -1
    const below = latencyUs - 1
    const octave = below < TWO_32 ? 31 - Math.clz32(below) : 63 - Math.clz32(below / TWO_32)
    if (octave >= OCTAVES) return this.indexMax
    let low = octave * this.perOctave
    for (let half = this.perOctave >> 1; half > 0; half >>= 1) {
      if (latencyUs > (this.floors[low + half] ?? 0)) low += half
    }
    return low
  }

  /**
   * Index on this grid of a bucket of another scale. Finer buckets merge without loss; a coarser
   * one counts where its upper edge lies, so that a latency is never made smaller than it was.
   */
  indexFrom(index: number, scale: number): number {
    if (scale === this.scale) return index
    if (scale > this.scale) return index >> (scale - this.scale)
    return (index + 1) * (1 << (this.scale - scale)) - 1
  }

  /** Slot of a row in which a bucket is counted; slot 0 is for latencies of 0. */
  slotOf(index: number): number {
    if (index < 0) return FIRST - 1
    return FIRST + (index > this.indexMax ? this.indexMax : index)
  }

  /**
   * The latency a slot stands for, in whole microseconds: the geometric middle of the bucket. A
   * latency counted there differs from it by at most 2.2 % of itself (scale 5: 1.1 %) and half a
   * microsecond of rounding.
   */
  middleUs(slot: number): number {
    if (slot < FIRST) return slot
    return this.middles[slot - FIRST] ?? 0
  }

  /** Upper edge of a slot in whole microseconds. */
  upperUs(slot: number): number {
    if (slot < FIRST) return slot
    return this.floors[slot - FIRST + 1] ?? 0
  }
}

const made = new Map<Scale, Grid>()

/** The grid of a scale, made once. */
export function gridOf(scale: Scale): Grid {
  if (!made.has(scale)) made.set(scale, new Grid(scale))
  return present(made.get(scale), 'the grid just made')
}

/** The scale at which agents count. */
export const SCALE: Scale = 4
const AGENTS = gridOf(SCALE)
/** Highest bucket index that agents tell apart. */
export const INDEX_MAX: number = AGENTS.indexMax

/** Index at the agents' scale of a latency in whole microseconds, ≥ 1. */
export function indexOf(latencyUs: number): number {
  return AGENTS.indexOf(latencyUs)
}
