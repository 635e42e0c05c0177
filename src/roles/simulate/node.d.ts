import type { Clock } from '../../runtime/ports.ts'
import { type World } from './world.ts'
export interface NodeOptions {
  readonly name: string
  /** Wall time minus the broker's, ms. */
  readonly offsetMs: number
  /** Milliseconds of this clock per millisecond of the world. */
  readonly rate: number
}
export declare class SimNode implements Clock {
  #private
  readonly name: string
  /** Sleeps that have not ended. */
  sleeping: number
  constructor(world: World, { name, offsetMs, rate }: NodeOptions)
  get isDead(): boolean
  get isPaused(): boolean
  nowMs(): number
  monotonicMs(): number
  sleep(ms: number, signal?: AbortSignal): Promise<void>
  /** Work takes a moment here too. */
  turn(): Promise<void>
  /** Something reaches the process: now, when it goes on, or never. */
  enter(act: () => void): void
  jump(byMs: number): void
  kill(): void
  pause(): void
  /** Everything that waited happens at once, in the order in which it came. */
  resume(): void
}
