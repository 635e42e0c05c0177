// Who was heard when, and whether the partition as a whole went deaf. Silence of one is a sign;
// silence of all at once is blindness, and nothing follows from it (DESIGN.md section 5 and law 7).
import type { ImageReader, ImageWriter } from '../kernel/image.ts'

/** Reading further behind the log's time than this is blindness too. */
export const ASOF_STALE_MS = 5_000
/** A source unheard for so much longer than the newest one is no source any more. */
const FORGET_MS = 600_000

/** Sources told apart, more than a partition holds instances; more are not heard. */
const SOURCES_MAX = 32_768

/** One agent as it was heard; `held` ends when it is forgotten. */
export interface Source {
  readonly agent: string
  heardAtMs: number
  /** Silence of this length is a sign. */
  limitMs: number
  held: boolean
}

export interface Hearing {
  /** Log time up to which silence may be judged; null = not at all. */
  readonly horizonMs: number | null
  /** Nobody counts as unheard from before this time. */
  readonly floorMs: number
  readonly blind: boolean
}

export class Sources {
  private readonly agents = new Map<string, Source>()
  /** Log time of the newest record of any of them. */
  private newestMs = 0
  /** None of them was heard last before this. */
  private oldestMs = Number.POSITIVE_INFINITY
  private floorMs = 0
  private blind = false
  private wasBehind = true

  /** null: there are too many. */
  heard(agent: string, atMs: number, limitMs: number): Source | null {
    const source = this.agents.get(agent) ?? this.add(agent, atMs)
    if (source !== null) this.again(source, { appendMs: atMs }, limitMs)
    return source
  }

  /**
   * As `heard`, of a source that is held. The record is handed over, not its time, which would be
   * boxed.
   */
  again(source: Source, { appendMs: atMs }: { readonly appendMs: number }, limitMs: number): void {
    if (atMs > source.heardAtMs) source.heardAtMs = atMs
    if (atMs > this.newestMs) this.newestMs = atMs
    source.limitMs = limitMs
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
      this.heard(from.text(), from.number(), from.number())
    }
  }

  /**
   * At least two sources that were heard together are silent for half their limits. Half, so that
   * the first of them to reach its limit is not taken for a single fault.
   */
  private allSilent(reachedMs: number): boolean {
    const { newestMs } = this
    let together = 0
    for (const { heardAtMs, limitMs } of this.agents.values()) {
      if (heardAtMs < newestMs - limitMs) continue
      if (reachedMs - heardAtMs < limitMs / 2) return false
      together += 1
    }
    return together >= 2
  }

  private add(agent: string, atMs: number): Source | null {
    if (this.agents.size >= SOURCES_MAX) return null
    const source = { agent, heardAtMs: atMs, limitMs: 0, held: true }
    this.agents.set(agent, source)
    this.oldestMs = Math.min(this.oldestMs, atMs)
    return source
  }

  private forgetOld(): void {
    const forgetMs = this.newestMs - FORGET_MS
    if (this.oldestMs >= forgetMs) return
    this.oldestMs = Number.POSITIVE_INFINITY
    for (const [agent, source] of this.agents) {
      if (source.heardAtMs < forgetMs) {
        source.held = false
        this.agents.delete(agent)
      } else this.oldestMs = Math.min(this.oldestMs, source.heardAtMs)
    }
  }
}
