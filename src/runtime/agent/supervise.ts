// Keeps the modules of an agent running, each by itself: one that fails is started again and the
// others go on.
import type { Clock } from '../ports.ts'

/** Runs until `signal` aborts; returning earlier counts as a failure. */
export type Module = (signal: AbortSignal) => Promise<void>

export interface Supervision {
  readonly name: string
  readonly run: Module
  readonly clock: Clock
  /** Tells about a failure; the module is started again whatever this does. */
  readonly onCrash: (name: string, error: unknown) => void
}

/** Pause before a module is started again: long enough not to spin, well under a second. */
export const RESTART_MS = 250

/** Resolves after `signal` aborts and the module has ended. */
export async function supervise(options: Supervision, signal: AbortSignal): Promise<void> {
  const { name, run, clock, onCrash } = options
  while (!signal.aborted) {
    let failure: unknown = new Error(`${name} ended by itself`)
    try {
      await run(signal)
    } catch (error) {
      failure = error
    }
    if (signal.aborted) return
    try {
      onCrash(name, failure)
    } catch {
      // Whoever is told cannot keep the module from coming back.
    }
    await clock.sleep(RESTART_MS, signal).catch(() => undefined)
  }
}
