export declare class Random {
  #private
  constructor(seed: string)
  /** Another stream, by its name. */
  fork(name: string): Random
  /** From 0 up to, not including, 1 (sfc32). */
  next(): number
  between(min: number, max: number): number
  /** A whole number, both ends included. */
  int(min: number, max: number): number
  chance(share: number): boolean
  /** Errors: RangeError for an empty list. */
  pick<T>(list: readonly T[]): T
  bytes(length: number): Uint8Array
}
