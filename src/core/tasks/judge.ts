// Judgement of a step: of the instances that were touched, those that must be judged are, and facts
// are made of it for healing. Who is well, and of whom only counts have changed, is judged the
// short way.
import type { DetectorLimits } from '../../contracts/limits.ts'
import { readsOf } from '../decision/healing.ts'
import { type DetectorInput, silenceLimitMs } from '../health/detectors.ts'
import { FLIPS_SPAN_MS, judge } from '../health/health.ts'
import { areGood, isCalm } from '../health/quiet.ts'
import { ASOF_STALE_MS, type Hearing } from '../health/silence.ts'
import { BEHAVIOUR_WINDOWS } from '../kernel/behaviour.ts'
import type { Facts, InstanceFacts } from '../kernel/facts.ts'
import type { Step } from '../kernel/step.ts'
import { Group } from './group.ts'
import type { ServiceState } from './service-state.ts'
import { factsOf, hangsOnEviction, isLeaving, type Subject } from './subject.ts'

/** The window that judges. */
const JUDGED_MS = 60_000
const PEOPLES_TOPICS = ['policies', 'operator'] as const
const NOBODY: readonly Subject[] = []
const NO_FACTS: readonly InstanceFacts[] = []

interface Quietness {
  readonly limits: DetectorLimits
  readonly hearing: Hearing
}

export interface Judgement {
  readonly facts: Facts
  /** A raw health changed. */
  readonly changed: boolean
  /** Number of subjects judged in this step; the groups have them. */
  readonly judged: number
}

export function judgeStep(state: ServiceState, step: Step, hearing: Hearing): Judgement {
  markChangedWindows(state)
  state.touchDue()
  let changed = false
  let judged = 0
  const services = state.services()
  for (const group of services) {
    changed = judgeGroup(state, group, hearing) || changed
    judged += group.judged.length
  }
  const { left, nowMs } = state
  state.left = []
  const { seq: stepSeq } = step
  const behind = step.behind || !hasHeardPeople(step)
  const facts = { nowMs, stepSeq, behind, blind: hearing.blind, services, left }
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

function markChangedWindows(state: ServiceState): void {
  // Others than the window that judges count only where they are told.
  const span = state.healing.behaviour < BEHAVIOUR_WINDOWS ? JUDGED_MS : null
  state.windows.takeChangedRows((row) => {
    const owner = state.ownerOf(row)
    if (owner instanceof Group) owner.changed = true
    else if (owner !== null) state.counted(owner)
  }, span)
}

/** Whether a raw health changed. */
function judgeGroup(state: ServiceState, group: Group, hearing: Hearing): boolean {
  const touched = group.takeTouched()
  group.judged = NOBODY
  group.due = NO_FACTS
  if (touched.length === 0 && !group.changed) return false
  const reads = (group.reads ??= readsOf(state.healing, group.service))
  const quietness = { limits: (group.limits ??= state.limits(group.service)), hearing }
  let changed = false
  /** null: all that were touched, so far. */
  let judged: Subject[] | null = null
  const due: InstanceFacts[] = []
  for (let i = 0; i < touched.length; i++) {
    const subject = touched[i]
    if (subject === undefined) continue
    if (isDue(subject, state.nowMs)) {
      if (!staysQuiet(state, subject, quietness)) {
        changed = judgeFully(state, group, { subject, hearing }) || changed
      }
      state.judged(subject)
      judged?.push(subject)
    } else judged ??= touched.slice(0, i)
    const isOf = subject.moved || subject.attended || reads !== 'nothing'
    subject.moved = false
    if (isOf && subject.facts !== null) due.push(subject.facts)
  }
  group.judged = judged ?? touched
  const isAll = reads === 'service' && (group.changed || group.judged.length > 0)
  group.due = isAll ? group.instances : due
  group.changed = false
  return changed
}

function isDue({ dirty, nextMs, facts }: Subject, nowMs: number): boolean {
  return dirty || facts === null || nextMs <= nowMs
}

/** Judges the short way, where that will do. */
function staysQuiet(
  state: ServiceState,
  subject: Subject,
  { limits, hearing }: Quietness,
): boolean {
  if (subject.moved || !subject.calm || hearing.blind) return false
  const { vital } = subject
  const { glance } = state
  const { latencyP99MaxUs, samplesMin } = limits
  const isHigh = look(state, subject, latencyP99MaxUs)
  if (!areGood(vital, glance, limits)) return false
  const silentMs = Math.max(vital.heardAtMs, hearing.floorMs) + subject.silenceMs
  if (hearing.horizonMs !== null && hearing.horizonMs >= silentMs) return false
  subject.dirty = false
  subject.nextMs = silentMs
  const agentHeard = isHeard(state, subject)
  if (agentHeard !== subject.agentHeard) subject.agentHeard = agentHeard
  if (isHigh) state.hangs(subject, hangsOnEviction(subject, latencyP99MaxUs, samplesMin))
  else state.hangs(subject, glance.n >= samplesMin && glance.errors > 0)
  return true
}

/** Whether a latency of `limitUs` or more may be among those counted. */
function look({ windows, glance }: ServiceState, subject: Subject, limitUs: number): boolean {
  const { row, generation } = subject
  const isKnown = windows.isCurrent(row, generation)
  glance.n = isKnown ? windows.requests(row) : 0
  glance.errors = isKnown ? windows.errors(row) : 0
  const ceilingUs = isKnown ? windows.ceilingUs(row) : 0
  glance.p99Us = ceilingUs < limitUs ? ceilingUs : windows.p99Us(row)
  return ceilingUs >= limitUs
}

function isHeard({ sources, nowMs }: ServiceState, { entry, source }: Subject): boolean {
  if (source?.held === true) {
    return nowMs - source.heardAtMs < source.limitMs
  }
  return sources.isAlive(entry.agent, nowMs)
}

function judgeFully(
  state: ServiceState,
  group: Group,
  { subject, hearing }: { subject: Subject; hearing: Hearing },
): boolean {
  const { vital, entry } = subject
  const { nowMs } = state
  // It may be another agent's by now.
  if (subject.source?.agent !== entry.agent) subject.source = null
  const agentHeard = isHeard(state, subject)
  subject.agentHeard = agentHeard
  const limits = (group.limits ??= state.limits(group.service))
  const input: DetectorInput = {
    vital,
    window: state.figuresOf(subject),
    limits,
    hearing,
    nowMs,
    agentAlive: agentHeard,
    announced: { health: entry.announced, atMs: entry.announcedAtMs },
  }
  const exempt = isLeaving(entry.lifecycle)
  const { changed, nextMs } = judge(vital, input, exempt)
  subject.calm = !exempt && isCalm(vital, entry.announced)
  subject.silenceMs = silenceLimitMs(vital, limits)
  const flipMs = vital.flipsMs[0]
  const forgetsMs = flipMs === undefined ? Number.POSITIVE_INFINITY : flipMs + FLIPS_SPAN_MS
  subject.nextMs = Math.min(nextMs ?? Number.POSITIVE_INFINITY, forgetsMs)
  subject.dirty = false
  subject.moved = true
  subject.untold = true
  subject.facts = factsOf(subject, { window: () => state.figuresOf(subject), nowMs })
  group.replaced(subject)
  group.count(subject, true)
  state.hangs(subject, hangsOnEviction(subject, limits.latencyP99MaxUs, limits.samplesMin))
  return changed
}
