// What a client and a log say to each other: Kafka's requests, named as Kafka names them, without
// the wire. A client knows nothing of the log but a Transport: the memory log answers it in the
// process, the Kafka adapter over connections. A test can delay, drop, double or hold back single
// requests and answers by wrapping one.
import type {
  Isolation,
  TopicDescription,
  TopicPartition,
  TopicSetup,
} from '../../runtime/ports.ts'
import type { AbortedTransaction } from '../../runtime/record-batch-select.ts'
import type { ErrorCode } from './error-codes.ts'

export interface ProducerIdentity {
  readonly producerId: number
  readonly producerEpoch: number
}

export interface FetchPartition extends TopicPartition {
  /** As `locate` says: any other leader refuses. -1: whoever leads it. */
  readonly leaderEpoch: number
  readonly offset: number
  readonly maxBytes: number
}

export interface FetchedPartition extends TopicPartition {
  readonly error: ErrorCode
  /** Whole batches as stored; not to be changed. */
  readonly chunks: readonly Uint8Array[]
  readonly aborted: readonly AbortedTransaction[]
  /** Last stable offset or high watermark, by isolation. */
  readonly endOffset: number
  /** Records lie behind `endOffset`: an open transaction keeps them from being shown. */
  readonly heldBack: boolean
  readonly logStartOffset: number
}

/** Up to where is the log of the leader that of the leader of an earlier epoch? */
export interface EpochQuestion extends TopicPartition {
  /** As in FetchPartition. */
  readonly leaderEpoch: number
  /** The earlier one. */
  readonly epoch: number
}

export interface EpochEnd extends TopicPartition {
  readonly error: ErrorCode
  /**
   * The newest that the log has of those up to the one asked about (that one itself where the log
   * begins behind it). -1: none is known.
   */
  readonly epoch: number
  /** Behind the last record of that epoch. -1: none is known. */
  readonly endOffset: number
}

export interface ProducePartition extends TopicPartition {
  readonly batch: Uint8Array
}

export interface ProducedPartition extends TopicPartition {
  readonly error: ErrorCode
  readonly baseOffset: number
  /** Append time, or null where the topic keeps the producer's. */
  readonly appendMs: number | null
}

export interface JoinedMember {
  readonly memberId: string
  readonly metadata: Uint8Array
}

/** A position of a group: the next offset it has to do with. */
export interface GroupPosition extends TopicPartition {
  readonly offset: number
}

interface Failable {
  readonly error: ErrorCode
}

export interface Leader {
  readonly node: number
  /** -1: not known. */
  readonly leaderEpoch: number
}

/** Request and answer of every API. */
export interface Wire {
  describeCluster: { request: Readonly<Record<string, never>>; response: { clusterId: string } }
  createTopics: {
    request: { readonly topics: readonly TopicSetup[] }
    response: { readonly errors: readonly ErrorCode[] }
  }
  describeTopics: {
    request: { readonly names: readonly string[] }
    response: { readonly topics: readonly (TopicDescription | null)[] }
  }
  deleteTopics: {
    request: { readonly names: readonly string[] }
    response: { readonly errors: readonly ErrorCode[] }
  }
  deleteRecords: {
    request: TopicPartition & { readonly beforeOffset: number }
    response: Failable
  }
  listOffsets: {
    request: {
      readonly isolation: Isolation
      readonly at: 'earliest' | 'latest' | { readonly timestampMs: number }
      readonly partitions: readonly TopicPartition[]
    }
    response: { readonly partitions: readonly (Failable & { readonly offset: number })[] }
  }
  /** Who leads each partition, and since which epoch, in the order asked. */
  locate: {
    request: { readonly partitions: readonly TopicPartition[] }
    response: { readonly partitions: readonly (Failable & Leader)[] }
  }
  /** Kafka's OffsetForLeaderEpoch, in the order asked. */
  epochEnds: {
    request: {
      /** Leader of all of them, as `locate` says. */
      readonly node: number
      readonly partitions: readonly EpochQuestion[]
    }
    response: { readonly partitions: readonly EpochEnd[] }
  }
  fetch: {
    request: {
      /** Leader of all of them, as `locate` says. */
      readonly node: number
      readonly isolation: Isolation
      readonly maxWaitMs: number
      readonly partitions: readonly FetchPartition[]
    }
    response: { readonly partitions: readonly FetchedPartition[] }
  }
  produce: {
    request: {
      readonly transactionalId: string | null
      readonly partitions: readonly ProducePartition[]
    }
    response: { readonly partitions: readonly ProducedPartition[] }
  }
  initProducerId: {
    request: {
      readonly transactionalId: string | null
      readonly timeoutMs: number
      /**
       * Only if this is still the current identity (KIP-360); null takes the id from whoever has
       * it.
       */
      readonly current: ProducerIdentity | null
    }
    response: Failable & ProducerIdentity
  }
  addPartitionsToTxn: {
    request: ProducerIdentity & {
      readonly transactionalId: string
      readonly partitions: readonly TopicPartition[]
    }
    response: Failable
  }
  endTxn: {
    request: ProducerIdentity & { readonly transactionalId: string; readonly commit: boolean }
    response: Failable
  }
  joinGroup: {
    request: {
      readonly group: string
      /** '' for a new member, which is then told its id. */
      readonly memberId: string
      readonly metadata: Uint8Array
      readonly sessionTimeoutMs: number
      readonly rebalanceTimeoutMs: number
    }
    response: Failable & {
      readonly memberId: string
      readonly generation: number
      readonly leader: string
      /** Only for the leader. */
      readonly members: readonly JoinedMember[]
    }
  }
  syncGroup: {
    request: {
      readonly group: string
      readonly memberId: string
      readonly generation: number
      readonly assignments: ReadonlyMap<string, Uint8Array>
    }
    response: Failable & { readonly assignment: Uint8Array }
  }
  heartbeat: {
    request: { readonly group: string; readonly memberId: string; readonly generation: number }
    response: Failable
  }
  leaveGroup: {
    request: { readonly group: string; readonly memberId: string }
    response: Failable
  }
  /** Kafka's OffsetCommit, by nobody in particular: of a group without members. */
  commitOffsets: {
    request: { readonly group: string; readonly positions: readonly GroupPosition[] }
    /** In the order asked. `error`: of the coordinator, else NONE. */
    response: Failable & { readonly partitions: readonly Failable[] }
  }
  /** Kafka's OffsetFetch. */
  fetchOffsets: {
    request: { readonly group: string; readonly partitions: readonly TopicPartition[] }
    /** In the order asked; -1: none is known. */
    response: Failable & {
      readonly partitions: readonly (Failable & { readonly offset: number })[]
    }
  }
}

export type Api = keyof Wire
export type RequestOf<K extends Api> = Wire[K]['request']
export type ResponseOf<K extends Api> = Wire[K]['response']

/**
 * Carries one request; rejects when no answer can come. It may also never settle: clients have
 * deadlines, and after `timeoutMs` (or an abort of the signal) nobody waits for the answer.
 * A request for partitions of several leaders goes to each of them; where one does not answer, its
 * partitions have NETWORK_EXCEPTION.
 */
export type Transport = <K extends Api>(
  api: K,
  request: RequestOf<K>,
  limits: CallLimits,
) => Promise<ResponseOf<K>>

export interface CallLimits {
  readonly timeoutMs: number
  readonly signal?: AbortSignal | undefined
}

export type Handlers = {
  readonly [K in Api]: (request: RequestOf<K>) => ResponseOf<K> | Promise<ResponseOf<K>>
}

/** For people: what was left of a deadline may be a fraction, or nothing. */
export function wholeMs({ timeoutMs }: CallLimits): number {
  return Math.max(0, Math.round(timeoutMs))
}

/** Key of a partition in a map; topic names hold no slash. */
export function partitionKey(at: TopicPartition): string {
  return `${at.topic}/${at.partition}`
}
