// Judgement of a step: of the instances that were touched, those that must be judged are, and facts
// are made of it for healing. Who is well, and of whom only counts have changed, is judged the short
// way.
import { readsOf } from '../decision/healing.ts'
import type { DetectorInput } from '../health/detectors.ts'
import { FLIPS_SPAN_MS, judge } from '../health/health.ts'
import { quietUntilMs } from '../health/quiet.ts'
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
  group.reads ??= readsOf(state.healing, group.service)
  let changed = false
  const judged: Subject[] = []
  const due: InstanceFacts[] = []
  for (const subject of touched) {
    if (isDue(subject, state.nowMs)) {
      changed = judgeSubject(state, group, { subject, hearing }) || changed
      judged.push(subject)
    }
    const isOf = subject.moved || subject.attended || group.reads !== 'nothing'
    subject.moved = false
    if (isOf && subject.facts !== null) due.push(subject.facts)
  }
  group.judged = judged
  const isAll = group.reads === 'service' && (group.changed || judged.length > 0)
  group.due = isAll ? group.instances : due
  group.changed = false
  return changed
}

function isDue({ dirty, nextMs, facts }: Subject, nowMs: number): boolean {
  return dirty || facts === null || (nextMs !== null && nextMs <= nowMs)
}

function judgeSubject(
  state: ServiceState,
  group: Group,
  { subject, hearing }: { subject: Subject; hearing: Hearing },
): boolean {
  const { vital, entry } = subject
  const { nowMs } = state
  const agentHeard = state.sources.isAlive(entry.agent, nowMs)
  const window = state.figuresOf(subject)
  const limits = (group.limits ??= state.limits(group.service))
  const input: DetectorInput = {
    vital,
    window,
    limits,
    hearing,
    nowMs,
    agentAlive: agentHeard,
    announced: { health: entry.announced, atMs: entry.announcedAtMs },
  }
  subject.dirty = false
  const exempt = isLeaving(entry.lifecycle)
  const quietMs = exempt || subject.facts === null ? null : quietUntilMs(input)
  let changed = false
  if (quietMs !== null && !subject.moved && subject.facts !== null) {
    subject.nextMs = quietMs
    subject.facts.window = window
    subject.facts.agentHeard = agentHeard
  } else {
    changed = judgeFully(subject, input, exempt)
    subject.moved = true
    subject.untold = true
    subject.facts = factsOf(subject, { window, agentHeard, nowMs })
    group.replaced(subject)
    group.count(subject, true)
  }
  state.hangs(subject, hangsOnEviction(subject, limits.latencyP99MaxUs, limits.samplesMin))
  state.judged(subject)
  return changed
}

function judgeFully(subject: Subject, input: DetectorInput, exempt: boolean): boolean {
  const { vital } = subject
  const { changed, nextMs } = judge(vital, input, exempt)
  const flipMs = vital.flipsMs[0]
  const forgetsMs = flipMs === undefined ? null : flipMs + FLIPS_SPAN_MS
  subject.nextMs = nextMs === null ? forgetsMs : Math.min(nextMs, forgetsMs ?? nextMs)
  return changed
}
