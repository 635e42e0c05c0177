import type { Serde } from '../../adapters/serde/serde.ts'
import { type CheckerFigures } from './checker.ts'
export interface SimulationOptions {
  readonly seed: number
  /** Simulated time, ms. */
  readonly forMs: number
  readonly serde: Serde
  readonly workers?: number
  readonly partitions?: number
  /** Told of everything that happens. */
  readonly say?: (line: string) => void
}
export interface SimulationReport {
  readonly seed: number
  readonly problems: readonly string[]
  /** The last things that happened before the first problem was seen. */
  readonly last: readonly string[]
  /** Identity of the run. */
  readonly hash: string
  readonly simulatedMs: number
  readonly events: number
  readonly acknowledged: number
  readonly commands: number
  readonly checked: CheckerFigures
  readonly counts: Readonly<Record<string, number>>
  /** Moments at which a worker was killed. */
  readonly moments: readonly string[]
}
export declare function simulate(options: SimulationOptions): Promise<SimulationReport>
