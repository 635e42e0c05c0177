// What the views are told after a decision: of instances that were judged, of services any of whose
// instances were, and of everybody when the decision said something, because guards and incidents
// may have changed for any of them.
import type { InstanceId, ServiceId } from '../../contracts/ids.ts'
import type { Health, HealthScore } from '../../contracts/records.ts'
import { guardLimitsOf } from '../decision/documents.ts'
import { overlay } from '../decision/healing.ts'
import { reasonOf, recentFlips, standing } from '../health/health.ts'
import { probedMs } from '../health/traffic.ts'
import { promisedPeriodMs } from '../health/vital.ts'
import { present } from '../kernel/assert.ts'
import { BEHAVIOUR_JUDGEMENT, BEHAVIOUR_WINDOWS } from '../kernel/behaviour.ts'
import type { Figures } from '../kernel/facts.ts'
import { MARKS } from '../kernel/slots.ts'
import type { Entry } from '../registry/entry.ts'
import { ALONE_MAX } from '../registry/laws.ts'
import type { Output } from '../kernel/step.ts'
import type { Group } from './group.ts'
import { ATTENDED, TOLD, TOLD_SKEWED, UNTOLD, WAITING } from './marks.ts'
import type { ServiceState } from './service-state.ts'
import type { Subject } from './subject.ts'
import type { Climbing, Others, Telling } from './telling.ts'
import { routing } from './views.ts'

/** A finding's name in the view for an agent whose clock is not believed (S0-25). */
const CLOCK_SKEW = 'clock_skew'
/** Findings of the registry's, told in the view: they are no reason to act. */
const FLAPPING = 'flapping'
const ISLAND = 'island'
const LEASE_SHORT = 'lease_short'
const BEATS_PER_LEASE = 3
const WORDS: Readonly<Record<string, string>> = {
  deregistered: 'it was deregistered',
  ttl_expired: 'its lease ran out: it was not heard for the whole of it',
  admission: 'many register at once: it stands by until it is admitted',
}

/**
 * Tells the views what is new; `everybody`: guards and incidents may have changed for any of them.
 */
export function tellViews(state: ServiceState, everybody: boolean): void {
  const mayWait = state.healing.behaviour >= BEHAVIOUR_WINDOWS
  for (const group of state.services()) {
    const subjects = everybody ? group.ordered() : group.judged
    const places = group.slotsOf(subjects)
    for (let i = 0; i < subjects.length; i++) {
      const subject = subjects[i]
      if (subject === undefined || (mayWait && !everybody && waits(state, places[i] ?? 0))) continue
      if (everybody || subject.has(ATTENDED)) subject.mark(UNTOLD, true)
      if (mayWait) tellOrWait(state, subject)
      else state.views.tell(new InstanceTelling(state, subject), state.nowMs)
    }
    if (!everybody && subjects.length === 0 && group.subjects.size > 0) continue
    if (mayWait) tellServiceOrWait(state, group)
    else state.views.tell(serviceTelling(state, group), state.nowMs)
  }
}

/**
 * Records of the views. While a reader is behind nobody is told figures: those of long ago are of
 * use to nobody, and as many would be written as read.
 */
export function takeViews(state: ServiceState, behind: boolean): readonly Output[] {
  const { views, nowMs } = state
  if (behind && state.healing.behaviour >= BEHAVIOUR_WINDOWS) return views.take(nowMs, null)
  return views.take(nowMs, ({ service, instance }) => {
    if (instance === null) return serviceTelling(state, state.group(service))
    const subject = present(state.find(service, instance), 'whose figures wait')
    subject.mark(WAITING, false)
    return new InstanceTelling(state, subject)
  })
}

/** Whether nothing but figures of it may be new, and they wait already. */
function waits({ admission, slots }: ServiceState, slot: number): boolean {
  const marks = slots.word(slot, MARKS) & (TOLD | WAITING | UNTOLD | ATTENDED | TOLD_SKEWED)
  return marks === (TOLD | WAITING) && !admission.hasSkews
}

/** Of one that is quiet nothing is new but figures, which needs no look at what was told. */
function tellOrWait(state: ServiceState, subject: Subject): void {
  const isSkewed = hasSkew(state, subject)
  const { told } = subject
  if (told !== null && !subject.has(UNTOLD) && isSkewed === subject.has(TOLD_SKEWED)) {
    if (!subject.has(WAITING)) state.views.wait(told)
    subject.mark(WAITING, true)
    return
  }
  subject.mark(WAITING, false)
  subject.told = state.views.tellOrWait(new InstanceTelling(state, subject), state.nowMs)
  subject.mark(TOLD_SKEWED, isSkewed)
  subject.mark(UNTOLD, false)
}

function tellServiceOrWait(state: ServiceState, group: Group): void {
  const { told } = group
  const { health, routable } = standingOf(state, group)
  if (told?.health === health && told.routable === routable) state.views.wait(told.view)
  else {
    const view = state.views.tellOrWait(serviceTelling(state, group), state.nowMs)
    group.told = { view, health, routable }
  }
}

function hasSkew(state: ServiceState, { entry }: Subject): boolean {
  const { admission } = state
  return admission.hasSkews && entry.agent !== null && admission.isSkewed(entry.agent)
}

/** What is to be told of an instance as it is. */
class InstanceTelling implements Telling {
  readonly service: ServiceId
  readonly instance: InstanceId
  readonly incarnation: number
  readonly health: Health
  readonly sinceMs: number
  readonly reason: string
  readonly routable: boolean
  readonly weightPercent: number
  readonly guard: string | null
  readonly window: Figures
  readonly signals: readonly string[]
  readonly incidentId: Telling['incidentId']
  readonly climbing: Climbing | null
  readonly score: HealthScore | null
  private readonly state: ServiceState
  private found: Others | null | undefined

  constructor(state: ServiceState, subject: Subject) {
    const { entry, vital } = subject
    const guards = overlay(state.healing, vital.service, vital.instance)
    const ready = entry.lifecycle === 'ready' || entry.lifecycle === 'unknown'
    const { routable, weightPercent } = routing(vital.health, ready, guards)
    const signals: string[] = standing(vital).map(({ detector }) => detector)
    for (const { detector } of vital.notes) signals.push(detector)
    if (hasSkew(state, subject)) signals.push(CLOCK_SKEW)
    this.climbing = climbingOf(state, subject, routable)
    if (this.climbing !== null) {
      if (this.climbing.flapping) signals.push(FLAPPING)
      if (isIsland(state, subject)) signals.push(ISLAND)
      if (hasShortLease(subject)) signals.push(LEASE_SHORT)
    }
    this.service = vital.service
    this.instance = vital.instance
    this.incarnation = vital.incarnation
    this.health = vital.health
    this.sinceMs = vital.healthSinceMs
    this.reason = whyNot(state, entry) ?? reasonOf(vital)
    this.routable = routable
    this.weightPercent = weightPercent
    this.guard = guards.guard
    this.window = state.figuresOf(subject)
    this.signals = signals
    this.incidentId = guards.incidentId
    this.score = vital.sense?.scored ?? null
    this.state = state
  }

  /** Only who writes it asks, and at once. */
  get others(): Others | null {
    this.found ??= othersOf(this.state, this.service, this.instance)
    return this.found
  }
}

/** From BEHAVIOUR_JUDGEMENT on; null: traffic follows from health alone. */
function climbingOf(state: ServiceState, subject: Subject, routable: boolean): Climbing | null {
  if (state.healing.behaviour < BEHAVIOUR_JUDGEMENT) return null
  const { vital, counted } = subject
  const limits = state.limits(vital.service)
  const group = state.group(vital.service)
  // The only one to route to is not made to wait.
  const isAlone = group.routable <= (counted?.routable === true ? 1 : 0)
  return {
    health: vital.health,
    routable,
    probedMs: isAlone ? null : probedMs(vital, limits),
    slowStartMs: limits.slowStartMs,
    recoverMs: limits.recoverMs,
    flapping: isFlapping(state, subject),
  }
}

/** Why no traffic goes there, where the registry says so, from BEHAVIOUR_JUDGEMENT on. */
function whyNot({ healing }: ServiceState, { why }: Entry): string | null {
  if (why === null || healing.behaviour < BEHAVIOUR_JUDGEMENT) return null
  return WORDS[why] ?? why
}

/** S3-01: so many changes in ten minutes; the guard of the same name keeps hands off it. */
function isFlapping({ healing, nowMs }: ServiceState, { vital }: Subject): boolean {
  if (vital.flipsMs.length === 0) return false
  const { flapTransitions } = guardLimitsOf(healing.documents, vital.service)
  return recentFlips(vital, nowMs) >= flapTransitions
}

/** S3-01: its agent reaches nobody else, while others are heard here. */
function isIsland({ sources }: ServiceState, { entry }: Subject): boolean {
  return entry.alone >= ALONE_MAX && sources.size > 1
}

/** C-02: a lease shorter than three promised beats ends at the first delay. */
function hasShortLease({ entry, vital }: Subject): boolean {
  const ttlMs = entry.leaseTtlMs
  return ttlMs !== null && ttlMs < BEATS_PER_LEASE * promisedPeriodMs(vital)
}

function serviceTelling(state: ServiceState, group: Group): Telling {
  const { service, live } = group
  const { health, routable } = standingOf(state, group)
  const sinceMs = state.views.serviceSince(service, health, state.nowMs)
  return {
    service,
    instance: null,
    incarnation: 0,
    health,
    sinceMs,
    reason: live === 0 ? 'no instances known' : `${group.healths.healthy} of ${live} healthy`,
    routable,
    weightPercent: routable ? 100 : 0,
    guard: null,
    window: group.window,
    others: othersOf(state, service, null),
    signals: [],
    incidentId: null,
    climbing: null,
    score: null,
  }
}

function standingOf(
  state: ServiceState,
  group: Group,
): { readonly health: Health; readonly routable: boolean } {
  if (group.live > 0) return { health: together(group.healths), routable: isRoutable(state, group) }
  const health = state.registry.find(group.service, null)?.announced ?? 'unknown'
  return { health, routable: health !== 'unhealthy' }
}

/** Of an instance, or of the service as a whole. */
function othersOf(
  { healing, windows }: ServiceState,
  service: string,
  instance: string | null,
): Others | null {
  if (healing.behaviour < BEHAVIOUR_WINDOWS) return null
  const figures = (span: 10_000 | 300_000): Figures =>
    instance === null ? windows.service(service, span) : windows.instance(service, instance, span)
  return { short: figures(10_000), long: figures(300_000) }
}

/** Any instance is. An incident, and a mark of a plan, changes it for one instance at most. */
function isRoutable(state: ServiceState, group: Group): boolean {
  const { incidents, marks } = state.healing
  if (group.routable > incidents.size + marks.size) return true
  if (incidents.size === 0) return false
  return group.ordered().some(({ entry, vital }) => {
    if (entry.lifecycle === 'gone') return false
    const ready = entry.lifecycle === 'ready' || entry.lifecycle === 'unknown'
    const guards = overlay(state.healing, group.service, vital.instance)
    return routing(vital.health, ready, guards).routable
  })
}

/** A service is unhealthy when all its instances are, and unstable when some are not well. */
function together({ healthy, unstable, unhealthy }: Readonly<Record<Health, number>>): Health {
  const known = healthy + unstable + unhealthy
  if (known === 0) return 'unknown'
  if (healthy === known) return 'healthy'
  return unhealthy === known ? 'unhealthy' : 'unstable'
}
