// The worker role: checks that the cluster is initialised and the right one, then runs the tasks
// that its group gives it. Wiring only; the engine is runtime/host.ts.
import type { Decoder, Encoder } from '../../contracts/decode.ts'
import type { HsError } from '../../contracts/failure.ts'
import { type ClusterId, clusterId as toClusterId } from '../../contracts/ids.ts'
import { DEFAULT_PREFIX } from '../../contracts/topics.ts'
import type { FollowerStatus } from '../../runtime/followers.ts'
import { Host } from '../../runtime/host.ts'
import type { Instruments } from '../../runtime/instruments.ts'
import type { Clock, LogPort } from '../../runtime/ports.ts'
import type { SnapshotPlan } from '../../runtime/snapshot-cadence.ts'
import { forPeople } from '../../runtime/reaction.ts'
import type { CreateCore } from '../../core/kernel/step.ts'
import type { TaskStatus } from '../../runtime/task.ts'
import { partitionsLeft } from '../parts/partitions-left.ts'

export interface WorkerOptions {
  readonly log: LogPort
  readonly decoder: Decoder
  readonly encoder: Encoder
  readonly createCore: CreateCore
  /** Of the fleet task; without it this group has none. */
  readonly createFleetCore?: CreateCore
  readonly clock: Clock
  readonly instruments: Instruments
  readonly prefix?: string
  readonly group?: string
  /** Workers that follow each task beside its owner. Default: 1. */
  readonly standbys?: number
  /**
   * `auto` (default): tasks judge by the newest behaviour as soon as every worker of the group has
   * it; `hold`: they stay at what they have.
   */
  readonly upgrade?: 'auto' | 'hold'
  /** When snapshots are written; default: SNAPSHOT_PLAN. */
  readonly snapshots?: SnapshotPlan
  readonly sessionTimeoutMs?: number
  readonly rebalanceTimeoutMs?: number
  readonly heartbeatMs?: number
  /** Nothing can be owned any more; the process should end and be started again. */
  readonly onFatal?: (error: HsError) => void
}

export interface WorkerStatus {
  readonly clusterId: ClusterId
  /** P. */
  readonly partitions: number
  readonly memberId: string
  /** Generation of the group; -1 while ownership cannot be proven. */
  readonly generation: number
  readonly tasks: readonly TaskStatus[]
  /** What it follows without owning it. */
  readonly standby: readonly FollowerStatus[]
  /** In the group, and every task it was given runs. */
  readonly ready: boolean
}

export interface WorkerHandle {
  status(): WorkerStatus
  /** Commits, lets go and leaves; at most 5 s, whatever the log does. */
  stop(): Promise<void>
}

export const DEFAULT_GROUP = 'healstream'
export const DEFAULT_STANDBYS = 1

/**
 * Errors: HsError HS_NO_GENESIS before `healstream init`, HS_FOREIGN_CLUSTER, HS_CHAIN_BROKEN;
 * LogError of the log.
 */
export async function startWorker(options: WorkerOptions): Promise<WorkerHandle> {
  const prefix = options.prefix ?? DEFAULT_PREFIX
  const group = options.group ?? DEFAULT_GROUP
  const clusterId = toClusterId(await options.log.clusterId())
  const partitions = await partitionsLeft(options.log, prefix, clusterId)
  const { log, clock, decoder, encoder, createCore, instruments } = options
  const { sessionTimeoutMs, rebalanceTimeoutMs, heartbeatMs } = options
  const host = new Host({
    engine: {
      log,
      clock,
      decoder,
      encoder,
      createCore,
      instruments,
      prefix,
      group,
      clusterId,
      ...(options.snapshots === undefined ? {} : { plan: options.snapshots }),
    },
    partitions,
    createFleetCore: options.createFleetCore ?? null,
    standbys: options.standbys ?? DEFAULT_STANDBYS,
    upgrade: options.upgrade ?? 'auto',
    ...(sessionTimeoutMs === undefined ? {} : { sessionTimeoutMs }),
    ...(rebalanceTimeoutMs === undefined ? {} : { rebalanceTimeoutMs }),
    ...(heartbeatMs === undefined ? {} : { heartbeatMs }),
    onFatal: (error) => options.onFatal?.(forPeople(error)),
  })
  const detail = `group ${group}, ${partitions} partitions, cluster ${clusterId}`
  instruments.emit('process_started', { role: 'worker', detail })
  let stopped: Promise<void> | null = null
  return {
    status: () => statusOf(host, { clusterId, partitions }),
    stop: () => {
      stopped ??= host.stop()
      return stopped
    },
  }
}

function statusOf(
  host: Host,
  { clusterId, partitions }: Pick<WorkerStatus, 'clusterId' | 'partitions'>,
): WorkerStatus {
  const { memberId, generation } = host
  const tasks = host.status()
  const ready = generation >= 0 && tasks.every((task) => task.state === 'Running')
  const standby = host.standby()
  return { clusterId, partitions, memberId, generation, tasks, standby, ready }
}
