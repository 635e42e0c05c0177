// When a running task makes an empty step, and when it commits: at once for what is urgent,
// otherwise in its own phase of the second so that tasks do not commit all at once; a sign of life
// for a journal that would expire, and a probe of the clock while the task is suspended.
import type { LogTime } from './log-time.ts'

/** Time between commits that are not urgent. */
const COMMIT_EVERY_MS = 1_000
/** An expired journal cannot be restored: it gets an entry at least this often. */
const KEEP_ALIVE_MS = 3_600_000
/** How often a task with a wrong clock looks whether it is right again. */
const PROBE_EVERY_MS = 2_000
/** Shortest time between two empty steps, whatever the core asks for. */
const TICK_MIN_MS = 25

export interface CommitState {
  readonly suspended: boolean
  /** Steps wait to be committed. */
  readonly waits: boolean
  /** Something cannot wait. */
  readonly urgent: boolean
  /** When a snapshot wants to go on, monotonic. */
  readonly snapshotMs: number
}

export class CommitSchedule {
  readonly #phaseMs: number
  #lastMs: number
  #nextMs = 0

  /** `share`: place of the task among all, 0 to 1. */
  constructor(share: number, monotonicMs: number) {
    this.#phaseMs = Math.floor(share * COMMIT_EVERY_MS)
    this.#lastMs = monotonicMs
  }

  /** The first step since the last commit was made. */
  begun(monotonicMs: number): void {
    const turns = Math.floor((monotonicMs - this.#phaseMs) / COMMIT_EVERY_MS) + 1
    this.#nextMs = turns * COMMIT_EVERY_MS + this.#phaseMs
  }

  committed(monotonicMs: number): void {
    this.#lastMs = monotonicMs
  }

  isDue(state: CommitState, monotonicMs: number): boolean {
    return (state.urgent && !state.suspended) || monotonicMs >= this.dueMs(state)
  }

  /** Monotonic; what is urgent aside. */
  dueMs({ suspended, waits, snapshotMs }: CommitState): number {
    if (suspended) return this.#lastMs + PROBE_EVERY_MS
    const stepsMs = waits ? this.#nextMs : Infinity
    return Math.min(this.#lastMs + KEEP_ALIVE_MS, stepsMs, snapshotMs)
  }
}

/** When the empty step is due that the core asked for, monotonic. */
export function nextTickMs(
  time: LogTime,
  last: { readonly wakeAtMs: number; readonly stepMs: number },
  monotonicMs: number,
): number {
  // While behind, log time stands before it: the records that move it make the steps.
  const reached = time.estimate(monotonicMs) >= last.wakeAtMs
  if (reached && time.now(monotonicMs) < last.wakeAtMs) return Infinity
  return Math.max(time.monotonicAt(last.wakeAtMs) + 1, last.stepMs + TICK_MIN_MS)
}
