// The windows written down from their definition alone: every delta is kept, and each question is
// answered by counting anew. Imports nothing of what it judges.

export type SpanMs = 10_000 | 60_000 | 300_000
export const SPANS_MS: readonly SpanMs[] = [10_000, 60_000, 300_000]

/** A delta as it was seen: latencies in whole microseconds with how many requests took them. */
export interface Seen {
  readonly service: string
  /** null: in the service alone. */
  readonly instance: string | null
  readonly caller: string | null
  readonly eventMs: number
  readonly appendMs: number
  readonly errors: number
  readonly latencies: readonly (readonly [us: number, count: number])[]
}

export type Answer = 'added' | 'late' | 'cut' | 'past'

interface Kept extends Seen {
  readonly sec: number
  readonly n: number
  /** The instance still counts it. */
  own: boolean
  readonly atMs: number
}

export interface Truth {
  readonly n: number
  readonly errors: number
  /** The exact nearest rank, or null. */
  readonly p99Us: number | null
  readonly maxUs: number
}

export class Oracle {
  private readonly kept: Kept[] = []
  private readonly cuts = new Map<string, number>()
  private now = -1

  advance(nowMs: number): void {
    this.now = Math.max(this.now, Math.floor(nowMs / 1_000))
  }

  add(seen: Seen): Answer {
    const { service, instance, eventMs, appendMs, latencies } = seen
    if (eventMs < appendMs - 60_000) return 'late'
    const eventSec = Math.floor(eventMs / 1_000)
    const sec = Math.min(eventSec, this.now + 60)
    const atMs = sec === eventSec ? eventMs : sec * 1_000 + 999
    const isCut = seen.caller === null && eventMs < (this.cuts.get(`${service}/${instance}`) ?? 0)
    const n = latencies.reduce((sum, [, count]) => sum + count, 0)
    this.kept.push({ ...seen, sec, n, atMs, own: !isCut })
    if (sec <= this.now - 60) return 'past'
    return isCut ? 'cut' : 'added'
  }

  cut(service: string, instance: string, atMs: number): void {
    const key = `${service}/${instance}`
    const cutMs = Math.max(this.cuts.get(key) ?? 0, atMs)
    this.cuts.set(key, cutMs)
    this.disown(service, instance, cutMs)
  }

  reset(service: string, instance: string): void {
    this.disown(service, instance, Number.POSITIVE_INFINITY)
  }

  /** `instance` null: the service as a whole. */
  truth(service: string, instance: string | null, span: SpanMs): Truth {
    const of = this.held(span).filter((one) => one.caller === null && one.service === service)
    return truthOf(of.filter((one) => instance === null || (one.own && one.instance === instance)))
  }

  edge(service: string, instance: string, caller: string, span: SpanMs): Truth {
    const isEdge = (one: Kept): boolean =>
      one.caller === caller && one.service === service && one.instance === instance
    return truthOf(this.held(span).filter(isEdge))
  }

  nextEvictionMs(span: SpanMs): number | null {
    const secs = this.held(span).map(({ sec }) => sec)
    if (secs.length === 0) return null
    const first = secs.reduce((a, b) => Math.min(a, b))
    if (span === 300_000) return (Math.floor(first / 10) + 30) * 10_000
    return first * 1_000 + span
  }

  /** What a window holds: see the head of window.ts. */
  private held(span: SpanMs): Kept[] {
    const decade = Math.floor(this.now / 10)
    return this.kept.filter(({ sec }) => {
      if (span === 300_000) return Math.floor(sec / 10) > decade - 30
      return sec > this.now - span / 1_000
    })
  }

  private disown(service: string, instance: string, beforeMs: number): void {
    for (const one of this.kept) {
      if (one.caller !== null || one.service !== service || one.instance !== instance) continue
      if (one.sec <= this.now - 60 || one.atMs < beforeMs) one.own = false
    }
  }
}

function truthOf(kept: readonly Kept[]): Truth {
  const all = kept.flatMap(({ latencies }) => latencies).sort(([a], [b]) => a - b)
  const n = kept.reduce((sum, one) => sum + one.n, 0)
  const errors = kept.reduce((sum, one) => sum + one.errors, 0)
  return { n, errors, p99Us: rank(all, Math.ceil((99 * n) / 100)), maxUs: all.at(-1)?.[0] ?? 0 }
}

function rank(sorted: readonly (readonly [number, number])[], nth: number): number | null {
  let seen = 0
  for (const [us, count] of sorted) {
    seen += count
    if (seen >= nth) return us
  }
  return null
}
