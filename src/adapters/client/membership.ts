// Membership of a group: join, sync, heartbeat, again. Two things run beside each other: the
// rounds, which talk to the broker, and the guard, which reports `lost` as soon as the session may
// have run out, even while no request is ever answered. The session counts from when the last
// answered request was sent. After `lost` the member joins as a new one, so that what it is given
// next has a new generation.
import { LogError } from '../../runtime/log-error.ts'
import type { GroupEvent, JoinOptions, Membership } from '../../runtime/ports.ts'
import type { ErrorCode, Failure } from './error-codes.ts'
import type { JoinedMember, ResponseOf } from './protocol.ts'
import { decodeTasks, encodeAssignment } from './assignment-bytes.ts'
import { type Connection, REQUEST_TIMEOUT_MS, refusal, Session } from './session.ts'

const BACKOFF_MS = 100
const NO_MEMBERS: ReadonlyMap<string, Uint8Array> = new Map()

/** Why a round ended. */
type End = 'again' | 'lost'

interface Waiter {
  readonly resolve: (event: GroupEvent) => void
  readonly reject: (error: unknown) => void
}

export class GroupMembership implements Membership {
  readonly #session: Session
  readonly #options: JoinOptions
  readonly #events: GroupEvent[] = []
  readonly #waiters: Waiter[] = []
  #failure: LogError | null = null
  #memberId = ''
  #generation = -1
  #owning = false
  #rejoinWanted = false
  #provenUntilMs = 0
  #nap = new AbortController()

  constructor(connection: Connection, options: JoinOptions) {
    this.#session = new Session(connection)
    this.#options = options
    this.#run().catch((error: unknown) => {
      this.#fail(error)
      return this.#sendLeave()
    })
  }

  next(): Promise<GroupEvent> {
    const event = this.#events.shift()
    if (event !== undefined) return Promise.resolve(event)
    if (this.#failure !== null) return Promise.reject(this.#failure)
    return new Promise((resolve, reject) => this.#waiters.push({ resolve, reject }))
  }

  rejoin(): void {
    this.#rejoinWanted = true
    this.#nap.abort()
  }

  async leave(): Promise<void> {
    if (this.#session.isClosed) return
    const leaving = this.#sendLeave()
    this.#fail(new LogError('CLOSED', 'the member has left'))
    await leaving
    this.#session.close()
  }

  /** The events so far can still be taken; then next() rejects. */
  #fail(error: unknown): void {
    this.#failure ??=
      error instanceof LogError
        ? error
        : new LogError('INVALID_REQUEST', 'the assignment cannot be used', { cause: error })
    this.#owning = false
    this.#nap.abort()
    if (this.#failure.code === 'CLOSED') this.#events.length = 0
    for (const waiter of this.#waiters.splice(0)) waiter.reject(this.#failure)
  }

  #emit(event: GroupEvent): void {
    const waiter = this.#waiters.shift()
    if (waiter === undefined) this.#events.push(event)
    else waiter.resolve(event)
  }

  #lose(reason: string): void {
    if (!this.#owning) return
    this.#owning = false
    this.#nap.abort()
    this.#emit({ kind: 'lost', reason })
  }

  async #run(): Promise<void> {
    while (this.#failure === null) {
      try {
        if ((await this.#round()) === 'lost') await this.#startOver()
      } catch (error) {
        if (!(error instanceof LogError) || error.code !== 'UNAVAILABLE') throw error
        await this.#session.sleep(BACKOFF_MS)
      }
    }
  }

  async #startOver(): Promise<void> {
    const left = this.#sendLeave()
    this.#memberId = ''
    this.#generation = -1
    await left
  }

  /** Tells the broker, as far as it can be reached. */
  async #sendLeave(): Promise<void> {
    if (this.#memberId === '') return
    const request = { group: this.#options.group, memberId: this.#memberId }
    const limits = { timeoutMs: REQUEST_TIMEOUT_MS }
    await this.#session.call('leaveGroup', request, limits).catch(() => {})
  }

  async #round(): Promise<End> {
    const joined = await this.#join()
    if (joined.error !== 'NONE') return this.#ended(joined.error)
    const synced = await this.#sync(joined)
    if (synced.error !== 'NONE') return this.#ended(synced.error)
    this.#settle(joined.generation, decodeTasks(synced.assignment))
    for (;;) {
      await this.#pause()
      if (this.#failure !== null || this.#rejoinWanted) return 'again'
      if (!this.#owning) return 'lost'
      const error = await this.#beat(joined.generation)
      if (error !== 'NONE') return this.#ended(error)
    }
  }

  /** Joins; a first join is told its id and asked to come back with it. */
  async #join(): Promise<ResponseOf<'joinGroup'>> {
    const { group, sessionTimeoutMs, rebalanceTimeoutMs } = this.#options
    for (;;) {
      if (this.#failure !== null) throw this.#failure
      this.#rejoinWanted = false
      const sentMs = this.#session.clock.monotonicMs()
      const answer = await this.#session.call(
        'joinGroup',
        {
          group,
          memberId: this.#memberId,
          metadata: this.#options.metadata(),
          sessionTimeoutMs,
          rebalanceTimeoutMs,
        },
        { timeoutMs: rebalanceTimeoutMs + REQUEST_TIMEOUT_MS },
      )
      if (answer.error === 'MEMBER_ID_REQUIRED') {
        this.#memberId = answer.memberId
        continue
      }
      // A join that waited for others began its session when it was answered, which was not before
      // it was sent.
      if (answer.error === 'NONE') this.#prove(sentMs)
      return answer
    }
  }

  async #sync(joined: ResponseOf<'joinGroup'>): Promise<ResponseOf<'syncGroup'>> {
    const { group, rebalanceTimeoutMs } = this.#options
    const isLeader = joined.leader === this.#memberId
    const sentMs = this.#session.clock.monotonicMs()
    const answer = await this.#session.call(
      'syncGroup',
      {
        group,
        memberId: this.#memberId,
        generation: joined.generation,
        assignments: isLeader ? this.#assign(joined.members) : NO_MEMBERS,
      },
      { timeoutMs: rebalanceTimeoutMs + REQUEST_TIMEOUT_MS },
    )
    if (answer.error === 'NONE') this.#prove(sentMs)
    return answer
  }

  #assign(members: readonly JoinedMember[]): ReadonlyMap<string, Uint8Array> {
    return encodeAssignment(this.#options.assign(members))
  }

  async #beat(generation: number): Promise<ErrorCode> {
    const sentMs = this.#session.clock.monotonicMs()
    const request = { group: this.#options.group, memberId: this.#memberId, generation }
    const limits = { timeoutMs: Math.min(this.#options.sessionTimeoutMs, REQUEST_TIMEOUT_MS) }
    try {
      const { error } = await this.#session.call('heartbeat', request, limits)
      if (error === 'NONE' || error === 'REBALANCE_IN_PROGRESS') this.#prove(sentMs)
      return error
    } catch (error) {
      // The guard says when it has been too long.
      if (error instanceof LogError && error.code === 'UNAVAILABLE') return 'NONE'
      throw error
    }
  }

  #ended(error: Failure): End {
    if (error === 'REBALANCE_IN_PROGRESS') return 'again'
    if (error === 'UNKNOWN_MEMBER_ID' || error === 'ILLEGAL_GENERATION') {
      this.#lose(`the group answered ${error}`)
      return 'lost'
    }
    throw refusal('joinGroup', error)
  }

  #settle(generation: number, tasks: readonly number[]): void {
    // The generation held already: nothing new, or (after `lost`) nothing that may be used again.
    if (this.#failure !== null || generation === this.#generation) return
    this.#generation = generation
    this.#emit({ kind: 'assigned', generation, memberId: this.#memberId, tasks })
    if (this.#owning) return
    this.#owning = true
    this.#guard().catch((error: unknown) => this.#fail(error))
  }

  #prove(sentMs: number): void {
    this.#provenUntilMs = sentMs + this.#options.sessionTimeoutMs
  }

  async #guard(): Promise<void> {
    while (this.#owning) {
      const leftMs = this.#provenUntilMs - this.#session.clock.monotonicMs()
      if (leftMs <= 0) this.#lose('no answer from the group for a whole session')
      else await this.#session.sleep(leftMs)
    }
  }

  /** Until the next heartbeat, or until something else has to be done at once. */
  async #pause(): Promise<void> {
    this.#nap = new AbortController()
    if (this.#failure !== null || this.#rejoinWanted || !this.#owning) return
    await this.#session.clock.sleep(this.#options.heartbeatMs, this.#nap.signal).catch(() => {})
  }
}
