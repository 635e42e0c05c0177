import type { Condition } from './network.ts'
export type Act =
  | {
      readonly kind: 'kill' | 'stop'
      readonly slot: number
      readonly forMs: number
    }
  | {
      readonly kind: 'pause'
      readonly node: string
      readonly forMs: number
    }
  | {
      readonly kind: 'jump'
      readonly node: string
      readonly byMs: number
      readonly forMs: number
    }
  | {
      readonly kind: 'visit'
      readonly forMs: number
    }
  | {
      readonly kind: 'transaction' | 'garbage' | 'poison' | 'deadly'
    }
  | {
      readonly kind: 'hold'
      readonly forMs: number
    }
/** A worker dies, or stands still, the nth time that any of them comes to a moment. */
export interface Ambush {
  readonly moment: string
  readonly nth: number
  readonly fromMs: number
  readonly kind: 'kill' | 'pause'
  readonly forMs: number
}
export interface Plan {
  readonly workers: number
  readonly partitions: number
  readonly instances: number
  readonly twice: number
  readonly late: number
  readonly acts: readonly {
    readonly atMs: number
    readonly act: Act
  }[]
  readonly ambushes: readonly Ambush[]
  readonly conditions: readonly Condition[]
  /** From here on nothing new goes wrong; what was wrong has ended. */
  readonly calmFromMs: number
}
/** Every moment at which a worker is to be killed over the seeds. */
export declare const MOMENTS: readonly string[]
export declare function planOf(seed: number, forMs: number, fixed?: Partial<Plan>): Plan
