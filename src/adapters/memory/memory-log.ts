// The embedded log: one broker in this process and any number of clients on it. For development,
// tests, the demo and the simulator; nothing survives the process. It is held to the same
// conformance suite as Kafka.
import { randomBytes } from 'node:crypto'
import { systemClock } from '../../runtime/clock.ts'
import type { Clock, LogPort } from '../../runtime/ports.ts'
import { Broker } from './broker/broker.ts'
import { LogClient } from '../client/log-client.ts'
import { crc32c } from '../client/crc32c.ts'
import type { Api, CallLimits, RequestOf, ResponseOf, Transport } from '../client/protocol.ts'

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
    new LogClient({
      name: 'memory',
      connect: () => ({
        transport: how.transport?.(carry) ?? carry,
        clock: how.clock ?? clock,
        crc32c,
      }),
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
  return async <K extends Api>(
    api: K,
    request: RequestOf<K>,
    limits: CallLimits,
  ): Promise<ResponseOf<K>> => {
    await new Promise<void>((resolve) => {
      setImmediate(resolve)
    })
    return inner(api, request, limits)
  }
}
