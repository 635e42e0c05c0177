// Gauges of an instance's process, one sample per tick. What the system does not show is absent,
// not zero.
import type { Gauges, Stat } from '../../contracts/records.ts'
import { type ProcessUsage, processUsage } from './proc.ts'

const one = (value: number): Stat => ({ n: 1, sum: value, max: value })

/** Remembers one process to tell how much processor time went by between two samples. */
export class GaugeSampler {
  readonly #read: (pid: number) => ProcessUsage | null
  #last: { readonly pid: number; readonly cpuMs: number; readonly atMs: number } | null = null

  constructor(read: (pid: number) => ProcessUsage | null = processUsage) {
    this.#read = read
  }

  /** Gauges at `atMs` (monotonic), or null when the process cannot be read. */
  sample(pid: number, atMs: number): Gauges | null {
    const usage = this.#read(pid)
    if (usage === null) return null
    const last = this.#last?.pid === pid ? this.#last : null
    this.#last = { pid, cpuMs: usage.cpuMs, atMs }
    const spanMs = last === null ? 0 : atMs - last.atMs
    const cpu = last === null || spanMs <= 0 ? null : one((usage.cpuMs - last.cpuMs) / spanMs)
    return {
      cpu,
      rss: one(usage.rssBytes),
      fds: usage.fds === null ? null : one(usage.fds),
      run_queue_wait: null,
      event_loop_delay: null,
      rtt: null,
      loss: null,
    }
  }
}
