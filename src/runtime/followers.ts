// What a worker follows without owning it: standbys of tasks that others run. One that the worker
// is given is handed over warm. How each of them stands is what the group's leader decides by: a
// running task is taken from its owner only by who has caught up, or has tried for long enough.
import type { TaskId } from '../contracts/ids.ts'
import type { WarmTask } from './member-facts.ts'
import type { Clock } from './ports.ts'
import type { Replay, TaskSpec } from './replay.ts'

/** What is coming is taken over after this long, caught up or not. */
const COMING_PATIENCE_MS = 30_000

export interface FollowerStatus {
  readonly task: TaskId
  /** Last step of its journal that it knows. */
  readonly seq: number
  readonly ready: boolean
  /** Why it is not followed just now; null while it is. */
  readonly reason: string | null
}

/** A standby, as far as who hosts it has to know (standby.ts). */
export interface Following {
  /** Last step of the journal that it knows. */
  readonly seq: number
  /** It has been at the journal's end. */
  readonly isReady: boolean
  /** Why it does not follow just now; null while it does. */
  readonly failure: string | null
  /** Ends it; what it kept warm, or null when that is of no use. */
  handOver(): Promise<Replay | null>
  close(): Promise<void>
}

/** `failed`: it will not catch up, and nothing is gained by waiting. */
export type Standing = 'ready' | 'behind' | 'failed'

interface Follower {
  readonly spec: TaskSpec
  readonly standby: Following
  /** Since when it is waited for, monotonic; null: nobody waits. */
  comingMs: number | null
}

export interface FollowersOptions {
  readonly specOf: (number: number) => TaskSpec
  /** `isAwaited`: somebody waits until it has caught up. */
  readonly open: (spec: TaskSpec, isAwaited: boolean) => Following
  readonly clock: Clock
}

export class Followers {
  readonly #options: FollowersOptions
  /** By number in the group. */
  readonly #followed = new Map<number, Follower>()

  constructor(options: FollowersOptions) {
    this.#options = options
  }

  /** Follows these and no others; `coming` are those that somebody waits for. */
  follow(numbers: readonly number[], coming: readonly number[]): void {
    const { specOf, open, clock } = this.#options
    for (const [number, { standby }] of this.#followed) {
      if (numbers.includes(number)) continue
      this.#followed.delete(number)
      standby.close().catch(() => undefined)
    }
    for (const number of numbers) {
      const spec = specOf(number)
      const follower = this.#followed.get(number) ?? {
        spec,
        standby: open(spec, coming.includes(number)),
        comingMs: null,
      }
      follower.comingMs = coming.includes(number)
        ? (follower.comingMs ?? clock.monotonicMs())
        : null
      this.#followed.set(number, follower)
    }
  }

  /** Its state, to go on from; null: it was not followed, or what was kept is of no use. */
  async take(number: number): Promise<Replay | null> {
    const follower = this.#followed.get(number)
    this.#followed.delete(number)
    return follower === undefined ? null : await follower.standby.handOver()
  }

  standing(number: number): Standing {
    const follower = this.#followed.get(number)
    return follower === undefined ? 'failed' : this.#standing(follower)
  }

  #standing({ standby, comingMs }: Follower): Standing {
    if (standby.isReady) return 'ready'
    const waitedMs = comingMs === null ? 0 : this.#options.clock.monotonicMs() - comingMs
    if (waitedMs < COMING_PATIENCE_MS) return 'behind'
    // Where it cannot even be followed it would not run either.
    return standby.failure === null ? 'ready' : 'failed'
  }

  /** For the group's leader. */
  known(): readonly WarmTask[] {
    return [...this.#followed].map(([task, follower]) => ({
      task,
      owned: false,
      ready: this.#standing(follower) === 'ready',
      position: follower.standby.seq,
    }))
  }

  status(): readonly FollowerStatus[] {
    return [...this.#followed.values()].map(({ spec, standby }) => ({
      task: spec.task,
      seq: standby.seq,
      ready: standby.isReady,
      reason: standby.failure,
    }))
  }

  async close(): Promise<void> {
    const standbys = [...this.#followed.values()].map(({ standby }) => standby.close())
    this.#followed.clear()
    await Promise.all(standbys)
  }
}
