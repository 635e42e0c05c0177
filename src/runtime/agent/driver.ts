// Port of what touches a service. A driver does what a command says and nothing by itself: healing
// goes through commands, so that every action has passed the guards and stands in the audit.

/** The end of a process that the driver had started. */
export interface ProcessExit {
  readonly pid: number
  readonly exitCode: number | null
  /** Name of the signal that ended it, such as SIGKILL. */
  readonly signal: string | null
  /** The driver had asked for it (stop, restart). */
  readonly expected: boolean
}

/**
 * What a start or restart led to; `answered` false says that the process runs but its health did
 * not answer in time.
 */
export interface StartFacts {
  /** The process before, running or not; null when there was none. */
  readonly pidBefore: number | null
  readonly pidAfter: number | null
  /** The old process did not end by itself within the grace time and was killed. */
  readonly killed: boolean
  readonly answered: boolean
  /** For people: why it did not answer. Empty when it did. */
  readonly detail: string
}

/**
 * Supervises one instance. Calls come one at a time (the executor sees to it). `start` and
 * `restart` wait until the instance's health answers; they do not reject for what the service does,
 * an abort of `signal` ends the wait with `answered: false`.
 */
export interface Driver {
  readonly kind: string
  /** Process that runs now, or null. */
  pid(): number | null
  start(signal: AbortSignal): Promise<StartFacts>
  restart(signal: AbortSignal): Promise<StartFacts>
  /** Ends the instance and everything it started; nothing stays behind. */
  stop(): Promise<void>
  /** Called for every new process, before anybody waits for its health. */
  onStart(listener: (pid: number) => void): void
  /** Called for every end of the process, asked for or not. */
  onExit(listener: (exit: ProcessExit) => void): void
  /** The last lines the instance wrote, bounded; as they came, not safe to print raw. */
  output(): string
}
