// What the parts of the Kafka adapter say to each other: a request that can be sent, the
// connections of one client (a lane), and what all clients of a process know together about the
// cluster. Every call has a deadline, and nothing here waits without one.
import type { TopicPartition } from '../../runtime/ports.ts'
import type { Failure } from '../client/error-codes.ts'
import type { CallLimits } from '../client/protocol.ts'

/** A request of one version, and how its answer is read. */
export interface KafkaRequest<T> {
  readonly apiKey: number
  readonly apiVersion: number
  /** For errors and metrics: `Produce`, `Fetch`, … */
  readonly apiName: string
  /** Body without size and header. */
  readonly encode: () => Buffer | Promise<Buffer>
  /** Headers with tagged fields (KIP-482); kafkajs itself speaks none of these versions. */
  readonly flexible: boolean
  /**
   * Reads the body of the answer, behind its header. May throw: the connection is then given up.
   */
  readonly decode: (body: Buffer) => T | Promise<T>
}

/**
 * The connections of one client, one per node, opened when first used and again after a failure. A
 * broker answers one connection in order, so clients do not share them.
 */
export interface Lane {
  /**
   * Errors: LogError `UNAVAILABLE` (unreachable, or no answer in time: that connection is given
   * up), `NOT_AUTHORIZED` (TLS or SASL refused), `INVALID_REQUEST` (the broker does not speak the
   * version), `CLOSED`; the signal's reason when aborted.
   */
  send<T>(node: number, request: KafkaRequest<T>, limits: CallLimits): Promise<T>
  /** To any node that answers. Errors: as `send`. */
  sendAny<T>(request: KafkaRequest<T>, limits: CallLimits): Promise<T>
  /** Something was sent, or is about to be, that has not been answered. */
  readonly isBusy: boolean
  /** Ends all connections at once; what is under way rejects with `CLOSED`. */
  close(): void
}

/**
 * What is known about the cluster, shared by all lanes of a process, and asked for when it is not.
 */
export interface Cluster {
  lane(): Lane
  clusterId(limits: CallLimits): Promise<string>
  /** Node of the leader, or why there is none, in the order asked. */
  leaders(
    partitions: readonly TopicPartition[],
    limits: CallLimits,
  ): Promise<readonly (number | Failure)[]>
  /** Of the leader that was told of last; -1: none was. */
  leaderEpoch(at: TopicPartition): number
  /** To be told when a node answered that it is not the leader, or not at all. */
  forgetLeader(at: TopicPartition): void
  coordinator(
    kind: 'group' | 'transaction',
    key: string,
    limits: CallLimits,
  ): Promise<number | Failure>
  forgetCoordinator(kind: 'group' | 'transaction', key: string): void
  controller(limits: CallLimits): Promise<number | Failure>
  forgetController(): void
  /** Ends the shared connections; lanes are closed by their clients. */
  close(): void
}
