// The way of a record from an agent to the log. Several troubles may lie on it at once; each says
// what becomes of a record that comes by.
import type { TopicKind } from '../../../contracts/topics.ts'
import type { Calendar } from './calendar.ts'

/** Delays after which a record arrives: none = lost, two = it arrives twice. */
export type Arrivals = readonly number[]

export interface Trouble {
  pass(topic: TopicKind): Arrivals
}

/** An undisturbed record. */
const AT_ONCE: Arrivals = [0]

export class Path {
  readonly #calendar: Calendar
  readonly #troubles = new Set<Trouble>()

  constructor(calendar: Calendar) {
    this.#calendar = calendar
  }

  get isTroubled(): boolean {
    return this.#troubles.size > 0
  }

  add(trouble: Trouble): void {
    this.#troubles.add(trouble)
  }

  remove(trouble: Trouble): void {
    this.#troubles.delete(trouble)
  }

  /** `arrive` is called for each arrival, in the next slot at the earliest. */
  send(topic: TopicKind, arrive: () => void): void {
    let arrivals = AT_ONCE
    for (const trouble of this.#troubles)
      arrivals = arrivals.flatMap((ms) => trouble.pass(topic).map((more) => ms + more))
    for (const ms of arrivals) this.#calendar.in(ms, arrive)
  }
}
