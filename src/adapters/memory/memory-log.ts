// The embedded log: one broker in this process and any number of clients on it. For development,
// tests, the demo and the simulator; nothing survives the process. It is held to the same
// conformance suite as Kafka.
import { randomBytes } from 'node:crypto'
import { systemClock } from '../../runtime/clock.ts'
import type {
  Clock,
  IdempotentProducer,
  JoinOptions,
  LogAdmin,
  LogPort,
  LogReader,
  Membership,
  ReadOptions,
  TransactionalWriter,
  WriterOptions,
} from '../../runtime/ports.ts'
import { Broker } from './broker/broker.ts'
import { Admin } from './client/admin.ts'
import { GroupMembership } from './client/membership.ts'
import { Producer } from './client/producer.ts'
import { Reader } from './client/reader.ts'
import type { Connection } from './client/session.ts'
import { Writer } from './client/writer.ts'
import { crc32c } from './crc32c.ts'
import type { Api, RequestOf, ResponseOf, Transport } from './protocol.ts'

export interface MemoryLogOptions {
  /**
   * Default: the host's. With any other clock no turn of the event loop is taken between requests.
   */
  readonly clock?: Clock
  /** Default: random, as Kafka's are. */
  readonly clusterId?: string
  /** Time between the answer to a commit and its visibility. Default 1. */
  readonly markerDelayMs?: number
  /** Default of `retention.bytes` per partition. Default 32 MiB. */
  readonly retentionBytes?: number
  /**
   * A compacted partition is cleaned when this much has come, and as much as is clean. Default 256
   * KiB.
   */
  readonly compactAfterBytes?: number
}

export interface ConnectOptions {
  /** Wraps the way to the broker: to delay, drop, double or hold back requests and answers. */
  readonly transport?: (inner: Transport) => Transport
  /** The client's own clock. Default: the broker's. */
  readonly clock?: Clock
}

export interface MemoryBroker {
  /** Another client, as if from another process. */
  connect(options?: ConnectOptions): LogPort
  /** One pass of the log cleaner over a compacted topic. */
  compact(topic: string): void
  /** Bytes of all stored batches. */
  sizeBytes(): number
}

/**
 * Closing it stops the broker; closing a connection of `broker.connect()` stops only that client.
 */
export interface MemoryLog extends LogPort {
  readonly broker: MemoryBroker
}

const MIB = 1_048_576

export function createMemoryLog(options: MemoryLogOptions = {}): MemoryLog {
  const clock = options.clock ?? systemClock
  const broker = new Broker({
    clock,
    clusterId: options.clusterId ?? randomBytes(16).toString('base64url'),
    crc32c,
    markerDelayMs: options.markerDelayMs ?? 1,
    retentionBytes: options.retentionBytes ?? 32 * MIB,
    compactAfterBytes: options.compactAfterBytes ?? MIB / 4,
  })
  const direct: Transport = (api, request) => broker.handle(api, request)
  const carry = clock === systemClock ? withTurns(direct) : direct
  const connect = (how: ConnectOptions = {}): LogPort =>
    new MemoryClient({
      transport: how.transport?.(carry) ?? carry,
      clock: how.clock ?? clock,
      crc32c,
    })
  const own = connect()
  return {
    name: 'memory',
    clusterId: () => own.clusterId(),
    reader: (how) => own.reader(how),
    writer: (how) => own.writer(how),
    producer: (how) => own.producer(how),
    join: (how) => own.join(how),
    admin: () => own.admin(),
    async close(): Promise<void> {
      await own.close()
      broker.close()
    },
    broker: {
      connect,
      compact: (topic) => broker.compact(topic),
      sizeBytes: () => broker.sizeBytes(),
    },
  }
}

/**
 * Every request takes a turn of the event loop, so that a busy reader starves neither timers nor
 * sockets.
 */
function withTurns(inner: Transport): Transport {
  return async <K extends Api>(api: K, request: RequestOf<K>): Promise<ResponseOf<K>> => {
    await new Promise<void>((resolve) => {
      setImmediate(resolve)
    })
    return inner(api, request)
  }
}

class MemoryClient implements LogPort {
  readonly name = 'memory'
  readonly #connection: Connection
  /** Clients that are not closed, and how each is. */
  readonly #opened = new Map<object, () => Promise<void>>()
  readonly #admin: Admin

  constructor(connection: Connection) {
    this.#connection = connection
    this.#admin = this.#open((own) => new Admin(own), closed)
  }

  clusterId(): Promise<string> {
    return this.#admin.clusterId()
  }

  reader(options: ReadOptions): LogReader {
    return this.#open((own) => new Reader(own, options), closed)
  }

  writer(options: WriterOptions): TransactionalWriter {
    return this.#open((own) => new Writer(own, options), closed)
  }

  producer(options: { readonly deadlineMs?: number } = {}): IdempotentProducer {
    return this.#open((own) => new Producer(own, options.deadlineMs), closed)
  }

  join(options: JoinOptions): Membership {
    return this.#open(
      (own) => new GroupMembership(own, options),
      (membership) => membership.leave(),
    )
  }

  admin(): LogAdmin {
    return this.#open((own) => new Admin(own), closed)
  }

  async close(): Promise<void> {
    const opened = [...this.#opened.values()]
    this.#opened.clear()
    await Promise.all(opened.map((close) => close()))
  }

  #open<T extends object>(
    make: (connection: Connection) => T,
    close: (client: T) => Promise<void>,
  ): T {
    // A connection lives as long as its process; what is done with must not be held by it.
    const onClosed = (): void => void this.#opened.delete(client)
    const client: T = make({ ...this.#connection, onClosed })
    this.#opened.set(client, () => close(client))
    return client
  }
}

const closed = (client: { close(): Promise<void> }): Promise<void> => client.close()
