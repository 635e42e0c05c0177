// What a simulated instance tells beside requests, heartbeats and probes of its own: gauges, the
// configuration in force, and a clock that is wrong. Nothing until a script says so.
import type { Gauges, TelemetryDelta } from '../../contracts/records.ts'

const MB = 1_048_576
const MEMORY_MB = 200
const PROBES = 20

type Stat = NonNullable<Gauges['cpu']>
const stat = (value: number, n: number = PROBES): Stat => ({ n, sum: n * value, max: value })

export class Tells {
  rttMs: number | null = null
  lossPercent: number | null = null
  waitMs: number | null = null
  /** Growth a minute; null: memory is not told. */
  leakMb: number | null = null
  /** Memory falls back to what it was so often; 0: never. */
  collectMs: number = 0
  /** Since when memory has grown. */
  sinceMs: number = 0
  configVersion: number | null = null
  configHash: string | null = null
  /** Its clock is ahead by so much. */
  clockMs: number = 0
  /** Latency grows evenly to so much until then. */
  drift: { readonly fromMs: number; readonly toMs: number; readonly us: number } | null = null
  errorLines: number | null = null
  /** By names of its own. */
  readonly metrics: Map<string, number> = new Map()

  get isSilent(): boolean {
    return [this.rttMs, this.lossPercent, this.waitMs, this.leakMb].every((one) => one === null)
  }

  /** The record with what it tells beside requests. */
  onto(record: TelemetryDelta, nowMs: number): TelemetryDelta {
    const { errorLines: error } = this
    const logs = error === null ? null : { debug: 0, info: 0, warn: 0, error, fatal: 0 }
    const metrics = [...this.metrics].map(([name, value]) => ({ name, value }))
    return { ...record, gauges: this.gauges(nowMs), logs, metrics }
  }

  latencyUs(usualUs: number, nowMs: number): number {
    if (this.drift === null) return usualUs
    const { fromMs, toMs, us } = this.drift
    const share = Math.min(1, (nowMs - fromMs) / (toMs - fromMs))
    return Math.round(usualUs + share * (us - usualUs))
  }

  private gauges(nowMs: number): Gauges | null {
    if (this.isSilent) return null
    const { rttMs, lossPercent, waitMs } = this
    return {
      cpu: null,
      rss: this.memory(nowMs),
      fds: null,
      run_queue_wait: waitMs === null ? null : stat(waitMs),
      event_loop_delay: null,
      rtt: rttMs === null ? null : stat(rttMs),
      loss: lossPercent === null ? null : stat(lossPercent / 100),
    }
  }

  private memory(nowMs: number): Stat | null {
    if (this.leakMb === null) return null
    const grownMs = nowMs - this.sinceMs
    const risenMs = this.collectMs === 0 ? grownMs : grownMs % this.collectMs
    return stat((MEMORY_MB + (this.leakMb * risenMs) / 60_000) * MB, 1)
  }
}
