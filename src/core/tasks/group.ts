// The instances of one service as the service task holds them: who was touched since the last
// judgement, and how many are in which health, so that a step looks at those alone.
import type { ServiceId } from '../../contracts/ids.ts'
import type { DetectorLimits } from '../../contracts/limits.ts'
import type { Tuning } from '../health/sense.ts'
import type { Health } from '../../contracts/records.ts'
import type { Figures, InstanceFacts, ServiceFacts, SpanMs } from '../kernel/facts.ts'
import { compareText } from '../kernel/order.ts'
import { MARKS, type Slots, WORDS } from '../kernel/slots.ts'
import type { Configuration } from '../signal/config-drift.ts'
import { lifecycleOf } from '../registry/entry.ts'
import { DIRTY, TOUCHED } from './marks.ts'
import type { Counted, Subject } from './subject.ts'
import { routing, type Told } from './views.ts'

/** From so many touched on (one in so many), the whole order is looked through. */
const SORT_BELOW = 8
const NOBODY: readonly Subject[] = []
const PLACES_FIRST = 16
/** How a subject may count, made once for all: not routable, and routable. */
const COUNTED = {
  unknown: countedOf('unknown'),
  healthy: countedOf('healthy'),
  unstable: countedOf('unstable'),
  unhealthy: countedOf('unhealthy'),
}

/**
 * What is found out once for a channel of telemetry; it holds for deltas of the incarnation, as
 * long as the life of the entry is the same and the source is held.
 */
export interface Bound extends Owners {
  readonly life: number
  readonly incarnation: number
  readonly source: number
  readonly sourceGeneration: number
}

export interface Owners {
  readonly subject: Subject
  /** Of the subject. */
  readonly slot: number
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
  /** Resolved settings of the named detectors; null: to be asked for. */
  tuning: Tuning | null = null
  /** A detector over series is on. */
  hasSeries: boolean = false
  /**
   * Log time from which on a delta has the instances compared with each other, and that it came.
   */
  peersAtMs: number = 0
  peersDue: boolean = false
  /** Newest version of the configuration that an instance told. */
  newestConfig: number = 0
  /** The content of a version that most of those say that run it; null: nobody told one. */
  commonHash: Configuration | null = null
  /** An instance told another configuration than before. */
  configDue: boolean = false
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
  private readonly figures: (spanMs: SpanMs) => Figures
  /** The first `touchedCount` of them; the list keeps its length, to be filled again. */
  private readonly touched: Subject[] = []
  private touchedCount = 0
  /** One that was touched has left. */
  private hasLeft = false
  private order: readonly Subject[] | null = null
  private facts: InstanceFacts[] | null = null
  private readonly slots: Slots
  /** Slots of `order`, and of others for whoever asks. */
  private orderSlots = new Int32Array(PLACES_FIRST)
  private otherSlots = new Int32Array(PLACES_FIRST)

  /** `slots`: of its subjects. `figures`: a window of the service as it is. */
  constructor(service: ServiceId, slots: Slots, figures: (spanMs: SpanMs) => Figures) {
    this.service = service
    this.slots = slots
    this.figures = figures
  }

  get window(): Figures {
    return this.figures(60_000)
  }

  over(spanMs: SpanMs): Figures {
    return this.figures(spanMs)
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
      this.orderSlots = slotsInto(this.orderSlots, order)
    }
    return this.order
  }

  /** Slots of some of its subjects, for a pass over them; they stand until the next call. */
  slotsOf(subjects: readonly Subject[]): Int32Array {
    if (subjects === this.order) return this.orderSlots
    this.otherSlots = slotsInto(this.otherSlots, subjects)
    return this.otherSlots
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
    this.mark(subject.slot, subject, 0)
  }

  /** The subject of the slot is looked at and judged in this step. */
  note(slot: number, subject: Subject): void {
    this.mark(slot, subject, DIRTY)
  }

  /** Those touched since the last call, in order. */
  takeTouched(): readonly Subject[] {
    const { touched, touchedCount: count } = this
    if (count === 0) return NOBODY
    this.touchedCount = 0
    const order = this.ordered()
    if (count === order.length && !this.hasLeft) {
      const { words } = this.slots
      for (let i = 0; i < count; i++) {
        const at = WORDS * (this.orderSlots[i] ?? 0) + MARKS
        words[at] = (words[at] ?? 0) & ~TOUCHED
      }
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
    if (!isMember && subject.has(TOUCHED)) this.hasLeft = true
    if (!isMember || lifecycleOf(entry) === 'gone') return
    const ready = entry.lifecycle === 'ready' || entry.lifecycle === 'unknown'
    const { routable } = routing(vital.health, ready, { routable: null })
    subject.counted = COUNTED[vital.health][routable ? 1 : 0]
    this.healths[vital.health] += 1
    this.live += 1
    if (routable) this.routable += 1
  }

  private mark(slot: number, subject: Subject, marks: number): void {
    const { words } = this.slots
    const at = WORDS * slot + MARKS
    const before = words[at] ?? 0
    words[at] = before | marks | TOUCHED
    if ((before & TOUCHED) === 0) this.touched[this.touchedCount++] = subject
  }
}

function countedOf(health: Health): readonly [Counted, Counted] {
  return [
    { health, routable: false },
    { health, routable: true },
  ]
}

function slotsInto(
  table: Int32Array<ArrayBuffer>,
  subjects: readonly Subject[],
): Int32Array<ArrayBuffer> {
  const { length } = subjects
  const into = length > table.length ? new Int32Array(2 * length) : table
  for (let i = 0; i < length; i++) into[i] = subjects[i]?.slot ?? 0
  return into
}

/** Whether it was touched and is still a member. */
function clear(subject: Subject): boolean {
  const isTouched = subject.has(TOUCHED)
  subject.mark(TOUCHED, false)
  return isTouched && !subject.entry.isForgotten
}
