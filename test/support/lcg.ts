// Numbers that look random and are the same on every machine: a 32-bit linear congruential
// generator.

export class Lcg {
  private state: number

  constructor(seed: number) {
    this.state = seed >>> 0
  }

  /** A whole number from 0 to `limit` - 1. */
  below(limit: number): number {
    this.state = (Math.imul(this.state, 1_664_525) + 1_013_904_223) >>> 0
    return Math.floor((this.state / 4_294_967_296) * limit)
  }
}
