// Module: heartbeats (S1-20, S1-21) and renewal of the leases. A beat says that the agent lives and
// what it holds of the instance; it goes on while the instance is down.
import type { Clock } from '../../runtime/ports.ts'
import type { Instance } from './instance.ts'

export interface BeatsOptions {
  readonly instances: readonly Instance[]
  readonly clock: Clock
  readonly heartbeatMs: number
  readonly leaseTtlMs: number
}

/** Level 2 comes at every third beat, as 30 s stands to 10 s. */
const LEVEL_2_EVERY = 3

export async function beats(options: BeatsOptions, signal: AbortSignal): Promise<void> {
  const { clock, instances, heartbeatMs, leaseTtlMs } = options
  let at = clock.monotonicMs()
  let renewAt = at + leaseTtlMs / 3
  for (let beat = 1; !signal.aborted; beat++) {
    const level = beat % LEVEL_2_EVERY === 0 ? 2 : 1
    for (const instance of instances) sendBeat(instance, level, heartbeatMs)
    const nowMs = clock.monotonicMs()
    if (nowMs >= renewAt) {
      for (const one of instances) if (one.registered && !one.held) void one.announce('renew')
      // After a long stall one renewal is enough, too.
      const next = renewAt + leaseTtlMs / 3
      renewAt = next > nowMs ? next : nowMs + leaseTtlMs / 3
    }
    at = Math.max(at + heartbeatMs, clock.monotonicMs())
    await clock.sleep(at - clock.monotonicMs(), signal).catch(() => undefined)
  }
}

/** What the prober found; not what the driver saw of its child, which has a switch of its own. */
function stateOf(instance: Instance): string {
  return instance.held ? 'restarting' : instance.verdict
}

function sendBeat(instance: Instance, level: number, periodMs: number): void {
  void instance.signal('heartbeat', {
    heartbeat: {
      level,
      period_ms: periodMs,
      state: level === 1 ? null : stateOf(instance),
      in_flight: null,
      queue: null,
      last_error: null,
      config_version: instance.config?.version ?? null,
      config_hash: instance.config?.hash ?? null,
      signature: null,
      kid: null,
    },
  })
}
