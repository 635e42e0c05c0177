// How long the event loop of this process was held up by work of this process: a pause in which the
// system gave the processor to somebody else is none of ours.

const TICK_MS = 2

export class Stalls {
  readonly #timer: NodeJS.Timeout
  #lastMs: number = performance.now()
  #usage: NodeJS.CpuUsage = process.cpuUsage()
  /** Longest so far. */
  worstMs = 0

  constructor() {
    this.#timer = setInterval(() => this.#look(), TICK_MS)
  }

  stop(): number {
    clearInterval(this.#timer)
    this.#look()
    return this.worstMs
  }

  #look(): void {
    const nowMs = performance.now()
    const { user, system } = process.cpuUsage(this.#usage)
    this.worstMs = Math.max(this.worstMs, Math.min(nowMs - this.#lastMs, (user + system) / 1_000))
    this.#lastMs = nowMs
    this.#usage = process.cpuUsage()
  }
}
