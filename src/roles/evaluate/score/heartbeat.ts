// The baseline of the jitter trace (S0-28): whoever watches heartbeats alone and calls an instance
// failed when none has come for so many periods.
import type { JitterTrace } from '../traces/jitter.ts'

/** Windows in which an instance is called failed, of those that there are. */
export interface Windows {
  readonly alarmed: number
  readonly all: number
}

/** A silence counts in the window in which its limit runs out. */
export function heartbeatOnly(trace: JitterTrace, periods: number): Windows {
  const { durationMs, windowMs, heartbeatMs, instances } = trace
  const each = Math.floor(durationMs / windowMs)
  const limitMs = periods * heartbeatMs
  const alarmed = new Set<number>()
  const arrivals = Array.from({ length: instances }, (): number[] => [])
  for (const { kind, instance, arrivedMs } of trace.messages)
    if (kind === 'heartbeat' && arrivedMs !== null) arrivals[instance]?.push(arrivedMs)
  for (const [instance, all] of arrivals.entries()) {
    all.sort((a, b) => a - b)
    for (const [i, atMs] of all.entries()) {
      const nextMs = all[i + 1] ?? durationMs
      if (nextMs - atMs <= limitMs) continue
      alarmed.add(instance * each + Math.floor((atMs + limitMs) / windowMs))
    }
  }
  return { alarmed: alarmed.size, all: instances * each }
}
