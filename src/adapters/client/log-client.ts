// The port over a transport: what a process holds of a log. Every reader, writer, producer, member
// and admin opened from it has a connection of its own, and close() ends them all.
import { LogError } from '../../runtime/log-error.ts'
import type {
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
import { Admin } from './admin.ts'
import { GroupMembership } from './membership.ts'
import { Producer } from './producer.ts'
import { Reader } from './reader.ts'
import type { Connection } from './session.ts'
import { Trails } from './reader-trail.ts'
import type { KnownTopics } from './topic-cache.ts'
import { Writer } from './writer.ts'

/**
 * Opens a connection for one client; `onClosed` of what it returns is called when that is closed.
 */
export type Connect = (purpose: 'admin' | 'member' | 'producer' | 'reader' | 'writer') => Connection

export interface LogClientOptions {
  readonly name: LogPort['name']
  readonly connect: Connect
  /** Where members live; default: on this loop. `onClosed` is to be called when one is gone. */
  readonly join?: (options: JoinOptions, onClosed: () => void) => Membership
}

export class LogClient implements LogPort {
  readonly name: LogPort['name']
  readonly #options: LogClientOptions
  /** Clients that are not closed, and how each is. */
  readonly #opened = new Map<object, () => Promise<void>>()
  readonly #known: KnownTopics = new Map()
  readonly #trails: Trails = new Trails()
  #admin: Admin | null = null
  #isClosed = false

  constructor(options: LogClientOptions) {
    this.name = options.name
    this.#options = options
  }

  clusterId(): Promise<string> {
    this.#admin ??= this.#open('admin', (own) => new Admin(own), closed)
    return this.#admin.clusterId()
  }

  reader(options: ReadOptions): LogReader {
    return this.#open('reader', (own) => new Reader(own, options), closed)
  }

  writer(options: WriterOptions): TransactionalWriter {
    return this.#open('writer', (own) => new Writer(own, options), closed)
  }

  producer(options: { readonly deadlineMs?: number } = {}): IdempotentProducer {
    return this.#open('producer', (own) => new Producer(own, options.deadlineMs), closed)
  }

  join(options: JoinOptions): Membership {
    const { join } = this.#options
    if (join !== undefined) {
      this.#assertOpen()
      const membership: Membership = join(options, () => this.#opened.delete(membership))
      this.#opened.set(membership, () => membership.leave())
      return membership
    }
    return this.#open(
      'member',
      (own) => new GroupMembership(own, options),
      (membership) => membership.leave(),
    )
  }

  admin(): LogAdmin {
    return this.#open('admin', (own) => new Admin(own), closed)
  }

  async close(): Promise<void> {
    this.#isClosed = true
    const opened = [...this.#opened.values()]
    this.#opened.clear()
    await Promise.all(opened.map((close) => close()))
  }

  /** What is opened from a closed log would be ended by nobody. */
  #assertOpen(): void {
    if (this.#isClosed) throw new LogError('CLOSED', 'used after close()')
  }

  #open<T extends object>(
    purpose: Parameters<Connect>[0],
    make: (connection: Connection) => T,
    close: (client: T) => Promise<void>,
  ): T {
    this.#assertOpen()
    const connection = this.#options.connect(purpose)
    // A connection lives as long as its process; what is done with must not be held by it.
    const onClosed = (): void => {
      this.#opened.delete(client)
      connection.onClosed?.()
    }
    const client: T = make({ known: this.#known, trails: this.#trails, ...connection, onClosed })
    this.#opened.set(client, () => close(client))
    return client
  }
}

const closed = (client: { close(): Promise<void> }): Promise<void> => client.close()
