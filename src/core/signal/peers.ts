// Outliers among the instances of a service: who is far worse than the others at the same moment.
import type { Verdict } from './verdict.ts'

export interface PeersOptions {
  /** Larger than mean + factor · σ is an outlier (Envoy: 1.9). */
  readonly factor: number
  /** With fewer peers nothing is judged. */
  readonly least: number
  /** Differences from the mean below this are none, in the unit of the values. */
  readonly differenceMin: number
  /** So are those below this share of the mean. */
  readonly shareMin: number
}

export const PEERS: PeersOptions = { factor: 1.9, least: 5, differenceMin: 0, shareMin: 0 }

export interface PeersLimit {
  readonly mean: number
  readonly sigma: number
  /** Above it a value is an outlier; infinite with too few peers. */
  readonly limit: number
}

/**
 * `peers` (Envoy's outlier detection: mean ± 1.9 population σ, at least 5 hosts): the limit above
 * which one of the values is an outlier. Goes blind when more than 21.7 % of the peers are equally
 * bad: the absolute rule stands beside it.
 */
export function peersLimit(
  values: ArrayLike<number>,
  options: Partial<PeersOptions> = {},
): PeersLimit {
  const { factor, least, differenceMin, shareMin } = { ...PEERS, ...options }
  const n = values.length
  if (n === 0) return { mean: 0, sigma: 0, limit: Number.POSITIVE_INFINITY }
  let sum = 0
  for (let i = 0; i < n; i++) sum += values[i] ?? 0
  const mean = sum / n
  let squares = 0
  for (let i = 0; i < n; i++) squares += ((values[i] ?? 0) - mean) * ((values[i] ?? 0) - mean)
  const sigma = Math.sqrt(squares / n)
  const limit =
    n < least
      ? Number.POSITIVE_INFINITY
      : mean + Math.max(factor * sigma, differenceMin, shareMin * mean)
  return { mean, sigma, limit }
}

/** Whether a value among those of `limit` is an outlier. */
export function judgePeer(value: number, { mean, sigma, limit }: PeersLimit): Verdict {
  const ready = limit < Number.POSITIVE_INFINITY
  return { deviates: value > limit, ready, value, limit, parts: { mean, sigma } }
}
