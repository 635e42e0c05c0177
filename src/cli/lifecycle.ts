// How a command that runs for long ends: a first signal asks it to stop, a second one ends it at
// once, and a stop has five seconds.
import { EXIT } from '../contracts/failure.ts'

/** A stop that takes longer is cut short. */
export const STOP_MS = 5_000

/** Aborted by the first SIGINT, SIGTERM or SIGHUP; the second one leaves the process. */
export function interruption(): AbortController {
  const controller = new AbortController()
  for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const)
    process.on(name, () => {
      if (controller.signal.aborted) process.exit(EXIT.interrupted)
      controller.abort(new Error(name))
    })
  return controller
}

/** Keeps the process alive until then. */
export function untilAborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve()
  const alive = setInterval(() => undefined, 60_000)
  return new Promise((resolve) => {
    signal.addEventListener('abort', () => {
      clearInterval(alive)
      resolve()
    })
  })
}

/** Whether the stop ended in time. Errors: those of the stop. */
export async function withinLimit(stop: Promise<void>): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<boolean>((resolve) => {
    timer = setTimeout(() => resolve(false), STOP_MS)
  })
  try {
    return await Promise.race([stop.then(() => true), late])
  } finally {
    clearTimeout(timer)
  }
}
