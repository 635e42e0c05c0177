// One request about partitions of several leaders: sent to each leader at the same time, put
// together in the order asked. What one leader does to the request is told about its partitions
// only.
import { LogError } from '../../runtime/log-error.ts'
import type { Clock, TopicPartition } from '../../runtime/ports.ts'
import type { ErrorCode, Failure } from '../client/error-codes.ts'
import type { CallLimits } from '../client/protocol.ts'
import type { Cluster, KafkaRequest, Lane } from './wire.ts'

/** Answers after which another node may be the leader. */
const LEADER_ERRORS: ReadonlySet<ErrorCode> = new Set<Failure>([
  'FENCED_LEADER_EPOCH',
  'KAFKA_STORAGE_ERROR',
  'LEADER_NOT_AVAILABLE',
  'NETWORK_EXCEPTION',
  'NOT_LEADER_OR_FOLLOWER',
  'REPLICA_NOT_AVAILABLE',
  'UNKNOWN_LEADER_EPOCH',
  'UNKNOWN_TOPIC_OR_PARTITION',
])
/** A part of a call ends this much before the whole, so that there is time to tell of it. */
const MARGIN_MS = 50

/** Kafka as one client sees it. */
export interface Reach {
  readonly cluster: Cluster
  readonly lane: Lane
  readonly clock: Clock
}

/** What is left of a call's time for one of its parts; never 0, which would be no attempt. */
export class TimeLeft {
  readonly #clock: Clock
  readonly #endMs: number
  readonly #signal: AbortSignal | undefined

  constructor({ clock }: Reach, limits: CallLimits) {
    const marginMs = Math.min(MARGIN_MS, limits.timeoutMs / 10)
    this.#clock = clock
    this.#endMs = clock.monotonicMs() + limits.timeoutMs - marginMs
    this.#signal = limits.signal
  }

  get ms(): number {
    return Math.max(0, this.#endMs - this.#clock.monotonicMs())
  }

  get limits(): CallLimits {
    return { timeoutMs: Math.max(1, this.ms), signal: this.#signal }
  }

  /** For the broker: it answers that it ran out of time a little before nobody waits any more. */
  get atBrokerMs(): number {
    return Math.max(1, Math.floor(this.ms - Math.min(MARGIN_MS, this.ms / 10)))
  }
}

/** The node gave no answer (the rest of what a lane rejects with concerns the whole client). */
export function isUnanswered(error: unknown, limits: CallLimits): boolean {
  if (limits.signal?.aborted === true) return false
  return !(error instanceof LogError) || error.code === 'UNAVAILABLE'
}

/** To be told every answer about a partition. */
export function noteLeaderError(cluster: Cluster, at: TopicPartition, error: ErrorCode): void {
  if (LEADER_ERRORS.has(error)) cluster.forgetLeader(at)
}

export interface FanOut<P extends TopicPartition, A> {
  readonly partitions: readonly P[]
  /** A request to one leader; answers in the order of `part`. */
  readonly request: (part: readonly P[], left: TimeLeft) => KafkaRequest<readonly A[]>
  /** The answer in place of one that there is not. */
  readonly failed: (at: P, error: Failure) => A
}

/** Answers in the order of `partitions`. Errors: as Lane.send, but for leaders without answer. */
export async function fanOut<P extends TopicPartition, A extends { readonly error: ErrorCode }>(
  reach: Reach,
  limits: CallLimits,
  { partitions, request, failed }: FanOut<P, A>,
): Promise<A[]> {
  const { cluster, lane } = reach
  const left = new TimeLeft(reach, limits)
  const leaders = await cluster.leaders(partitions, left.limits)
  const answers = new Map<P, A>()
  const parts = new Map<number, P[]>()
  for (const [i, at] of partitions.entries()) {
    const leader = leaders[i] ?? 'LEADER_NOT_AVAILABLE'
    if (typeof leader === 'string') answers.set(at, failed(at, leader))
    else parts.set(leader, [...(parts.get(leader) ?? []), at])
  }
  const ask = async ([node, part]: readonly [number, readonly P[]]): Promise<void> => {
    const answered = await lane
      .send(node, request(part, left), left.limits)
      .catch((error: unknown): null => {
        if (isUnanswered(error, limits)) return null
        throw error
      })
    for (const [i, at] of part.entries()) {
      const answer = answered?.[i] ?? failed(at, 'NETWORK_EXCEPTION')
      noteLeaderError(cluster, at, answer.error)
      answers.set(at, answer)
    }
  }
  const results = await Promise.allSettled([...parts].map(ask))
  for (const result of results) if (result.status === 'rejected') throw result.reason
  return partitions.map((at) => answers.get(at) ?? failed(at, 'NETWORK_EXCEPTION'))
}
