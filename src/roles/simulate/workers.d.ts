import type { MemoryLog } from '../../adapters/memory/memory-log.ts'
import type { Decoder, Encoder } from '../../contracts/decode.ts'
import type { CreateCore } from '../../core/kernel/step.ts'
import { type WorkerStatus } from '../worker/worker.ts'
import type { Network, Witness } from './network.ts'
import { SimNode } from './node.ts'
import type { Random } from './random.ts'
import type { Trace } from './trace.ts'
import type { World } from './world.ts'
export interface WorkersOptions {
  readonly world: World
  readonly network: Network
  readonly broker: MemoryLog['broker']
  readonly trace: Trace
  readonly random: Random
  readonly encoder: Encoder
  readonly decoder: Decoder
  readonly createCore: CreateCore
  readonly witness: Witness
  readonly problem: (what: string) => void
}
export declare class Workers {
  #private
  readonly counts: Record<string, number>
  constructor(options: WorkersOptions)
  start(slot: number): void
  kill(slot: number, forMs: number): void
  pause(slot: number, forMs: number): void
  /** SIGTERM; who does not end in time is killed. */
  stop(slot: number, forMs: number): void
  /** A worker that comes for a while and leaves again. */
  visit(slot: number, forMs: number): void
  /** Every worker that lives, until all have ended. */
  end(): Promise<void>
  node(slot: number): SimNode | null
  slotOf(node: SimNode): number | null
  statuses(): readonly WorkerStatus[]
}
