// Waiting with a limit: for work that others may wait for too, so that it goes on when one of them
// has no more time.
import type { CallLimits } from '../client/protocol.ts'

/**
 * The work's outcome; `late()` rejects when `timeoutMs` have passed, the signal's reason when it is
 * aborted.
 */
export function within<T>(work: Promise<T>, limits: CallLimits, late: () => Error): Promise<T> {
  const { timeoutMs, signal } = limits
  return new Promise((resolve, reject) => {
    if (signal?.aborted === true) {
      work.catch(() => undefined)
      reject(signal.reason)
      return
    }
    const release = (): void => {
      clearTimeout(timer)
      signal?.removeEventListener('abort', abort)
    }
    const abort = (): void => {
      release()
      reject(signal?.reason)
    }
    const timer = setTimeout(() => {
      release()
      reject(late())
    }, timeoutMs)
    signal?.addEventListener('abort', abort, { once: true })
    work.then(
      (outcome) => {
        release()
        resolve(outcome)
      },
      (error: unknown) => {
        release()
        reject(error)
      },
    )
  })
}
