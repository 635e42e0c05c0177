// What the benches make of their figures, and a seeded generator for what they draw at random.

/**
 * Nearest rank: the smallest value that at least the share `q` of all values does not exceed.
 * @param {readonly number[]} values @param {number} q
 */
export function quantile(values, q) {
  const sorted = [...values].sort((a, b) => a - b)
  return sorted[Math.max(0, Math.ceil(q * sorted.length) - 1)] ?? Number.NaN
}

/** @param {readonly number[]} values */
export function median(values) {
  const sorted = [...values].sort((a, b) => a - b)
  const middle = Math.floor(sorted.length / 2)
  const upper = sorted[middle] ?? Number.NaN
  return sorted.length % 2 === 1 ? upper : (upper + (sorted[middle - 1] ?? Number.NaN)) / 2
}

/** @param {number} value four digits that count */
export const round = (value) => (Number.isFinite(value) ? Number(value.toPrecision(4)) : value)

/** Numbers in [0, 1), the same for the same seed. @returns {() => number} mulberry32 */
export function random(seed = 1) {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let t = Math.imul(state ^ (state >>> 15), state | 1)
    t = (t + Math.imul(t ^ (t >>> 7), t | 61)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296
  }
}
