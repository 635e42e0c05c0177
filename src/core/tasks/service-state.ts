// The state of a service task: every stage's own, and the instances that join them.
import { DETECTOR_DEFAULTS, type DetectorLimits } from '../../contracts/limits.ts'
import { type ServiceId, serviceId } from '../../contracts/ids.ts'
import { Admission } from '../admit/admit.ts'
import { detectorLimits, type HealingState, initialHealing } from '../decision/healing.ts'
import { loadHealing, saveHealing } from '../decision/image.ts'
import { restart } from '../health/health.ts'
import { Sources } from '../health/silence.ts'
import { present } from '../kernel/assert.ts'
import type { ServiceFacts } from '../kernel/facts.ts'
import type { ImageReader, ImageWriter } from '../kernel/image.ts'
import { compareText } from '../kernel/order.ts'
import type { CoreContext } from '../kernel/step.ts'
import type { Entry } from '../registry/entry.ts'
import { Registry } from '../registry/registry.ts'
import { Windows } from '../window/window.ts'
import { loadSubject, newSubject, saveSubject, type Subject } from './subject.ts'
import { Views } from './views.ts'

/** The window that health is judged by (S0-21). */
const SPAN_MS = 60_000
/**
 * A delta older than this at its arrival is late (as long as the window: what still fits, counts);
 * so is a signal out of a spool.
 */
export const GRACE_MS: number = SPAN_MS
/** Services whose limits are kept at hand; records may speak of any number. */
const LIMITS_MAX = 4_096

/** The instances of one service. */
interface Group {
  readonly service: ServiceId
  readonly subjects: Map<string, Subject>
  /** In order of instance; null = to be made again. */
  ordered: readonly Subject[] | null
  facts: ServiceFacts | null
}

export class ServiceState {
  readonly context: CoreContext
  readonly admission: Admission
  readonly registry: Registry
  readonly windows: Windows = new Windows({ graceMs: GRACE_MS })
  readonly sources: Sources = new Sources()
  readonly views: Views = new Views()
  readonly healing: HealingState
  /** Log time of the step under way. */
  nowMs: number = 0
  wasBlind: boolean = false
  private readonly groups = new Map<string, Group>()
  private readonly limitsOf = new Map<string, DetectorLimits>()

  constructor(context: CoreContext, healing: HealingState = initialHealing(context)) {
    this.context = context
    this.admission = new Admission(context)
    this.registry = new Registry(context.clusterId)
    this.healing = healing
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
    for (const entry of state.registry.all()) state.join(entry, from)
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
    for (const { service, instance } of this.registry.all()) {
      if (instance === null) continue
      saveSubject(present(this.find(service, instance), 'the subject of an entry'), to)
    }
  }

  advance(nowMs: number): void {
    this.nowMs = nowMs
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

  /** Policies changed: limits are asked for again and everybody is judged by them. */
  policiesChanged(): void {
    this.limitsOf.clear()
    this.allDirty()
  }

  allDirty(): void {
    for (const subject of this.all()) subject.dirty = true
  }

  /** The subject of a registry entry of an instance, made when there is none. */
  subjectOf(entry: Entry): Subject {
    const group = this.group(entry.service)
    const held = group.subjects.get(entry.instance ?? '')
    if (held !== undefined) return held
    const subject = newSubject(entry, entry.registeredAtMs)
    group.subjects.set(entry.instance ?? '', subject)
    group.ordered = null
    group.facts = null
    return subject
  }

  find(service: string, instance: string): Subject | undefined {
    return this.groups.get(service)?.subjects.get(instance)
  }

  /** Whether nothing is left of the service. */
  forget(entry: Entry): boolean {
    const group = this.groups.get(entry.service)
    if (group === undefined) return false
    group.subjects.delete(entry.instance ?? '')
    group.ordered = null
    group.facts = null
    this.windows.reset(entry.service, entry.instance ?? '')
    if (group.subjects.size > 0 || this.registry.find(entry.service, null) !== undefined) {
      return false
    }
    this.groups.delete(entry.service)
    this.limitsOf.delete(entry.service)
    return true
  }

  /** A new incarnation begins: what was known of the one before is forgotten. */
  renew(subject: Subject): void {
    const { entry, vital } = subject
    this.windows.reset(entry.service, entry.instance ?? '')
    restart(vital, entry.incarnation, this.nowMs)
    this.changed(subject)
  }

  /** The subject must be judged in this step. */
  changed(subject: Subject): void {
    subject.dirty = true
  }

  /** The facts of a service must be made anew. */
  serviceChanged(service: string): void {
    const group = this.groups.get(service)
    if (group !== undefined) group.facts = null
  }

  /** Services in order. */
  services(): readonly Group[] {
    return [...this.groups.values()].sort((a, b) => compareText(a.service, b.service))
  }

  /** Subjects of a service in order of instance. */
  ordered(group: Group): readonly Subject[] {
    group.ordered ??= [...group.subjects.values()].sort((a, b) =>
      compareText(a.vital.instance, b.vital.instance),
    )
    return group.ordered
  }

  /** Notes a service that has no instances yet. */
  group(service: string): Group {
    let group = this.groups.get(service)
    if (group === undefined) {
      group = { service: serviceId(service), subjects: new Map(), ordered: null, facts: null }
      this.groups.set(service, group)
    }
    return group
  }

  /** An entry of an image: its service, and the subject that is written of it. */
  private join(entry: Entry, from: ImageReader): void {
    const { subjects } = this.group(entry.service)
    if (entry.instance === null) return
    const window = this.windows.instance(entry.service, entry.instance)
    subjects.set(entry.instance, loadSubject(entry, from, window))
  }

  private *all(): Iterable<Subject> {
    for (const { subjects } of this.groups.values()) yield* subjects.values()
  }
}
