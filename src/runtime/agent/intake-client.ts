// For services: counts requests and tells the agent beside them. Cheap (a few additions per
// request), bounded in memory, never throws into the service, never keeps its process alive, and
// works without an agent.
//
//   const at = { host: '127.0.0.1', port, token }
//   const who = { service: 'shop', instance: 'shop-1', servicePort: 8101 }
//   const intake = new IntakeClient({ ...at, ...who })
//   intake.record({ operation: 'GET /buy', ok: true, latencyUs: 2_500 })
//   intake.metric('db_pool_used_percent', 40)
import { connect, type Socket } from 'node:net'
import { idProblem } from '../../contracts/ids.ts'
import { metricProblem, METRICS_PER_INSTANCE_MAX } from '../../contracts/metric-name.ts'
import {
  BUCKETS_MAX,
  type ConfigLine,
  configProblem,
  decodeReply,
  encodeConfig,
  encodeCounts,
  encodeHello,
  encodeMetrics,
  LineCutter,
  type Takes,
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
/** Metrics are told with every so many batches, changed or not: once a second. */
const METRICS_EVERY = 10
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
  readonly #metrics = new Map<string, number>()
  #config: ConfigLine | null = null
  #takes: readonly Takes[] = []
  #batches = 0
  #untaken = 0
  #whyUntaken: string | null = null
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
    this.#timer = setInterval(() => this.#beat(), BATCH_MS)
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

  /**
   * A figure of the service's own as it is now, told once a second until it is another; NaN: it is
   * not told any more. A name is made of letters, digits, _ and :, as rules of alerts and policies
   * say it; the unit is part of it. What cannot be taken is passed over, and counted.
   */
  metric(name: string, value: number): void {
    if (Number.isNaN(value) && this.#metrics.delete(name)) return
    const isMore = !this.#metrics.has(name) && this.#metrics.size >= METRICS_PER_INSTANCE_MAX
    const problem = isMore
      ? `at most ${METRICS_PER_INSTANCE_MAX} are taken`
      : metricProblem(name, value)
    if (problem === null) this.#metrics.set(name, value)
    else this.#passOver(problem)
  }

  /**
   * The configuration this process runs with; its agent tells it with its heartbeats, and one that
   * is not the intended one is found (S1-15). `hash`: of its content, however it is made, the same
   * way in all instances.
   */
  config(version: number, hash: string | null = null): void {
    const problem = configProblem(version, hash)
    if (problem !== null) return this.#passOver(problem)
    this.#config = { version, hash }
    this.#tellConfig()
  }

  /** Calls of `metric` and `config` that were passed over, and why the last one was. */
  get passedOver(): { readonly count: number; readonly reason: string | null } {
    return { count: this.#untaken, reason: this.#whyUntaken }
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

  #beat(): void {
    this.#flush()
    this.#batches += 1
    if (this.#batches % METRICS_EVERY === 0) this.#tellMetrics()
  }

  /** What is not known to arrive is not kept: the next second has it anew. */
  #tellMetrics(): void {
    if (this.#metrics.size === 0 || !this.#open || !this.#takes.includes('metrics')) return
    const metrics = [...this.#metrics].map(([name, value]) => ({ name, value }))
    this.#send(encodeMetrics(metrics))
  }

  #tellConfig(): void {
    if (this.#config === null || !this.#open || !this.#takes.includes('config')) return
    this.#send(encodeConfig(this.#config))
  }

  #passOver(problem: string): void {
    this.#untaken += 1
    this.#whyUntaken = problem
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
        if (reply.t === 'ok') this.#ready(reply.takes)
        else this.#refusal = reply.reason
      }
    } catch {
      socket.destroy()
    }
  }

  #ready(takes: readonly Takes[]): void {
    this.#open = true
    this.#takes = takes
    this.#tellConfig()
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
