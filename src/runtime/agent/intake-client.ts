// For services: counts requests and tells the agent beside them. Cheap (a few additions per
// request), bounded in memory, never throws into the service, never keeps its process alive, and
// works without an agent.
//
//   const at = { host: '127.0.0.1', port, token }
//   const who = { service: 'shop', instance: 'shop-1', servicePort: 8101 }
//   const intake = new IntakeClient({ ...at, ...who })
//   intake.record({ operation: 'GET /buy', ok: true, latencyUs: 2_500 })
import { connect, type Socket } from 'node:net'
import { idProblem } from '../../contracts/ids.ts'
import {
  BUCKETS_MAX,
  decodeReply,
  encodeCounts,
  encodeHello,
  LineCutter,
} from './intake-protocol.ts'
import { type Sample, Tally } from './tally.ts'

export interface IntakeClientOptions {
  /** Where the agent listens. */
  readonly host: string
  readonly port: number
  readonly token: string
  readonly service: string
  readonly instance: string
  /** Port of the service itself. */
  readonly servicePort: number
}

export interface Outcome extends Sample {
  /** Route or method; few different ones. */
  readonly operation: string
}

const BATCH_MS = 100
/** Shortest time between two batches that a first failure brought forward. */
const URGENT_GAP_MS = 50
const BACKOFF_FIRST_MS = 100
const BACKOFF_MAX_MS = 1_000
const OPERATIONS_MAX = 64
/** Lines kept while there is no connection: the newest. */
const LINES_MAX = 64
/** Bytes that may wait in the socket of an agent that does not read. */
const UNSENT_BYTES_MAX = 262_144

export class IntakeClient {
  readonly #options: IntakeClientOptions
  readonly #timer: NodeJS.Timeout
  #tallies = new Map<string, Tally>()
  #lines: string[] = []
  #socket: Socket | null = null
  #open = false
  #failing = false
  #urgentAtMs = Number.NEGATIVE_INFINITY
  #urgent: NodeJS.Timeout | null = null
  #retry: NodeJS.Timeout | null = null
  #backoffMs = BACKOFF_FIRST_MS
  #closed = false
  #dropped = 0
  #refusal: string | null = null

  constructor(options: IntakeClientOptions) {
    this.#options = options
    this.#timer = setInterval(() => this.#flush(), BATCH_MS)
    this.#timer.unref()
    this.#connect()
  }

  /** Lines given up because the agent was away or did not read. */
  get dropped(): number {
    return this.#dropped
  }

  /** Why the agent hung up last, or null. */
  get refusal(): string | null {
    return this.#refusal
  }

  /** Counts one request that has ended. */
  record(outcome: Outcome): void {
    if (this.#closed) return
    const tally = this.#tallyOf(outcome.operation)
    tally.add(outcome)
    const first = !outcome.ok && !this.#failing
    this.#failing = !outcome.ok
    if (tally.width >= BUCKETS_MAX) this.#flush()
    else if (first) this.#hurry()
  }

  /** Sends what is left and closes. */
  close(): void {
    if (this.#closed) return
    this.#flush()
    this.#closed = true
    clearInterval(this.#timer)
    if (this.#urgent !== null) clearTimeout(this.#urgent)
    if (this.#retry !== null) clearTimeout(this.#retry)
    this.#socket?.end()
  }

  #tallyOf(operation: string): Tally {
    const known = this.#tallies.get(operation)
    if (known !== undefined) return known
    // One operation too many (a path with ids in it), or one that is no name, counts without a
    // name.
    const tooMany = this.#tallies.size >= OPERATIONS_MAX || idProblem(operation) !== null
    if (operation !== '' && tooMany) return this.#tallyOf('')
    const tally = new Tally()
    this.#tallies.set(operation, tally)
    return tally
  }

  #hurry(): void {
    if (this.#urgent !== null) return
    const waitMs = this.#urgentAtMs + URGENT_GAP_MS - performance.now()
    if (waitMs <= 0) return this.#flush(true)
    this.#urgent = setTimeout(() => this.#flush(true), waitMs)
    this.#urgent.unref()
  }

  #flush(urgent: boolean = false): void {
    if (urgent) {
      this.#urgentAtMs = performance.now()
      this.#urgent = null
    }
    const tallies = this.#tallies
    this.#tallies = new Map()
    for (const [operation, tally] of tallies) {
      this.#send(encodeCounts({ operation, batch: tally.snapshot() }))
    }
  }

  #send(line: string): void {
    const socket = this.#socket
    if (socket !== null && this.#open && socket.writableLength <= UNSENT_BYTES_MAX) {
      socket.write(line)
      return
    }
    this.#lines.push(line)
    if (this.#lines.length <= LINES_MAX) return
    this.#lines.shift()
    this.#dropped += 1
  }

  #connect(): void {
    this.#retry = null
    const { host, port, token, service, instance, servicePort } = this.#options
    const socket = connect({ host, port, noDelay: true })
    const replies = new LineCutter()
    this.#socket = socket
    socket.unref()
    socket.on('error', () => undefined)
    socket.on('connect', () => {
      const hello = { token, service, instance, pid: process.pid, port: servicePort }
      socket.write(encodeHello(hello))
    })
    socket.on('data', (chunk) => this.#reply(socket, replies, chunk))
    socket.on('close', () => this.#lost())
  }

  #reply(socket: Socket, replies: LineCutter, chunk: Buffer): void {
    try {
      for (const line of replies.push(chunk)) {
        const reply = decodeReply(line)
        if (reply.t === 'ok') this.#ready()
        else this.#refusal = reply.reason
      }
    } catch {
      socket.destroy()
    }
  }

  #ready(): void {
    this.#open = true
    this.#backoffMs = BACKOFF_FIRST_MS
    const lines = this.#lines
    this.#lines = []
    for (const line of lines) this.#send(line)
  }

  #lost(): void {
    this.#open = false
    this.#socket = null
    if (this.#closed) return
    this.#retry = setTimeout(() => this.#connect(), this.#backoffMs)
    this.#retry.unref()
    this.#backoffMs = Math.min(2 * this.#backoffMs, BACKOFF_MAX_MS)
  }
}
