// What clients and broker of the memory log say to each other: Kafka's requests, named as Kafka
// names them, without the wire. A client knows nothing of the broker but a Transport, so a test can
// delay, drop, double or hold back single requests and answers by wrapping one.
import type {
  Isolation,
  TopicDescription,
  TopicPartition,
  TopicSetup,
} from '../../runtime/ports.ts'
import type { AbortedTransaction } from '../../runtime/record-batch-select.ts'

/** Kafka's error names. */
export type ErrorCode =
  | 'NONE'
  | 'CONCURRENT_TRANSACTIONS'
  | 'CORRUPT_MESSAGE'
  | 'ILLEGAL_GENERATION'
  | 'INVALID_CONFIG'
  | 'INVALID_PARTITIONS'
  | 'INVALID_PRODUCER_EPOCH'
  | 'INVALID_PRODUCER_ID_MAPPING'
  | 'INVALID_RECORD'
  | 'INVALID_REQUEST'
  | 'INVALID_SESSION_TIMEOUT'
  | 'INVALID_TIMESTAMP'
  | 'INVALID_TOPIC_EXCEPTION'
  | 'INVALID_TRANSACTION_TIMEOUT'
  | 'INVALID_TXN_STATE'
  | 'MEMBER_ID_REQUIRED'
  | 'MESSAGE_TOO_LARGE'
  | 'OFFSET_OUT_OF_RANGE'
  | 'OUT_OF_ORDER_SEQUENCE_NUMBER'
  | 'REBALANCE_IN_PROGRESS'
  | 'TOPIC_ALREADY_EXISTS'
  | 'UNKNOWN_MEMBER_ID'
  | 'UNKNOWN_TOPIC_OR_PARTITION'
  | 'UNSUPPORTED_COMPRESSION_TYPE'

export type Failure = Exclude<ErrorCode, 'NONE'>

export interface ProducerIdentity {
  readonly producerId: number
  readonly producerEpoch: number
}

export interface FetchPartition extends TopicPartition {
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
  readonly logStartOffset: number
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

interface Failable {
  readonly error: ErrorCode
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
  fetch: {
    request: {
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
}

export type Api = keyof Wire
export type RequestOf<K extends Api> = Wire[K]['request']
export type ResponseOf<K extends Api> = Wire[K]['response']

/**
 * Carries one request; rejects when no answer can come. It may also never settle: clients have
 * deadlines.
 */
export type Transport = <K extends Api>(api: K, request: RequestOf<K>) => Promise<ResponseOf<K>>

export type Handlers = {
  readonly [K in Api]: (request: RequestOf<K>) => ResponseOf<K> | Promise<ResponseOf<K>>
}

/** Key of a partition in a map; topic names hold no slash. */
export function partitionKey(at: TopicPartition): string {
  return `${at.topic}/${at.partition}`
}
