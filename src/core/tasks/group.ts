// The instances of one service as the service task holds them: who was touched since the last
// judgement, and how many are in which health, so that a step looks at those alone.
import type { ServiceId } from '../../contracts/ids.ts'
import type { DetectorLimits } from '../../contracts/limits.ts'
import type { Health } from '../../contracts/records.ts'
import type { Source } from '../health/silence.ts'
import type { Figures, InstanceFacts, ServiceFacts } from '../kernel/facts.ts'
import { compareText } from '../kernel/order.ts'
import type { Subject } from './subject.ts'
import { routing, type Told } from './views.ts'

/** From so many touched on (one in so many), the whole order is looked through. */
const SORT_BELOW = 8
const NOBODY: readonly Subject[] = []

/** What is found out once for a channel of telemetry. */
export interface Bound extends Owners {
  readonly source: Source
}

export interface Owners {
  readonly subject: Subject
  readonly group: Group
}

export class Group implements ServiceFacts {
  readonly service: ServiceId
  readonly subjects: Map<string, Subject> = new Map()
  /** Its row in the windows, as long as it is of this generation. */
  row: number = 0
  generation: number = 0
  /** Resolved limits; null: to be asked for. */
  limits: DetectorLimits | null = null
  /** What the policies in force read of its figures; null: to be asked for. */
  reads: 'nothing' | 'own' | 'service' | null = null
  /** Its figures or members changed since the last step. */
  changed: boolean = true
  /** Judged in this step, in order. */
  judged: readonly Subject[] = NOBODY
  due: readonly InstanceFacts[] = []
  /** Instances that are not gone, by health. */
  readonly healths: Record<Health, number> = { unknown: 0, healthy: 0, unstable: 0, unhealthy: 0 }
  live: number = 0
  /** Of them, those that can be routed to as far as their health and lifecycle say. */
  routable: number = 0
  /** As it was told last; null: it was not. */
  told: { readonly view: Told; readonly health: Health; readonly routable: boolean } | null = null
  private readonly figures: () => Figures
  /** The first `touchedCount` of them; the list keeps its length, to be filled again. */
  private readonly touched: Subject[] = []
  private touchedCount = 0
  /** One that was touched has left. */
  private hasLeft = false
  private order: readonly Subject[] | null = null
  private facts: InstanceFacts[] | null = null

  /** `figures`: the window of the service as it is. */
  constructor(service: ServiceId, figures: () => Figures) {
    this.service = service
    this.figures = figures
  }

  get window(): Figures {
    return this.figures()
  }

  get instances(): readonly InstanceFacts[] {
    this.facts ??= this.ordered().flatMap(({ facts }) => (facts === null ? [] : [facts]))
    return this.facts
  }

  /** Its subjects in order of instance. */
  ordered(): readonly Subject[] {
    if (this.order === null) {
      const order = [...this.subjects.values()].sort((a, b) => {
        return compareText(a.vital.instance, b.vital.instance)
      })
      order.forEach((subject, rank) => {
        subject.rank = rank
      })
      this.order = order
    }
    return this.order
  }

  /** Members came or went. */
  remade(): void {
    this.order = null
    this.facts = null
    this.changed = true
  }

  /** The facts of a subject are others than before. */
  replaced(subject: Subject): void {
    if (this.facts === null || subject.facts === null) return
    if (this.facts.length === this.ordered().length) this.facts[subject.rank] = subject.facts
    else this.facts = null
  }

  /** The subject is looked at in this step. */
  touch(subject: Subject): void {
    if (subject.touched) return
    subject.touched = true
    this.touched[this.touchedCount++] = subject
  }

  /** Those touched since the last call, in order. */
  takeTouched(): readonly Subject[] {
    const { touched, touchedCount: count } = this
    if (count === 0) return NOBODY
    this.touchedCount = 0
    const order = this.ordered()
    if (count === order.length && !this.hasLeft) {
      for (const subject of order) subject.touched = false
      return order
    }
    this.hasLeft = false
    if (count * SORT_BELOW >= order.length) return order.filter((subject) => clear(subject))
    const few = touched.slice(0, count).filter((subject) => clear(subject))
    return few.sort((a, b) => a.rank - b.rank)
  }

  /** Counts the subject as it is now; `isMember` false: as one that has left. */
  count(subject: Subject, isMember: boolean): void {
    const { entry, vital, counted } = subject
    if (counted !== null) {
      this.healths[counted.health] -= 1
      this.live -= 1
      if (counted.routable) this.routable -= 1
    }
    subject.counted = null
    if (!isMember && subject.touched) this.hasLeft = true
    if (!isMember || entry.lifecycle === 'gone') return
    const ready = entry.lifecycle === 'ready' || entry.lifecycle === 'unknown'
    const { routable } = routing(vital.health, ready, { routable: null })
    subject.counted = { health: vital.health, routable }
    this.healths[vital.health] += 1
    this.live += 1
    if (routable) this.routable += 1
  }
}

/** Whether it was touched and is still a member. */
function clear(subject: Subject): boolean {
  const { touched } = subject
  subject.touched = false
  return touched && !subject.entry.isForgotten
}
