// What the brokers said last about the cluster: addresses, leaders, controller. Asked for when
// something is missing, by one request at a time for all who wait, and not more often than the
// least interval: a leader that is gone is asked about by every client at once and for seconds.
import { LogError } from '../../runtime/log-error.ts'
import type { Clock, TopicPartition } from '../../runtime/ports.ts'
import type { Failure } from '../client/error-codes.ts'
import { type CallLimits, partitionKey, wholeMs } from '../client/protocol.ts'
import { within } from './deadline.ts'
import type { Address } from './options.ts'
import type { ClusterMetadata } from './requests/metadata.ts'

const MIN_INTERVAL_MS = 100
/** A topic that was just created is not known to every broker yet. */
const UNKNOWN_AGAIN_MS = 100

/** Asks any broker; `elsewhere`: another than last time. */
export type AskMetadata = (
  topics: readonly string[],
  elsewhere: boolean,
) => Promise<ClusterMetadata>

interface Flight {
  readonly topics: Set<string>
  readonly answer: Promise<ClusterMetadata>
}

export class MetadataCache {
  readonly #ask: AskMetadata
  readonly #clock: Clock
  readonly #leaders = new Map<string, Map<number, number>>()
  /** Of the leaders told of last, by partition. */
  readonly #leaderEpochs = new Map<string, number>()
  #addresses: ReadonlyMap<number, Address> = new Map()
  #clusterId: string | null = null
  #controller = -1
  #lastAskedMs: number = Number.NEGATIVE_INFINITY
  /** Being waited for, and the one behind it that still takes topics. */
  #current: Promise<unknown> = Promise.resolve()
  #next: Flight | null = null
  #lastFailure = ''
  /** Leaders that were told of and are none, by partition. */
  readonly #doubted = new Map<string, number>()
  /** The last answer named one of them again: who gave it may have been cut off from the others. */
  #isSuspect = false

  constructor(ask: AskMetadata, clock: Clock) {
    this.#ask = ask
    this.#clock = clock
  }

  get addresses(): readonly Address[] {
    return [...this.#addresses.values()]
  }

  /** What was told first; null before. */
  get knownClusterId(): string | null {
    return this.#clusterId
  }

  /** Learned elsewhere (from an answer to FindCoordinator). */
  noteAddress(node: number, address: Address): void {
    this.#addresses = new Map([...this.#addresses, [node, address]])
  }

  async addressOf(node: number, limits: CallLimits): Promise<Address> {
    const known = this.#addresses.get(node)
    if (known !== undefined) return known
    await this.#refresh([], limits)
    const address = this.#addresses.get(node)
    if (address !== undefined) return address
    const nodes = [...this.#addresses.keys()].join(', ')
    throw new LogError('UNAVAILABLE', `node ${node} is not in the cluster, only ${nodes}`)
  }

  async clusterId(limits: CallLimits): Promise<string> {
    if (this.#clusterId === null) await this.#refresh([], limits)
    if (this.#clusterId !== null) return this.#clusterId
    throw new LogError('UNAVAILABLE', 'the cluster has not told its id')
  }

  async controller(limits: CallLimits): Promise<number | Failure> {
    if (this.#controller < 0) await this.#refresh([], limits)
    return this.#controller < 0 ? 'BROKER_NOT_AVAILABLE' : this.#controller
  }

  forgetController(): void {
    this.#controller = -1
  }

  async leaders(
    partitions: readonly TopicPartition[],
    limits: CallLimits,
  ): Promise<readonly (number | Failure)[]> {
    const deadlineMs = this.#clock.monotonicMs() + limits.timeoutMs
    const found = await this.#lookUp(partitions, limits)
    if (!found.includes('UNKNOWN_TOPIC_OR_PARTITION')) return found
    const leftMs = deadlineMs - this.#clock.monotonicMs()
    if (leftMs <= UNKNOWN_AGAIN_MS) return found
    await this.#clock.sleep(UNKNOWN_AGAIN_MS, limits.signal)
    const timeoutMs = deadlineMs - this.#clock.monotonicMs()
    return await this.#lookUp(partitions, { timeoutMs, signal: limits.signal })
  }

  /** -1: none was told of. */
  leaderEpoch(at: TopicPartition): number {
    return this.#leaderEpochs.get(partitionKey(at)) ?? -1
  }

  forgetLeader(at: TopicPartition): void {
    const leaders = this.#leaders.get(at.topic)
    const leader = leaders?.get(at.partition)
    if (leader !== undefined) this.#doubted.set(partitionKey(at), leader)
    leaders?.delete(at.partition)
  }

  async #lookUp(
    partitions: readonly TopicPartition[],
    limits: CallLimits,
  ): Promise<(number | Failure)[]> {
    const known = (at: TopicPartition): number | undefined =>
      this.#leaders.get(at.topic)?.get(at.partition)
    const missing = new Set(
      partitions.filter((at) => known(at) === undefined).map((at) => at.topic),
    )
    const asked = missing.size === 0 ? null : await this.#refresh([...missing], limits)
    return partitions.map((at) => known(at) ?? whyNoLeader(asked, at))
  }

  /** Asks, or joins those who are about to. Errors: of the asking; late: `UNAVAILABLE`. */
  #refresh(topics: readonly string[], limits: CallLimits): Promise<ClusterMetadata> {
    this.#next ??= this.#prepare()
    for (const topic of topics) this.#next.topics.add(topic)
    return within(this.#next.answer, limits, () => {
      const what = `no metadata for ${wholeMs(limits)} ms${this.#lastFailure}`
      return new LogError('UNAVAILABLE', what)
    })
  }

  #prepare(): Flight {
    const topics = new Set<string>()
    const before = this.#current
    const answer = this.#fly(topics, before)
    this.#current = answer.catch(() => undefined)
    return { topics, answer }
  }

  async #fly(topics: Set<string>, before: Promise<unknown>): Promise<ClusterMetadata> {
    await before
    const waitMs = this.#lastAskedMs + MIN_INTERVAL_MS - this.#clock.monotonicMs()
    if (waitMs > 0) await this.#clock.sleep(waitMs)
    this.#next = null
    this.#lastAskedMs = this.#clock.monotonicMs()
    try {
      const answer = await this.#ask([...topics], this.#isSuspect)
      this.#lastFailure = ''
      this.#note(answer)
      return answer
    } catch (error) {
      if (error instanceof LogError) this.#lastFailure = `; before that: ${error.message}`
      throw error
    }
  }

  #note({ brokers, clusterId, controller, topics }: ClusterMetadata): void {
    // A broker that is starting may not know of any other yet.
    if (brokers.length > 0)
      this.#addresses = new Map(brokers.map(({ node, host, port }) => [node, { host, port }]))
    this.#clusterId = clusterId ?? this.#clusterId
    this.#controller = controller
    this.#isSuspect = false
    for (const { name, partitions } of topics) {
      const led = partitions.filter(({ error, leader }) => error === 'NONE' && leader >= 0)
      this.#leaders.set(name, new Map(led.map(({ partition, leader }) => [partition, leader])))
      for (const { partition, leader, leaderEpoch } of led) {
        const key = partitionKey({ topic: name, partition })
        this.#leaderEpochs.set(key, leaderEpoch)
        if (this.#doubted.get(key) === leader) this.#isSuspect = true
        else this.#doubted.delete(key)
      }
    }
  }
}

function whyNoLeader(answer: ClusterMetadata | null, at: TopicPartition): Failure {
  const topic = answer?.topics.find(({ name }) => name === at.topic)
  // Forgotten by somebody while the answer was on its way to us.
  if (topic === undefined) return 'LEADER_NOT_AVAILABLE'
  if (topic.error !== 'NONE') return topic.error
  const found = topic.partitions.find(({ partition }) => partition === at.partition)
  if (found === undefined) return 'UNKNOWN_TOPIC_OR_PARTITION'
  return found.error === 'NONE' ? 'LEADER_NOT_AVAILABLE' : found.error
}
