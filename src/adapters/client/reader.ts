// The reader: one long-poll fetch per leader, each with an answer of its own, so that a leader that
// has nothing, or is dead, never delays another's records. While the caller works on what a poll
// brought, the next fetch to the leaders it came from is under way already; nothing is fetched
// further ahead than that. Positions are kept here and move when a poll resolves.
//
//   assign ─► prepare (settings, leader, start) ─► fetch ─► answer ─► poll shows it ─► fetch …
//                ▲                                   │ leader moved, silent: again, 20 → 500 ms
//                └───────────────────────────────────┘
//
// What a poll says, in this order: news, an error about one partition, or (when its time is up)
// that those who answered had nothing. An error is told once; at the next poll the partition is
// asked for again, where it stood.
import { after } from '../../runtime/clock.ts'
import { LogError } from '../../runtime/log-error.ts'
import type {
  Fetched,
  LogReader,
  ReadOptions,
  StartPosition,
  TopicPartition,
} from '../../runtime/ports.ts'
import type { BatchHeader } from '../../runtime/record-batch.ts'
import { selectBatches } from '../../runtime/record-batch-select.ts'
import { decompress } from './decompress.ts'
import { type FetchedPartition, partitionKey } from './protocol.ts'
import { about, byNode, Entry } from './reader-entry.ts'
import { type Flight, Flights } from './reader-flights.ts'
import {
  asFinding,
  type Finding,
  findingOf,
  prepare,
  prove,
  whyOutOfRange,
} from './reader-prepare.ts'
import type { Trail } from './reader-trail.ts'
import { type Connection, Session } from './session.ts'

const DEFAULT_MAX_BYTES = 1_048_576
/** Longest time a leader is told to wait for news; a longer poll asks again. */
const MAX_WAIT_MS = 1_000
/** The same for a fetch ahead, which must not be longer than the next poll. */
const AHEAD_WAIT_MS = 250
/** Longest wait for the answer to a question before the first fetch. */
const PREPARE_TIMEOUT_MS = 2_000
/** Quiet leaders answer about when the poll ends: so long it waits for those that are not there. */
const GRACE_MS = 50
/** A leader that answers at once, and has nothing, is asked again after this. */
const HASTE_PAUSE_MS = 20

/** A poll that waits. */
interface Waiting {
  readonly startMs: number
  readonly maxWaitMs: number
  readonly resolve: (fetched: readonly Fetched[]) => void
  readonly reject: (error: unknown) => void
}

export class Reader implements LogReader {
  readonly #session: Session
  readonly #options: ReadOptions
  readonly #flights: Flights
  readonly #assigned = new Map<string, Entry>()
  /** Of every partition that was ever assigned. */
  readonly #trails = new Map<string, Trail>()
  #isPolling = false
  #poll: Waiting | null = null
  /** Number of the current or last poll. */
  #polls = 0
  #alarm: { readonly atMs: number; readonly cancel: () => void } | null = null

  constructor(connection: Connection, options: ReadOptions) {
    this.#session = new Session(connection)
    this.#options = options
    const { isolation, maxBytesPerPartition: maxBytes = DEFAULT_MAX_BYTES } = options
    this.#flights = new Flights(
      this.#session,
      { isolation, maxBytes },
      {
        landed: (flight, answers) => this.#landed(flight, answers),
        failed: (flight, error) => this.#unanswered(flight, error),
      },
    )
  }

  assign(at: TopicPartition, start: StartPosition): void {
    if (typeof start === 'number' && (!Number.isSafeInteger(start) || start < 0))
      throw new LogError('INVALID_REQUEST', `${start} is not an offset`)
    const key = partitionKey(at)
    const before = this.#assigned.get(key)
    const trail = this.#trailOf(key, start)
    const entry = new Entry(at, start, trail)
    if (before !== undefined && before.trouble === null) {
      entry.node = before.node
      entry.leaderEpoch = before.leaderEpoch
      entry.facts = before.facts
    }
    this.#assigned.set(key, entry)
    this.#advance()
  }

  #trailOf(key: string, start: StartPosition): Trail {
    const { trails } = this.#session
    const own = this.#trails.get(key) ?? trails.begin(key)
    this.#trails.set(key, own)
    if (typeof start !== 'number' || own.before(start) !== null) return own
    const other = trails.oldest(key, start)
    if (other !== null) own.adopt(other, start)
    return own
  }

  unassign(at: TopicPartition): void {
    this.#assigned.delete(partitionKey(at))
  }

  position(at: TopicPartition): number | null {
    return this.#assigned.get(partitionKey(at))?.position ?? null
  }

  async poll(maxWaitMs: number, signal?: AbortSignal): Promise<readonly Fetched[]> {
    if (this.#isPolling) throw new LogError('INVALID_REQUEST', 'one poll at a time')
    this.#session.throwIfClosed()
    signal?.throwIfAborted()
    const abort = (): void => this.#end()?.reject(signal?.reason)
    signal?.addEventListener('abort', abort, { once: true })
    this.#isPolling = true
    try {
      return await new Promise((resolve, reject) => {
        const startMs = this.#session.clock.monotonicMs()
        this.#poll = { startMs, maxWaitMs: Math.max(0, maxWaitMs), resolve, reject }
        this.#polls++
        this.#advance()
      })
    } finally {
      signal?.removeEventListener('abort', abort)
      this.#isPolling = false
    }
  }

  close(): Promise<void> {
    this.#session.close()
    this.#end()?.reject(new LogError('CLOSED', 'used after close()'))
    return Promise.resolve()
  }

  /** The poll that waits, which waits no more. */
  #end(): Waiting | null {
    const poll = this.#poll
    this.#poll = null
    this.#disarm()
    return poll
  }

  /** Does what can be done for the poll that waits, if one does, and sees whether it is over. */
  #advance(): void {
    const poll = this.#poll
    if (poll === null) return
    const entries = [...this.#assigned.values()]
    if (entries.some((entry) => entry.hasNews)) return this.#show(poll, entries)
    const failure = entries.find((entry) => entry.failure !== null)?.failure ?? null
    if (failure !== null) return this.#tell(poll, entries, failure)
    const nowMs = this.#session.clock.monotonicMs()
    this.#ask(poll, entries, nowMs)
    const deadlineMs = this.#deadlineMs(poll)
    if (nowMs >= deadlineMs && this.#isTimeUp(poll, entries, nowMs, deadlineMs)) return
    this.#arm(entries, nowMs, [deadlineMs, deadlineMs + GRACE_MS, lastMs(poll, 0) + GRACE_MS])
  }

  #ask(poll: Waiting, entries: readonly Entry[], nowMs: number): void {
    const due = entries.filter((entry) => !entry.preparing && nowMs >= entry.notBeforeMs)
    const lost = due.filter((entry) => !entry.isReady && !entry.isUnproven)
    const unproven = byNode(due.filter((entry) => entry.isUnproven))
    if (lost.length > 0) this.#prepare(lost)
    for (const [node, list] of unproven)
      this.#find(list, prove(this.#session, node, list, PREPARE_TIMEOUT_MS))
    for (const [node, list] of byNode(due.filter((entry) => entry.isReady)))
      this.#fetch(poll, node, list, nowMs)
  }

  #deadlineMs({ startMs, maxWaitMs }: Waiting): number {
    for (const { fresh } of this.#assigned.values()) if (fresh) return startMs
    return startMs + maxWaitMs
  }

  #fetch(poll: Waiting, node: number, entries: readonly Entry[], nowMs: number): void {
    const isFresh = entries.some((entry) => entry.fresh)
    const flight = this.#flights.get(node)
    if (flight !== null) {
      // Waiting for news of others is not for those who only want to know where they stand.
      const isMissing = entries.some((entry) => entry.fresh && !flight.entries.includes(entry))
      // What does not wait for news is answered before anything that could be sent behind it.
      if (!isMissing || flight.dueMs <= nowMs) return
      this.#flights.cancel(node)
      // Whose fetch is given up has not been asked for.
      for (const entry of flight.entries) entry.askedIn = 0
    }
    const isAsked = entries.every((entry) => entry.askedIn === this.#polls)
    if (isAsked && nowMs >= this.#deadlineMs(poll)) return
    const leftMs = poll.startMs + poll.maxWaitMs - nowMs
    for (const entry of entries) entry.askedIn = this.#polls
    const waitMs = isFresh ? 0 : Math.max(0, Math.min(leftMs, MAX_WAIT_MS))
    this.#flights.send(node, entries, waitMs)
  }

  #prepare(entries: readonly Entry[]): void {
    const how = { isolation: this.#options.isolation, timeoutMs: PREPARE_TIMEOUT_MS }
    this.#find(entries, prepare(this.#session, entries, how))
  }

  #find(entries: readonly Entry[], finding: Promise<readonly Finding[]>): void {
    for (const entry of entries) entry.preparing = true
    finding.then(
      (findings) => this.#found(entries, findings),
      (error: unknown) =>
        this.#found(
          entries,
          entries.map(() => asFinding(error)),
        ),
    )
  }

  #found(entries: readonly Entry[], findings: readonly Finding[]): void {
    const nowMs = this.#session.clock.monotonicMs()
    for (const [i, entry] of entries.entries()) {
      entry.preparing = false
      const finding = findings[i]
      if (finding !== undefined) this.#note(entry, finding, nowMs)
    }
    this.#advance()
  }

  #note(entry: Entry, finding: Finding, nowMs: number): void {
    if (finding.kind === 'trouble') entry.troubled(finding.error, this.#polls, nowMs)
    if (finding.kind === 'doubt') entry.doubted(finding.error, this.#polls, nowMs)
    if (finding.kind === 'failure') entry.failed(finding.error, nowMs)
  }

  #landed(flight: Flight, answers: readonly (FetchedPartition | null)[]): void {
    const nowMs = this.#session.clock.monotonicMs()
    let isNews = false
    for (const [i, entry] of flight.entries.entries()) {
      if (this.#assigned.get(partitionKey(entry)) !== entry) continue
      this.#take(entry, answers[i] ?? null, flight.sentMs)
      isNews ||= entry.answer === null || entry.hasNews
    }
    if (!isNews && nowMs < flight.dueMs - HASTE_PAUSE_MS)
      for (const entry of flight.entries)
        entry.notBeforeMs = Math.max(entry.notBeforeMs, nowMs + HASTE_PAUSE_MS)
    this.#advance()
  }

  #take(entry: Entry, answer: FetchedPartition | null, sentMs: number): void {
    const nowMs = this.#session.clock.monotonicMs()
    const error = answer?.error ?? 'NETWORK_EXCEPTION'
    if (answer !== null && error === 'NONE') return this.#select(entry, answer, sentMs)
    if (error === 'NONE') return
    if (error === 'FENCED_LEADER_EPOCH' && entry.outdated()) return
    if (error === 'OFFSET_OUT_OF_RANGE') {
      this.#session.topics.forget(entry.topic)
      const why = whyOutOfRange(this.#session, entry, PREPARE_TIMEOUT_MS).then((one) => [one])
      return this.#find([entry], why)
    }
    if (error === 'UNKNOWN_TOPIC_OR_PARTITION') {
      this.#session.topics.forget(entry.topic)
      entry.facts = null
    }
    this.#note(entry, findingOf('fetch', error, entry), nowMs)
  }

  #select(entry: Entry, answer: FetchedPartition, sentMs: number): void {
    const { position: from, facts } = entry
    if (from === null || facts === null) return
    const { compacted, maxMessageBytes } = facts
    const { crc32c } = this.#session
    const unpack = (bytes: Uint8Array, header: BatchHeader): Uint8Array | null =>
      decompress(bytes, header, maxMessageBytes)
    try {
      const epochs: { readonly epoch: number; readonly from: number }[] = []
      const onEpoch = (epoch: number, first: number): void => {
        epochs.push({ epoch, from: first })
      }
      const options = { from, sentMs, compacted, crc32c, onEpoch, decompress: unpack }
      const fetched = selectBatches(answer, options)
      entry.trail.read(fetched, epochs, entry.leaderEpoch)
      entry.answered(fetched)
    } catch (error) {
      if (!(error instanceof LogError)) throw error
      // What was spoiled on its way is whole where it is stored.
      entry.doubted(about(entry, error), this.#polls, this.#session.clock.monotonicMs())
    }
  }

  #unanswered(flight: Flight, error: LogError): void {
    const nowMs = this.#session.clock.monotonicMs()
    for (const entry of flight.entries) this.#note(entry, asFinding(error), nowMs)
    this.#advance()
  }

  /** The poll's time is over: has everybody answered who can be waited for? */
  #isTimeUp(poll: Waiting, entries: readonly Entry[], nowMs: number, deadlineMs: number): boolean {
    const flights = this.#flights.all.filter((flight) =>
      flight.entries.some((entry) => entries.includes(entry)),
    )
    const isDue =
      entries.some((entry) => entry.preparing) || flights.some(({ dueMs }) => dueMs <= nowMs)
    // Sent ahead, with more time than this poll has.
    const isEarly = flights.some(({ dueMs }) => dueMs > nowMs)
    const isAnswered = entries.some((entry) => entry.answer !== null)
    // With nothing to show, even a first poll may take all its time.
    const isLate = nowMs >= (isAnswered ? deadlineMs : lastMs(poll, deadlineMs)) + GRACE_MS
    if ((isDue || (isEarly && !isAnswered)) && !isLate) return false
    // Who is in doubt has answered: taken for silence, a caller that gives up on the first would
    // never hear what is wrong.
    const isDoubted = !isDue && entries.some((entry) => entry.isDoubted)
    if (isAnswered || isEarly || isDoubted || entries.length === 0) {
      // Whoever has still to be heard of for the first time keeps the next poll short, too.
      for (const entry of entries) if (entry.trouble !== null) entry.fresh = false
      this.#show(poll, entries)
      return true
    }
    // Nobody has answered. Each is asked at least once in every poll.
    if (isDue) return false
    if (!entries.every((entry) => entry.troubledIn === this.#polls)) return false
    const cause = entries[0]?.trouble ?? null
    const message = `no leader has answered: ${cause?.message ?? 'no reason is known'}`
    this.#end()
    poll.reject(new LogError('UNAVAILABLE', message, { cause }))
    return true
  }

  #show(poll: Waiting, entries: readonly Entry[]): void {
    const shown: Fetched[] = []
    const nodes = new Set<number>()
    for (const entry of entries) {
      const { answer } = entry
      if (answer === null) continue
      shown.push(answer)
      entry.answer = null
      entry.fresh = false
      entry.position = answer.to
      if (answer.to === answer.from) continue
      if (entry.node !== null) nodes.add(entry.node)
      // Who had something comes last in the next request: a leader's answer is bounded as a whole.
      this.#assigned.delete(partitionKey(entry))
      this.#assigned.set(partitionKey(entry), entry)
    }
    this.#end()
    poll.resolve(shown)
    this.#fetchAhead(nodes, poll.maxWaitMs)
  }

  /** The next answer of those who had something comes while this one is worked on. */
  #fetchAhead(nodes: ReadonlySet<number>, maxWaitMs: number): void {
    const nowMs = this.#session.clock.monotonicMs()
    for (const node of nodes) {
      if (this.#flights.get(node) !== null) continue
      const entries = [...this.#assigned.values()].filter(
        (entry) =>
          entry.node === node &&
          entry.isReady &&
          !entry.preparing &&
          entry.failure === null &&
          nowMs >= entry.notBeforeMs,
      )
      const waitMs = entries.some((entry) => entry.fresh) ? 0 : Math.min(maxWaitMs, AHEAD_WAIT_MS)
      this.#flights.send(node, entries, waitMs)
    }
  }

  #tell(poll: Waiting, entries: readonly Entry[], failure: LogError): void {
    for (const entry of entries) if (entry.failure === failure) entry.failure = null
    this.#end()
    poll.reject(failure)
  }

  /** Looks again when something is due that no answer tells of. */
  #arm(entries: readonly Entry[], nowMs: number, timesMs: readonly number[]): void {
    let atMs = Math.min(...timesMs.filter((ms) => ms > nowMs))
    for (const { notBeforeMs } of entries)
      if (notBeforeMs > nowMs) atMs = Math.min(atMs, notBeforeMs)
    if (this.#alarm?.atMs === atMs) return
    this.#disarm()
    if (atMs === Infinity) return
    const cancel = after(this.#session.clock, atMs - nowMs, () => {
      this.#alarm = null
      this.#advance()
    })
    this.#alarm = { atMs, cancel }
  }

  #disarm(): void {
    this.#alarm?.cancel()
    this.#alarm = null
  }
}

/** The end of the poll, were there nobody to be heard of for the first time. */
function lastMs({ startMs, maxWaitMs }: Waiting, atLeastMs: number): number {
  return Math.max(atLeastMs, startMs + maxWaitMs)
}
