/** Something that will be done, unless it is cancelled before. */
export interface Due {
  readonly atMs: number
  readonly order: number
  act: (() => void) | null
}
/** Epoch ms at which every simulation begins: a whole minute. */
export declare const WORLD_BEGINS_MS = 1800000000000
export declare class World {
  #private
  /** Milliseconds since the world began. */
  nowMs: number
  /** Events done so far. */
  events: number
  after(ms: number, act: () => void): Due
  /** Lets time go on to `untilMs`, or until `isOver` says so. */
  run(untilMs: number, isOver?: () => boolean): Promise<void>
  /**
   * Lets time go on until the promise has settled. Errors: RangeError after `withinMs`, or the
   * promise's own.
   */
  settle<T>(what: string, promise: Promise<T>, withinMs: number): Promise<T>
}
