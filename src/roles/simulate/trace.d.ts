import type { World } from './world.ts'
export declare class Trace {
  #private
  count: number
  constructor(world: World, say: ((line: string) => void) | null)
  note(line: string): void
  hash(): string
  /** The last lines, oldest first. */
  last(): readonly string[]
}
