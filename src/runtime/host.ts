// All tasks of one worker: membership says which, two pumps feed them. A task that stays keeps
// running through a rebalance; one that goes commits and lets go while its next owner already
// fences; one that was fenced comes back only with a newer generation of the group.
import { INPUT_TOPICS } from '../contracts/topics.ts'
import { BEHAVIOUR_FIRST, BEHAVIOUR_LATEST } from '../core/kernel/behaviour.ts'
import { assignTasks, encodeMetadata } from './assignment.ts'
import { serviceTaskId } from './journal.ts'
import { LogError } from './log-error.ts'
import type { GroupEvent, Membership } from './ports.ts'
import { Pump } from './pump.ts'
import type { TaskSpec } from './restore.ts'
import { type Engine, Task, type TaskStatus } from './task.ts'

const SNAPSHOT_FORMAT = 1
/** Fenced tasks ask for a new round together. */
const REJOIN_PAUSE_MS = 50
const CLOSE_DEADLINE_MS = 4_000

export interface HostOptions {
  readonly engine: Engine
  /** P. */
  readonly partitions: number
  readonly sessionTimeoutMs?: number
  readonly rebalanceTimeoutMs?: number
  readonly heartbeatMs?: number
  /** Membership itself failed: nothing can be owned any more. */
  readonly onFatal: (error: unknown) => void
}

/** Kafka's smallest session time-out by default (group.min.session.timeout.ms). */
const SESSION_TIMEOUT_MS = 6_000
const REBALANCE_TIMEOUT_MS = 3_000
const HEARTBEAT_MS = 500

export function serviceTask(partition: number): TaskSpec {
  return {
    task: serviceTaskId(partition),
    partition,
    inputs: INPUT_TOPICS.map((topic) => ({ topic, partition })),
    journal: 'journal',
  }
}

export class Host {
  readonly #options: HostOptions
  readonly #control: Pump
  readonly #telemetry: Pump
  readonly #membership: Membership
  readonly #held = new Map<number, Task>()
  readonly #closing = new Set<Promise<void>>()
  readonly #loop: Promise<void>
  #generation = -1
  #memberId = ''
  #rejoining = false
  /** Counts the rounds asked for. */
  #round = 0
  #stopping = false

  constructor(options: HostOptions) {
    this.#options = options
    const { log, clock, instruments, prefix, group } = options.engine
    const isBulk = (topic: string): boolean => topic === 'telemetry'
    const reading = { log, clock, instruments, prefix }
    this.#control = new Pump({ ...reading, reads: (topic) => !isBulk(topic) })
    this.#telemetry = new Pump({ ...reading, reads: isBulk })
    this.#membership = log.join({
      group,
      metadata: () => this.#metadata(),
      assign: (members) => assignTasks(members, options.partitions),
      sessionTimeoutMs: options.sessionTimeoutMs ?? SESSION_TIMEOUT_MS,
      rebalanceTimeoutMs: options.rebalanceTimeoutMs ?? REBALANCE_TIMEOUT_MS,
      heartbeatMs: options.heartbeatMs ?? HEARTBEAT_MS,
    })
    this.#loop = this.#run()
  }

  get memberId(): string {
    return this.#memberId
  }

  /** Generation of the group; -1 while ownership cannot be proven. */
  get generation(): number {
    return this.#generation
  }

  /** In order of partition. */
  status(): readonly TaskStatus[] {
    return [...this.#held.values()]
      .map((task) => task.status)
      .sort((a, b) => a.partition - b.partition)
  }

  /** Commits, lets go, leaves the group. */
  async stop(): Promise<void> {
    this.#stopping = true
    const closed = [...this.#held.values()].map((task) => task.close())
    await this.#within(Promise.all([...closed, ...this.#closing]))
    // Who has not answered by now is cut off; its next owner settles what is open.
    for (const task of this.#held.values()) this.#track(task.drop())
    await this.#membership.leave()
    await Promise.all([this.#control.close(), this.#telemetry.close()])
    await this.#loop
    this.#held.clear()
  }

  /** A log that does not answer must not keep a worker from stopping. */
  async #within(work: Promise<unknown>): Promise<void> {
    const timer = new AbortController()
    const limit = this.#options.engine.clock.sleep(CLOSE_DEADLINE_MS, timer.signal)
    await Promise.race([work, limit.catch(() => undefined)])
    timer.abort()
  }

  async #run(): Promise<void> {
    while (!this.#stopping) {
      try {
        this.#handle(await this.#membership.next())
      } catch (error) {
        if (!this.#stopping) {
          this.#lose('membership failed')
          this.#options.onFatal(error)
        }
        return
      }
    }
  }

  #handle(event: GroupEvent): void {
    if (this.#stopping) return
    if (event.kind === 'lost') {
      this.#lose(event.reason)
      return
    }
    const { generation, memberId, tasks } = event
    this.#generation = generation
    this.#memberId = memberId
    const { instruments } = this.#options.engine
    instruments.emit('group_assigned', { generation, tasks: tasks.join(' ') })
    const wanted = new Set(tasks)
    for (const [partition, task] of this.#held) {
      if (wanted.has(partition)) continue
      this.#held.delete(partition)
      this.#track(task.close())
    }
    for (const partition of tasks) {
      if (!this.#held.has(partition)) this.#open(partition)
    }
  }

  #open(partition: number): void {
    const spec = serviceTask(partition)
    const { memberId } = this
    const ownership = { memberId, generation: this.#generation }
    const feed = {
      read: (positions: readonly number[]): void => {
        this.#control.subscribe(spec, task, positions)
        this.#telemetry.subscribe(spec, task, positions)
      },
      stop: (): void => {
        if (this.#isAnother(partition, task)) return
        this.#control.unsubscribe(spec)
        this.#telemetry.unsubscribe(spec)
      },
    }
    const task = new Task(this.#options.engine, spec, { feed, ownership })
    this.#held.set(partition, task)
    this.#track(this.#follow(partition, task))
  }

  /** The partition has a newer task, whose feed an older one must not stop. */
  #isAnother(partition: number, task: Task): boolean {
    const held = this.#held.get(partition)
    return held !== undefined && held !== task
  }

  async #follow(partition: number, task: Task): Promise<void> {
    const end = await task.done
    if (end.kind !== 'rejoin' || this.#held.get(partition) !== task) return
    // The next assignment has a newer generation, whoever gets it.
    this.#held.delete(partition)
    this.#options.engine.instruments.emit('group_lost', { reason: end.reason })
    if (this.#rejoining || this.#stopping) return
    this.#rejoining = true
    await this.#options.engine.clock.sleep(REJOIN_PAUSE_MS)
    this.#rejoining = false
    this.#round++
    if (!this.#stopping) this.#membership.rejoin()
  }

  /** Ownership cannot be proven: nothing more is decided, nothing more is sent. */
  #lose(reason: string): void {
    this.#generation = -1
    this.#options.engine.instruments.emit('group_lost', { reason })
    for (const task of this.#held.values()) this.#track(task.drop())
    this.#held.clear()
  }

  #track(work: Promise<void>): void {
    const settled = work
      .catch((error: unknown) => {
        if (!(error instanceof LogError)) this.#options.onFatal(error)
      })
      .finally(() => this.#closing.delete(settled))
    this.#closing.add(settled)
  }

  #metadata(): Uint8Array {
    const tasks = [...this.#held].map(([partition, task]) => {
      const { seq, state } = task.status
      return { task: partition, owned: state !== 'Closed', position: seq }
    })
    return encodeMetadata({
      round: this.#round,
      behaviourFrom: BEHAVIOUR_FIRST,
      behaviourTo: BEHAVIOUR_LATEST,
      format: SNAPSHOT_FORMAT,
      tasks,
    })
  }
}
