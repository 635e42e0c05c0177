// Every detector goes on from an image as if nothing had happened.
import { ImageReader } from '../../../src/core/kernel/image.ts'
import type { Kept } from '../../../src/core/signal/verdict.ts'
import { saved } from '../../support/image.ts'
import { Lcg } from '../../support/lcg.ts'
import { normal } from './oracle.ts'

/** The detector after a way through an image, in one made by `fresh`. */
export function restored<D extends Kept>(detector: D, fresh: () => D): D {
  const from = new ImageReader(saved((to) => detector.save(to)))
  const copy = fresh()
  copy.load(from)
  from.end()
  return copy
}

export interface Way<D, S, V> {
  readonly push: (detector: D, sample: S, i: number) => V
  /** Before this sample the detector goes through an image. */
  readonly cutAt?: number
}

/** What `push` answers for each of `samples`. */
export function answers<D extends Kept, S, V>(
  fresh: () => D,
  samples: readonly S[],
  { push, cutAt = -1 }: Way<D, S, V>,
): readonly V[] {
  let detector = fresh()
  return samples.map((sample, i) => {
    if (i === cutAt) detector = restored(detector, fresh)
    return push(detector, sample, i)
  })
}

export function uniform(seed: number): () => number {
  const lcg = new Lcg(seed)
  return () => lcg.below(1_000_000_007) / 1_000_000_007
}

/** Gaussian noise around 100 with σ 5. */
export function noise(seed: number, count: number): readonly number[] {
  const next = uniform(seed)
  return Array.from({ length: count }, () => 100 + 5 * normal(next))
}

export const share = (flags: readonly boolean[]): number =>
  flags.filter(Boolean).length / flags.length
