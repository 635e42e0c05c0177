// The detectors written down from their definition alone: every sample is kept, and each verdict is
// worked out anew from all of them. Imports nothing of what it judges.

export interface Figures {
  readonly mean: number
  readonly sigma: number
}

/** Mean and population standard deviation, the latter never below rounding. */
export function figures(samples: readonly number[]): Figures {
  if (samples.length === 0) return { mean: 0, sigma: 0 }
  const mean = samples.reduce((sum, x) => sum + x, 0) / samples.length
  const squares = samples.reduce((sum, x) => sum + (x - mean) * (x - mean), 0)
  return { mean, sigma: Math.max(Math.sqrt(squares / samples.length), 1e-9 * Math.abs(mean)) }
}

export function median(samples: readonly number[]): number {
  const sorted = samples.toSorted((a, b) => a - b)
  const half = Math.floor(sorted.length / 2)
  const upper = sorted[half] ?? Number.NaN
  return sorted.length % 2 === 1 ? upper : ((sorted[half - 1] ?? Number.NaN) + upper) / 2
}

/** S1-35: which samples alarm. */
export function ewma3s(samples: readonly number[], window: number): readonly boolean[] {
  const isAbove = samples.map((x, i) => {
    const before = samples.slice(Math.max(0, i - window), i)
    const { mean, sigma } = figures(before)
    return before.length >= 11 && x > mean + 3 * sigma
  })
  return isAbove.map((above, i) => above && isAbove[i - 1] === true)
}

/** S3-19, causal, two-sided, one sample, nothing kept out and nothing learnt anew. */
export function band(
  samples: readonly number[],
  { alpha, factor, window }: { alpha: number; factor: number; window: number },
): readonly boolean[] {
  return samples.map((x, i) => {
    const before = samples.slice(0, i)
    const mean = before.reduce((m, y, k) => (k === 0 ? y : alpha * y + (1 - alpha) * m), 0)
    const { sigma } = figures(before.slice(-window))
    return before.length >= 11 && Math.abs(x - mean) > factor * sigma
  })
}

/** Modified z-score of the newest sample over the window before it. */
export function robustDistance(before: readonly number[], x: number): number {
  const centre = median(before)
  const distances = before.map((y) => Math.abs(y - centre))
  const mad = median(distances)
  const away = distances.reduce((sum, d) => sum + d, 0) / distances.length
  const sigma = mad > 0 ? 1.482602218505602 * mad : 1.2533141373155001 * away
  return (x - centre) / Math.max(sigma, 1e-9 * Math.abs(centre))
}

export interface Event {
  readonly atMs: number
  readonly n: number
  readonly errors: number
}

/** Burn rate over the last `buckets` sixtieths of the long window, the one under way included. */
export function burn(
  events: readonly Event[],
  at: { nowMs: number; longMs: number; buckets: number; objective: number },
): number {
  const width = at.longMs / 60
  const now = Math.floor(at.nowMs / width)
  const counted = events.filter(({ atMs }) => Math.floor(atMs / width) > now - at.buckets)
  const n = counted.reduce((sum, event) => sum + event.n, 0)
  const errors = counted.reduce((sum, event) => sum + event.errors, 0)
  return n === 0 ? 0 : errors / n / (1 - at.objective)
}

/** Theil–Sen slope and Pearson correlation. */
export function trend(points: readonly (readonly [t: number, x: number])[]): {
  readonly slope: number
  readonly correlation: number
} {
  const slopes: number[] = []
  points.forEach(([t, x], i) => {
    for (const [u, y] of points.slice(i + 1)) if (u > t) slopes.push((y - x) / (u - t))
  })
  const ts = figures(points.map(([t]) => t))
  const xs = figures(points.map(([, x]) => x))
  const sum = points.reduce((all, [t, x]) => all + (t - ts.mean) * (x - xs.mean), 0)
  const scale = ts.sigma * xs.sigma * points.length
  return { slope: median(slopes), correlation: scale === 0 ? 0 : sum / scale }
}

/** phi of a silence of y standard deviations, by the same approximation, in plain mathematics. */
export function phi(y: number): number {
  const e = Math.exp(-y * (1.5976 + 0.070566 * y * y))
  return y > 0 ? -Math.log10(e / (1 + e)) : -Math.log10(1 - 1 / (1 + e))
}

/** Normal noise from uniform numbers in 0 … 1. */
export function normal(uniform: () => number): number {
  return Math.sqrt(-2 * Math.log(1 - uniform())) * Math.cos(2 * Math.PI * uniform())
}
