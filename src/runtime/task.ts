// The life of a task on one member, from one assignment to its end. Law 5: the group only says who
// should own it; the fence says who does. A task takes the transactional id once per assignment and
// never fences back: after an error it may renew its own epoch, and when that is taken it lets go.
//
//   Created ─► Fencing ─► Restoring ─► Running ◄─► Suspended (the host's clock is wrong)
//                 ▲            │          │             │
//                 └────────────┴──────────┴─────────────┘  drop-and-restore
//   every state ─► Closed
import type { Decoder, Encoder } from '../contracts/decode.ts'
import { HsError } from '../contracts/failure.ts'
import type { ClusterId } from '../contracts/ids.ts'
import type { FenceEntry, JournalEntry } from '../contracts/journal.ts'
import type { OutgoingRecord } from '../contracts/record.ts'
import { topicName } from '../contracts/topics.ts'
import { go, type Transitions } from '../core/kernel/machine.ts'
import { Chain } from './chain.ts'
import type { Instruments } from './instruments.ts'
import { transactionalIdOf } from './journal.ts'
import { type LifeEnd, Lives, type NextLife, type TaskEnd } from './lives.ts'
import * as poison from './poison.ts'
import type { Clock, Fetched, LogPort, TransactionalWriter } from './ports.ts'
import { forPeople, reactionTo } from './reaction.ts'
import type { CreateCore } from '../core/kernel/step.ts'
import { restore, type Restored, type TaskSpec } from './restore.ts'
import type { Careful, Feed, RunOptions } from './run-options.ts'
import { Run, SKIPS_IN_A_ROW_MAX } from './running.ts'
import { poisonLetter } from './seal.ts'
import { firstRecord } from './stepper.ts'

const TRANSACTION_TIMEOUT_MS = 5_000
const COMMIT_DEADLINE_MS = 4_000

export type TaskState = 'Created' | 'Fencing' | 'Restoring' | 'Running' | 'Suspended' | 'Closed'

export const TASK_TRANSITIONS: Transitions<TaskState> = {
  Created: ['Fencing', 'Closed'],
  Fencing: ['Restoring', 'Fencing', 'Closed'],
  Restoring: ['Running', 'Fencing', 'Closed'],
  Running: ['Suspended', 'Fencing', 'Closed'],
  Suspended: ['Running', 'Fencing', 'Closed'],
  Closed: [],
}

/** What all tasks of a worker share. */
export interface Engine {
  readonly log: LogPort
  readonly clock: Clock
  readonly decoder: Decoder
  readonly encoder: Encoder
  readonly createCore: CreateCore
  readonly instruments: Instruments
  readonly prefix: string
  readonly group: string
  readonly clusterId: ClusterId
}

export interface Ownership {
  readonly memberId: string
  readonly generation: number
}

export interface TaskStatus {
  readonly task: string
  readonly partition: number
  readonly state: TaskState
  readonly gen: number
  readonly generation: number
  readonly seq: number
  readonly behind: boolean
  readonly positions: readonly number[]
  /** Why it is suspended, or what went wrong last; null when all is well. */
  readonly reason: string | null
}

export class Task {
  readonly done: Promise<TaskEnd>
  readonly #engine: Engine
  readonly #spec: TaskSpec
  readonly #feed: Feed
  readonly #ownership: Ownership
  readonly #stop = new AbortController()
  #state: TaskState = 'Created'
  #run: Run | null = null
  #writer: TransactionalWriter | null = null
  #gen = 0
  #reason: string | null = null

  constructor(engine: Engine, spec: TaskSpec, how: { feed: Feed; ownership: Ownership }) {
    this.#engine = engine
    this.#spec = spec
    this.#feed = how.feed
    this.#ownership = how.ownership
    this.done = this.#life()
  }

  get status(): TaskStatus {
    const run = this.#run
    return {
      task: this.#spec.task,
      partition: this.#spec.partition,
      state: this.#state,
      gen: this.#gen,
      generation: this.#ownership.generation,
      seq: run?.seq ?? 0,
      behind: run?.behind ?? true,
      positions: run?.positions ?? [],
      reason: this.#reason,
    }
  }

  get dueMs(): number {
    return this.#run?.dueMs ?? Infinity
  }

  deliver(fetched: readonly Fetched[]): void {
    this.#run?.deliver(fetched)
  }

  /** Its inputs cannot be read. */
  readFailed(error: unknown): void {
    this.#run?.fail(error, 'read')
  }

  /** Commits what was stepped and lets go. */
  async close(): Promise<void> {
    const closing = this.#run?.close()
    this.#stop.abort()
    await closing
    await this.drop()
  }

  /** Lets go at once: ownership cannot be proven. */
  async drop(): Promise<void> {
    this.#stop.abort()
    this.#run?.drop()
    await this.#writer?.close()
    await this.done
  }

  #go(to: TaskState): void {
    const from = this.#state
    this.#state = go(TASK_TRANSITIONS, from, to)
    const { instruments } = this.#engine
    instruments.emit('task_state', { task: this.#spec.task, from, to })
  }

  async #life(): Promise<TaskEnd> {
    const { log, clock, prefix, instruments } = this.#engine
    // Construction is over before anything happens, so that `done` is known to whoever waits.
    await Promise.resolve()
    const writer = log.writer({
      transactionalId: transactionalIdOf(prefix, this.#spec.task),
      transactionTimeoutMs: TRANSACTION_TIMEOUT_MS,
      deadlineMs: COMMIT_DEADLINE_MS,
    })
    this.#writer = writer
    const lives = new Lives()
    for (;;) {
      const end = await this.#live(writer, lives)
      if (this.#stop.signal.aborted) return await this.#closed({ kind: 'closed' })
      const verdict = lives.after(end)
      if (verdict.kind !== 'again') return await this.#closed(verdict)
      if (end.kind === 'failed' || end.kind === 'poison') {
        this.#reason = forPeople(end.error).message
        const reaction = end.kind === 'poison' ? 'poison' : 'restore'
        const fields = { task: this.#spec.task, reason: this.#reason, reaction }
        instruments.emit('task_failed', fields)
      }
      await clock.sleep(verdict.pauseMs, this.#stop.signal).catch(() => undefined)
      if (this.#stop.signal.aborted) return await this.#closed({ kind: 'closed' })
    }
  }

  async #closed(end: TaskEnd): Promise<TaskEnd> {
    this.#go('Closed')
    this.#feed.stop()
    if (end.kind === 'rejoin') this.#reason = end.reason
    if (end.kind === 'stopped') {
      this.#reason = `${end.error.code}: ${end.error.message}`
      const fields = { task: this.#spec.task, reason: this.#reason }
      this.#engine.instruments.emit('task_stopped', fields)
    }
    await this.#writer?.close()
    return end
  }

  /** Fence (or renew), restore, journal the fence, run; returns how it ended. */
  async #live(writer: TransactionalWriter, lives: Lives): Promise<LifeEnd> {
    let during: 'fence' | 'read' | 'commit' = 'fence'
    try {
      this.#go('Fencing')
      await (lives.owned ? writer.renew() : writer.fence())
      lives.owned = true
      this.#go('Restoring')
      during = 'read'
      const restored = await restore({
        ...this.#engine,
        spec: this.#spec,
        signal: this.#stop.signal,
      })
      const opened = await this.#open(restored, lives.next)
      during = 'commit'
      const run = await this.#begin(writer, restored, opened)
      const end = await run.ended
      this.#run = null
      lives.commits = run.commits
      return end.kind === 'failed' ? { ...end, reaction: reactionTo(end.error, end.during) } : end
    } catch (error) {
      return { kind: 'failed', error, reaction: reactionTo(error, during) }
    }
  }

  /** What the fence entry will say, and whether a record is passed over before anything runs. */
  async #open(restored: Restored, next: NextLife): Promise<Opened> {
    const { log, prefix } = this.#engine
    const { positions } = restored
    const attempt = poison.attemptOf(restored, next.cause)
    const left = poison.CAREFUL_RECORDS
    if (next.until !== null) {
      const careful = { until: next.until, suspect: null, commitEach: false, left }
      return { attempt, suspect: null, careful, proven: false }
    }
    const suspect =
      next.cause === 'assigned' && attempt >= poison.CAREFUL_FROM_ATTEMPT
        ? await poison.findSuspect(log, prefix, { spec: this.#spec, positions })
        : null
    if (suspect === null) return { attempt, suspect, careful: null, proven: false }
    const proven = poison.isProven(attempt, restored.lastFence, suspect.position)
    const careful = { until: null, suspect: proven ? null : suspect, commitEach: true, left }
    return { attempt, suspect, careful, proven }
  }

  /** Appends the fence entry and runs from there. */
  async #begin(writer: TransactionalWriter, restored: Restored, opened: Opened): Promise<Run> {
    const { clock, encoder, prefix, clusterId, instruments } = this.#engine
    const spec = this.#spec
    const gen = restored.gen + 1
    const { task, partition } = spec
    const { behaviour } = restored
    const seal = { encoder, prefix, clusterId, task, partition, gen, behaviour }
    const at = { topic: topicName(spec.journal, prefix), partition }
    const chain = new Chain(writer, clock, { at, tip: restored.tip })
    const fence = this.#fenceEntry(restored, opened)
    const skipped = opened.proven ? this.#passOver(restored, opened, seal) : null
    const fenced = await chain.append(skipped?.letters ?? [], [fence, ...(skipped?.entries ?? [])])
    this.#gen = gen
    this.#reason = null
    this.#stop.signal.throwIfAborted()
    this.#go('Running')
    const options: RunOptions = {
      clock,
      encoder,
      instruments,
      spec,
      seal,
      restored: skipped === null ? restored : { ...restored, positions: skipped.positions },
      chain,
      fenced,
      feed: this.#feed,
      careful: opened.careful,
      onSuspended: (reason) => this.#suspended(reason),
    }
    const run = new Run(options)
    this.#run = run
    return run
  }

  #fenceEntry(restored: Restored, { attempt, suspect }: Opened): FenceEntry {
    const { memberId, generation } = this.#ownership
    return {
      kind: 'fence',
      gen: restored.gen + 1,
      member: memberId,
      group: this.#engine.group,
      generation,
      attempt,
      suspect: suspect?.position ?? null,
      positions: this.#spec.inputs.map((input, i) => ({
        ...input,
        offset: restored.positions[i] ?? 0,
      })),
      stateDigest: restored.stateDigest,
    }
  }

  /** The record that has killed its process too often, skipped untried. */
  #passOver(
    restored: Restored,
    { suspect }: Opened,
    seal: RunOptions['seal'],
  ): { letters: OutgoingRecord[]; entries: JournalEntry[]; positions: number[] } | null {
    const record = suspect === null ? null : firstRecord(suspect.slice)
    if (suspect === null || record === null) return null
    if (restored.skipsInRow >= SKIPS_IN_A_ROW_MAX)
      throw new HsError('HS_INTERNAL', `${SKIPS_IN_A_ROW_MAX} records in a row killed the process`)
    const reason = `its process died ${poison.SUSPECT_DEATHS} times while it was tried alone`
    const { nowMs, positions: before } = restored
    const { from, to } = suspect.slice
    const fields = { task: this.#spec.task, reason, ...suspect.position }
    this.#engine.instruments.emit('poison_skipped', fields)
    return {
      letters: [poisonLetter(seal, suspect.slice, { record, reason, nowMs })],
      entries: [{ kind: 'skip', record: suspect.position, from, reason }],
      positions: before.map((position, i) => (i === suspect.input ? to : position)),
    }
  }

  #suspended(reason: string | null): void {
    if (reason === null && this.#state === 'Suspended') this.#go('Running')
    if (reason !== null && this.#state === 'Running') this.#go('Suspended')
    this.#reason = reason
  }
}

interface Opened {
  readonly attempt: number
  readonly suspect: poison.Suspect | null
  readonly careful: Careful | null
  /** The suspect is to be skipped untried. */
  readonly proven: boolean
}
