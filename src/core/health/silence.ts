// Who was heard when, and whether the partition as a whole went deaf. Silence of one is a sign;
// silence of all at once is blindness, and nothing follows from it (DESIGN.md section 5 and law 7).
import type { ImageReader, ImageWriter } from '../kernel/image.ts'

/** Reading further behind the log's time than this is blindness too. */
export const ASOF_STALE_MS = 5_000
/** A source unheard for so much longer than the newest one is no source any more. */
const FORGET_MS = 600_000

/** Sources told apart; more are not heard. */
const SOURCES_MAX = 4_096

interface SourceState {
  heardAtMs: number
  /** Silence of this length is a sign. */
  limitMs: number
}

export interface Hearing {
  /** Log time up to which silence may be judged; null = not at all. */
  readonly horizonMs: number | null
  /** Nobody counts as unheard from before this time. */
  readonly floorMs: number
  readonly blind: boolean
}

export class Sources {
  private readonly agents = new Map<string, SourceState>()
  private floorMs = 0
  private blind = false
  private wasBehind = true

  heard(agent: string, atMs: number, limitMs: number): void {
    const known = this.agents.get(agent)
    if (known === undefined) {
      if (this.agents.size < SOURCES_MAX) this.agents.set(agent, { heardAtMs: atMs, limitMs })
    } else {
      known.heardAtMs = Math.max(known.heardAtMs, atMs)
      known.limitMs = limitMs
    }
  }

  /** When the agent was heard last, or null. */
  heardAtMs(agent: string): number | null {
    return this.agents.get(agent)?.heardAtMs ?? null
  }

  /** The agent was heard within its limit, as far as can be told. */
  isAlive(agent: string | null, nowMs: number): boolean {
    const source = agent === null ? undefined : this.agents.get(agent)
    return source !== undefined && nowMs - source.heardAtMs < source.limitMs
  }

  /**
   * Judges the step. `reachedMs`: log time up to which telemetry and signals have both been read,
   * null = unknown. After reading has caught up, and after blindness, silence counts from that
   * moment on: a fleet that comes back after ten minutes has not been silent for ten minutes.
   */
  assess(nowMs: number, reachedMs: number | null, behind: boolean): Hearing {
    if (behind) {
      this.wasBehind = true
      this.blind = false
      return { horizonMs: null, floorMs: this.floorMs, blind: false }
    }
    if (reachedMs === null || nowMs - reachedMs > ASOF_STALE_MS) {
      return { horizonMs: null, floorMs: this.floorMs, blind: true }
    }
    if (this.wasBehind) this.floorMs = Math.max(this.floorMs, reachedMs)
    this.wasBehind = false
    this.forgetOld()
    const blind = this.allSilent(reachedMs)
    if (blind || this.blind) this.floorMs = Math.max(this.floorMs, reachedMs)
    this.blind = blind
    return { horizonMs: blind ? null : reachedMs, floorMs: this.floorMs, blind }
  }

  get size(): number {
    return this.agents.size
  }

  save(to: ImageWriter): void {
    to.number(this.floorMs).flag(this.blind).flag(this.wasBehind).int(this.agents.size)
    for (const [agent, { heardAtMs, limitMs }] of this.agents) {
      to.text(agent).number(heardAtMs).number(limitMs)
    }
  }

  /** Into an empty one. */
  load(from: ImageReader): void {
    this.floorMs = from.number()
    this.blind = from.flag()
    this.wasBehind = from.flag()
    for (let left = from.count(); left > 0; left--) {
      this.agents.set(from.text(), { heardAtMs: from.number(), limitMs: from.number() })
    }
  }

  /**
   * At least two sources that were heard together are silent for half their limits. Half, so that
   * the first of them to reach its limit is not taken for a single fault.
   */
  private allSilent(reachedMs: number): boolean {
    const newestMs = this.newestMs()
    let together = 0
    for (const { heardAtMs, limitMs } of this.agents.values()) {
      if (heardAtMs < newestMs - limitMs) continue
      if (reachedMs - heardAtMs < limitMs / 2) return false
      together += 1
    }
    return together >= 2
  }

  private newestMs(): number {
    let newestMs = 0
    for (const { heardAtMs } of this.agents.values()) newestMs = Math.max(newestMs, heardAtMs)
    return newestMs
  }

  private forgetOld(): void {
    const oldestMs = this.newestMs() - FORGET_MS
    for (const [agent, { heardAtMs }] of this.agents) {
      if (heardAtMs < oldestMs) this.agents.delete(agent)
    }
  }
}
