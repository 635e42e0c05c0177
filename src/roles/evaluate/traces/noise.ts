// Noise from sums and products alone, so that every machine makes the same: Math.exp and Math.log
// differ between versions of the engine.
import type { Random } from '../../simulate/random.ts'

/** Root of 3: the sum of four uniform numbers has the variance 1/3. */
const ROOT_3 = 1.732_050_807_568_877_2

/** Mean 0, deviation 1, nearly Gaussian between its ends at ± 3.46. */
export function normalish(random: Random): number {
  return (random.next() + random.next() + random.next() + random.next() - 2) * ROOT_3
}

/**
 * A factor around 1, skewed to the right like a log-normal one of that deviation (at most 0.3):
 * (1 + x/4)⁴ in place of eˣ.
 */
export function skewed(random: Random, deviation: number): number {
  const root = 1 + (deviation * normalish(random)) / 4
  return root * root * root * root
}

/** Noise that remembers: deviation `deviation`, correlation `memory` from one value to the next. */
export class Wander {
  readonly #random: Random
  readonly #memory: number
  readonly #push: number
  #at = 0

  constructor(random: Random, deviation: number, memory: number) {
    this.#random = random
    this.#memory = memory
    this.#push = deviation * Math.sqrt(1 - memory * memory)
  }

  next(): number {
    this.#at = this.#memory * this.#at + this.#push * normalish(this.#random)
    return this.#at
  }
}

/** A wave through 0 at 0 and 0.5, at its heights at 0.25 and 0.75: two parabolas per turn. */
export function wave(turns: number): number {
  const x = 2 * (turns - Math.floor(turns)) - 1
  return -4 * x * (1 - (x < 0 ? -x : x))
}
