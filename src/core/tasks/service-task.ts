// The core of a service task: records in, admit → fold → judge → heal, records out (DESIGN.md
// section 7). All that one partition knows of its services lives here; the engine calls `step` and
// journals what it said.
import type { Hearing } from '../health/silence.ts'
import { cutFailures } from '../health/vital.ts'
import { decide, type Cut, type HealingAnswer } from '../decision/healing.ts'
import { notePromise, noteStep } from '../decision/doubt.ts'
import { BEHAVIOUR_FLEET } from '../fleet/term.ts'
import { assert } from '../kernel/assert.ts'
import { BEHAVIOUR_JUDGEMENT } from '../kernel/behaviour.ts'
import type { Facts } from '../kernel/facts.ts'
import type { CoreContext, Outcome, Output, Step, TaskCore } from '../kernel/step.ts'
import { alertStep } from './alerting.ts'
import { fold } from './fold.ts'
import { observe } from './fleet-vector.ts'
import { judgeStep, type Judgement } from './judge.ts'
import { loadService, saveService } from './service-image.ts'
import { ServiceState } from './service-state.ts'
import { takeViews, tellViews } from './tell.ts'

/**
 * When something is due but cannot be judged yet (reading lags behind the log's time), look again
 * after this.
 */
const RECHECK_MS = 250

export function createServiceCore(context: CoreContext, image: Uint8Array | null): TaskCore {
  const state = image === null ? new ServiceState(context) : loadService(context, image)
  return {
    step: (step) => runStep(state, step),
    image: () => saveService(state),
    setBehaviour: (behaviour) => {
      const isFirst = state.healing.behaviour < BEHAVIOUR_JUDGEMENT
      state.healing.behaviour = behaviour
      // What an image of before does not hold is found out for everybody, restored or not.
      if (isFirst && behaviour >= BEHAVIOUR_JUDGEMENT) state.allDirty()
    },
  }
}

export function runStep(state: ServiceState, step: Step): Outcome {
  assert(
    step.nowMs >= state.nowMs,
    `log time goes forward, not from ${state.nowMs} to ${step.nowMs}`,
  )
  state.advance(step.nowMs)
  for (const slice of step.slices) {
    assert(slice.partition === state.context.partition, 'slices of the own partition')
    slice.visit((view) => fold(state, slice.topic, view))
  }
  const { judgement, answer } = judgeAndHeal(state, step)
  tellViews(state, answer.outputs.length > 0)
  const outputs: Output[] = [
    ...letters(state),
    ...registryViews(state),
    ...takeViews(state, step.behind),
    ...answer.outputs,
  ]
  if (state.healing.behaviour >= BEHAVIOUR_JUDGEMENT)
    outputs.push(...state.alerts.step(alertStep(state, step, judgement.facts, answer)))
  const judged = judgement.judged > 0 || answer.outputs.length > 0
  const observed = observe(state, step, { services: judgement.facts.services, judged })
  outputs.push(...observed.outputs)
  const wakeAtMs = answer.cuts.length > 0 ? step.nowMs + 1 : wakeAt(state, answer.wakeAtMs)
  if (state.healing.behaviour >= BEHAVIOUR_JUDGEMENT) {
    notePromise(state.healing.care.rhythm, wakeAtMs, step.behind)
  }
  return { outputs, urgent: judgement.changed || answer.urgent || observed.urgent, wakeAtMs }
}

/**
 * What follows from what was folded in, before anybody is told: who is silent or has lapsed, the
 * health of whoever has changed, and what is done about it.
 */
export function judgeAndHeal(
  state: ServiceState,
  step: Step,
): { readonly judgement: Judgement; readonly answer: HealingAnswer } {
  const { isBehind } = state.sources
  const hearing = state.sources.assess(step.nowMs, reachedMs(step), step.behind)
  expire(state, step, hearing)
  // Beats are judged up to what was read: for everybody, as soon as that is known again.
  const isBack = state.senses && isBehind && hearing.horizonMs !== null
  if (hearing.blind !== state.wasBlind || isBack) state.allDirty()
  state.wasBlind = hearing.blind
  const judgement = judgeStep(state, step, hearing)
  const answer = decide(state.healing, doubted(state, step, judgement.facts))
  for (const cut of answer.cuts) applyCut(state, cut)
  state.attend(answer.attended)
  return { judgement, answer }
}

/** The facts, with what speaks against believing what is inferred from them. */
function doubted(state: ServiceState, step: Step, facts: Facts): Facts {
  if (state.healing.behaviour < BEHAVIOUR_JUDGEMENT) return facts
  noteStep(state.healing.care.rhythm, step.nowMs, step.behind)
  const atMs = reachedMs(step)
  const lagMs = atMs === null ? null : step.nowMs - atMs
  return { ...facts, doubts: { lagMs, skewed: state.admission.hasSkews } }
}

/** Log time up to which both telemetry and signals have been read, or null. */
function reachedMs({ asOf }: Step): number | null {
  const { telemetry, signals } = asOf
  return telemetry === undefined || signals === undefined ? null : Math.min(telemetry, signals)
}

function expire(state: ServiceState, step: Step, hearing: Hearing): void {
  const { nowMs } = step
  const eventsMs = step.behind ? null : (step.asOf['service-events'] ?? null)
  const isByLaws = state.healing.behaviour >= BEHAVIOUR_JUDGEMENT
  const horizonMs = isByLaws ? earlier(eventsMs, hearing.horizonMs) : eventsMs
  const { lapsed, admitted, forgotten } = state.registry.expire(nowMs, horizonMs, hearing.floorMs)
  for (const entry of lapsed) {
    if (entry.instance !== null) state.changed(state.subjectOf(entry))
  }
  for (const entry of admitted) state.changed(state.subjectOf(entry))
  for (const entry of forgotten) {
    state.views.end(entry.service, entry.instance)
    if (state.forget(entry)) state.views.end(entry.service, null)
  }
}

/** Up to where both have been read, or null when that is not known of one. */
function earlier(aMs: number | null, bMs: number | null): number | null {
  return aMs === null || bMs === null ? null : Math.min(aMs, bMs)
}

function applyCut(state: ServiceState, { service, instance, atMs }: Cut): void {
  const subject = state.find(service, instance)
  if (subject === undefined) return
  state.windows.cut(service, instance, atMs)
  cutFailures(subject.vital, atMs)
  state.changed(subject)
}

function letters(state: ServiceState): readonly Output[] {
  return state.admission.takeLetters().map((body) => {
    return { topic: 'dlq', key: `${body.origin_topic}-${body.origin_partition}`, body }
  })
}

function registryViews(state: ServiceState): readonly Output[] {
  return state.registry.takeChanges(state.nowMs).map(({ key, body }) => {
    return { topic: 'registry', key, body }
  })
}

/** The earliest log time at which something is due although nothing comes, or null. */
function wakeAt(state: ServiceState, healingMs: number | null): number | null {
  let wakeMs = healingMs ?? Number.POSITIVE_INFINITY
  wakeMs = Math.min(wakeMs, state.admission.nextMs() ?? wakeMs)
  wakeMs = Math.min(wakeMs, state.alerts.nextMs(wakeMs) ?? wakeMs)
  if (state.healing.behaviour >= BEHAVIOUR_FLEET)
    wakeMs = Math.min(wakeMs, state.observer.nextMs(state.nowMs))
  if (state.hanging > 0) wakeMs = Math.min(wakeMs, state.windows.nextEvictionMs() ?? wakeMs)
  wakeMs = Math.min(wakeMs, state.views.nextMs(wakeMs) ?? wakeMs)
  wakeMs = Math.min(wakeMs, state.registry.nextMs(wakeMs) ?? wakeMs)
  wakeMs = Math.min(wakeMs, state.nextMs(wakeMs) ?? wakeMs)
  if (wakeMs === Number.POSITIVE_INFINITY) return null
  return wakeMs > state.nowMs ? wakeMs : state.nowMs + RECHECK_MS
}
