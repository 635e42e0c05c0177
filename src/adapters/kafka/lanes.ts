// The connections of one client, one per node. A connection that fails is opened again when it is
// next asked for, after a pause that grows with every failure in a row: a broker that refuses, or
// resets what it accepted, sees a bounded rate of attempts from each lane.
import { LogError } from '../../runtime/log-error.ts'
import type { Clock } from '../../runtime/ports.ts'
import type { CallLimits } from '../client/protocol.ts'
import { BrokerConnection, type BrokerOptions } from './broker-connection.ts'
import { within } from './deadline.ts'
import { type Address, addressText } from './options.ts'
import type { KafkaRequest, Lane } from './wire.ts'

const FIRST_PAUSE_MS = 20
const LAST_PAUSE_MS = 250
/** After a refusal: asking again at once would only fill the broker's log. */
const REFUSED_PAUSE_MS = 1_000
/** ± this share, so that clients which failed together do not come back together. */
const JITTER = 0.2
/** Least share of the time that one of several candidates gets. */
const MIN_SLICE_MS = 200

/** What a lane asks its cluster. */
export interface Directory {
  addressOf(node: number, limits: CallLimits): Promise<Address>
  /** All addresses that may answer, at least one. */
  addresses(): readonly Address[]
}

export type Dialing = Omit<BrokerOptions, 'address'>

interface Slot {
  readonly address: Address
  connection: BrokerConnection | null
  opening: Promise<BrokerConnection> | null
  /** In a row, without an answer in between. */
  failures: number
  notBeforeMs: number
  /** Why the last attempt failed, for those who wait for the next one; '' where it did not. */
  problem: string
}

export class KafkaLane implements Lane {
  readonly #directory: Directory
  readonly #dialing: Dialing
  readonly #clock: Clock
  readonly #slots = new Map<string, Slot>()
  readonly #closing = new AbortController()
  /** Who answered last what anybody can answer. */
  #last: Slot | null = null

  constructor(directory: Directory, dialing: Dialing) {
    this.#directory = directory
    this.#dialing = dialing
    this.#clock = dialing.clock
  }

  async send<T>(node: number, request: KafkaRequest<T>, limits: CallLimits): Promise<T> {
    this.#closing.signal.throwIfAborted()
    const deadlineMs = this.#clock.monotonicMs() + limits.timeoutMs
    const address = await this.#directory.addressOf(node, limits)
    return await this.#sendTo(this.#slot(address), request, this.#left(deadlineMs, limits))
  }

  /** `elsewhere`: of somebody else than last time, if there is anybody. */
  async sendAny<T>(
    request: KafkaRequest<T>,
    limits: CallLimits,
    elsewhere: boolean = false,
  ): Promise<T> {
    const deadlineMs = this.#clock.monotonicMs() + limits.timeoutMs
    const slots = this.#byPromise(elsewhere)
    let last: unknown
    for (const [i, slot] of slots.entries()) {
      this.#closing.signal.throwIfAborted()
      const left = this.#left(deadlineMs, limits)
      if (left.timeoutMs <= 0) break
      const slice = Math.max(MIN_SLICE_MS, left.timeoutMs / (slots.length - i))
      const timeoutMs = Math.min(left.timeoutMs, slice)
      try {
        const answer = await this.#sendTo(slot, request, { ...left, timeoutMs })
        this.#last = slot
        return answer
      } catch (error) {
        if (!(error instanceof LogError) || error.code === 'CLOSED') throw error
        last = error
      }
    }
    throw last ?? new LogError('UNAVAILABLE', `no broker was left to ask for ${request.apiName}`)
  }

  get isBusy(): boolean {
    for (const { opening, connection } of this.#slots.values())
      if (opening !== null || connection?.isBusy === true) return true
    return false
  }

  close(): void {
    if (this.#closing.signal.aborted) return
    const reason = new LogError('CLOSED', 'used after close()')
    this.#closing.abort(reason)
    for (const slot of this.#slots.values()) slot.connection?.end(reason)
    this.#slots.clear()
  }

  /**
   * Who answered last, other connected ones, then those that failed least; among equals, any.
   * Elsewhere: who answered last is the last to be asked.
   */
  #byPromise(elsewhere: boolean): Slot[] {
    const rank = (slot: Slot): number => {
      if (slot === this.#last && elsewhere) return Number.MAX_SAFE_INTEGER
      if (slot.connection?.isOpen !== true) return slot.failures
      return slot === this.#last ? -2 : -1
    }
    return this.#directory
      .addresses()
      .map((address) => {
        const slot = this.#slot(address)
        return { slot, rank: rank(slot) + Math.random() / 2 }
      })
      .sort((a, b) => a.rank - b.rank)
      .map(({ slot }) => slot)
  }

  #slot(address: Address): Slot {
    const key = addressText(address)
    let slot = this.#slots.get(key)
    if (slot === undefined) {
      slot = { address, connection: null, opening: null, failures: 0, notBeforeMs: 0, problem: '' }
      this.#slots.set(key, slot)
    }
    return slot
  }

  #left(deadlineMs: number, { signal }: CallLimits): CallLimits {
    return { timeoutMs: deadlineMs - this.#clock.monotonicMs(), signal }
  }

  async #sendTo<T>(slot: Slot, request: KafkaRequest<T>, limits: CallLimits): Promise<T> {
    const { connection } = slot
    if (connection?.isOpen === true) return await connection.send(request, limits)
    const deadlineMs = this.#clock.monotonicMs() + limits.timeoutMs
    slot.opening ??= this.#open(slot).finally(() => {
      slot.opening = null
    })
    const opened = await within(slot.opening, limits, () => {
      const where = addressText(slot.address)
      return new LogError(
        'UNAVAILABLE',
        `${where} was not connected in time for ${request.apiName}${slot.problem}`,
      )
    })
    return await opened.send(request, this.#left(deadlineMs, limits))
  }

  async #open(slot: Slot): Promise<BrokerConnection> {
    const pauseMs = slot.notBeforeMs - this.#clock.monotonicMs()
    if (pauseMs > 0) await this.#clock.sleep(pauseMs, this.#closing.signal)
    this.#closing.signal.throwIfAborted()
    const connection = new BrokerConnection({ ...this.#dialing, address: slot.address })
    slot.connection = connection
    connection.ended.addEventListener('abort', () => this.#noteEnd(slot, connection), {
      once: true,
    })
    await connection.open()
    return connection
  }

  #noteEnd(slot: Slot, connection: BrokerConnection): void {
    const reason: unknown = connection.ended.reason
    const isRefused = reason instanceof LogError && reason.code === 'NOT_AUTHORIZED'
    slot.failures = connection.isProven ? 0 : slot.failures + 1
    slot.problem = connection.isProven || !(reason instanceof Error) ? '' : `: ${reason.message}`
    const grown = Math.min(LAST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** Math.min(slot.failures, 10))
    const pauseMs = isRefused ? REFUSED_PAUSE_MS : grown
    const jitter = 1 + JITTER * (2 * Math.random() - 1)
    slot.notBeforeMs = this.#clock.monotonicMs() + pauseMs * jitter
    slot.connection = null
  }
}
