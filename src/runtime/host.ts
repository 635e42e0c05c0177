// All tasks of one worker: membership says which, two pumps feed them, and one of its own the fleet
// task. A task that stays keeps running through a rebalance; one that goes commits and lets go
// while its next owner already fences; one that was fenced comes back only with a newer generation
// of the group. What the worker follows without owning is in followers.ts: a task that it is given
// goes on from there.
import { topicName } from '../contracts/topics.ts'
import { BEHAVIOUR_FIRST, BEHAVIOUR_LATEST } from '../core/kernel/behaviour.ts'
import type { CreateCore } from '../core/kernel/step.ts'
import { assignTasks } from './assignment.ts'
import { type FollowerStatus, Followers } from './followers.ts'
import { journalEnd } from './journal.ts'
import { LogError } from './log-error.ts'
import { encodeMetadata, type WarmTask } from './member-facts.ts'
import type { GroupEvent, GroupShare, Membership } from './ports.ts'
import { Pump } from './pump.ts'
import type { TaskSpec } from './replay.ts'
import type { Feed } from './run-options.ts'
import { SNAPSHOT_FORMAT } from './snapshot-format.ts'
import { Standby } from './standby.ts'
import { type Engine, Task, type TaskStatus } from './task.ts'
import { isFleet, taskOf } from './task-spec.ts'

/** Fenced tasks ask for a new round together. */
const REJOIN_PAUSE_MS = 50
const CLOSE_DEADLINE_MS = 4_000
/** How often the journal of a stopped task is looked at for what a person has written. */
const STOPPED_LOOK_MS = 5_000
/** How often it is looked whether what is coming has caught up. */
const COMING_LOOK_MS = 200

export interface HostOptions {
  readonly engine: Engine
  /** Of the fleet task; null: this group has none. */
  readonly createFleetCore: CreateCore | null
  /** P. */
  readonly partitions: number
  /** Members that follow each task beside its owner. */
  readonly standbys: number
  /** Tasks take the newest behaviour and format as soon as every member has it. */
  readonly upgrade: 'auto' | 'hold'
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

const NO_SHARE: GroupShare = { tasks: [], standby: [], coming: [], behaviour: 0, format: 0 }

export class Host {
  readonly #options: HostOptions
  readonly #control: Pump
  readonly #telemetry: Pump
  #fleet: Pump | null = null
  readonly #membership: Membership
  /** By number in the group. */
  readonly #held = new Map<number, Task>()
  readonly #followers: Followers
  readonly #closing = new Set<Promise<void>>()
  readonly #loop: Promise<void>
  readonly #stop = new AbortController()
  #generation = -1
  #memberId = ''
  #share: GroupShare = NO_SHARE
  #rejoining = false
  /** Counts the rounds asked for. */
  #round = 0

  constructor(options: HostOptions) {
    this.#options = options
    const { engine, partitions, standbys } = options
    this.#control = this.#pump((topic) => topic !== 'telemetry')
    this.#telemetry = this.#pump((topic) => topic === 'telemetry')
    this.#followers = new Followers({
      specOf: (number) => this.#specOf(number),
      open: (spec, isAwaited) => {
        const turn = isAwaited ? Promise.resolve() : this.#ownRestored()
        return new Standby({ ...this.#engineOf(spec), spec, turn })
      },
      clock: engine.clock,
    })
    const tasks = partitions + (options.createFleetCore === null ? 0 : 1)
    this.#membership = engine.log.join({
      group: engine.group,
      metadata: () => this.#metadata(),
      assign: (members) => assignTasks(members, { tasks, standbys }),
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

  /** By number: service tasks in order of partition, then the fleet task. */
  status(): readonly TaskStatus[] {
    return [...this.#held].sort(([a], [b]) => a - b).map(([, task]) => task.status)
  }

  /** What is followed without being owned. */
  standby(): readonly FollowerStatus[] {
    return this.#followers.status()
  }

  /** Commits, lets go, leaves the group. */
  async stop(): Promise<void> {
    this.#stop.abort()
    const closed = [...this.#held.values()].map((task) => task.close())
    const followers = this.#followers.close()
    await this.#within(Promise.all([...closed, followers, ...this.#closing]))
    // Who has not answered by now is cut off; its next owner settles what is open.
    for (const task of this.#held.values()) this.#track(task.drop())
    await this.#membership.leave()
    await Promise.all([this.#control.close(), this.#telemetry.close()])
    await this.#fleet?.close()
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

  get #stopping(): boolean {
    return this.#stop.signal.aborted
  }

  #pump(reads: ConstructorParameters<typeof Pump>[0]['reads']): Pump {
    const { log, clock, instruments, prefix } = this.#options.engine
    return new Pump({ log, clock, instruments, prefix, reads })
  }

  #specOf(number: number): TaskSpec {
    return taskOf(number, this.#options.partitions)
  }

  #engineOf(spec: TaskSpec): Engine {
    const { engine, createFleetCore } = this.#options
    return isFleet(spec) && createFleetCore !== null
      ? { ...engine, createCore: createFleetCore }
      : engine
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
    const { kind: _, generation, memberId, ...share } = event
    this.#generation = generation
    this.#memberId = memberId
    this.#share = share
    const { instruments } = this.#options.engine
    const fields = { tasks: share.tasks.join(' '), standby: share.standby.join(' ') }
    instruments.emit('group_assigned', { generation, ...fields })
    const wanted = new Set(share.tasks)
    for (const [number, task] of this.#held) {
      if (!wanted.has(number)) {
        this.#held.delete(number)
        this.#track(task.close())
      } else this.#agree(task)
    }
    for (const number of share.tasks) if (!this.#held.has(number)) this.#open(number)
    this.#followers.follow(share.standby, share.coming)
    if (share.coming.length > 0) this.#track(this.#awaitComing(share))
  }

  #open(number: number): void {
    const spec = this.#specOf(number)
    const { memberId } = this
    const ownership = {
      memberId,
      generation: this.#generation,
      isProven: () => this.#membership.provenForMs() > 0,
    }
    const pumps = this.#pumpsOf(spec)
    const feed: Feed = {
      read: (positions) => {
        for (const pump of pumps) pump.subscribe(spec, task, positions)
      },
      stop: () => {
        // The task has a newer life, whose feed an older one must not stop.
        const held = this.#held.get(number)
        if (held !== undefined && held !== task) return
        for (const pump of pumps) pump.unsubscribe(spec)
      },
    }
    const warm = this.#followers.take(number)
    const task: Task = new Task(this.#engineOf(spec), spec, { feed, ownership, warm })
    this.#agree(task)
    this.#held.set(number, task)
    this.#track(this.#follow(number, task))
  }

  /** What nobody judges is more urgent than what somebody else does. */
  #ownRestored(): Promise<unknown> {
    return Promise.all([...this.#held.values()].map(({ restored }) => restored))
  }

  #pumpsOf(spec: TaskSpec): readonly Pump[] {
    if (!isFleet(spec)) return [this.#control, this.#telemetry]
    this.#fleet ??= this.#pump(() => true)
    return [this.#fleet]
  }

  /** Judges as the whole group can, from the next commit on. */
  #agree(task: Task): void {
    if (this.#options.upgrade === 'hold') return
    const { behaviour, format } = this.#share
    task.agree({
      behaviour: Math.min(behaviour, BEHAVIOUR_LATEST),
      format: Math.min(format, SNAPSHOT_FORMAT),
    })
  }

  async #follow(number: number, task: Task): Promise<void> {
    const end = await task.done
    const isHeld = (): boolean => this.#held.get(number) === task && !this.#stopping
    if (!isHeld() || end.kind === 'closed') return
    if (end.kind === 'rejoin')
      this.#options.engine.instruments.emit('group_lost', { reason: end.reason })
    else await this.#awaitNews(this.#specOf(number), isHeld)
    if (!isHeld()) return
    // The next assignment has a newer generation, whoever gets it.
    this.#held.delete(number)
    await this.#askRound()
  }

  /** Of a stopped task: until somebody has written into its journal (`task resume`). */
  async #awaitNews({ journal, partition }: TaskSpec, isHeld: () => boolean): Promise<void> {
    const { log, prefix } = this.#options.engine
    const at = { topic: topicName(journal, prefix), partition }
    const look = (): Promise<number | null> => journalEnd(log, at).catch(() => null)
    let before = await look()
    for (;;) {
      await this.#pause(STOPPED_LOOK_MS)
      if (!isHeld()) return
      const now = await look()
      if (before !== null && now !== null && now > before) return
      before ??= now
    }
  }

  /** Asks for a new round once everything that is coming has caught up, or never will. */
  async #awaitComing(share: GroupShare): Promise<void> {
    while (this.#share === share && !this.#stopping) {
      await this.#pause(COMING_LOOK_MS)
      const standing = share.coming.map((number) => this.#followers.standing(number))
      if (standing.includes('behind')) continue
      if (this.#share === share && standing.includes('ready')) await this.#askRound()
      return
    }
  }

  async #askRound(): Promise<void> {
    if (this.#rejoining || this.#stopping) return
    this.#rejoining = true
    await this.#pause(REJOIN_PAUSE_MS)
    this.#rejoining = false
    this.#round++
    if (!this.#stopping) this.#membership.rejoin()
  }

  /** Ends early when the host stops. */
  #pause(ms: number): Promise<void> {
    return this.#options.engine.clock.sleep(ms, this.#stop.signal).catch(() => undefined)
  }

  /** Ownership cannot be proven: nothing more is decided, nothing more is sent. */
  #lose(reason: string): void {
    this.#generation = -1
    this.#share = NO_SHARE
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
    const held = [...this.#held].map(([number, task]): WarmTask => {
      const { seq, state } = task.status
      return { task: number, owned: state !== 'Closed', ready: false, position: seq }
    })
    return encodeMetadata({
      round: this.#round,
      behaviourFrom: BEHAVIOUR_FIRST,
      behaviourTo: BEHAVIOUR_LATEST,
      format: SNAPSHOT_FORMAT,
      tasks: [...held, ...this.#followers.known()],
    })
  }
}
