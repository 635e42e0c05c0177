import type { Api, Transport } from '../../adapters/client/protocol.ts'
import type { SimNode } from './node.ts'
import type { Random } from './random.ts'
import type { Trace } from './trace.ts'
import type { World } from './world.ts'
/** What can happen to a request while a condition holds. */
export type Mischief =
  | 'slow'
  | 'lost'
  | 'unanswered'
  | 'twice'
  | 'late'
  | 'moved'
  | 'loading'
  | 'down'
export interface Condition {
  readonly fromMs: number
  readonly toMs: number
  readonly mischief: Mischief
  /** Which nodes; null: all. */
  readonly node: string | null
  /** Which requests; null: all. */
  readonly apis: ReadonlySet<Api> | null
  /** Of the requests, 0 to 1. */
  readonly share: number
}
/** Told of every moment of a request; may kill or stop the node. */
export type Witness = (moment: string, node: SimNode) => void
export declare class Network {
  #private
  constructor(
    world: World,
    parts: {
      readonly random: Random
      readonly trace: Trace
      readonly prefix: string
      readonly conditions: readonly Condition[]
    },
  )
  /** The way of one process; `witness` is told of every step. */
  from(node: SimNode, witness: Witness): (inner: Transport) => Transport
}
