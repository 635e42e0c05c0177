import type { Decoder, Encoder } from '../../contracts/decode.ts'
import type { LogPort } from '../../runtime/ports.ts'
import type { History } from './history.ts'
import type { SimNode } from './node.ts'
import type { Random } from './random.ts'
export interface FleetOptions {
  readonly node: SimNode
  readonly log: LogPort
  readonly encoder: Encoder
  readonly decoder: Decoder
  readonly random: Random
  readonly history: History
  readonly cluster: string
  readonly prefix: string
  readonly partitions: number
  readonly instancesPerService: number
  /** Shares of ticks that come twice and late. */
  readonly twice: number
  readonly late: number
}
export declare class Fleet {
  #private
  readonly services: readonly string[]
  commands: number
  constructor(options: FleetOptions)
  start(): void
  /** No more load; what is under way is waited for. */
  stop(): Promise<void>
}
/** One service for each partition, by name. */
export declare function servicesFor(partitions: number): readonly string[]
