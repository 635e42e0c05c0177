// Judgement of a step: of the instances that were touched, those that must be judged are, and facts
// are made of it for healing. Who is well, and of whom only counts have changed, is judged the
// short way.
import type { DetectorLimits } from '../../contracts/limits.ts'
import { type DetectorInput, silenceLimitMs } from '../health/detectors.ts'
import { FLIPS_SPAN_MS, judge } from '../health/health.ts'
import { areEnough, areGood, isCalm } from '../health/quiet.ts'
import { ASOF_STALE_MS, type Hearing } from '../health/silence.ts'
import type { Vital } from '../health/vital.ts'
import { BEHAVIOUR_WINDOWS } from '../kernel/behaviour.ts'
import type { Facts, InstanceFacts } from '../kernel/facts.ts'
import {
  DOUBLES,
  HEARD_MS,
  MARKS,
  NEXT_MS,
  QUEUED_MS,
  SENSE_SEC,
  SILENCE_MS,
  type Slots,
  SOURCE,
  SOURCE_GENERATION,
  WORDS,
} from '../kernel/slots.ts'
import type { Step } from '../kernel/step.ts'
import { lifecycleOf } from '../registry/entry.ts'
import { readsFor } from './alerting.ts'
import { compareConfigurations, intendedOf } from './configurations.ts'
import type { Group } from './group.ts'
import { comparePeers } from './peers.ts'
import {
  ATTENDED,
  CALM,
  DIRTY,
  FAILING,
  FLIPPED,
  HANGS,
  HEARD,
  JUDGED,
  MOVED,
  SENSED,
  UNKNOWN,
  UNTOLD,
} from './marks.ts'
import type { ServiceState } from './service-state.ts'
import { hangsOnEviction, isLeaving, type Subject, SubjectFacts } from './subject.ts'

const NEVER: number = Number.POSITIVE_INFINITY
/** The window that judges. */
const JUDGED_MS = 60_000
const PEOPLES_TOPICS = ['policies', 'operator'] as const
const NOBODY: readonly Subject[] = []
const NO_FACTS: readonly InstanceFacts[] = []

/** Policies, incidents or alerts may ask about it. */
const NEWS: number = MOVED | ATTENDED | SENSED

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
  state.windows.takeChangedRows((row) => state.rowChanged(row), span)
}

/** Whether a raw health changed. */
function judgeGroup(state: ServiceState, group: Group, hearing: Hearing): boolean {
  if (group.peersDue) comparePeers(state, group)
  if (group.configDue) compareConfigurations(state, group)
  const touched = group.takeTouched()
  group.judged = NOBODY
  group.due = NO_FACTS
  if (touched.length === 0 && !group.changed) return false
  const reads = (group.reads ??= readsFor(state, group.service))
  const quietness = { limits: (group.limits ??= state.limits(group.service)), hearing }
  const { slots } = state
  const places = group.slotsOf(touched)
  let changed = false
  /** null: all that were touched, so far. */
  let judged: Subject[] | null = null
  const due: InstanceFacts[] = []
  for (let i = 0; i < touched.length; i++) {
    const subject = touched[i]
    const slot = places[i] ?? 0
    if (subject === undefined) continue
    if (isDue(slots, slot, state.nowMs)) {
      if (!staysQuiet(state, slot, subject, quietness)) {
        changed = judgeFully(state, group, { subject, hearing }) || changed
      }
      if (isSooner(slots, slot)) state.judged(subject)
      judged?.push(subject)
    } else judged ??= touched.slice(0, i)
    const marks = slots.word(slot, MARKS)
    if ((marks & (MOVED | SENSED)) !== 0) slots.setMark(slot, MOVED | SENSED, false)
    const isOf = (marks & NEWS) !== 0 || reads !== 'nothing'
    if (isOf && subject.facts !== null) due.push(subject.facts)
  }
  group.judged = judged ?? touched
  const isAll = reads === 'service' && (group.changed || group.judged.length > 0)
  group.due = isAll ? group.instances : due
  group.changed = false
  return changed
}

function isDue(slots: Slots, slot: number, nowMs: number): boolean {
  if ((slots.word(slot, MARKS) & (DIRTY | JUDGED)) !== JUDGED) return true
  return (slots.doubles[DOUBLES * slot + NEXT_MS] ?? 0) <= nowMs
}

/** It is due before the queue has it. */
function isSooner({ doubles }: Slots, slot: number): boolean {
  const at = DOUBLES * slot
  return (doubles[at + NEXT_MS] ?? 0) < (doubles[at + QUEUED_MS] ?? 0)
}

/** Judges the short way, where that will do; all it needs, as a rule, lies in the slot. */
function staysQuiet(
  state: ServiceState,
  slot: number,
  subject: Subject,
  { limits, hearing }: Quietness,
): boolean {
  const { slots, glance, windows } = state
  const { doubles, words } = slots
  const word = WORDS * slot + MARKS
  const marks = words[word] ?? 0
  if ((marks & (MOVED | CALM)) !== CALM || hearing.blind) return false
  const { latencyP99MaxUs, samplesMin } = limits
  const mayBeHigh = windows.glance(state.knownRow(slot), latencyP99MaxUs, glance)
  if ((marks & (FAILING | UNKNOWN)) === 0) {
    if (!areEnough(glance, limits)) return false
  } else if (!areGood(subject.vital, glance, limits)) return false
  const isFlipped = (marks & FLIPPED) !== 0
  const forgetsMs = isFlipped ? forgetsFlipMs(subject.vital, state.nowMs) : NEVER
  const dueMs = Math.min(senseMsOf(slots, slot), forgetsMs)
  if (dueMs <= state.nowMs) return false
  const at = DOUBLES * slot
  const heardMs = Math.max(doubles[at + HEARD_MS] ?? 0, hearing.floorMs)
  const silentMs = heardMs + (doubles[at + SILENCE_MS] ?? 0)
  if (hearing.horizonMs !== null && hearing.horizonMs >= silentMs) return false
  doubles[at + NEXT_MS] = Math.min(silentMs, dueMs)
  words[word] = (marks & ~(DIRTY | HEARD)) | (isHeard(state, slot, subject) ? HEARD : 0)
  const hangs = glance.n >= samplesMin && glance.errors > 0
  if (mayBeHigh) state.hangs(slot, hangsOnEviction(subject, latencyP99MaxUs, samplesMin))
  else if (hangs !== ((marks & HANGS) !== 0)) state.hangs(slot, hangs)
  return true
}

/** Log time at which a change that counts at `nowMs` counts no more, or Infinity. */
function forgetsFlipMs({ flipsMs }: Vital, nowMs: number): number {
  for (const atMs of flipsMs) if (atMs + FLIPS_SPAN_MS > nowMs) return atMs + FLIPS_SPAN_MS
  return NEVER
}

/** Log time, a whole second, from which on what is sensed is judged again; Infinity: never. */
function senseMsOf(slots: Slots, slot: number): number {
  const sec = slots.word(slot, SENSE_SEC)
  return sec === 0 ? NEVER : (sec >>> 0) * 1_000
}

function isHeard({ slots, sources, nowMs }: ServiceState, slot: number, subject: Subject): boolean {
  const source = slots.word(slot, SOURCE)
  return sources.isHeld(source, slots.word(slot, SOURCE_GENERATION))
    ? sources.isAliveAt(source, nowMs)
    : sources.isAlive(subject.entry.agent, nowMs)
}

function judgeFully(
  state: ServiceState,
  group: Group,
  { subject, hearing }: { subject: Subject; hearing: Hearing },
): boolean {
  const { vital, entry } = subject
  const { nowMs } = state
  const { behaviour } = state.healing
  // It may be another agent's by now.
  if (subject.source?.agent !== entry.agent) subject.source = null
  const agentHeard = isHeard(state, subject.slot, subject)
  subject.mark(HEARD, agentHeard)
  const limits = (group.limits ??= state.limits(group.service))
  const window = state.figuresOf(subject)
  const input: DetectorInput = {
    vital,
    window,
    limits,
    hearing,
    nowMs,
    behaviour,
    agentAlive: agentHeard,
    announced: { health: entry.announced, atMs: entry.announcedAtMs },
    ...(state.senses ? sensedBy(state, group, entry.agent) : null),
  }
  const exempt = isLeaving(lifecycleOf(entry))
  const { changed, nextMs, senseMs, asks } = judge(vital, input, exempt)
  if (asks) askForOpinion(state, subject)
  state.slots.setWord(subject.slot, SENSE_SEC, secondOf(senseMs))
  const isQuiet = !exempt && vital.notes.length === 0
  subject.mark(CALM, isQuiet && isCalm(vital, entry.announced, behaviour))
  subject.mark(FAILING, vital.failures !== null)
  subject.mark(UNKNOWN, vital.health === 'unknown')
  state.slots.setDouble(subject.slot, SILENCE_MS, silenceLimitMs(vital, limits))
  const forgetsMs = forgetsFlipMs(vital, state.senses ? nowMs : Number.NEGATIVE_INFINITY)
  subject.mark(FLIPPED, state.senses && forgetsMs < NEVER)
  const sensedMs = senseMsOf(state.slots, subject.slot)
  subject.nextMs = Math.min(nextMs ?? NEVER, forgetsMs, sensedMs)
  subject.mark(DIRTY, false)
  subject.mark(MOVED | UNTOLD, true)
  subject.facts = new SubjectFacts(subject, { from: state, nowMs })
  group.replaced(subject)
  group.count(subject, true)
  const { latencyP99MaxUs, samplesMin } = limits
  const facts = { window }
  state.hangs(subject.slot, hangsOnEviction({ vital, facts }, latencyP99MaxUs, samplesMin))
  return changed
}

function sensedBy(
  state: ServiceState,
  group: Group,
  agent: string | null,
): Required<Pick<DetectorInput, 'agentBackMs' | 'settings' | 'intended'>> {
  const agentBackMs = state.sources.backAtMs(agent)
  return {
    agentBackMs,
    settings: state.tuningOf(group).settings,
    intended: intendedOf(state, group),
  }
}

/** As a word of a slot; 0: never. */
function secondOf(ms: number): number {
  return ms === NEVER ? 0 : Math.ceil(ms / 1_000) | 0
}

/**
 * The second opinion (S0-29, S0-30): whoever reaches the instance from elsewhere is asked to probe
 * it, once for each doubt; its verdict comes as a signal like any other.
 */
function askForOpinion(state: ServiceState, { vital }: Subject): void {
  const { service, instance } = vital
  const summary = `probe_request: whoever reaches ${service}/${instance} is asked to probe it`
  state.healing.notices.push({ said: { event: 'note', summary }, service })
}
