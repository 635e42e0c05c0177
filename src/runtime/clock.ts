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

/** Made once: an abort without a reason makes an error with a stack each time. */
const CANCELLED = new Error('the timer is cancelled')

/**
 * Acts once after `ms`, unless the answer is called before. A timer is set for every request and
 * hardly ever rings: it costs no promise and no signal where the clock has timers of its own.
 */
export function after(clock: Clock, ms: number, act: () => void): () => void {
  if (clock.timer !== undefined) return clock.timer(ms, act)
  const stop = new AbortController()
  clock.sleep(ms, stop.signal).then(
    () => {
      // Cancelled when its time was already over.
      if (!stop.signal.aborted) act()
    },
    () => undefined,
  )
  return () => stop.abort(CANCELLED)
}

export const systemClock: Clock = {
  nowMs: () => Date.now(),
  monotonicMs: () => performance.now(),
  timer(ms: number, act: () => void): () => void {
    let rest = Math.max(0, ms)
    const next = (): NodeJS.Timeout => {
      const now = Math.min(rest, MAX_TIMER_MS)
      rest -= now
      return setTimeout(() => {
        if (rest > 0) timer = next()
        else act()
      }, now)
    }
    let timer = next()
    return () => clearTimeout(timer)
  },
  async sleep(ms: number, signal?: AbortSignal): Promise<void> {
    signal?.throwIfAborted()
    for (let rest = Math.max(0, ms); ; rest -= MAX_TIMER_MS) {
      await sleepOnce(Math.min(rest, MAX_TIMER_MS), signal)
      if (rest <= MAX_TIMER_MS) return
    }
  },
}
