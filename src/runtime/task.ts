// The life of a task on one member, from one assignment to its end. Law 5: the group only says who
// should own it; the fence says who does. A task takes the transactional id once per assignment and
// never fences back: after an error it may renew its own epoch, and when that is taken it lets go.
// States and what ends a life: task-state.ts, lives.ts, reaction.ts.
import type { Decoder, Encoder } from '../contracts/decode.ts'
import { HsError } from '../contracts/failure.ts'
import type { ClusterId } from '../contracts/ids.ts'
import type { FenceEntry, InputPosition, JournalEntry } from '../contracts/journal.ts'
import type { OutgoingRecord } from '../contracts/record.ts'
import { topicName } from '../contracts/topics.ts'
import { go } from '../core/kernel/machine.ts'
import { Chain } from './chain.ts'
import type { Instruments } from './instruments.ts'
import { transactionalIdOf } from './journal.ts'
import { type LifeEnd, Lives, type NextLife, type TaskEnd } from './lives.ts'
import * as poison from './poison.ts'
import type { Clock, Fetched, LogPort, TransactionalWriter } from './ports.ts'
import { forPeople, isInDoubt, reactionTo } from './reaction.ts'
import type { CreateCore } from '../core/kernel/step.ts'
import { ProvenWriter } from './proven-writer.ts'
import type { Replay, Restored, TaskSpec } from './replay.ts'
import { restore, type RestoreProgress } from './restore.ts'
import type { Careful, Feed, RunOptions } from './run-options.ts'
import { Run } from './running.ts'
import { SKIPS_IN_A_ROW_MAX } from './running-skip.ts'
import { poisonLetter } from './seal.ts'
import { SNAPSHOT_PLAN, type SnapshotPlan } from './snapshot-cadence.ts'
import { firstRecord } from './stepper.ts'
import { TASK_TRANSITIONS, type TaskState } from './task-state.ts'
import type { Level } from './upgrade.ts'

const TRANSACTION_TIMEOUT_MS = 5_000
const COMMIT_DEADLINE_MS = 4_000

/** What all tasks of a worker share. */
export interface Engine {
  readonly log: LogPort
  readonly clock: Clock
  readonly decoder: Decoder
  readonly encoder: Encoder
  readonly createCore: CreateCore
  readonly instruments: Instruments
  /** When snapshots are written; default: SNAPSHOT_PLAN. */
  readonly plan?: SnapshotPlan
  readonly prefix: string
  readonly group: string
  readonly clusterId: ClusterId
}

export interface Ownership {
  readonly memberId: string
  readonly generation: number
  /** Nobody else can have been given the task by now (invariant I32). */
  readonly isProven: () => boolean
}

export interface Assigned {
  readonly feed: Feed
  readonly ownership: Ownership
  /** What a standby here has kept warm; null: nothing, the state is restored. */
  readonly warm: Promise<Replay | null>
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
  readonly behaviour: number
  /** How far a restore has come, 0 to 1; null outside of one. */
  readonly restored: number | null
  /** Why it is suspended, or waits, or what went wrong last; null when all is well. */
  readonly reason: string | null
}

export class Task {
  readonly done: Promise<TaskEnd>
  /** Its state is there, or was sought in vain for a first time. */
  readonly restored: Promise<void>
  readonly #engine: Engine
  readonly #spec: TaskSpec
  readonly #feed: Feed
  readonly #ownership: Ownership
  #warm: Promise<Replay | null>
  readonly #stop = new AbortController()
  #state: TaskState = 'Created'
  #run: Run | null = null
  #writer: TransactionalWriter | null = null
  #gen = 0
  /** Of the life before: what it has committed, the next one has to find. */
  #chain: Chain | null = null
  #reason: string | null = null
  #level: Level | null = null
  #progress: RestoreProgress | null = null
  #endRestore: () => void = () => undefined

  constructor(engine: Engine, spec: TaskSpec, how: Assigned) {
    this.#engine = engine
    this.#spec = spec
    this.#feed = how.feed
    this.#ownership = how.ownership
    this.#warm = how.warm
    this.restored = new Promise((resolve) => {
      this.#endRestore = resolve
    })
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
      behaviour: run?.behaviour ?? 0,
      restored: this.#state === 'Restoring' ? (this.#progress?.fraction ?? 0) : null,
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

  /** Every member of the group has this behaviour and format. */
  agree(level: Level): void {
    this.#level = level
    this.#run?.upgrade(level)
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
    const inner = log.writer({
      transactionalId: transactionalIdOf(prefix, this.#spec.task),
      transactionTimeoutMs: TRANSACTION_TIMEOUT_MS,
      deadlineMs: COMMIT_DEADLINE_MS,
    })
    const writer = new ProvenWriter(inner, this.#ownership.isProven)
    this.#writer = writer
    const lives = new Lives()
    for (;;) {
      const startMs = clock.monotonicMs()
      const end = await this.#live(writer, lives)
      lives.ranMs = clock.monotonicMs() - startMs
      if (this.#stop.signal.aborted) return await this.#closed({ kind: 'closed' })
      const verdict = lives.after(end)
      if (verdict.kind !== 'again') return await this.#closed(verdict)
      if (end.kind === 'failed' || end.kind === 'poison') {
        this.#reason = forPeople(end.error).message
        const reaction = end.kind === 'poison' ? 'poison' : end.reaction
        const fields = { task: this.#spec.task, reason: this.#reason, reaction }
        instruments.emit('task_failed', fields)
        if (isInDoubt(end.error)) instruments.emit('commit_in_doubt', { task: this.#spec.task })
      }
      await clock.sleep(verdict.pauseMs, this.#stop.signal).catch(() => undefined)
      if (this.#stop.signal.aborted) return await this.#closed({ kind: 'closed' })
    }
  }

  async #closed(end: TaskEnd): Promise<TaskEnd> {
    this.#go('Closed')
    this.#feed.stop()
    await (await this.#warm)?.close()
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
      this.#progress = null
      const warm = await this.#warm
      // Used up: a life after this one restores.
      this.#warm = Promise.resolve(null)
      const restored = await restore({
        ...this.#engine,
        spec: this.#spec,
        signal: this.#stop.signal,
        warm,
        known: this.#chain?.last ?? null,
        onProgress: (progress) => {
          this.#progress = progress
        },
      })
      this.#endRestore()
      const opened = await this.#open(restored, lives.next)
      await this.#holdBack(opened)
      during = 'commit'
      const run = await this.#begin(writer, restored, opened)
      const end = await run.ended
      this.#run = null
      lives.commits = run.commits
      return end.kind === 'failed' ? { ...end, reaction: reactionTo(end.error, end.during) } : end
    } catch (error) {
      this.#endRestore()
      return { kind: 'failed', error, reaction: reactionTo(error, during) }
    }
  }

  /** What the fence entry will say, and whether a record is passed over before anything runs. */
  async #open(restored: Restored, next: NextLife): Promise<Opened> {
    const { log, prefix } = this.#engine
    const life = { spec: this.#spec, restored, cause: next.cause }
    const { attempt, suspect, isProven } = await poison.opening(log, prefix, life)
    if (next.until !== null) {
      const left = poison.CAREFUL_RECORDS
      const careful = { until: next.until, suspect: null, commitEach: false, left }
      return { attempt, suspect: null, careful, proven: false }
    }
    if (suspect === null) return { attempt, suspect, careful: null, proven: false }
    const unproven = isProven ? null : suspect
    const careful = {
      until: null,
      suspect: unproven,
      commitEach: true,
      left: poison.CAREFUL_COMMITS,
    }
    return { attempt, suspect, careful, proven: isProven }
  }

  /** A task that kills its process again and again waits before it begins once more. */
  async #holdBack({ attempt, suspect }: Opened): Promise<void> {
    const pauseMs = poison.pauseBefore(attempt, suspect !== null)
    if (pauseMs === 0) return
    const seconds = (pauseMs / 1_000).toFixed(1)
    const where = suspect === null ? '' : `, at ${placeOf(suspect.position)}`
    this.#reason = `life ${attempt} at the same place${where}: begins after ${seconds} s`
    const fields = { task: this.#spec.task, reason: this.#reason, reaction: 'pause' }
    this.#engine.instruments.emit('task_failed', fields)
    await this.#engine.clock.sleep(pauseMs, this.#stop.signal)
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
    const chain = new Chain(writer, clock, { at, tip: restored.tip, offset: restored.offset })
    this.#chain = chain
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
      restored: skipped === null ? restored : { ...restored, ...skipped.behind },
      chain,
      fence,
      fenced,
      plan: this.#engine.plan ?? SNAPSHOT_PLAN,
      feed: this.#feed,
      careful: opened.careful,
      onSuspended: (reason) => this.#suspended(reason),
      isProven: this.#ownership.isProven,
    }
    const run = new Run(options)
    this.#run = run
    if (this.#level !== null) run.upgrade(this.#level)
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
  #passOver(restored: Restored, { suspect }: Opened, seal: RunOptions['seal']): PassedOver | null {
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
      behind: {
        positions: before.map((position, i) => (i === suspect.input ? to : position)),
        skipsInRow: restored.skipsInRow + 1,
      },
    }
  }

  #suspended(reason: string | null): void {
    if (reason === null && this.#state === 'Suspended') this.#go('Running')
    if (reason !== null && this.#state === 'Running') this.#go('Suspended')
    this.#reason = reason
  }
}

interface PassedOver {
  readonly letters: readonly OutgoingRecord[]
  readonly entries: readonly JournalEntry[]
  /** What a restore behind it would find. */
  readonly behind: Pick<Restored, 'positions' | 'skipsInRow'>
}

interface Opened {
  readonly attempt: number
  readonly suspect: poison.Suspect | null
  readonly careful: Careful | null
  /** The suspect is to be skipped untried. */
  readonly proven: boolean
}

function placeOf({ topic, partition, offset }: InputPosition): string {
  return `${topic}-${partition}@${offset}`
}
