// A standby: a task's state kept warm by a member that does not own it. It restores as an owner
// would and then follows the journal, stepping what is journalled and nothing beyond; it never
// writes. When the task is given to its member, the replay is handed to the new owner, which after
// its fence finds only the last few entries left to read. Whatever goes wrong here is told and
// tried again after a pause; the owner does not notice.
import { HsError } from '../contracts/failure.ts'
import { topicName } from '../contracts/topics.ts'
import type { Instruments } from './instruments.ts'
import { JournalReader, journalStart } from './journal.ts'
import { LogError } from './log-error.ts'
import { forPeople } from './reaction.ts'
import type { Replay, ReplayOptions } from './replay.ts'
import { journalExpired, openReplay, whereNext } from './restore.ts'

const POLL_MS = 250
/** Before brokers that do not answer are asked again. */
const AGAIN_MS = 100
const FIRST_PAUSE_MS = 200
const LAST_PAUSE_MS = 30_000
/** A state that differs from the journal's will differ again: a person has to look. */
const DIVERGED_PAUSE_MS = 60_000
/** An entry that is being stepped is finished; a log that does not answer is not waited for. */
const HAND_OVER_MS = 2_000

export interface StandbyOptions extends Omit<ReplayOptions, 'signal'> {
  readonly instruments: Instruments
  /** It begins when this is over: until then the log is left to who needs it more. */
  readonly turn: Promise<unknown>
}

export class Standby {
  readonly #options: StandbyOptions
  /** Ends the following, between two entries. */
  readonly #stop = new AbortController()
  /** Ends everything at once. */
  readonly #kill = new AbortController()
  readonly #loop: Promise<void>
  #replay: Replay | null = null
  #isReady = false
  #failure: string | null = null
  #pauseMs = FIRST_PAUSE_MS

  constructor(options: StandbyOptions) {
    this.#options = options
    this.#loop = this.#run()
  }

  /** Last step that it has made; 0 before it has restored. */
  get seq(): number {
    return this.#replay?.seq ?? 0
  }

  /** It has reached the end of the journal, and goes on from there. */
  get isReady(): boolean {
    return this.#isReady
  }

  /** Why nothing is followed just now; null while it restores or follows. */
  get failure(): string | null {
    return this.#failure
  }

  /** Its state for a task that begins here, null when there is none; it follows no more. */
  async handOver(): Promise<Replay | null> {
    this.#stop.abort(new Error('handed over'))
    if (this.#replay === null) this.#kill.abort(new Error('handed over'))
    const timer = new AbortController()
    this.#options.clock.sleep(HAND_OVER_MS, timer.signal).then(
      () => this.#kill.abort(new Error('handed over')),
      () => undefined,
    )
    await this.#loop
    timer.abort()
    const replay = this.#replay
    this.#replay = null
    return replay
  }

  async close(): Promise<void> {
    this.#kill.abort(new Error('closed'))
    this.#stop.abort(new Error('closed'))
    await this.#loop
    await this.#replay?.close()
    this.#replay = null
  }

  async #run(): Promise<void> {
    const { clock, turn } = this.#options
    // Construction is over before anything happens.
    await Promise.race([turn, this.#stopped()])
    while (!this.#stop.signal.aborted) {
      try {
        await this.#follow()
      } catch (error) {
        await this.#failed(error)
        if (this.#stop.signal.aborted) return
        await clock.sleep(this.#pauseMs, this.#stop.signal).catch(() => undefined)
        this.#pauseMs = Math.min(2 * this.#pauseMs, LAST_PAUSE_MS)
      }
    }
  }

  #stopped(): Promise<void> {
    const { signal } = this.#stop
    return new Promise((resolve) => {
      signal.addEventListener('abort', () => resolve(), { once: true })
    })
  }

  async #follow(): Promise<void> {
    const { log, spec, prefix } = this.#options
    const at = { topic: topicName(spec.journal, prefix), partition: spec.partition }
    const replay = await openReplay({ ...this.#options, signal: this.#kill.signal })
    this.#replay = replay
    this.#failure = null
    const where = whereNext(replay, { start: await journalStart(log, at) })
    const reader = new JournalReader(log, at, where)
    try {
      while (!this.#stop.signal.aborted) {
        for (const chained of await this.#poll(reader)) {
          if (replay.offset < 0 && chained.entry.kind !== 'genesis')
            throw journalExpired(at, chained.offset)
          await replay.next(chained)
          if (replay.divergence !== null) throw replay.divergence
          if (this.#stop.signal.aborted) return
        }
        if (!reader.caughtUp) continue
        this.#isReady = true
        this.#pauseMs = FIRST_PAUSE_MS
      }
    } finally {
      await reader.close()
    }
  }

  /**
   * Being stopped while waiting is no failure of what is kept warm, and neither are brokers that do
   * not answer now: it is good for whenever they do.
   */
  async #poll(reader: JournalReader): Promise<Awaited<ReturnType<JournalReader['poll']>>> {
    try {
      const entries = await reader.poll(POLL_MS, this.#stop.signal)
      this.#failure = null
      return entries
    } catch (error) {
      if (this.#stop.signal.aborted) return []
      if (!(error instanceof LogError) || error.code !== 'UNAVAILABLE') throw error
      if (this.#failure === null)
        this.#options.instruments.emit('read_failed', { reason: error.message })
      this.#failure = forPeople(error).message
      await this.#options.clock.sleep(AGAIN_MS, this.#stop.signal).catch(() => undefined)
      return []
    }
  }

  async #failed(error: unknown): Promise<void> {
    const { instruments, spec } = this.#options
    this.#isReady = false
    await this.#replay?.close()
    this.#replay = null
    if (this.#stop.signal.aborted) return
    const reason = forPeople(error).message
    this.#failure = reason
    const isDiverged = error instanceof HsError && error.code === 'HS_DIVERGED'
    if (isDiverged) this.#pauseMs = DIVERGED_PAUSE_MS
    const kind = isDiverged ? 'standby_diverged' : 'standby_failed'
    instruments.emit(kind, { task: spec.task, reason })
  }
}
