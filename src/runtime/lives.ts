// What is remembered from one run of a task to the next, and what is done after each: again (after
// a pause that grows), let go, or stop and call a person. Errors of the log are tried for ever;
// a core that fails without a record to blame is not.
import { HsError } from '../contracts/failure.ts'
import type { LifeCause } from './poison.ts'
import { forPeople, type PoisonError, type Reaction } from './reaction.ts'
import type { RunEnd } from './run-options.ts'

const FIRST_BACKOFF_MS = 50
const LAST_BACKOFF_MS = 2_000
/** The same for a core that fails, which may cost a restore each time. */
const FIRST_CRASH_PAUSE_MS = 100
const LAST_CRASH_PAUSE_MS = 30_000
/** Failures that are searched at once, and a run after which they are forgotten. */
const CRASHES_AT_ONCE = 2
const CALM_MS = 60_000
/** Runs in a row that end in a throwing core without a record found or a commit made. */
const BLIND_DEATHS_MAX = 3

export type TaskEnd =
  /** Given back; nothing is wrong. */
  | { readonly kind: 'closed' }
  /** Somebody else took it: only a newer generation of the group may give it back. */
  | { readonly kind: 'rejoin'; readonly reason: string }
  /** A person is needed. */
  | { readonly kind: 'stopped'; readonly error: HsError }

/** Why the next life begins, and up to where records are stepped singly (by input). */
export interface NextLife {
  readonly cause: LifeCause
  readonly until: readonly number[] | null
}

export type LifeEnd =
  | Exclude<RunEnd, { kind: 'failed' }>
  | {
      readonly kind: 'failed'
      readonly error: unknown
      readonly reaction: Reaction
    }

export type Verdict = TaskEnd | { readonly kind: 'again'; readonly pauseMs: number }

/** What is remembered from life to life, and what is done after each. */
export class Lives {
  /** The transactional id was taken in this assignment. */
  owned: boolean = false
  next: NextLife = { cause: 'assigned', until: null }
  /** Commits of the last run. */
  commits: number = 0
  /** How long the last life took, ms. */
  ranMs: number = 0
  #crashes = 0
  #failures = 0
  #blindDeaths = 0

  after(end: LifeEnd): Verdict {
    if (this.ranMs >= CALM_MS) this.#crashes = 0
    if (this.commits > 0) {
      this.#failures = 0
      this.#blindDeaths = 0
      this.commits = 0
    }
    switch (end.kind) {
      case 'closed':
        return { kind: 'closed' }
      case 'skipped':
        // The record to blame was found: the search has done its work.
        this.#blindDeaths = 0
        this.#crashes = 0
        this.next = { ...this.next, cause: 'core' }
        return { kind: 'again', pauseMs: 0 }
      case 'poison':
        return this.#afterPoison(end.error, end.until)
      case 'failed':
        return this.#afterFailure(end.error, end.reaction)
    }
  }

  #afterPoison(error: PoisonError, until: readonly number[] | null): Verdict {
    this.#blindDeaths++
    this.next = { cause: 'core', until }
    if (this.#blindDeaths < BLIND_DEATHS_MAX)
      return { kind: 'again', pauseMs: crashPauseMs(++this.#crashes) }
    const what = `the core fails and no record is to blame: ${error.message}`
    return { kind: 'stopped', error: new HsError('HS_INTERNAL', what, { cause: error }) }
  }

  #afterFailure(error: unknown, reaction: Reaction): Verdict {
    switch (reaction) {
      case 'stop':
      case 'poison':
        return { kind: 'stopped', error: forPeople(error) }
      case 'close-and-rejoin':
        return { kind: 'rejoin', reason: forPeople(error).message }
      case 'retry':
      case 'drop-and-restore': {
        if (this.owned) this.next = { ...this.next, cause: 'log' }
        const pauseMs = Math.min(FIRST_BACKOFF_MS * 2 ** this.#failures++, LAST_BACKOFF_MS)
        return { kind: 'again', pauseMs }
      }
    }
  }
}

/** A task that commits a little and fails again, for ever, must not be a hot loop. */
function crashPauseMs(crashes: number): number {
  const over = crashes - CRASHES_AT_ONCE
  return over <= 0 ? 0 : Math.min(FIRST_CRASH_PAUSE_MS * 2 ** (over - 1), LAST_CRASH_PAUSE_MS)
}
