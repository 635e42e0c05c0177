import type { Transport } from '../../adapters/client/protocol.ts'
import type { SimNode } from './node.ts'
import type { Random } from './random.ts'
/** A value that begins so makes the simulated core throw; `deadly` ends its process. */
export declare const POISON: Uint8Array
export declare const DEADLY: Uint8Array
export interface ForeignOptions {
  readonly node: SimNode
  readonly ask: Transport
  readonly random: Random
  readonly prefix: string
  readonly partitions: number
}
export declare class Foreign {
  #private
  constructor(options: ForeignOptions)
  /** An open transaction on an input; its end is drawn too: late, aborted, or left to time out. */
  transaction(): Promise<void>
  /** A value that nobody can decode. */
  garbage(): Promise<void>
  poison(value: Uint8Array): Promise<void>
}
