// One assigned partition of a reader: what is known about it, what was answered and not yet shown,
// and what is in its way. An entry that was taken away or assigned anew is never looked at again,
// so that whatever still comes for it is dropped.
import { LogError } from '../../runtime/log-error.ts'
import type { Fetched, StartPosition, TopicPartition } from '../../runtime/ports.ts'
import { Backoff } from './backoff.ts'
import type { Trail } from './reader-trail.ts'
import { CONFIRM_MS, type TopicFacts } from './topic-cache.ts'

const FIRST_BACKOFF_MS = 20
const LAST_BACKOFF_MS = 500

export class Entry implements TopicPartition {
  readonly topic: string
  readonly partition: number
  readonly start: StartPosition
  /** Next offset to be shown, or null until `start` was resolved. */
  position: number | null
  /** Not asked for in any poll since it was assigned. */
  fresh: boolean = true
  /** Its leader, or null until that is known. */
  node: number | null = null
  /** Of the leader; -1 where that is not known. */
  leaderEpoch: number = -1
  /** Of what was read of the partition. */
  readonly trail: Trail
  /** Of its topic; null until they are known. */
  facts: TopicFacts | null = null
  /** Somebody is finding out what is not known. */
  preparing: boolean = false
  /** Answered, not yet shown. */
  answer: Fetched | null = null
  /** To be told at the next poll. */
  failure: LogError | null = null
  /** Why nothing is known of it now; null while it is answered for. */
  trouble: LogError | null = null
  /** Number of the poll in which it last was in trouble. */
  troubledIn: number = 0
  /** Number of the poll in which it last was asked for. */
  askedIn: number = 0
  /** Not to be asked for before. */
  notBeforeMs: number = 0
  readonly #backoff = new Backoff(FIRST_BACKOFF_MS, LAST_BACKOFF_MS)
  #doubtedSinceMs: number | null = null
  /** Epoch that was over when its leader was asked. */
  #overEpoch = -1

  constructor({ topic, partition }: TopicPartition, start: StartPosition, trail: Trail) {
    this.topic = topic
    this.partition = partition
    this.start = start
    this.trail = trail
    this.position = typeof start === 'number' ? start : null
  }

  get at(): { readonly topic: string; readonly partition: number } {
    return { topic: this.topic, partition: this.partition }
  }

  /** It was answered, and something may be done with the answer. */
  get hasNews(): boolean {
    return this.answer !== null && this.answer.to > this.answer.from
  }

  /** Everything is known that a fetch needs. */
  get isReady(): boolean {
    return this.#isKnown && !this.isUnproven
  }

  /** Of this leader it is not known whether its log is the one that was read up to here. */
  get isUnproven(): boolean {
    const { position, leaderEpoch, trail } = this
    if (leaderEpoch < 0 || leaderEpoch === trail.provenFor || !this.#isKnown) return false
    return trail.before(position ?? 0) !== null
  }

  get #isKnown(): boolean {
    return this.node !== null && this.position !== null && this.facts !== null
  }

  /** Answered with what cannot be: it is asked again before it is told. */
  get isDoubted(): boolean {
    return this.#doubtedSinceMs !== null
  }

  answered(fetched: Fetched): void {
    this.answer = fetched
    this.trouble = null
    this.#doubtedSinceMs = null
    this.#backoff.reset()
  }

  /**
   * What is known of its leader is old: it is looked for anew, in the same poll, for nobody was
   * asked yet who could know. Once for each epoch: false for one that was told of again.
   */
  outdated(): boolean {
    if (this.leaderEpoch === this.#overEpoch) return false
    this.#overEpoch = this.leaderEpoch
    this.node = null
    this.askedIn = 0
    return true
  }

  /** Is to be asked for again, from whoever leads it then, after a pause. */
  troubled(trouble: LogError, poll: number, nowMs: number): void {
    this.node = null
    this.trouble = trouble
    this.troubledIn = poll
    this.notBeforeMs = nowMs + this.#backoff.next()
  }

  /**
   * An answer that is wrong for a moment after a change of leader and true for ever otherwise: it
   * is told when it still stands after CONFIRM_MS.
   */
  doubted(failure: LogError, poll: number, nowMs: number): void {
    this.#doubtedSinceMs ??= nowMs
    if (nowMs - this.#doubtedSinceMs >= CONFIRM_MS) this.failed(failure, nowMs)
    else this.troubled(failure, poll, nowMs)
  }

  failed(failure: LogError, nowMs: number): void {
    this.failure = failure
    this.node = null
    this.#backoff.reset()
    this.notBeforeMs = nowMs + this.#backoff.next()
  }
}

/** Those whose leaders are known, by leader. */
export function byNode(entries: readonly Entry[]): ReadonlyMap<number, readonly Entry[]> {
  const groups = new Map<number, Entry[]>()
  for (const entry of entries) {
    if (entry.node === null) continue
    const group = groups.get(entry.node)
    if (group === undefined) groups.set(entry.node, [entry])
    else group.push(entry)
  }
  return groups
}

/** The error with the partition it is about. */
export function about({ topic, partition }: TopicPartition, error: LogError): LogError {
  const message = `${topic}/${partition}: ${error.message}`
  return new LogError(error.code, message, { cause: error, at: { topic, partition } })
}
