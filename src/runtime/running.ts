// A task while it runs: records become steps, steps become commits. Steps go on while one commit is
// in flight; if it fails, this run is over and everything uncommitted with it. The core's memory is
// never repaired: the next run restores from the journal.
//
//   deliver ─► stepper ─► core.step ─► pending ─► commit (one in flight) ─► tip, time
//                 ▲                       │ no room: hold the feed until the commit is answered
//   alarm ────────┘ tick, commit in the task's own phase of the second, sign of life, clock probe
import { HsError } from '../contracts/failure.ts'
import type { JournalEntry } from '../contracts/journal.ts'
import type { Step, TaskCore } from '../core/kernel/step.ts'
import { Alarm } from './alarm.ts'
import type { ChainAnswer } from './chain.ts'
import { type AsOf, DISAGREEMENT_MS, disagreementText, LogTime } from './log-time.ts'
import { letterOf, skipOf } from './pass-over.ts'
import { journalStep, Pending } from './pending.ts'
import type { Fetched } from './ports.ts'
import { PoisonError } from './reaction.ts'
import { stateDigestOf } from './replay.ts'
import { unproven } from './proven-writer.ts'
import type { Careful, RunEnd, RunOptions } from './run-options.ts'
import { singly, takeFetched } from './running-read.ts'
import { CommitSchedule, type CommitState, nextTickMs } from './running-schedule.ts'
import { skipAlone } from './running-skip.ts'
import { RunTeller } from './running-tell.ts'
import { sealStep } from './seal.ts'
import { type Captured, SnapshotWriter } from './snapshot-writer.ts'
import { type CheckedSlice, Stepper } from './stepper.ts'
import { type Level, Upgrade } from './upgrade.ts'

export class Run {
  readonly ended: Promise<RunEnd>
  readonly #end: (end: RunEnd) => void
  readonly #options: RunOptions
  readonly #core: TaskCore
  readonly #stepper: Stepper
  readonly #time: LogTime
  readonly #alarm: Alarm
  readonly #schedule: CommitSchedule
  readonly #upgrade: Upgrade
  readonly #snapshots: SnapshotWriter
  readonly #tells: RunTeller
  #pending: Pending = new Pending()
  #state: 'live' | 'closing' | 'over' = 'live'
  #inFlight: Promise<void> | null = null
  #careful: Careful | null
  #held = false
  #suspended = false
  #urgent = false
  #seq: number
  /** Log time of the last step. */
  #nowMs: number
  /** Skips behind the last step that was committed. */
  #skipsInRow: number
  #asOf: AsOf
  #wakeAtMs: number | null
  #lastStepMs: number
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
    this.#upgrade = new Upgrade(restored)
    this.#snapshots = new SnapshotWriter({ ...options, prefix: options.seal.prefix })
    this.#tells = new RunTeller(options)
    this.#alarm = new Alarm(clock, () => this.#ring())
    this.#schedule = new CommitSchedule(spec.partition / restored.genesis.partitions, monotonicMs)
    this.#careful = options.careful
    this.#seq = restored.seq
    this.#nowMs = restored.nowMs
    this.#skipsInRow = restored.skipsInRow
    this.#asOf = restored.asOf
    // Never asked, or to judge otherwise (#commit), it may want to be woken: it is, once.
    this.#wakeAtMs = restored.seq === 0 ? restored.nowMs : restored.wakeAtMs
    this.#lastStepMs = monotonicMs
    options.feed.read(restored.positions)
    this.#checkClock(options.fenced)
    this.#arm()
  }

  get seq(): number {
    return this.#seq
  }

  get behaviour(): number {
    return this.#upgrade.behaviour
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
      const news = { prefix: this.#options.seal.prefix, fetched: one, monotonicMs }
      const taken = takeFetched(this.#stepper, this.#time, news)
      // Left over from before the feed was set back.
      if (taken === 'astray') this.#options.feed.read(this.#stepper.readPositions())
      if (taken instanceof HsError) {
        this.fail(taken, 'read')
        return
      }
    }
    this.#advance()
    this.#tells.lag(() => this.#stepper.lags(), this.#options.clock.monotonicMs())
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
    if (this.#is('over')) return
    const entry = this.#pending.entry(stateDigestOf(this.#core), this.#snapshots.takePointer())
    if (entry.steps.length > 0) this.#skipsInRow = 0
    // Whether it succeeds or not, the next owner reads in the journal how far we came.
    const answer = await this.#options.chain
      .append(this.#pending.records, [entry])
      .catch(() => null)
    if (answer !== null) await this.#snapshots.atClose(answer, () => this.#captured())
    this.#finish({ kind: 'closed' })
  }

  /** Who stood still for a session may have a successor: its state is given up, not stepped. */
  #isUnproven(): boolean {
    if (this.#state !== 'live' || this.#options.isProven()) return false
    this.fail(unproven(), 'read')
    return true
  }

  /** From the next step on, journalled with the steps before it; what is in force stays. */
  upgrade(level: Level): void {
    this.#upgrade.want(level)
    this.#commitIfDue()
    this.#arm()
  }

  #finish(end: RunEnd): void {
    if (this.#state === 'over') return
    this.#state = 'over'
    this.#tells.ended()
    this.#alarm.close()
    this.#options.feed.stop()
    // The next run renews the writer, which it must not do under a commit.
    Promise.resolve(this.#inFlight).then(
      () => this.#end(end),
      () => this.#end(end),
    )
  }

  /** Steps what there is and what there is room for. */
  #advance(): void {
    if (this.#isUnproven()) return
    while (this.#state === 'live' && !this.#suspended && this.#stepper.hasRecords) {
      const isOpen = this.#inFlight !== null || !this.#pending.isEmpty
      if (!this.#pending.hasRoom || (this.#careful?.commitEach === true && isOpen)) {
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

  #is(state: 'live' | 'closing' | 'over'): boolean {
    return this.#state === state
  }

  #single(careful: Careful): readonly CheckedSlice[] {
    const { slices, next } = singly(this.#stepper, careful)
    this.#careful = next
    return slices
  }

  #step(slices: readonly CheckedSlice[], single: boolean): void {
    const { clock } = this.#options
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
      const context = { ...this.#options.seal, behaviour: this.#upgrade.behaviour }
      const sealed = sealStep(context, step, outcome.outputs)
      if (this.#pending.isEmpty) this.#schedule.begun(monotonicMs)
      this.#pending.add(journalStep(step, slices, this.#asOf), outcome.outputs, sealed)
      this.#wakeAtMs = outcome.wakeAtMs
      this.#urgent ||= outcome.urgent
    } catch (cause) {
      this.#poisoned(slices, single, cause)
      return
    }
    this.#snapshots.stepped(slices, clock.monotonicMs() - monotonicMs)
    this.#seq = step.seq
    this.#nowMs = step.nowMs
    this.#asOf = step.asOf
    this.#lastStepMs = monotonicMs
    this.#tells.stepped(step.seq, slices)
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
    this.#finish({ kind: 'poison', error, until: slices.length === 0 ? null : this.positions })
  }

  async #skip(slice: CheckedSlice, reason: string, before: Promise<void> | null): Promise<void> {
    const { restored, clock } = this.#options
    await before
    if (this.#is('over')) return
    const isFirst = this.commits === 0 && this.#pending.isEmpty
    await skipAlone(this.#options, {
      slice,
      reason,
      pending: this.#pending,
      inRow: isFirst ? restored.skipsInRow : 0,
      nowMs: this.#time.now(clock.monotonicMs()),
    })
    this.#finish({ kind: 'skipped' })
  }

  #commitIfDue(): void {
    if (this.#state !== 'live' || this.#inFlight !== null) return
    const monotonicMs = this.#options.clock.monotonicMs()
    if (this.#schedule.isDue(this.#commitState(), monotonicMs)) this.#commit()
  }

  #commitState(): CommitState {
    const waits = !this.#pending.isEmpty
    const isPressed = this.#urgent || this.#held || this.#careful?.commitEach === true
    const urgent = this.#stepper.isBlocked || (waits ? isPressed : this.#upgrade.isDue)
    return { suspended: this.#suspended, waits, urgent, snapshotMs: this.#snapshots.dueMs }
  }

  #commit(): void {
    const pending = this.#pending
    const { urgent } = this.#commitState()
    this.#pending = new Pending()
    this.#urgent = false
    const { chain, clock, seal: context } = this.#options
    const passed = this.#stepper.passOver()
    const records = [...pending.records, ...passed.map((one) => letterOf(context, one))]
    const upgrade = this.#suspended ? null : this.#upgrade.take()
    if (upgrade !== null) {
      this.#core.setBehaviour(upgrade.behaviour)
      this.#wakeAtMs = this.#nowMs
    }
    const parts = this.#snapshots.take(urgent)
    const isPartOnly = parts.length > 0 && pending.isEmpty && passed.length === 0
    const entries: JournalEntry[] = upgrade === null ? [] : [upgrade]
    if (!isPartOnly || upgrade !== null) {
      entries.unshift(pending.entry(null, this.#snapshots.takePointer()), ...passed.map(skipOf))
      if (!pending.isEmpty) this.#skipsInRow = 0
      if (this.#careful === null && !this.#suspended)
        this.#snapshots.boundary(this.#time.estimate(clock.monotonicMs()), () => this.#captured())
    }
    this.#inFlight = chain.append([...records, ...parts], entries).then(
      (answer) => this.#committed(answer, records.length),
      (error: unknown) => this.fail(error, 'commit'),
    )
  }

  /** The state right behind the entry that is being committed. */
  #captured(): Captured {
    const { behaviour, format } = this.#upgrade
    return {
      behaviour,
      format,
      seq: this.#seq,
      nowMs: this.#nowMs,
      asOf: this.#asOf,
      wakeAtMs: this.#wakeAtMs,
      positions: this.positions,
      skipsInRow: this.#skipsInRow,
      pieces: this.#core.image(),
    }
  }

  #committed(answer: ChainAnswer, records: number): void {
    this.#inFlight = null
    if (this.#is('over')) return
    this.commits++
    const monotonicMs = this.#options.clock.monotonicMs()
    this.#schedule.committed(monotonicMs)
    this.#snapshots.committed(answer)
    this.#time.answered(answer.appendMs, monotonicMs, this.#suspended)
    this.#tells.committed(answer, records)
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
    if (!wrong) {
      this.#options.onSuspended(null)
      this.#resumeFeed()
      return
    }
    const reason = disagreementText(hostAheadMs)
    this.#tells.suspended(reason)
    this.#options.feed.stop()
    this.#options.onSuspended(reason)
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
    if (this.#state !== 'live' || this.#isUnproven()) return
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
    const last = { wakeAtMs, stepMs: this.#lastStepMs }
    return nextTickMs(this.#time, last, this.#options.clock.monotonicMs())
  }

  #arm(): void {
    if (this.#state !== 'live') return
    const commitMs = this.#inFlight === null ? this.#schedule.dueMs(this.#commitState()) : Infinity
    this.#alarm.set(Math.min(this.#tickAt(), commitMs))
  }
}
