// The memory log as if its partitions were led by several nodes: each can fall silent, refuse
// connections, or hand a partition to another. Every request is written down.
import {
  type Api,
  type CallLimits,
  type FetchedPartition,
  type Handlers,
  partitionKey,
  type RequestOf,
  type ResponseOf,
  type Transport,
} from '../../src/adapters/client/protocol.ts'
import { LogError } from '../../src/runtime/log-error.ts'
import type { TopicPartition } from '../../src/runtime/ports.ts'

export interface Seen {
  readonly api: Api
  /** Of a fetch; else null. */
  readonly node: number | null
  readonly partitions: readonly string[]
}

type NodeState = 'up' | 'silent' | 'down'

const never = <T>(): Promise<T> => new Promise(() => undefined)

export class Nodes {
  readonly #count: number
  readonly #states = new Map<number, NodeState>()
  readonly #leaders = new Map<string, number>()
  readonly seen: Seen[] = []
  /** Exchanges the answer about one partition of a fetch; null leaves it out. */
  bendFetched: (answer: FetchedPartition) => FetchedPartition | null = (answer) => answer

  constructor(count: number) {
    this.#count = count
  }

  set(node: number, state: NodeState): void {
    this.#states.set(node, state)
  }

  move(at: TopicPartition, node: number): void {
    this.#leaders.set(partitionKey(at), node)
  }

  leader(at: TopicPartition): number {
    return this.#leaders.get(partitionKey(at)) ?? at.partition % this.#count
  }

  asked(api: Api, node: number | null = null): number {
    return this.seen.filter((one) => one.api === api && (node === null || one.node === node)).length
  }

  readonly wrap: (inner: Transport) => Transport = (inner) => {
    return <K extends Api>(
      api: K,
      request: RequestOf<K>,
      limits: CallLimits,
    ): Promise<ResponseOf<K>> => {
      const own: Partial<Handlers>[K] = this.#handlers(inner, limits)[api]
      if (own !== undefined) return Promise.resolve(own(request))
      this.seen.push({ api, node: null, partitions: [] })
      return inner(api, request, limits)
    }
  }

  #handlers(inner: Transport, limits: CallLimits): Partial<Handlers> {
    return {
      locate: async (request) => {
        this.#note('locate', null, request.partitions)
        const { partitions } = await inner('locate', request, limits)
        const found = partitions.map((answer, i) => {
          const at = request.partitions[i]
          const isThere = answer.error === 'NONE' && at !== undefined
          return isThere ? { ...answer, node: this.leader(at) } : answer
        })
        return { partitions: found }
      },
      fetch: async (request) => {
        const { node } = request
        this.#note('fetch', node, request.partitions)
        await this.#reach(node)
        const mine = request.partitions.filter((at) => this.leader(at) === node)
        const moved = request.partitions.filter((at) => this.leader(at) !== node)
        const maxWaitMs = moved.length > 0 ? 0 : request.maxWaitMs
        const answer = await inner('fetch', { ...request, partitions: mine, maxWaitMs }, limits)
        // A node that fell silent meanwhile does not answer what it was asked before.
        await this.#reach(node)
        const partitions = [...answer.partitions, ...moved.map(notLed)]
        return { partitions: partitions.flatMap((one) => this.bendFetched(one) ?? []) }
      },
      produce: (request) => {
        this.#note('produce', null, request.partitions)
        return inner('produce', request, limits)
      },
    }
  }

  #note(api: Api, node: number | null, partitions: readonly TopicPartition[]): void {
    this.seen.push({ api, node, partitions: partitions.map(partitionKey) })
  }

  async #reach(node: number): Promise<void> {
    const state = this.#states.get(node) ?? 'up'
    if (state === 'silent') await never()
    if (state === 'down') throw new LogError('UNAVAILABLE', `node ${node} is down`)
  }
}

function notLed({ topic, partition }: TopicPartition): FetchedPartition {
  const nothing = { chunks: [], aborted: [], endOffset: -1, heldBack: false, logStartOffset: -1 }
  return { topic, partition, error: 'NOT_LEADER_OR_FOLLOWER', ...nothing }
}
