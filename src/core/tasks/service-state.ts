// The state of a service task: every stage's own, and the instances that join them.
import { DETECTOR_DEFAULTS, type DetectorLimits } from '../../contracts/limits.ts'
import { serviceId } from '../../contracts/ids.ts'
import { Alerts } from '../alert/alerts.ts'
import { Admission } from '../admit/admit.ts'
import { alertPoliciesInForce } from '../decision/documents.ts'
import { detectorLimits, type HealingState, initialHealing } from '../decision/healing.ts'
import { loadHealing, saveHealing } from '../decision/image.ts'
import { Observer } from '../fleet/observer.ts'
import type { Glance } from '../health/quiet.ts'
import { endLife, restart } from '../health/health.ts'
import type { Counted, Place } from '../health/vital.ts'
import type { Tuning } from '../health/sense.ts'
import { Sources } from '../health/silence.ts'
import { present } from '../kernel/assert.ts'
import { BEHAVIOUR_JUDGEMENT } from '../kernel/behaviour.ts'
import { grownInts } from '../kernel/grow.ts'
import type { Figures, InstanceFacts, SpanMs } from '../kernel/facts.ts'
import { FORM_JUDGEMENT, type ImageReader, type ImageWriter } from '../kernel/image.ts'
import { compareText } from '../kernel/order.ts'
import { SlotQueue } from '../kernel/slot-queue.ts'
import { GENERATION, MARKS, ROW, Slots } from '../kernel/slots.ts'
import type { CoreContext } from '../kernel/step.ts'
import type { Entry } from '../registry/entry.ts'
import { Registry } from '../registry/registry.ts'
import { Windows } from '../window/window.ts'
import { type Bound, Group } from './group.ts'
import { ATTENDED, DIRTY, HANGS, MOVED, TOUCHED, UNTOLD } from './marks.ts'
import { PeerTable } from './peer-table.ts'
import { hangsOnEviction, loadSubject, newSubject, saveSubject, Subject } from './subject.ts'
import { loadGroups, retune, saveGroups, tuningOf } from './tunings.ts'
import { Views } from './views.ts'

/** The window that health is judged by (S0-21). */
const SPAN_MS = 60_000
/** A delta or signal older than this at its arrival is late (what fits the window, counts). */
export const GRACE_MS: number = SPAN_MS
/** Services whose limits are kept at hand; records may speak of any number. */
const LIMITS_MAX = 4_096
const ROWS_FIRST = 64
const NOTED: number = DIRTY | TOUCHED

type Counting = { -readonly [K in keyof Counted]: Counted[K] }

const NOWHERE: Place = { topic: '', partition: 0, offset: 0 }

export class ServiceState {
  readonly context: CoreContext
  /** Of the entries of the registry and their subjects. */
  readonly slots: Slots = new Slots()
  readonly admission: Admission<Bound>
  readonly registry: Registry
  readonly windows: Windows
  readonly sources: Sources = new Sources()
  readonly views: Views = new Views()
  readonly healing: HealingState
  readonly observer: Observer
  readonly alerts: Alerts
  /** Log time of the step under way. */
  nowMs: number = 0
  wasBlind: boolean = false
  /** The behaviour in force is one that senses (BEHAVIOUR_JUDGEMENT on). */
  senses: boolean = false
  /** Reused for every instance that is judged. */
  readonly glance: Glance = { n: 0, errors: 0, p99Us: 0 }
  /** Reused for the counts of every delta. */
  readonly counting: Counting = { n: 0, errors: 0, eventMs: 0, place: NOWHERE }
  /** Reused for every service whose instances are compared. */
  readonly peers: PeerTable = new PeerTable()
  /** Reused for every delta whose source is known. */
  readonly beat: { appendMs: number; limitMs: number } = { appendMs: 0, limitMs: 0 }
  /** Subjects that a pane that leaves the window could change by itself. */
  hanging: number = 0
  /** Keys of the subjects that have left since the last decision. */
  left: string[] = []
  private readonly groups = new Map<string, Group>()
  /** In order; null = to be made again. */
  private order: readonly Group[] | null = null
  /** Whose rows are whose, by row; told from the windows whenever that has ended. */
  private readonly owners: (Subject | Group)[] = []
  /** Slots of those that are subjects. */
  private ownerSlots = new Int32Array(ROWS_FIRST)
  private readonly queue = new SlotQueue(this.slots)
  /** By slot. */
  private readonly subjects: (Subject | null)[] = []
  private attended: readonly Subject[] = []
  private readonly limitsOf = new Map<string, DetectorLimits>()

  constructor(context: CoreContext, healing: HealingState = initialHealing(context)) {
    this.context = context
    this.admission = new Admission(context)
    this.registry = new Registry(context.clusterId, this.slots, (service) => {
      return this.healing.behaviour < BEHAVIOUR_JUDGEMENT ? null : this.limits(service)
    })
    this.windows = new Windows({ graceMs: GRACE_MS, scale: context.scale })
    this.healing = healing
    this.observer = new Observer(healing.fleet)
    this.alerts = new Alerts(context, () => alertPoliciesInForce(healing.documents))
  }

  /** The state that `save` wrote. Errors: AssertionError, and those of ids that are none. */
  static load(context: CoreContext, from: ImageReader): ServiceState {
    const state = new ServiceState(context, loadHealing(context, from))
    state.nowMs = from.number()
    state.wasBlind = from.flag()
    state.admission.load(from)
    state.registry.load(from)
    state.windows.load(from)
    state.sources.load(from)
    state.views.load(from)
    state.observer.load(from)
    if (from.form >= FORM_JUDGEMENT) state.alerts.load(from)
    for (const entry of state.registry.all()) state.join(entry, from)
    if (from.form >= FORM_JUDGEMENT) loadGroups((service) => state.group(service), from)
    return state
  }

  /** Between two steps. Facts, orders and limits follow from the rest and are not written. */
  save(to: ImageWriter): void {
    saveHealing(this.healing, to)
    to.number(this.nowMs).flag(this.wasBlind)
    this.admission.save(to)
    this.registry.save(to)
    this.windows.save(to)
    this.sources.save(to)
    this.views.save(to)
    this.observer.save(to)
    if (to.form >= FORM_JUDGEMENT) this.alerts.save(to)
    for (const { service, instance } of this.registry.all()) {
      if (instance === null) continue
      saveSubject(present(this.find(service, instance), 'the subject of an entry'), to)
    }
    if (to.form >= FORM_JUDGEMENT) saveGroups(this.services(), to)
  }

  advance(nowMs: number): void {
    this.nowMs = nowMs
    this.senses = this.healing.behaviour >= BEHAVIOUR_JUDGEMENT
    this.admission.judges = this.senses
    this.admission.advance(nowMs)
    this.windows.advance(nowMs)
  }

  limits(service: string): DetectorLimits {
    let limits = this.limitsOf.get(service)
    if (limits === undefined) {
      if (this.limitsOf.size >= LIMITS_MAX) this.limitsOf.clear()
      limits = { ...DETECTOR_DEFAULTS, ...detectorLimits(this.healing, serviceId(service)) }
      this.limitsOf.set(service, limits)
    }
    return limits
  }

  /** Of the service, as its policies say. */
  readonly tuningOf = (group: Group): Tuning => tuningOf(this, group)

  /** Policies changed: limits are asked for again and everybody is judged by them. */
  policiesChanged(): void {
    this.limitsOf.clear()
    this.alerts.rulesChanged()
    for (const group of this.groups.values()) {
      group.limits = null
      group.reads = null
      retune(this, group)
    }
    this.allDirty()
  }

  allDirty(): void {
    for (const { subjects } of this.groups.values()) {
      for (const subject of subjects.values()) this.changed(subject)
    }
  }

  /** Everybody is looked at in this step, whether anything speaks for it or not. */
  touchAll(): void {
    for (const group of this.groups.values()) {
      group.changed = true
      for (const subject of group.subjects.values()) {
        subject.mark(MOVED | UNTOLD, true)
        group.touch(subject)
      }
    }
  }

  /** Touches whoever time or the last decision speaks of. */
  touchDue(): void {
    const due: number[] = []
    this.queue.take(this.nowMs, due)
    for (const slot of due) {
      const subject = present(this.subjects[slot], 'who is due')
      this.group(subject.entry.service).touch(subject)
    }
    for (const subject of this.attended) {
      if (!subject.entry.isForgotten) this.group(subject.entry.service).touch(subject)
    }
  }

  hangs(slot: number, hangs: boolean): void {
    const before = (this.slots.word(slot, MARKS) & HANGS) !== 0
    if (before === hangs) return
    this.hanging += hangs ? 1 : -1
    this.slots.setMark(slot, HANGS, hangs)
  }

  /** The subject has been judged: its next time counts from now on. */
  judged({ slot }: Subject): void {
    this.queue.note(slot)
  }

  /** Log time before `belowMs` at which a subject has to be judged, or null. */
  nextMs(belowMs: number): number | null {
    return this.queue.earliest(belowMs)
  }

  /** Whom the last decision attends to, until the next one. */
  attend(instances: readonly InstanceFacts[]): void {
    for (const subject of this.attended) subject.mark(ATTENDED, false)
    this.attended = instances.flatMap(({ service, instance }) => {
      return this.find(service, instance) ?? []
    })
    for (const subject of this.attended) subject.mark(ATTENDED, true)
  }

  /** The row of the subject of a slot in the windows, made when there is none. */
  rowOf(slot: number, subject: Subject): number {
    const row = this.knownRow(slot)
    if (row !== 0) return row
    const { vital } = subject
    return this.own(subject, this.windows.instanceRow(vital.service, vital.instance))
  }

  /** The row of the subject of a slot in the windows, 0 when it is not known. */
  knownRow(slot: number): number {
    const row = this.slots.word(slot, ROW)
    return this.windows.isCurrent(row, this.slots.word(slot, GENERATION)) ? row : 0
  }

  figuresOf({ slot, vital }: Subject, spanMs: SpanMs = 60_000): Figures {
    const row = this.knownRow(slot)
    if (row !== 0) return this.windows.figures(row, spanMs)
    return this.windows.instance(vital.service, vital.instance, spanMs)
  }

  serviceRowOf(group: Group): number {
    if (this.windows.isCurrent(group.row, group.generation)) return group.row
    return this.own(group, this.windows.serviceRow(group.service))
  }

  /** What the row counts has changed: whose it is will be judged, or told, in this step. */
  rowChanged(row: number): void {
    const slot = this.ownerSlots[row] ?? 0
    // Nearly always: it counted in this step.
    const marks = this.knownRow(slot) === row ? this.slots.word(slot, MARKS) : 0
    if ((marks & NOTED) === NOTED) return
    const owner = this.ownerOf(row)
    if (owner instanceof Group) owner.changed = true
    else if (owner !== null) this.counted(owner)
  }

  /** Whose row it is; null: an edge's, or of somebody who is not known here. */
  private ownerOf(row: number): Subject | Group | null {
    const held = this.owners[row]
    if (held !== undefined && this.owns(held, row)) return held
    if (this.windows.isEdge(row)) return null
    const { service, instance } = this.windows.keyOf(row)
    const group = this.groups.get(service)
    const owner = instance === null ? group : group?.subjects.get(instance)
    if (owner === undefined) return null
    this.own(owner, row)
    return owner
  }

  private owns(owner: Subject | Group, row: number): boolean {
    if (owner instanceof Subject) return this.knownRow(owner.slot) === row
    return owner.row === row && this.windows.isCurrent(row, owner.generation)
  }

  private own(owner: Subject | Group, row: number): number {
    const generation = this.windows.generation(row)
    this.owners[row] = owner
    if (row >= this.ownerSlots.length) this.ownerSlots = grownInts(this.ownerSlots, 2 * row)
    this.ownerSlots[row] = owner instanceof Subject ? owner.slot : 0
    if (owner instanceof Subject) {
      this.slots.setWord(owner.slot, ROW, row)
      this.slots.setWord(owner.slot, GENERATION, generation)
    } else {
      owner.row = row
      owner.generation = generation
    }
    return row
  }

  /** The subject of a registry entry of an instance, made when there is none. */
  subjectOf(entry: Entry): Subject {
    const group = this.group(entry.service)
    const held = group.subjects.get(entry.instance ?? '')
    if (held !== undefined) return held
    const subject = newSubject(entry, entry.registeredAtMs, this.slots)
    this.subjects[subject.slot] = subject
    group.subjects.set(entry.instance ?? '', subject)
    group.touch(subject)
    group.remade()
    return subject
  }

  find(service: string, instance: string): Subject | undefined {
    return this.groups.get(service)?.subjects.get(instance)
  }

  /** Whether nothing is left of the service. */
  forget(entry: Entry): boolean {
    const group = this.groups.get(entry.service)
    if (group === undefined) return false
    const subject = group.subjects.get(entry.instance ?? '')
    if (subject !== undefined) {
      group.subjects.delete(entry.instance ?? '')
      group.count(subject, false)
      if (subject.has(HANGS)) this.hanging -= 1
      this.queue.forget(subject.slot)
      this.subjects[subject.slot] = null
      subject.leave()
      this.left.push(subject.key)
      group.remade()
    }
    this.windows.reset(entry.service, entry.instance ?? '')
    if (group.subjects.size > 0 || this.registry.find(entry.service, null) !== undefined) {
      return false
    }
    this.groups.delete(entry.service)
    group.row = 0
    this.order = null
    this.limitsOf.delete(entry.service)
    return true
  }

  /** A new incarnation begins: what was known of the one before is forgotten. */
  renew(subject: Subject): void {
    const { entry, vital } = subject
    this.windows.reset(entry.service, entry.instance ?? '')
    if (this.healing.behaviour >= BEHAVIOUR_JUDGEMENT) endLife(vital, this.nowMs)
    restart(vital, entry.incarnation, this.nowMs)
    this.changed(subject)
  }

  /** The subject must be judged in this step. */
  changed(subject: Subject): void {
    subject.mark(MOVED, true)
    this.counted(subject)
  }

  /** As `changed`, where nothing but its counts and the time it was heard has changed. */
  counted(subject: Subject): void {
    subject.mark(DIRTY, true)
    if (!subject.has(TOUCHED)) this.group(subject.entry.service).touch(subject)
  }

  /** The figures of a service have changed. */
  serviceChanged(service: string): void {
    const group = this.groups.get(service)
    if (group !== undefined) group.changed = true
  }

  /** Services in order. */
  services(): readonly Group[] {
    this.order ??= [...this.groups.values()].sort((a, b) => compareText(a.service, b.service))
    return this.order
  }

  /** Notes a service that has no instances yet. */
  group(service: string): Group {
    let group = this.groups.get(service)
    if (group === undefined) {
      group = new Group(serviceId(service), this.slots, (spanMs) => {
        return this.windows.service(service, spanMs)
      })
      this.groups.set(service, group)
      this.order = null
    }
    return group
  }

  /** An entry of an image: its service, and the subject that is written of it. */
  private join(entry: Entry, from: ImageReader): void {
    const group = this.group(entry.service)
    if (entry.instance === null) return
    const tuning = (): Tuning => this.tuningOf(group)
    const subject = loadSubject(entry, this.slots, from, { figures: this, tuning })
    group.subjects.set(entry.instance, subject)
    this.subjects[subject.slot] = subject
    this.own(subject, this.windows.find(entry.service, entry.instance))
    const { latencyP99MaxUs, samplesMin } = this.limits(entry.service)
    this.hangs(subject.slot, hangsOnEviction(subject, latencyP99MaxUs, samplesMin))
    group.count(subject, true)
    group.touch(subject)
    this.queue.note(subject.slot)
  }
}
