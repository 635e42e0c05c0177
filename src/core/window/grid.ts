// The grid of latencies: OpenTelemetry's base-2 exponential histogram at scale 4. Bucket i holds
// the latencies in (2^(i/16), 2^((i+1)/16)] microseconds. All edges are found with integers alone
// (the floor of a 16th root is four nested floors of square roots), so that every machine agrees on
// every microsecond. Latencies above 2^40 µs (12.7 days) count in the last bucket, those of at most
// one microsecond in the one before bucket 0.

/** Buckets per octave are 2^SCALE. */
export const SCALE = 4
const PER_OCTAVE = 16
const OCTAVES = 40
/** Highest bucket index that is told apart. */
export const INDEX_MAX: number = OCTAVES * PER_OCTAVE - 1
/** Slots of a row: zeros, index -1 and lower, then the buckets from index 0 on. */
export const SLOTS: number = INDEX_MAX + 3
const FIRST = 2

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

/**
 * FLOORS[i] = floor(2^(i/16)): an integer latency lies at or below edge i exactly when it is at
 * most this.
 */
const FLOORS: Float64Array = Float64Array.from({ length: INDEX_MAX + 2 }, (_, i) =>
  floorPower(i, 4),
)
/**
 * Geometric middle of each bucket, rounded to the microsecond, not above its last whole one:
 * 2^((2i+1)/32).
 */
const MIDDLES: Float64Array = Float64Array.from({ length: INDEX_MAX + 1 }, (_, i) =>
  Math.min(Math.floor((floorPower(2 * i + 33, 5) + 1) / 2), FLOORS[i + 1] ?? 0),
)

const TWO_32 = 4_294_967_296

/** Index of the bucket of a latency in whole microseconds, ≥ 1; not above INDEX_MAX. */
export function indexOf(latencyUs: number): number {
  if (latencyUs <= 1) return -1
  const below = latencyUs - 1
  const octave = below < TWO_32 ? 31 - Math.clz32(below) : 63 - Math.clz32(below / TWO_32)
  if (octave >= OCTAVES) return INDEX_MAX
  let low = octave * PER_OCTAVE
  for (let half = PER_OCTAVE >> 1; half > 0; half >>= 1) {
    if (latencyUs > (FLOORS[low + half] ?? 0)) low += half
  }
  return low
}

/**
 * Index at scale 4 of a bucket of another scale. Finer buckets merge without loss; a coarser one
 * counts where its upper edge lies, so that a latency is never made smaller than it was.
 */
export function indexAtScale4(index: number, scale: number): number {
  if (scale === SCALE) return index
  if (scale > SCALE) return index >> (scale - SCALE)
  return (index + 1) * (1 << (SCALE - scale)) - 1
}

/** Slot of a row in which a bucket is counted; slot 0 is for latencies of 0. */
export function slotOf(index: number): number {
  if (index < 0) return FIRST - 1
  return FIRST + (index > INDEX_MAX ? INDEX_MAX : index)
}

/**
 * The latency a slot stands for, in whole microseconds: the geometric middle of the bucket. A
 * latency counted there differs from it by at most 2.2 % of itself and half a microsecond of
 * rounding.
 */
export function middleUs(slot: number): number {
  if (slot < FIRST) return slot
  return MIDDLES[slot - FIRST] ?? 0
}

/** Upper edge of a slot in whole microseconds. */
export function upperUs(slot: number): number {
  if (slot < FIRST) return slot
  return FLOORS[slot - FIRST + 1] ?? 0
}
