// Pauses between two attempts: doubled each time up to a last one, so that a log in trouble is not
// asked more and more often.

export class Backoff {
  readonly #firstMs: number
  readonly #lastMs: number
  #nextMs: number

  constructor(firstMs: number, lastMs: number) {
    this.#firstMs = firstMs
    this.#lastMs = lastMs
    this.#nextMs = firstMs
  }

  /** The pause that is due now. */
  next(): number {
    const ms = this.#nextMs
    this.#nextMs = Math.min(2 * ms, this.#lastMs)
    return ms
  }

  reset(): void {
    this.#nextMs = this.#firstMs
  }
}
