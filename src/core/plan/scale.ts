// How many replicas a service should have (S0-50): the formula and the stabilisation of the
// horizontal pod autoscaler, over figures that are handed in.
import type { ImageReader, ImageWriter } from '../kernel/image.ts'

export interface ScaleTarget {
  /** Where the metric is to be held, such as 70 for 70 % CPU. */
  readonly target: number
  readonly min: number
  readonly max: number
}

/** Within this share of the target nothing changes. */
export const TOLERANCE = 0.1
/** Up at once; down only to the most that was wanted for this long. */
export const DOWN_STABLE_MS = 300_000

/** `ceil(current × metric / target)` between least and most; within the tolerance no change. */
export function desiredReplicas(current: number, metric: number, at: ScaleTarget): number {
  const ratio = metric / at.target
  // The tolerance is compared in whole parts of a million, so that 1.1 is not above 1.1.
  const off = Math.round(Math.abs(ratio - 1) * 1e6)
  const wanted = off <= Math.round(TOLERANCE * 1e6) ? current : Math.ceil(current * ratio)
  return Math.min(at.max, Math.max(at.min, wanted))
}

/** What was wanted lately, oldest first. */
export type Wanted = readonly { readonly atMs: number; readonly replicas: number }[]

/**
 * The replicas to have now: the most that was wanted in the time of stabilisation, so more at once
 * and fewer late. What runs at the beginning counts as wanted then. Returns also what to remember.
 */
export function stabilised(
  wanted: Wanted,
  now: { readonly atMs: number; readonly replicas: number },
  current: number,
): { readonly replicas: number; readonly wanted: Wanted } {
  const known = wanted.length === 0 ? [{ atMs: now.atMs, replicas: current }] : wanted
  // Of those before it, only what wanted more than a later one still counts.
  const standing = known.filter(({ atMs, replicas }) => {
    return atMs > now.atMs - DOWN_STABLE_MS && replicas > now.replicas
  })
  const kept = [...standing, now]
  return { replicas: kept[0]?.replicas ?? now.replicas, wanted: kept }
}

export function saveWanted(wanted: Wanted, to: ImageWriter): void {
  to.int(wanted.length)
  for (const { atMs, replicas } of wanted) to.number(atMs).int(replicas)
}

export function loadWanted(from: ImageReader): Wanted {
  return from.list(() => ({ atMs: from.number(), replicas: from.int() }))
}
