// The host's clock behind the Clock port. Nothing else in the product asks the host for the time.
import type { Clock } from './ports.ts'

/** Longest wait a Node timer takes; longer ones are slept in pieces. */
const MAX_TIMER_MS = 2_147_483_647

function sleepOnce(ms: number, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve, reject) => {
    const wake = (): void => {
      signal?.removeEventListener('abort', stop)
      resolve()
    }
    const timer = setTimeout(wake, ms)
    const stop = (): void => {
      clearTimeout(timer)
      reject(signal?.reason)
    }
    signal?.addEventListener('abort', stop, { once: true })
  })
}

export const systemClock: Clock = {
  nowMs: () => Date.now(),
  monotonicMs: () => performance.now(),
  async sleep(ms: number, signal?: AbortSignal): Promise<void> {
    signal?.throwIfAborted()
    for (let rest = Math.max(0, ms); ; rest -= MAX_TIMER_MS) {
      await sleepOnce(Math.min(rest, MAX_TIMER_MS), signal)
      if (rest <= MAX_TIMER_MS) return
    }
  },
}
