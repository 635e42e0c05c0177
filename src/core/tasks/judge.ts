// Judgement of a step: who must be judged is, facts are made of it for healing, and views for
// everybody else.
import type { Health } from '../../contracts/records.ts'
import { overlay } from '../decision/healing.ts'
import { FLIPS_SPAN_MS, judge, reasonOf, standing } from '../health/health.ts'
import { ASOF_STALE_MS, type Hearing } from '../health/silence.ts'
import type { Facts, ServiceFacts } from '../kernel/facts.ts'
import type { Step } from '../kernel/step.ts'
import type { ServiceState } from './service-state.ts'
import { factsOf, isLeaving, type Subject } from './subject.ts'
import { routing, type Telling } from './views.ts'

const PEOPLES_TOPICS = ['policies', 'operator'] as const

/** A finding's name in the view for an agent whose clock is not believed (S0-25). */
const CLOCK_SKEW = 'clock_skew'

export interface Judgement {
  readonly facts: Facts
  /** A raw health changed. */
  readonly changed: boolean
  /** Subjects judged in this step. */
  readonly judged: ReadonlySet<Subject>
}

export function judgeStep(state: ServiceState, step: Step, hearing: Hearing): Judgement {
  markChangedWindows(state)
  let changed = false
  const judged = new Set<Subject>()
  const services: ServiceFacts[] = []
  for (const group of state.services()) {
    const subjects = state.ordered(group)
    for (const subject of subjects) {
      if (!isDue(subject, state.nowMs)) continue
      changed = judgeSubject(state, subject, hearing) || changed
      judged.add(subject)
      group.facts = null
    }
    group.facts ??= {
      service: group.service,
      window: state.windows.service(group.service),
      instances: subjects.flatMap(({ facts }) => (facts === null ? [] : [facts])),
    }
    services.push(group.facts)
  }
  const { seq: stepSeq } = step
  const behind = step.behind || !hasHeardPeople(step)
  const facts = { nowMs: state.nowMs, stepSeq, behind, blind: hearing.blind, services }
  return { facts, changed, judged }
}

/**
 * Policies and the words of operators have been read to their end a moment ago. Where they have
 * not, a hold may lie there unread, and nothing may be ordered past it.
 */
function hasHeardPeople({ asOf, nowMs }: Step): boolean {
  return PEOPLES_TOPICS.every((topic) => {
    const atMs = asOf[topic]
    return atMs !== undefined && nowMs - atMs <= ASOF_STALE_MS
  })
}

/**
 * Tells the views what is new; `everybody`: guards and incidents may have changed for any of them.
 */
export function tellViews(state: ServiceState, judgement: Judgement, everybody: boolean): void {
  for (const group of state.services()) {
    const subjects = state.ordered(group)
    let isNew = everybody || subjects.length === 0
    for (const subject of subjects) {
      if (!everybody && !judgement.judged.has(subject)) continue
      isNew = true
      state.views.tell(instanceTelling(state, subject), state.nowMs)
    }
    if (isNew) state.views.tell(serviceTelling(state, group.service, subjects), state.nowMs)
  }
}

/** Whether a pane that leaves the window could change a verdict by itself. */
export function hangsOnEviction(
  { vital, facts }: Subject,
  limitUs: number,
  least: number,
): boolean {
  if (vital.findings.has('success_rate') || vital.findings.has('latency_p99')) return true
  const window = facts?.window
  if (window === undefined || window.n < least) return false
  return window.errors > 0 || window.maxUs >= limitUs
}

function isDue({ dirty, nextMs, facts }: Subject, nowMs: number): boolean {
  return dirty || facts === null || (nextMs !== null && nextMs <= nowMs)
}

function markChangedWindows(state: ServiceState): void {
  for (const { service, instance, caller } of state.windows.takeChanged()) {
    if (caller !== null) continue
    if (instance === null) state.serviceChanged(service)
    else {
      const subject = state.find(service, instance)
      if (subject !== undefined) state.changed(subject)
    }
  }
}

function judgeSubject(state: ServiceState, subject: Subject, hearing: Hearing): boolean {
  const { vital, entry } = subject
  const { nowMs } = state
  const agentHeard = state.sources.isAlive(entry.agent, nowMs)
  const window = state.windows.instance(vital.service, vital.instance)
  const input = {
    vital,
    window,
    limits: state.limits(vital.service),
    hearing,
    nowMs,
    agentAlive: agentHeard,
    announced: { health: entry.announced, atMs: entry.announcedAtMs },
  }
  const { changed, nextMs } = judge(vital, input, isLeaving(entry.lifecycle))
  const flipMs = vital.flipsMs[0]
  const forgetsMs = flipMs === undefined ? null : flipMs + FLIPS_SPAN_MS
  subject.nextMs = nextMs === null ? forgetsMs : Math.min(nextMs, forgetsMs ?? nextMs)
  subject.dirty = false
  subject.facts = factsOf(subject, { window, agentHeard, nowMs })
  return changed
}

function instanceTelling(state: ServiceState, { entry, vital }: Subject): Telling {
  const guards = overlay(state.healing, vital.service, vital.instance)
  const ready = entry.lifecycle === 'ready' || entry.lifecycle === 'unknown'
  const signals: string[] = standing(vital).map(({ detector }) => detector)
  if (entry.agent !== null && state.admission.isSkewed(entry.agent)) signals.push(CLOCK_SKEW)
  return {
    service: vital.service,
    instance: vital.instance,
    incarnation: vital.incarnation,
    health: vital.health,
    sinceMs: vital.healthSinceMs,
    reason: reasonOf(vital),
    ...routing(vital.health, ready, guards),
    guard: guards.guard,
    window: state.windows.instance(vital.service, vital.instance),
    signals,
    incidentId: guards.incidentId,
  }
}

function serviceTelling(
  state: ServiceState,
  service: Telling['service'],
  subjects: readonly Subject[],
): Telling {
  const live = subjects.filter(({ entry }) => entry.lifecycle !== 'gone')
  const announced = state.registry.find(service, null)?.announced ?? 'unknown'
  const healths = live.map(({ vital }) => vital.health)
  const health = live.length === 0 ? announced : together(healths)
  const sinceMs = state.views.serviceSince(service, health, state.nowMs)
  const healthy = healths.filter((each) => each === 'healthy').length
  const isRoutable = live.some(({ entry, vital }) => {
    const ready = entry.lifecycle === 'ready' || entry.lifecycle === 'unknown'
    return routing(vital.health, ready, overlay(state.healing, service, vital.instance)).routable
  })
  const routable = live.length === 0 ? health !== 'unhealthy' : isRoutable
  return {
    service,
    instance: null,
    incarnation: 0,
    health,
    sinceMs,
    reason: live.length === 0 ? 'no instances known' : `${healthy} of ${live.length} healthy`,
    routable,
    weightPercent: routable ? 100 : 0,
    guard: null,
    window: state.windows.service(service),
    signals: [],
    incidentId: null,
  }
}

/** A service is unhealthy when all its instances are, and unstable when some are not well. */
function together(healths: readonly Health[]): Health {
  const known = healths.filter((health) => health !== 'unknown')
  if (known.length === 0) return 'unknown'
  if (known.every((health) => health === 'healthy')) return 'healthy'
  return known.every((health) => health === 'unhealthy') ? 'unhealthy' : 'unstable'
}
