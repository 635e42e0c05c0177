// A task while it runs: records become steps, steps become commits. Steps go on while one commit is
// in flight; if it fails, this run is over and everything uncommitted with it. The core's memory is
// never repaired: the next run restores from the journal.
//
//   deliver ─► stepper ─► core.step ─► pending ─► commit (one in flight) ─► tip, time
//                 ▲                       │ no room: hold the feed until the commit is answered
//   alarm ────────┘ tick, commit in the task's own phase of the second, sign of life, clock probe
import { HsError } from '../contracts/failure.ts'
import type { OutgoingRecord } from '../contracts/record.ts'
import { topicKind } from '../contracts/topics.ts'
import type { Output, Step, TaskCore } from '../core/kernel/step.ts'
import { Alarm } from './alarm.ts'
import type { ChainAnswer } from './chain.ts'
import { type AsOf, DISAGREEMENT_MS, LogTime } from './log-time.ts'
import { letterOf, skipOf } from './pass-over.ts'
import { journalStep, Pending } from './pending.ts'
import type { Fetched } from './ports.ts'
import { PoisonError } from './reaction.ts'
import { stateDigestOf } from './restore.ts'
import type { Careful, RunEnd, RunOptions } from './run-options.ts'
import { poisonLetter, seal } from './seal.ts'
import { type CheckedSlice, firstRecord, Stepper } from './stepper.ts'

/** Time between commits that are not urgent. */
const COMMIT_EVERY_MS = 1_000
/** An expired journal cannot be restored: it gets an entry at least this often. */
const KEEP_ALIVE_MS = 3_600_000
/** Shortest time between two empty steps, whatever the core asks for. */
const TICK_MIN_MS = 25
/** How often a task with a wrong clock looks whether it is right again. */
const PROBE_EVERY_MS = 2_000
/** A core that has refused so many records in a row is broken itself. */
export const SKIPS_IN_A_ROW_MAX = 8

export class Run {
  readonly ended: Promise<RunEnd>
  readonly #end: (end: RunEnd) => void
  readonly #options: RunOptions
  readonly #core: TaskCore
  readonly #stepper: Stepper
  readonly #time: LogTime
  readonly #alarm: Alarm
  readonly #phaseMs: number
  #pending: Pending = new Pending()
  #state: 'live' | 'closing' | 'over' = 'live'
  #inFlight: Promise<void> | null = null
  #careful: Careful | null
  #held = false
  #suspended = false
  #urgent = false
  #seq: number
  #asOf: AsOf
  #wakeAtMs: number | null
  #lastStepMs: number
  #lastCommitMs: number
  #nextCommitMs = 0
  /** Commits answered in this run. */
  commits: number = 0

  constructor(options: RunOptions) {
    const { clock, restored, spec } = options
    const monotonicMs = clock.monotonicMs()
    let end: (end: RunEnd) => void = () => undefined
    this.ended = new Promise((resolve) => {
      end = resolve
    })
    this.#end = end
    this.#options = options
    this.#core = restored.core
    this.#stepper = new Stepper(spec.inputs, restored.positions)
    const topics = spec.inputs.map(({ topic }) => topic)
    this.#time = new LogTime(topics, restored.nowMs, restored.asOf)
    this.#time.answered(options.fenced.appendMs, monotonicMs)
    this.#alarm = new Alarm(clock, () => this.#ring())
    const share = spec.partition / restored.genesis.partitions
    this.#phaseMs = Math.floor(share * COMMIT_EVERY_MS)
    this.#careful = options.careful
    this.#seq = restored.seq
    this.#asOf = restored.asOf
    this.#wakeAtMs = restored.wakeAtMs
    this.#lastStepMs = monotonicMs
    this.#lastCommitMs = monotonicMs
    options.feed.read(restored.positions)
    this.#checkClock(options.fenced)
    this.#arm()
  }

  get seq(): number {
    return this.#seq
  }

  get positions(): readonly number[] {
    return this.#stepper.positions()
  }

  get behind(): boolean {
    return this.#time.behind(this.#options.clock.monotonicMs())
  }

  /** When the core wants to be woken, monotonic; Infinity: never. */
  get dueMs(): number {
    const wakeAtMs = this.#wakeAtMs
    return wakeAtMs === null || this.#suspended ? Infinity : this.#time.monotonicAt(wakeAtMs)
  }

  deliver(fetched: readonly Fetched[]): void {
    if (this.#state !== 'live') return
    const monotonicMs = this.#options.clock.monotonicMs()
    for (const one of fetched) {
      const error = this.#take(one, monotonicMs)
      if (error !== null) {
        this.fail(error, 'read')
        return
      }
    }
    this.#advance()
  }

  fail(error: unknown, during: 'read' | 'commit'): void {
    this.#finish({ kind: 'failed', error, during })
  }

  /** Lets go at once; what is not committed is dropped. */
  drop(): void {
    this.#finish({ kind: 'closed' })
  }

  /** Commits what was stepped, with the state's digest, and ends. */
  async close(): Promise<void> {
    if (this.#state !== 'live') return
    this.#state = 'closing'
    this.#options.feed.stop()
    this.#alarm.close()
    await this.#inFlight
    if (this.#isOver()) return
    const entry = this.#pending.entry(stateDigestOf(this.#core))
    // Whether this commit succeeds or not, the next owner reads in the journal how far we came.
    await this.#options.chain.append(this.#pending.records, [entry]).catch(() => undefined)
    this.#finish({ kind: 'closed' })
  }

  #isOver(): boolean {
    return this.#state === 'over'
  }

  #finish(end: RunEnd): void {
    if (this.#state === 'over') return
    this.#state = 'over'
    this.#alarm.close()
    this.#options.feed.stop()
    // The next run renews the writer, which it must not do under a commit.
    Promise.resolve(this.#inFlight).then(
      () => this.#end(end),
      () => this.#end(end),
    )
  }

  #take(fetched: Fetched, monotonicMs: number): HsError | null {
    const { topic, partition, gap } = fetched
    const kind = topicKind(topic, this.#options.seal.prefix)
    const index = this.#stepper.indexOf(kind, partition)
    if (index < 0) return null
    if (gap !== null)
      return new HsError(
        'HS_INPUT_CHANGED',
        `${topic}-${partition}: offsets ${gap.from} to ${gap.to} are missing`,
      )
    if (!this.#stepper.take(index, fetched)) {
      // Left over from before the feed was set back.
      this.#options.feed.read(this.#stepper.readPositions())
      return null
    }
    const maxAppendMs = fetched.batches.reduce((max, b) => Math.max(max, b.maxTimestampMs), 0)
    const { caughtUp, heldBack, sentMs } = fetched
    this.#time.read(index, { caughtUp, heldBack, maxAppendMs, sentMs }, monotonicMs)
    return null
  }

  /** Steps what there is and what there is room for. */
  #advance(): void {
    while (this.#state === 'live' && !this.#suspended && this.#stepper.hasRecords) {
      if (!this.#pending.hasRoom || (this.#careful?.commitEach === true && this.#uncommitted())) {
        this.#hold()
        break
      }
      const careful = this.#careful
      const slices = careful === null ? this.#stepper.slices() : this.#single(careful)
      if (slices.length === 0) break
      this.#step(slices, careful !== null)
    }
    this.#commitIfDue()
    this.#arm()
  }

  #uncommitted(): boolean {
    return this.#inFlight !== null || !this.#pending.isEmpty
  }

  #single(careful: Careful): readonly CheckedSlice[] {
    const slice = this.#stepper.single(careful.suspect?.input ?? null)
    if (slice === null) return []
    const positions = this.#stepper.positions()
    const left = careful.left - 1
    const passed = careful.until?.every((to, i) => (positions[i] ?? 0) >= to) ?? false
    this.#careful = passed || left === 0 ? null : { ...careful, suspect: null, left }
    return [slice]
  }

  #step(slices: readonly CheckedSlice[], single: boolean): void {
    const { clock, instruments, spec } = this.#options
    const monotonicMs = clock.monotonicMs()
    // Who is in a record that waits to be stepped is not silent.
    const waits = this.#stepper.hasRecords
    const step: Step = {
      seq: this.#seq + 1,
      nowMs: this.#time.now(monotonicMs),
      behind: waits || this.#time.behind(monotonicMs),
      asOf: waits ? this.#asOf : this.#time.asOf(),
      slices,
    }
    try {
      const outcome = this.#core.step(step)
      const sealed = this.#seal(step, outcome.outputs)
      if (this.#pending.isEmpty) this.#nextCommitMs = this.#phaseAfter(monotonicMs)
      this.#pending.add(journalStep(step, slices, this.#asOf), outcome.outputs, sealed)
      this.#wakeAtMs = outcome.wakeAtMs
      this.#urgent ||= outcome.urgent
    } catch (cause) {
      this.#poisoned(slices, single, cause)
      return
    }
    this.#seq = step.seq
    this.#asOf = step.asOf
    this.#lastStepMs = monotonicMs
    const records = slices.reduce((sum, slice) => sum + slice.records, 0)
    instruments.emit('task_step', { task: spec.task, seq: step.seq, records })
  }

  #seal({ seq, nowMs }: Step, outputs: readonly Output[]): readonly OutgoingRecord[] {
    const context = this.#options.seal
    return outputs.map((output, i) =>
      seal(context, { id: `${context.task}-${seq}-${i}`, nowMs }, output),
    )
  }

  #poisoned(slices: readonly CheckedSlice[], single: boolean, cause: unknown): void {
    const text = cause instanceof Error ? `${cause.name}: ${cause.message}` : String(cause)
    const error = new PoisonError(text, { cause })
    const [slice] = slices
    if (single && slice !== undefined) {
      this.#state = 'closing'
      this.#alarm.close()
      this.#options.feed.stop()
      this.#inFlight = this.#skip(slice, text, this.#inFlight).catch((failure: unknown) =>
        this.fail(failure, 'commit'),
      )
      return
    }
    const until = slices.length === 0 ? null : this.#stepper.positions()
    this.#finish({ kind: 'poison', error, until })
  }

  /** Commits the steps before the record, and in the same transaction its skip and its letter. */
  async #skip(slice: CheckedSlice, reason: string, before: Promise<void> | null): Promise<void> {
    const { chain, restored, instruments, spec } = this.#options
    await before
    if (this.#isOver()) return
    const { topic, partition, from } = slice
    const record = firstRecord(slice)
    if (record === null) throw new HsError('HS_INTERNAL', 'a slice without a record failed')
    if (restored.skipsInRow >= SKIPS_IN_A_ROW_MAX && this.commits === 0 && this.#pending.isEmpty)
      throw new HsError(
        'HS_INTERNAL',
        `${SKIPS_IN_A_ROW_MAX} records in a row could not be taken, last ` +
          `${topic}-${partition}@${record.offset}: ${reason}`,
      )
    const nowMs = this.#time.now(this.#options.clock.monotonicMs())
    const letter = poisonLetter(this.#options.seal, slice, { record, reason, nowMs })
    const position = { topic, partition, offset: record.offset }
    const skip = { kind: 'skip', record: position, from, reason } as const
    const steps = this.#pending.isEmpty ? [] : [this.#pending.entry(null)]
    await chain.append([...this.#pending.records, letter], [...steps, skip])
    instruments.emit('poison_skipped', { task: spec.task, reason, ...position })
    this.#finish({ kind: 'skipped' })
  }

  #commitIfDue(): void {
    if (this.#state !== 'live' || this.#inFlight !== null) return
    const monotonicMs = this.#options.clock.monotonicMs()
    const due = this.#suspended
      ? monotonicMs >= this.#lastCommitMs + PROBE_EVERY_MS
      : this.#pending.isEmpty
        ? this.#stepper.isBlocked || monotonicMs >= this.#lastCommitMs + KEEP_ALIVE_MS
        : this.#stepper.isBlocked ||
          this.#urgent ||
          this.#held ||
          this.#careful?.commitEach === true ||
          monotonicMs >= this.#nextCommitMs
    if (due) this.#commit()
  }

  #commit(): void {
    const pending = this.#pending
    this.#pending = new Pending()
    this.#urgent = false
    const { chain, seal: context } = this.#options
    const passed = this.#stepper.passOver()
    const letters = passed.map((unreadable) => letterOf(context, unreadable))
    const records = [...pending.records, ...letters]
    const entries = [pending.entry(null), ...passed.map(skipOf)]
    this.#inFlight = chain.append(records, entries).then(
      (answer) => this.#committed(answer, records.length),
      (error: unknown) => this.fail(error, 'commit'),
    )
  }

  #committed(answer: ChainAnswer, records: number): void {
    const { clock, instruments, spec } = this.#options
    this.#inFlight = null
    if (this.#isOver()) return
    this.commits++
    this.#lastCommitMs = clock.monotonicMs()
    this.#time.answered(answer.appendMs, this.#lastCommitMs, this.#suspended)
    instruments.emit('task_commit', { task: spec.task, records, ms: answer.tookMs })
    if (this.#state !== 'live') return
    this.#checkClock(answer)
    if (this.#held && !this.#suspended) {
      this.#held = false
      this.#resumeFeed()
    }
    this.#advance()
  }

  /** An owner whose clock disagrees with the broker's stops stepping until it agrees again. */
  #checkClock({ hostAheadMs }: ChainAnswer): void {
    const wrong = Math.abs(hostAheadMs) > DISAGREEMENT_MS
    if (wrong === this.#suspended) return
    this.#suspended = wrong
    const { onSuspended, instruments, spec } = this.#options
    if (!wrong) {
      onSuspended(null)
      this.#resumeFeed()
      return
    }
    const side = hostAheadMs > 0 ? 'ahead of' : 'behind'
    const seconds = (Math.abs(hostAheadMs) / 1_000).toFixed(1)
    const reason = `the host's clock is ${seconds} s ${side} the broker's`
    instruments.emit('task_suspended', { task: spec.task, reason })
    this.#options.feed.stop()
    onSuspended(reason)
  }

  #hold(): void {
    if (this.#held) return
    this.#held = true
    this.#options.feed.stop()
  }

  #resumeFeed(): void {
    this.#time.restarted()
    this.#options.feed.read(this.#stepper.readPositions())
  }

  #ring(): void {
    if (this.#state !== 'live') return
    const monotonicMs = this.#options.clock.monotonicMs()
    if (this.#tickAt() <= monotonicMs) this.#step([], false)
    this.#commitIfDue()
    this.#arm()
  }

  /** When the empty step that the core asked for is due, monotonic. */
  #tickAt(): number {
    const wakeAtMs = this.#wakeAtMs
    if (wakeAtMs === null || this.#suspended || !this.#pending.hasRoom) return Infinity
    if (this.#careful !== null && this.#stepper.hasRecords) return Infinity
    const monotonicMs = this.#options.clock.monotonicMs()
    // While behind, log time stands before it: the records that move it make the steps.
    const reached = this.#time.estimate(monotonicMs) >= wakeAtMs
    if (reached && this.#time.now(monotonicMs) < wakeAtMs) return Infinity
    return Math.max(this.#time.monotonicAt(wakeAtMs) + 1, this.#lastStepMs + TICK_MIN_MS)
  }

  #arm(): void {
    if (this.#state !== 'live') return
    let dueMs = this.#tickAt()
    if (this.#inFlight === null) {
      const every = this.#suspended ? PROBE_EVERY_MS : KEEP_ALIVE_MS
      dueMs = Math.min(dueMs, this.#lastCommitMs + every)
      if (!this.#suspended && !this.#pending.isEmpty) dueMs = Math.min(dueMs, this.#nextCommitMs)
    }
    this.#alarm.set(dueMs)
  }

  /** The next moment of this task's own phase of the second: tasks do not commit all at once. */
  #phaseAfter(monotonicMs: number): number {
    const turns = Math.floor((monotonicMs - this.#phaseMs) / COMMIT_EVERY_MS) + 1
    return turns * COMMIT_EVERY_MS + this.#phaseMs
  }
}
