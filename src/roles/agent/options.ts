// What an agent is started with.
import type { Decoder, Encoder } from '../../contracts/decode.ts'
import type { AgentId, ClusterId, InstanceId, ServiceId } from '../../contracts/ids.ts'
import type { ProbeTry, ProfileName } from '../../runtime/agent/probe.ts'
import type { Instruments } from '../../runtime/instruments.ts'
import type { Clock, LogPort } from '../../runtime/ports.ts'

/** How an instance is started. Never a shell line. */
export interface InstanceCommand {
  readonly argv: readonly string[]
  /** The child gets this and PATH, nothing else of the agent's environment. */
  readonly env: Readonly<Record<string, string>>
  readonly cwd?: string
}

/** Where services bring their counts. */
export interface IntakeAddress {
  readonly host: string
  readonly port: number
  /** Kept in a file of the agent's folder that only its owner can read. */
  readonly token: string
}

export interface AgentInstance {
  readonly service: ServiceId
  readonly instance: InstanceId
  /** Loopback: the agent sits on the host of the instance. */
  readonly host: string
  readonly port: number
  readonly healthPath: string
  readonly command: (intake: IntakeAddress) => InstanceCommand
  readonly zone?: string
  readonly appVersion?: string
  /** Time between SIGTERM and SIGKILL. Default 500. */
  readonly graceMs?: number
  /** How long a start may take until health answers. Default 10,000. */
  readonly startTimeoutMs?: number
}

export interface AgentOptions {
  readonly log: LogPort
  readonly encoder: Encoder
  readonly decoder: Decoder
  readonly clock: Clock
  readonly instruments: Instruments
  readonly prefix: string
  /** Number of partitions of the co-partitioned topics (genesis). */
  readonly partitions: number
  readonly clusterId: ClusterId
  readonly agentId: AgentId
  /** Durable folder of this agent alone; a new one is a new epoch. */
  readonly stateDir: string
  readonly instances: readonly AgentInstance[]
  /** Default `fast`. */
  readonly probeProfile?: ProfileName
  /**
   * Tell of a first failure at once: early deltas, refused connections on the first try, a look at
   * the port when the intake connection of an instance breaks. Default true.
   */
  readonly earlyFlush?: boolean
  /** Tell when the driver sees its child end. Default false. */
  readonly exitSignal?: boolean
  /** Period of level-1 heartbeats; level 2 comes at every third. Default 1,000. */
  readonly heartbeatMs?: number
  /** Renewed three times within it (C-02). Default 30,000 (S0-08). */
  readonly leaseTtlMs?: number
  /** Time an action may take. Default 20,000. */
  readonly actionTimeoutMs?: number
  /** Default: HTTP over the network. */
  readonly probe?: ProbeTry
}
