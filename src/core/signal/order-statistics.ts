// Medians of samples in a scratch table.

/** Sorts the first `count` values in place and gives their median; NaN of none. */
export function medianOf(scratch: Float64Array, count: number): number {
  if (count === 0) return Number.NaN
  scratch.subarray(0, count).sort((a, b) => a - b)
  const upper = scratch[count >> 1] ?? 0
  return count % 2 === 1 ? upper : ((scratch[(count >> 1) - 1] ?? 0) + upper) / 2
}
