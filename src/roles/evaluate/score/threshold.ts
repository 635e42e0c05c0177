// The best that a fixed threshold can do, found by trying all of them on the very trace that it is
// measured on: no threshold chosen beforehand does better. It alarms on values at or above it.

export interface Labelled {
  readonly values: Float64Array
  readonly labels: Uint8Array
}

interface Sorted {
  /** From the highest value on. */
  readonly order: Uint32Array
  readonly values: Float64Array
  readonly labels: Uint8Array
  readonly bad: number
}

/** The threshold with the most samples judged rightly; Infinity: never alarming is best. */
export function bestThreshold(parts: readonly Labelled[]): number {
  const sorted = sortedOf(parts)
  let best = Number.POSITIVE_INFINITY
  let bestRight = sorted.values.length - sorted.bad
  for (const { threshold, tp, fp } of thresholds(sorted)) {
    const right = tp + (sorted.values.length - sorted.bad - fp)
    if (right <= bestRight) continue
    best = threshold
    bestRight = right
  }
  return best
}

/** The highest threshold that finds that part of the bad samples. */
export function thresholdOfRecall(parts: readonly Labelled[], recall: number): number {
  const sorted = sortedOf(parts)
  for (const { threshold, tp } of thresholds(sorted))
    if (tp >= recall * sorted.bad) return threshold
  return Number.NEGATIVE_INFINITY
}

export function alarmsOf(values: Float64Array, threshold: number): Uint8Array {
  return Uint8Array.from(values, (value) => (value >= threshold ? 1 : 0))
}

/** Every threshold that makes a difference, from the highest on, with what it finds. */
function* thresholds({
  order,
  values,
  labels,
}: Sorted): Generator<{ threshold: number; tp: number; fp: number }> {
  let tp = 0
  let fp = 0
  for (let k = 0; k < order.length; k++) {
    const i = order[k] ?? 0
    if (labels[i] === 1) tp++
    else fp++
    const threshold = values[i] ?? 0
    const next = order[k + 1]
    if (next === undefined || values[next] !== threshold) yield { threshold, tp, fp }
  }
}

function sortedOf(parts: readonly Labelled[]): Sorted {
  const values = Float64Array.from(parts.flatMap((part) => Array.from(part.values)))
  const labels = Uint8Array.from(parts.flatMap((part) => Array.from(part.labels)))
  const order = Uint32Array.from(values.keys())
  order.sort((a, b) => (values[b] ?? 0) - (values[a] ?? 0))
  return { order, values, labels, bad: labels.reduce((sum, is) => sum + is, 0) }
}
