// What the conformance cases need beside the port itself. Each log brings one rig: it makes
// clients, lets time pass, and disturbs single requests on the way between one client and the log.
import type { Clock, LogPort } from '../../src/runtime/ports.ts'

/** Kafka's names of the requests that cases disturb. */
export type RequestKind =
  | 'AddPartitionsToTxn'
  | 'EndTxn'
  | 'Fetch'
  | 'Heartbeat'
  | 'InitProducerId'
  | 'JoinGroup'
  | 'LeaveGroup'
  | 'Produce'
  | 'SyncGroup'

/**
 * `lose request`: it never arrives. `lose answer`: it is carried out, the client never hears.
 * `double`: it arrives twice in a row. `hold request`: it arrives when released. `hold answer`:
 * carried out, answered when released.
 */
export type Fault = 'lose request' | 'lose answer' | 'double' | 'hold request' | 'hold answer'

/** A fault that was set up. */
export interface Disturbance {
  /** Resolves when the (last) request has met it. */
  readonly met: Promise<void>
  /** No more requests meet it, what is held goes on; resolves when the log has carried it out. */
  release(): Promise<void>
}

/** The way between one client and the log. */
export interface Link {
  /** The next `count` (default 1) requests of the kind meet the fault. */
  disturb(kind: RequestKind, fault: Fault, count?: number): Disturbance
  /** From now on nothing passes in either direction; what is under way is lost. */
  cut(): void
  /** Requests sent from now on pass again. */
  restore(): void
}

export interface RigClient {
  readonly log: LogPort
  readonly link: Link
}

export interface ConformanceRig {
  /** The log's time; a sleep lets real or virtual time pass. */
  readonly clock: Clock
  /** A client of its own, as if in a process of its own. */
  connect(): Promise<RigClient>
  /** A name no other case uses. */
  unique(name: string): string
  /**
   * Returns after a pass of the log cleaner over what was written before the last batch of each
   * partition.
   */
  compact(topic: string): Promise<void>
  /** Closes all clients. */
  close(): Promise<void>
}

export interface ConformanceCase {
  readonly id: string
  readonly title: string
  /** Why it matters: what went wrong, or would, without it. */
  readonly story: string
  /** Throws when the log does not behave. */
  run(rig: ConformanceRig): Promise<void>
}
