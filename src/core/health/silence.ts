// Who was heard when, and whether the partition as a whole went deaf. Silence of one is a sign;
// silence of all at once is blindness, and nothing follows from it (DESIGN.md section 5 and law 7).
import { grownDoubles, grownInts } from '../kernel/grow.ts'
import { FORM_JUDGEMENT, type ImageReader, type ImageWriter } from '../kernel/image.ts'

/** Reading further behind the log's time than this is blindness too. */
export const ASOF_STALE_MS = 5_000
/** A source unheard for so much longer than the newest one is no source any more. */
const FORGET_MS = 600_000

/** Sources told apart, more than a partition holds instances; more are not heard. */
const SOURCES_MAX = 32_768

/** One agent as it was heard, in a place that is its own as long as it is of this generation. */
export interface Source {
  readonly agent: string
  readonly place: number
  readonly generation: number
}

/** A record of a source. */
export interface Beat {
  readonly appendMs: number
  readonly limitMs: number
}

/** What `Sources` holds of a place, side by side: when it was heard, and its limit. */
const HEARD = 0
/** Silence of this length is a sign. */
const LIMIT = 1
/** When it was heard again after such a silence. */
const BACK = 2
const STRIDE = 3
const PLACES_FIRST = 64

export interface Hearing {
  /** Log time up to which silence may be judged; null = not at all. */
  readonly horizonMs: number | null
  /** Nobody counts as unheard from before this time. */
  readonly floorMs: number
  readonly blind: boolean
}

export class Sources {
  private readonly agents = new Map<string, Source>()
  private times = new Float64Array(STRIDE * PLACES_FIRST)
  /** By place. */
  private generations = new Int32Array(PLACES_FIRST)
  private readonly free: number[] = []
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
    if (source !== null) this.again(source.place, { appendMs: atMs, limitMs })
    return source
  }

  /** Whether the place is still that of the source that had it in this generation. */
  isHeld(place: number, generation: number): boolean {
    return this.generations[place] === generation
  }

  /**
   * As `heard`, of a source that is held. Its times are handed over in an object that can be used
   * again; alone they would be boxed.
   */
  again(place: number, { appendMs: atMs, limitMs }: Beat): void {
    const { times } = this
    const at = STRIDE * place
    const heardMs = times[at + HEARD] ?? 0
    if (atMs > heardMs) {
      if (atMs - heardMs >= (times[at + LIMIT] ?? 0)) times[at + BACK] = atMs
      times[at + HEARD] = atMs
    }
    if (atMs > this.newestMs) this.newestMs = atMs
    times[at + LIMIT] = limitMs
  }

  /** When the agent was heard last, or null. */
  heardAtMs(agent: string): number | null {
    const source = this.agents.get(agent)
    return source === undefined ? null : this.heardOf(source)
  }

  /** Log time at which the agent was heard again after a silence; 0: it never was silent. */
  backAtMs(agent: string | null): number {
    const source = agent === null ? undefined : this.agents.get(agent)
    return source === undefined ? 0 : this.backOf(source)
  }

  /** The agent was heard within its limit, as far as can be told. */
  isAlive(agent: string | null, nowMs: number): boolean {
    const source = agent === null ? undefined : this.agents.get(agent)
    return source !== undefined && this.isAliveAt(source.place, nowMs)
  }

  /** `isAlive` of a place that is held. */
  isAliveAt(place: number, nowMs: number): boolean {
    const at = STRIDE * place
    return nowMs - (this.times[at + HEARD] ?? 0) < (this.times[at + LIMIT] ?? 0)
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

  /** At the last assessment reading had not caught up, so that silence could not be judged. */
  get isBehind(): boolean {
    return this.wasBehind
  }

  get size(): number {
    return this.agents.size
  }

  save(to: ImageWriter): void {
    to.number(this.floorMs).flag(this.blind).flag(this.wasBehind).int(this.agents.size)
    for (const [agent, source] of this.agents) {
      to.text(agent).number(this.heardOf(source)).number(this.limitOf(source))
      if (to.form >= FORM_JUDGEMENT) to.number(this.backOf(source))
    }
  }

  /** Into an empty one. */
  load(from: ImageReader): void {
    this.floorMs = from.number()
    this.blind = from.flag()
    this.wasBehind = from.flag()
    for (let left = from.count(); left > 0; left--) {
      const source = this.heard(from.text(), from.number(), from.number())
      const backMs = from.form >= FORM_JUDGEMENT ? from.number() : 0
      if (source !== null) this.times[STRIDE * source.place + BACK] = backMs
    }
  }

  /**
   * At least two sources that were heard together are silent for half their limits. Half, so that
   * the first of them to reach its limit is not taken for a single fault.
   */
  private allSilent(reachedMs: number): boolean {
    const { newestMs } = this
    let together = 0
    for (const source of this.agents.values()) {
      const heardAtMs = this.heardOf(source)
      const limitMs = this.limitOf(source)
      if (heardAtMs < newestMs - limitMs) continue
      if (reachedMs - heardAtMs < limitMs / 2) return false
      together += 1
    }
    return together >= 2
  }

  private add(agent: string, atMs: number): Source | null {
    if (this.agents.size >= SOURCES_MAX) return null
    const place = this.free.pop() ?? this.agents.size
    if (place >= this.generations.length) {
      this.generations = grownInts(this.generations, 2 * place)
      this.times = grownDoubles(this.times, STRIDE * 2 * place)
    }
    this.times[STRIDE * place + HEARD] = atMs
    this.times[STRIDE * place + LIMIT] = 0
    this.times[STRIDE * place + BACK] = 0
    const source = { agent, place, generation: this.generations[place] ?? 0 }
    this.agents.set(agent, source)
    this.oldestMs = Math.min(this.oldestMs, atMs)
    return source
  }

  private forgetOld(): void {
    const forgetMs = this.newestMs - FORGET_MS
    if (this.oldestMs >= forgetMs) return
    this.oldestMs = Number.POSITIVE_INFINITY
    for (const [agent, source] of this.agents) {
      const heardAtMs = this.heardOf(source)
      if (heardAtMs < forgetMs) {
        this.generations[source.place] = source.generation + 1
        this.free.push(source.place)
        this.agents.delete(agent)
      } else this.oldestMs = Math.min(this.oldestMs, heardAtMs)
    }
  }

  private heardOf({ place }: Source): number {
    return this.times[STRIDE * place + HEARD] ?? 0
  }

  private backOf({ place }: Source): number {
    return this.times[STRIDE * place + BACK] ?? 0
  }

  private limitOf({ place }: Source): number {
    return this.times[STRIDE * place + LIMIT] ?? 0
  }
}
