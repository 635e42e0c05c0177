// Fetches under way, at most one per node. A flight that was replaced, or whose reader is closed,
// tells nobody anything any more.
import { LogError } from '../../runtime/log-error.ts'
import type { Isolation } from '../../runtime/ports.ts'
import { type FetchedPartition, partitionKey } from './protocol.ts'
import type { Entry } from './reader-entry.ts'
import type { Session } from './session.ts'

/** Longest wait for an answer beyond the time the leader was told to wait for news. */
const ANSWER_TIMEOUT_MS = 2_000

export interface Flight {
  readonly node: number
  readonly entries: readonly Entry[]
  readonly sentMs: number
  /** When the leader answers even without news. */
  readonly dueMs: number
  readonly stop: AbortController
}

export interface FlightListener {
  /** `answers`: null for an entry that the leader has left out. */
  landed(flight: Flight, answers: readonly (FetchedPartition | null)[]): void
  failed(flight: Flight, error: LogError): void
}

export interface FlightOptions {
  readonly isolation: Isolation
  readonly maxBytes: number
}

export class Flights {
  readonly #session: Session
  readonly #options: FlightOptions
  readonly #listener: FlightListener
  readonly #byNode = new Map<number, Flight>()

  constructor(session: Session, options: FlightOptions, listener: FlightListener) {
    this.#session = session
    this.#options = options
    this.#listener = listener
  }

  get(node: number): Flight | null {
    return this.#byNode.get(node) ?? null
  }

  get all(): readonly Flight[] {
    return [...this.#byNode.values()]
  }

  /** The answer to what is under way to the node would be of no use. */
  cancel(node: number): void {
    const flight = this.#byNode.get(node)
    this.#byNode.delete(node)
    flight?.stop.abort()
  }

  /** Asks the node, which has nothing under way, for all entries. */
  send(node: number, entries: readonly Entry[], waitMs: number): void {
    const sentMs = this.#session.clock.monotonicMs()
    const stop = new AbortController()
    const flight: Flight = { node, entries, sentMs, dueMs: sentMs + waitMs, stop }
    this.#byNode.set(node, flight)
    const { isolation, maxBytes } = this.#options
    const partitions = entries.map(({ topic, partition, leaderEpoch, position }) => {
      return { topic, partition, leaderEpoch, offset: position ?? 0, maxBytes }
    })
    const request = { node, isolation, maxWaitMs: waitMs, partitions }
    const limits = { timeoutMs: waitMs + ANSWER_TIMEOUT_MS, signal: stop.signal }
    this.#session.call('fetch', request, limits).then(
      (answer) => this.#landed(flight, answer.partitions),
      (error: unknown) => this.#failed(flight, error),
    )
  }

  #landed(flight: Flight, partitions: readonly FetchedPartition[]): void {
    if (!this.#isOver(flight)) return
    const byPlace = new Map(partitions.map((answer) => [partitionKey(answer), answer]))
    const answers = flight.entries.map((entry) => byPlace.get(partitionKey(entry)) ?? null)
    this.#listener.landed(flight, answers)
  }

  #failed(flight: Flight, cause: unknown): void {
    if (!this.#isOver(flight)) return
    const error = cause instanceof LogError ? cause : unexpected(cause)
    this.#listener.failed(flight, error)
  }

  /** Takes the flight off the list; false when another one has taken its place. */
  #isOver(flight: Flight): boolean {
    return this.#byNode.get(flight.node) === flight && this.#byNode.delete(flight.node)
  }
}

function unexpected(cause: unknown): LogError {
  return new LogError('INVALID_REQUEST', `a fetch failed: ${String(cause)}`, { cause })
}
