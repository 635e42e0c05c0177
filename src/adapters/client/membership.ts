// Membership of a group: join, sync, heartbeat, again. Two things run beside each other: the
// rounds, which talk to the broker, and the guard, which reports `lost` as soon as the session may
// have run out, even while no request is ever answered. The session counts from when the last
// answered request was sent. After `lost` the member joins as a new one, so that what it is given
// next has a new generation. What the broker cannot answer now is asked again, and costs nothing
// while the session lasts; what a person must settle ends the membership.
import { LogError } from '../../runtime/log-error.ts'
import type {
  GroupEvent,
  GroupMember,
  GroupShare,
  JoinOptions,
  Membership,
} from '../../runtime/ports.ts'
import { type ErrorCode, type Failure, isRetriable, meaningOf } from './error-codes.ts'
import type { ResponseOf } from './protocol.ts'
import { type Assignment, decodeShare, encodeAssignment } from './assignment-bytes.ts'
import { GroupEvents } from './group-events.ts'
import { type Connection, REQUEST_TIMEOUT_MS, refusal, Session } from './session.ts'

/** A worker that stops waits for the answer to its goodbye, but not for long. */
const LEAVE_TIMEOUT_MS = 750
/** Pause before the second round in a row that came to nothing; doubles up to the last. */
const FIRST_BACKOFF_MS = 25
const LAST_BACKOFF_MS = 500
const NO_MEMBERS: ReadonlyMap<string, Uint8Array> = new Map()

/** As JoinOptions, for a member that lives on another thread than who runs its tasks. */
export interface MemberOptions extends Omit<JoinOptions, 'assign' | 'metadata'> {
  readonly metadata: () => Uint8Array | Promise<Uint8Array>
  /** Error `UNAVAILABLE`: no answer in time, the round is given up and another begun. */
  readonly assign: (members: readonly GroupMember[]) => Assignment | Promise<Assignment>
  /**
   * Monotonic time when who runs the tasks was last seen alive. A whole session later they are
   * given away, as if the broker had not been heard of. Default: whoever runs them runs this too.
   */
  readonly seenMs?: () => number
  /** Told whenever the broker was heard: ownership is proven for so long from now on. */
  readonly onProven?: (forMs: number) => void
}

/** Why a round ended. */
type End = 'again' | 'lost'

export class GroupMembership implements Membership {
  readonly #session: Session
  readonly #options: MemberOptions
  readonly #events = new GroupEvents()
  #memberId = ''
  #generation = -1
  #owning = false
  #rejoinWanted = false
  #provenUntilMs = 0
  /** Rounds since the last that brought an assignment. */
  #rounds = 0
  /** Heartbeats since the last that was answered. */
  #unanswered = 0
  #nap = new AbortController()
  #leaving: Promise<void> | null = null

  constructor(connection: Connection, options: MemberOptions) {
    this.#session = new Session(connection)
    this.#options = options
    this.#run().catch((error: unknown) => {
      this.#fail(error)
      return this.#sendLeave()
    })
  }

  next(): Promise<GroupEvent> {
    return this.#events.next()
  }

  provenForMs(): number {
    return this.#owning ? this.#leftMs() : 0
  }

  rejoin(): void {
    this.#rejoinWanted = true
    this.#nap.abort()
  }

  leave(): Promise<void> {
    this.#leaving ??= this.#leave()
    return this.#leaving
  }

  async #leave(): Promise<void> {
    const left = this.#sendLeave()
    this.#owning = false
    this.#events.close(new LogError('CLOSED', 'the member has left'))
    this.#nap.abort()
    await left
    this.#session.close()
  }

  #fail(error: unknown): void {
    if (this.#failure !== null) return
    const failure =
      error instanceof LogError
        ? error
        : new LogError('INVALID_REQUEST', 'the assignment cannot be used', { cause: error })
    this.#lose(failure.message)
    this.#events.fail(failure)
    this.#nap.abort()
  }

  get #failure(): LogError | null {
    return this.#events.failure
  }

  #lose(reason: string): void {
    if (!this.#owning) return
    this.#owning = false
    this.#nap.abort()
    this.#events.emit({ kind: 'lost', reason })
  }

  async #run(): Promise<void> {
    while (this.#failure === null) {
      try {
        if (this.#rounds > 0) await this.#session.sleep(backoffMs(this.#rounds))
        this.#rounds++
        if ((await this.#round()) === 'lost') await this.#startOver()
      } catch (error) {
        if (!isLogError(error, 'UNAVAILABLE')) throw error
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
    const limits = { timeoutMs: LEAVE_TIMEOUT_MS }
    await this.#session.call('leaveGroup', request, limits).catch(() => {})
  }

  async #round(): Promise<End> {
    const joined = await this.#join()
    if (joined.error !== 'NONE') return this.#ended('joinGroup', joined.error)
    const synced = await this.#sync(joined)
    if (synced.error !== 'NONE') return this.#ended('syncGroup', synced.error)
    const share = decodeShare(synced.assignment)
    // What was answered before a long stop of this process may have gone to another since.
    if (this.#leftMs() <= 0) this.#lose(this.#whyLost())
    else this.#settle(joined.generation, share)
    for (;;) {
      await this.#pause()
      if (this.#failure !== null || this.#rejoinWanted) return 'again'
      if (!this.#owning) return 'lost'
      const error = await this.#beat(joined.generation)
      if (error !== 'NONE') return this.#ended('heartbeat', error)
    }
  }

  /** Joins; a first join is told its id and asked to come back with it. */
  async #join(): Promise<ResponseOf<'joinGroup'>> {
    const told = await this.#joinOnce()
    if (told.error !== 'MEMBER_ID_REQUIRED') return told
    this.#memberId = told.memberId
    return this.#joinOnce()
  }

  async #joinOnce(): Promise<ResponseOf<'joinGroup'>> {
    const { group, sessionTimeoutMs, rebalanceTimeoutMs } = this.#options
    this.#rejoinWanted = false
    const metadata = await this.#options.metadata()
    if (this.#failure !== null) throw this.#failure
    const memberId = this.#memberId
    const sentMs = this.#session.clock.monotonicMs()
    const answer = await this.#session.call(
      'joinGroup',
      { group, memberId, metadata, sessionTimeoutMs, rebalanceTimeoutMs },
      { timeoutMs: rebalanceTimeoutMs + REQUEST_TIMEOUT_MS },
    )
    // A join that waited for others began its session when it was answered, which was not before
    // it was sent.
    if (answer.error === 'NONE') this.#prove(sentMs)
    return answer
  }

  /** A request that may have been carried out is answered the same way when it is asked again. */
  async #sync(joined: ResponseOf<'joinGroup'>): Promise<ResponseOf<'syncGroup'>> {
    const { group, rebalanceTimeoutMs } = this.#options
    const { clock } = this.#session
    const isLeader = joined.leader === this.#memberId
    const assignments = isLeader
      ? encodeAssignment(await this.#options.assign(joined.members))
      : NO_MEMBERS
    const { generation } = joined
    const request = { group, memberId: this.#memberId, generation, assignments }
    const endMs = clock.monotonicMs() + rebalanceTimeoutMs + REQUEST_TIMEOUT_MS
    for (let attempt = 1; ; attempt++) {
      const sentMs = clock.monotonicMs()
      if (sentMs >= endMs) throw new LogError('UNAVAILABLE', 'syncGroup was not answered in time')
      try {
        const answer = await this.#session.call('syncGroup', request, { timeoutMs: endMs - sentMs })
        if (answer.error === 'NONE') this.#prove(sentMs)
        if (!isRetriable(answer.error)) return answer
      } catch (error) {
        if (!isLogError(error, 'UNAVAILABLE')) throw error
      }
      await this.#session.sleep(backoffMs(attempt))
    }
  }

  async #beat(generation: number): Promise<ErrorCode> {
    const sentMs = this.#session.clock.monotonicMs()
    this.#unanswered++
    const request = { group: this.#options.group, memberId: this.#memberId, generation }
    const limits = { timeoutMs: Math.min(this.#options.sessionTimeoutMs, REQUEST_TIMEOUT_MS) }
    try {
      const { error } = await this.#session.call('heartbeat', request, limits)
      if (error === 'NONE' || error === 'REBALANCE_IN_PROGRESS') this.#prove(sentMs)
      // The guard says when it has been too long.
      return isRetriable(error) ? 'NONE' : error
    } catch (error) {
      if (isLogError(error, 'UNAVAILABLE')) return 'NONE'
      throw error
    }
  }

  #ended(api: 'heartbeat' | 'joinGroup' | 'syncGroup', error: Failure): End {
    if (error === 'REBALANCE_IN_PROGRESS' || isRetriable(error)) return 'again'
    if (meaningOf(error) === 'MEMBER_LOST') {
      this.#lose(`the group answered ${error}`)
      return 'lost'
    }
    const advice = adviceOn(error, this.#options)
    if (advice === null) throw refusal(api, error)
    throw new LogError(meaningOf(error), `${advice} (${error})`)
  }

  #settle(generation: number, share: GroupShare): void {
    this.#rounds = 0
    // The generation held already: nothing new, or (after `lost`) nothing that may be used again.
    if (this.#failure !== null || generation === this.#generation) return
    this.#generation = generation
    this.#events.emit({ kind: 'assigned', generation, memberId: this.#memberId, ...share })
    if (this.#owning) return
    this.#owning = true
    this.#guard().catch((error: unknown) => this.#fail(error))
  }

  #prove(sentMs: number): void {
    this.#unanswered = 0
    this.#provenUntilMs = sentMs + this.#options.sessionTimeoutMs
    this.#options.onProven?.(this.#provenUntilMs - this.#session.clock.monotonicMs())
  }

  /** How long ownership is proven and looked after, if nothing is heard any more. */
  #leftMs(): number {
    const { seenMs, sessionTimeoutMs } = this.#options
    const untilMs = seenMs === undefined ? this.#provenUntilMs : seenMs() + sessionTimeoutMs
    return Math.min(this.#provenUntilMs, untilMs) - this.#session.clock.monotonicMs()
  }

  #whyLost(): string {
    const isUnproven = this.#provenUntilMs <= this.#session.clock.monotonicMs()
    return isUnproven
      ? 'no answer from the group for a whole session'
      : 'the main loop stood still for a whole session'
  }

  async #guard(): Promise<void> {
    while (this.#owning) {
      const leftMs = this.#leftMs()
      if (leftMs <= 0) this.#lose(this.#whyLost())
      else await this.#session.sleep(leftMs)
    }
  }

  /**
   * Until the next heartbeat, sooner after one without an answer, or until something else has to be
   * done at once.
   */
  async #pause(): Promise<void> {
    this.#nap = new AbortController()
    if (this.#failure !== null || this.#rejoinWanted || !this.#owning) return
    const { heartbeatMs } = this.#options
    const againMs = this.#unanswered === 0 ? heartbeatMs : backoffMs(this.#unanswered)
    const pauseMs = Math.min(heartbeatMs, againMs)
    await this.#session.clock.sleep(pauseMs, this.#nap.signal).catch(() => {})
  }
}

function isLogError(error: unknown, code: LogError['code']): boolean {
  return error instanceof LogError && error.code === code
}

/** Before the attempt after `attempts` that came to nothing. */
function backoffMs(attempts: number): number {
  return Math.min(LAST_BACKOFF_MS, FIRST_BACKOFF_MS * 2 ** (attempts - 1))
}

/** What a person can do about it. */
function adviceOn(error: Failure, { group, sessionTimeoutMs }: MemberOptions): string | null {
  switch (error) {
    case 'GROUP_AUTHORIZATION_FAILED':
      return `no right to join group ${group}: allow READ on it`
    case 'INVALID_SESSION_TIMEOUT':
      return (
        `the brokers refuse a session time-out of ${sessionTimeoutMs} ms: see their ` +
        'group.min.session.timeout.ms and group.max.session.timeout.ms'
      )
    case 'INCONSISTENT_GROUP_PROTOCOL':
      return `group ${group} has members of another kind: stop them or choose another group`
    case 'GROUP_MAX_SIZE_REACHED':
      return `group ${group} is full: see group.max.size of the brokers`
    default:
      return null
  }
}
