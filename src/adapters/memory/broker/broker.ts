// The broker of the memory log: topics, and a state machine that answers requests as a one-node
// Kafka would. It knows nothing of clients but their requests; requests take effect in the order in
// which they arrive.
import { LogError } from '../../../runtime/log-error.ts'
import type { Clock, Isolation, TopicPartition, TopicSetup } from '../../../runtime/ports.ts'
import type { Crc32c } from '../../../runtime/record-batch.ts'
import type { ErrorCode } from '../../client/error-codes.ts'
import {
  type Api,
  type FetchedPartition,
  type Handlers,
  type ProducedPartition,
  type ProducePartition,
  type RequestOf,
  type ResponseOf,
} from '../../client/protocol.ts'
import { wholeHeader } from './compaction.ts'
import { GroupOffsets } from './group-offsets.ts'
import { GroupCoordinator } from './groups.ts'
import { PartitionLog } from './partition-log.ts'
import { Timers } from './timers.ts'
import { parseTopicConfig, type TopicConfig } from './topic-config.ts'
import { TransactionCoordinator } from './transactions.ts'

export interface BrokerOptions {
  readonly clock: Clock
  readonly clusterId: string
  readonly crc32c: Crc32c
  /** Time between the answer to a commit and its visibility, as on a real cluster. */
  readonly markerDelayMs: number
  /** Default of `retention.bytes`, per partition: bounds the memory of topics that set none. */
  readonly retentionBytes: number
  readonly compactAfterBytes: number
}

interface Topic {
  readonly config: TopicConfig
  readonly partitions: readonly PartitionLog[]
}

/** The only node there is. */
const NODE = 0
/** It never changes: of the batches, too. */
const LEADER_EPOCH = 0
const UNKNOWN = 'UNKNOWN_TOPIC_OR_PARTITION'
const LEGAL_NAME = /^[a-zA-Z0-9._-]{1,249}$/

export class Broker {
  readonly #options: BrokerOptions
  readonly #timers: Timers
  readonly #topics = new Map<string, Topic>()
  readonly #transactions: TransactionCoordinator
  readonly #groups: GroupCoordinator
  readonly #groupOffsets: GroupOffsets
  readonly #handlers: Handlers
  #closed = false

  constructor(options: BrokerOptions) {
    this.#options = options
    this.#timers = new Timers(options.clock)
    this.#groups = new GroupCoordinator(this.#timers)
    this.#transactions = new TransactionCoordinator({
      timers: this.#timers,
      partition: (at) => this.#partition(at),
      markerDelayMs: options.markerDelayMs,
    })
    this.#groupOffsets = new GroupOffsets({
      isEmpty: (group) => this.#groups.isEmpty(group),
      exists: (at) => this.#partition(at) !== null,
    })
    this.#handlers = this.#table()
  }

  /** Answers one request. Rejects with `UNAVAILABLE` after close(). */
  async handle<K extends Api>(api: K, request: RequestOf<K>): Promise<ResponseOf<K>> {
    if (this.#closed) throw new LogError('UNAVAILABLE', 'the memory log is closed')
    return this.#handlers[api](request)
  }

  /** One pass of the cleaner over a topic; real brokers run it when they see fit. */
  compact(topic: string): void {
    for (const log of this.#topics.get(topic)?.partitions ?? []) log.compact(this.#timers.nowMs())
  }

  /** Bytes of all stored batches. */
  sizeBytes(): number {
    let sum = 0
    for (const { partitions } of this.#topics.values())
      for (const log of partitions) sum += log.sizeBytes
    return sum
  }

  /** Stops all timers. Requests that wait are never answered. */
  close(): void {
    this.#closed = true
    this.#timers.close()
  }

  #table(): Handlers {
    return {
      describeCluster: () => ({ clusterId: this.#options.clusterId }),
      createTopics: ({ topics }) => ({ errors: topics.map((setup) => this.#create(setup)) }),
      describeTopics: ({ names }) => ({ topics: names.map((name) => this.#describe(name)) }),
      deleteTopics: ({ names }) => ({ errors: names.map((name) => this.#delete(name)) }),
      deleteRecords: (request) => ({
        error:
          this.#partition(request)?.deleteBefore(request.beforeOffset) ??
          'UNKNOWN_TOPIC_OR_PARTITION',
      }),
      listOffsets: (request) => ({
        partitions: request.partitions.map((at) => this.#offset(at, request)),
      }),
      locate: ({ partitions }) => ({
        partitions: partitions.map((at) => {
          const there = this.#partition(at) !== null
          return there
            ? { error: 'NONE', node: NODE, leaderEpoch: LEADER_EPOCH }
            : { error: UNKNOWN, node: -1, leaderEpoch: -1 }
        }),
      }),
      epochEnds: ({ partitions }) => ({
        partitions: partitions.map(({ topic, partition }) => {
          const log = this.#partition({ topic, partition })
          return log === null
            ? { topic, partition, error: UNKNOWN, epoch: -1, endOffset: -1 }
            : {
                topic,
                partition,
                error: 'NONE',
                epoch: LEADER_EPOCH,
                endOffset: log.endOffset('read_uncommitted'),
              }
        }),
      }),
      fetch: (request) => this.#fetch(request),
      produce: ({ transactionalId, partitions }) => ({
        partitions: partitions.map((part) => this.#produce(transactionalId, part)),
      }),
      initProducerId: (request) => this.#transactions.initProducerId(request),
      addPartitionsToTxn: (request) => this.#transactions.addPartitions(request),
      endTxn: (request) => this.#transactions.endTxn(request),
      joinGroup: (request) => this.#groups.join(request),
      syncGroup: (request) => this.#groups.sync(request),
      heartbeat: (request) => this.#groups.heartbeat(request),
      leaveGroup: (request) => this.#groups.leave(request),
      commitOffsets: (request) => this.#groupOffsets.commit(request),
      fetchOffsets: (request) => this.#groupOffsets.fetch(request),
    }
  }

  #partition(at: TopicPartition): PartitionLog | null {
    return this.#topics.get(at.topic)?.partitions[at.partition] ?? null
  }

  #create(setup: TopicSetup): ErrorCode {
    if (this.#topics.has(setup.topic)) return 'TOPIC_ALREADY_EXISTS'
    if (!LEGAL_NAME.test(setup.topic) || setup.topic === '.' || setup.topic === '..')
      return 'INVALID_TOPIC_EXCEPTION'
    if (!Number.isInteger(setup.partitions) || setup.partitions < 1) return 'INVALID_PARTITIONS'
    const { retentionBytes, crc32c, compactAfterBytes } = this.#options
    const config = parseTopicConfig(setup.config, retentionBytes)
    if (typeof config === 'string') return config
    const partitions = Array.from(
      { length: setup.partitions },
      () => new PartitionLog({ config, crc32c, compactAfterBytes }),
    )
    this.#topics.set(setup.topic, { config, partitions })
    return 'NONE'
  }

  #describe(name: string): ResponseOf<'describeTopics'>['topics'][number] {
    const topic = this.#topics.get(name)
    if (topic === undefined) return null
    return { topic: name, partitions: topic.partitions.length, config: topic.config.all }
  }

  #delete(name: string): ErrorCode {
    const topic = this.#topics.get(name)
    if (topic === undefined) return 'UNKNOWN_TOPIC_OR_PARTITION'
    this.#topics.delete(name)
    this.#groupOffsets.forget(name)
    for (const log of topic.partitions) log.changed()
    return 'NONE'
  }

  #offset(
    at: TopicPartition,
    request: RequestOf<'listOffsets'>,
  ): { error: ErrorCode; offset: number } {
    const log = this.#partition(at)
    if (log === null) return { error: 'UNKNOWN_TOPIC_OR_PARTITION', offset: -1 }
    log.retain(this.#timers.nowMs())
    if (request.at === 'earliest') return { error: 'NONE', offset: log.logStartOffset }
    if (request.at === 'latest') return { error: 'NONE', offset: log.endOffset(request.isolation) }
    return { error: 'NONE', offset: log.offsetAt(request.at.timestampMs, request.isolation) }
  }

  #produce(transactionalId: string | null, part: ProducePartition): ProducedPartition {
    const { topic, partition, batch } = part
    const refused = (error: ErrorCode): ProducedPartition => ({
      topic,
      partition,
      error,
      baseOffset: -1,
      appendMs: null,
    })
    const log = this.#partition(part)
    if (log === null) return refused('UNKNOWN_TOPIC_OR_PARTITION')
    const error = this.#checkProducer(transactionalId, part)
    if (error === 'INVALID_TXN_STATE') log.producers.cameOutside(wholeHeader(batch))
    if (error !== 'NONE') return refused(error)
    const result = log.append(batch, this.#timers.nowMs())
    if (result.error !== 'NONE') return refused(result.error)
    return { topic, partition, ...result }
  }

  #checkProducer(transactionalId: string | null, part: ProducePartition): ErrorCode {
    try {
      return this.#transactions.checkProduce(transactionalId, wholeHeader(part.batch), part)
    } catch (error) {
      if (error instanceof LogError && error.code === 'CORRUPT') return 'CORRUPT_MESSAGE'
      throw error
    }
  }

  /**
   * Answers at once when a partition has something or is gone, else at the first change or after
   * the wait.
   */
  #fetch(request: RequestOf<'fetch'>): ResponseOf<'fetch'> | Promise<ResponseOf<'fetch'>> {
    const wanted = request.partitions.filter(isFirst)
    const { isolation } = request
    const isNews = (at: TopicPartition & { readonly offset: number }): boolean =>
      this.#partition(at)?.hasNews(at.offset, isolation, this.#timers.nowMs()) ?? true
    const answer = (): ResponseOf<'fetch'> => {
      return { partitions: wanted.map((at) => this.#read(at, isolation)) }
    }
    if (request.maxWaitMs <= 0 || wanted.some(isNews)) return answer()
    return new Promise((resolve) => {
      const stops: (() => void)[] = []
      const end = (): void => {
        for (const stop of stops) stop()
        resolve(answer())
      }
      for (const at of wanted) {
        const look = (): void => {
          if (isNews(at)) end()
        }
        const stop = this.#partition(at)?.watch(look)
        if (stop !== undefined) stops.push(stop)
      }
      stops.push(this.#timers.after(request.maxWaitMs, end))
    })
  }

  #read(at: RequestOf<'fetch'>['partitions'][number], isolation: Isolation): FetchedPartition {
    const { topic, partition } = at
    const log = this.#partition(at)
    if (log !== null) return log.read(at, isolation, this.#timers.nowMs())
    const offsets = { endOffset: -1, heldBack: false, logStartOffset: -1 }
    return { topic, partition, error: UNKNOWN, chunks: [], aborted: [], ...offsets }
  }
}

/** A partition that is asked for twice is answered once. */
function isFirst(
  { topic, partition }: TopicPartition,
  index: number,
  all: readonly TopicPartition[],
): boolean {
  for (let i = 0; i < index; i++)
    if (all[i]?.partition === partition && all[i]?.topic === topic) return false
  return true
}
