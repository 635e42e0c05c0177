// The log's time as a task sees it (DESIGN.md section 5, Time). No host clock decides anything:
//
//   estimate   append time of the last journal answer + monotonic elapsed; a lower bound of the
//              broker's clock. Append times of inputs may raise it, by DISAGREEMENT_MS at most, so
//              that one broker with a wrong clock cannot make every service look silent.
//   reached    of an input: the estimate when it is read to its end, else the append time of what
//              was read last.
//   now        least `reached` of all inputs, never going back: while one topic is still being
//              caught up, time walks with it and not with the topics that are ahead.
//   asOf       of a topic: estimate when the poll was sent that found nothing more. Sent and not
//              answered, so that a stalled process does not take its own stall for silence.
import type { TopicKind } from '../contracts/topics.ts'

/** Largest difference between host and broker with which an owner goes on (DESIGN.md section 5). */
export const DISAGREEMENT_MS = 2_000
/** An input whose unread records are younger than this is not behind: it is being read. */
const BEHIND_MS = 1_000
/** How fast two good clocks may drift apart. */
const DRIFT = 0.001

interface Reached {
  readonly topic: TopicKind
  caughtUp: boolean
  /** Largest append time read. */
  readMs: number
  asOfMs: number | null
}

export type AsOf = Readonly<Partial<Record<TopicKind, number>>>

export interface InputNews {
  readonly caughtUp: boolean
  /** Records that were sent before are still kept from us (an open transaction). */
  readonly heldBack: boolean
  /** Largest append time of the batches that came, 0 for none. */
  readonly maxAppendMs: number
  /** When the request was sent, monotonic. */
  readonly sentMs: number
}

export class LogTime {
  readonly #inputs: readonly Reached[]
  /** Log time minus monotonic time, as journal answers say; null before the first. */
  #toldMs: number | null = null
  /** The same, with what inputs have raised it by. */
  #offsetMs: number | null = null
  #answeredMs = 0
  #nowMs: number

  /** `topics`: of the inputs, in order. `nowMs`, `asOf`: where the journal ends. */
  constructor(topics: readonly TopicKind[], nowMs: number, asOf: AsOf) {
    this.#nowMs = nowMs
    this.#inputs = topics.map((topic) => ({
      topic,
      caughtUp: false,
      readMs: 0,
      asOfMs: asOf[topic] ?? null,
    }))
  }

  /** A journal answer with its append time. `reset` after the clocks had disagreed. */
  answered(appendMs: number, monotonicMs: number, reset: boolean = false): void {
    const offset = appendMs - monotonicMs
    const drift = DRIFT * (monotonicMs - this.#answeredMs)
    // A late answer says less than an earlier prompt one, so the larger bound stands.
    const kept = (known: number | null): number =>
      known === null || reset ? offset : Math.max(offset, known - drift)
    this.#toldMs = kept(this.#toldMs)
    this.#offsetMs = kept(this.#offsetMs)
    this.#answeredMs = monotonicMs
  }

  /** What a poll brought for one input. */
  read(index: number, news: InputNews, monotonicMs: number): void {
    const input = this.#inputs[index]
    if (input === undefined) return
    input.readMs = Math.max(input.readMs, news.maxAppendMs)
    input.caughtUp = news.caughtUp
    const seen = news.maxAppendMs - monotonicMs
    // Measured against the journal's word: what an input has raised must not let it raise more.
    if (this.#toldMs !== null && seen <= this.#toldMs + DISAGREEMENT_MS)
      this.#offsetMs = Math.max(this.#offsetMs ?? seen, seen)
    if (news.caughtUp && !news.heldBack) this.#advanceAsOf(input, news.sentMs)
  }

  /** An input is read again from some position: whether its end is reached is not known. */
  restarted(): void {
    for (const input of this.#inputs) input.caughtUp = false
  }

  estimate(monotonicMs: number): number {
    return this.#offsetMs === null ? this.#nowMs : Math.floor(monotonicMs + this.#offsetMs)
  }

  /** Monotonic time at which the estimate will be `logMs`. */
  monotonicAt(logMs: number): number {
    return this.#offsetMs === null ? Number.POSITIVE_INFINITY : logMs - this.#offsetMs
  }

  /** Log time of a step made now; never less than that of any step before. */
  now(monotonicMs: number): number {
    this.#nowMs = Math.max(this.#nowMs, this.#leastReached(monotonicMs))
    return this.#nowMs
  }

  behind(monotonicMs: number): boolean {
    const estimate = this.estimate(monotonicMs)
    return this.#inputs.some((input) => !input.caughtUp && estimate - input.readMs > BEHIND_MS)
  }

  asOf(): AsOf {
    const asOf: Partial<Record<TopicKind, number>> = {}
    const never = new Set<TopicKind>()
    for (const { topic, asOfMs } of this.#inputs) {
      if (asOfMs === null) never.add(topic)
      else asOf[topic] = Math.min(asOf[topic] ?? asOfMs, asOfMs)
    }
    for (const topic of never) delete asOf[topic]
    return asOf
  }

  #advanceAsOf(input: Reached, sentMs: number): void {
    if (this.#offsetMs === null) return
    input.asOfMs = Math.max(input.asOfMs ?? 0, this.estimate(sentMs))
  }

  #leastReached(monotonicMs: number): number {
    const estimate = this.estimate(monotonicMs)
    let least = estimate
    for (const input of this.#inputs) if (!input.caughtUp) least = Math.min(least, input.readMs)
    return least
  }
}

/**
 * How far the host's clock is from the broker's, ms: positive = the host is ahead. The log took the
 * record between `sentMs` and `answeredMs` of the host's wall clock, so anything in between is 0.
 */
export function disagreement(appendMs: number, sentMs: number, answeredMs: number): number {
  if (appendMs < sentMs) return sentMs - appendMs
  if (appendMs > answeredMs) return answeredMs - appendMs
  return 0
}

/** What is wrong with the host's clock, for people. */
export function disagreementText(hostAheadMs: number): string {
  const side = hostAheadMs > 0 ? 'ahead of' : 'behind'
  const seconds = (Math.abs(hostAheadMs) / 1_000).toFixed(1)
  return `the host's clock is ${seconds} s ${side} the broker's`
}
