// The acts behind commands. So far one: restart. The instance is held while our hand is on it, so
// that what is seen of it meanwhile is not taken for its own doing.
import type { StartFacts } from '../../runtime/agent/driver.ts'
import type { ResultBody } from '../../runtime/agent/ledger-entry.ts'
import type { Instance } from './instance.ts'
import type { AgentOptions } from './options.ts'

export interface ActRequest {
  readonly instance: Instance
  readonly options: AgentOptions
  readonly retire: (instance: Instance) => void
  /** Of the agent. */
  readonly signal: AbortSignal
}

export type Ended = Pick<
  ResultBody,
  'outcome' | 'detail' | 'ended_at_ms' | 'incarnation_after' | 'facts'
>

const ACTION_TIMEOUT_MS = 20_000

/** Restarts the instance; null when the agent itself ended meanwhile. */
export async function restart(request: ActRequest): Promise<Ended | null> {
  const { instance, options, retire, signal } = request
  const { clock } = options
  const startedMs = clock.monotonicMs()
  instance.hold()
  retire(instance)
  const limit = new AbortController()
  const stop = (): void => limit.abort()
  signal.addEventListener('abort', stop, { once: true })
  const timer = new AbortController()
  void clock
    .sleep(options.actionTimeoutMs ?? ACTION_TIMEOUT_MS, timer.signal)
    .then(stop, () => null)
  try {
    const facts = await instance.driver.restart(limit.signal)
    if (signal.aborted) return null
    if (facts.answered) void instance.announce('register', 'restarted by command')
    const tookMs = Math.round(clock.monotonicMs() - startedMs)
    return endedWith(facts, {
      instance,
      timedOut: limit.signal.aborted,
      tookMs,
      nowMs: clock.nowMs(),
    })
  } finally {
    timer.abort()
    signal.removeEventListener('abort', stop)
    instance.release()
  }
}

function endedWith(
  facts: StartFacts,
  by: { instance: Instance; timedOut: boolean; tookMs: number; nowMs: number },
): Ended {
  const pids = { pid_before: facts.pidBefore, pid_after: facts.pidAfter }
  const known = Object.entries(pids).flatMap(([key, pid]) =>
    pid === null ? [] : [[key, String(pid)]],
  )
  return {
    outcome: facts.answered ? 'succeeded' : by.timedOut ? 'timed_out' : 'failed',
    detail: facts.answered ? `answers again after ${by.tookMs} ms` : facts.detail,
    ended_at_ms: by.nowMs,
    incarnation_after: by.instance.incarnation,
    facts: {
      ...Object.fromEntries(known),
      killed: String(facts.killed),
      took_ms: String(by.tookMs),
    },
  }
}
