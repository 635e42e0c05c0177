// One reader for one class of topics, for all tasks of a worker: an endless poll whose answers go
// to the task of their partition. Two of them run side by side, so that a command, a policy or a
// result never waits behind telemetry.
import type { TaskId } from '../contracts/ids.ts'
import { topicName, type TopicKind } from '../contracts/topics.ts'
import type { Instruments } from './instruments.ts'
import { LogError } from './log-error.ts'
import type { Clock, Fetched, LogPort, LogReader } from './ports.ts'
import { forPeople, reactionTo } from './reaction.ts'
import type { TaskSpec } from './replay.ts'

/** An empty answer after this long; also how old `asOf` gets. */
const POLL_MS = 250
/** The same where nothing has come for QUIET_POLLS polls and no task has anything to do before. */
const QUIET_POLL_MS = 1_000
const QUIET_POLLS = 8
const FIRST_BACKOFF_MS = 20
const LAST_BACKOFF_MS = 1_000

/** A task at a pump. */
export interface Consumer {
  /** What a poll brought for the task, also where that is nothing new. */
  deliver(fetched: readonly Fetched[]): void
  readFailed(error: unknown): void
  /**
   * When it has something to decide although nothing comes, monotonic: by then it wants to know
   * where its topics stand. Infinity: never.
   */
  readonly dueMs: number
}

interface Subscription {
  readonly consumer: Consumer
  readonly spec: TaskSpec
}

export interface PumpOptions {
  readonly log: LogPort
  readonly clock: Clock
  readonly instruments: Instruments
  readonly prefix: string
  /** Whether a topic belongs to this pump's class. */
  readonly reads: (topic: TopicKind) => boolean
}

export class Pump {
  readonly #options: PumpOptions
  readonly #reader: LogReader
  readonly #subscriptions = new Map<TaskId, Subscription>()
  /** Who reads a partition of a topic. */
  readonly #readers = new Map<string, Map<number, TaskId>>()
  readonly #loop: Promise<void>
  #interrupt = new AbortController()
  #wake: () => void = () => undefined
  #closed = false
  /** Polls in a row that brought nothing. */
  #quiet = 0

  constructor(options: PumpOptions) {
    this.#options = options
    this.#reader = options.log.reader({ isolation: 'read_committed' })
    this.#loop = this.#run()
  }

  /**
   * Reads the inputs of a task that are of this class, from these positions on. No two tasks of a
   * pump have an input in common.
   */
  subscribe(spec: TaskSpec, consumer: Consumer, positions: readonly number[]): void {
    for (const [i, { topic: kind, partition }] of spec.inputs.entries()) {
      if (!this.#options.reads(kind)) continue
      const topic = this.#name(kind)
      this.#reader.assign({ topic, partition }, positions[i] ?? 0)
      const readers = this.#readers.get(topic) ?? new Map<number, TaskId>()
      this.#readers.set(topic, readers.set(partition, spec.task))
    }
    this.#subscriptions.set(spec.task, { consumer, spec })
    this.#quiet = 0
    this.#interrupt.abort()
    this.#wake()
  }

  unsubscribe(spec: TaskSpec): void {
    if (!this.#subscriptions.delete(spec.task)) return
    for (const { topic: kind, partition } of spec.inputs) {
      if (!this.#options.reads(kind)) continue
      const topic = this.#name(kind)
      this.#reader.unassign({ topic, partition })
      this.#readers.get(topic)?.delete(partition)
    }
    this.#interrupt.abort()
  }

  async close(): Promise<void> {
    this.#closed = true
    this.#interrupt.abort()
    this.#wake()
    await this.#reader.close()
    await this.#loop
  }

  #name(topic: TopicKind): string {
    return topicName(topic, this.#options.prefix)
  }

  async #run(): Promise<void> {
    let backoffMs = FIRST_BACKOFF_MS
    while (!this.#closed) {
      if (this.#subscriptions.size === 0) {
        await new Promise<void>((resolve) => {
          this.#wake = resolve
        })
        continue
      }
      this.#interrupt = new AbortController()
      const { signal } = this.#interrupt
      try {
        const fetched = await this.#reader.poll(this.#waitMs(), signal)
        backoffMs = FIRST_BACKOFF_MS
        this.#quiet = fetched.some(({ from, to }) => to > from) ? 0 : this.#quiet + 1
        this.#deliver(fetched)
      } catch (error) {
        this.#quiet = 0
        if (signal.aborted) continue
        const reason = forPeople(error).message
        this.#options.instruments.emit('read_failed', { reason })
        if (reactionTo(error, 'read') !== 'retry') this.#failed(error)
        await this.#options.clock.sleep(backoffMs, signal).catch(() => undefined)
        backoffMs = Math.min(2 * backoffMs, LAST_BACKOFF_MS)
      }
    }
  }

  /**
   * Nothing is asked for more often than somebody wants to know. A poll ends when a task is due, so
   * that the next one is sent then: what is silent is judged as early as with short polls.
   */
  #waitMs(): number {
    if (this.#quiet < QUIET_POLLS) return POLL_MS
    const dueMs = Math.min(...[...this.#subscriptions.values()].map((one) => one.consumer.dueMs))
    const leftMs = dueMs - this.#options.clock.monotonicMs()
    return leftMs > 0 ? Math.min(leftMs, QUIET_POLL_MS) : POLL_MS
  }

  #deliver(fetched: readonly Fetched[]): void {
    const byTask = new Map<TaskId, Fetched[]>()
    for (const one of fetched) {
      const task = this.#readers.get(one.topic)?.get(one.partition)
      if (task === undefined) continue
      const list = byTask.get(task)
      if (list === undefined) byTask.set(task, [one])
      else list.push(one)
    }
    for (const [task, { consumer }] of this.#subscriptions) consumer.deliver(byTask.get(task) ?? [])
  }

  /** An error about one partition concerns its task; any other concerns all of them. */
  #failed(error: unknown): void {
    const at = error instanceof LogError ? error.at : null
    const one = at === null ? undefined : this.#readers.get(at.topic)?.get(at.partition)
    for (const [task, { consumer, spec }] of this.#subscriptions) {
      if (one !== undefined && task !== one) continue
      this.unsubscribe(spec)
      consumer.readFailed(error)
    }
  }
}
