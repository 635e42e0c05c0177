// Records become state: admitted, put where they belong, and the instances they speak of marked for
// judgement.
import type { RecordView } from '../../contracts/record.ts'
import type { ServiceEvent, Signal } from '../../contracts/records.ts'
import type { TopicKind } from '../../contracts/topics.ts'
import type { Admitted, AdmittedDelta } from '../admit/admitted.ts'
import { evolveOperator, evolvePolicy, evolveResult } from '../decision/healing.ts'
import { BEHAVIOUR_FLEET } from '../fleet/term.ts'
import { silenceLimitMs } from '../health/detectors.ts'
import { endLife } from '../health/health.ts'
import { foldCalmly, foldCounts, foldSignal } from '../health/vital.ts'
import { BEHAVIOUR_JUDGEMENT } from '../kernel/behaviour.ts'
import { noteInFlight } from '../plan/marks.ts'
import { DOUBLES, HEARD_MS, MARKS, SILENCE_MS } from '../kernel/slots.ts'
import type { Applied } from '../registry/registry.ts'
import type { Bound, Owners } from './group.ts'
import { senseDelta, senseSignal } from './sense-fold.ts'
import { CALM, FAILING, MOVED } from './marks.ts'
import { GRACE_MS, type ServiceState } from './service-state.ts'
import type { Subject } from './subject.ts'

type Delta = AdmittedDelta<Bound>

/** Folds one record. Topics this task does not use yet are read over. */
export function fold(state: ServiceState, topic: TopicKind, view: RecordView): void {
  if (topic === 'telemetry') foldTelemetry(state, view)
  else if (topic === 'signals') foldSignals(state, view)
  else if (topic === 'service-events') foldServiceEvent(state, view)
  else if (topic === 'results') foldResult(state, view)
  else if (topic === 'policies') foldPolicy(state, view)
  else if (topic === 'operator') foldOperator(state, view)
  else if (topic === 'fleet') foldFleet(state, view)
}

function foldPolicy(state: ServiceState, view: RecordView): void {
  const admitted = state.admission.control('policies', view)
  if (admitted === null) return
  evolvePolicy(state.healing, admitted.record, believed(state, admitted))
  state.policiesChanged()
}

function foldOperator(state: ServiceState, view: RecordView): void {
  const admitted = state.admission.control('operator', view)
  if (admitted !== null) evolveOperator(state.healing, admitted.record, believed(state, admitted))
}

/** Read over by a behaviour that knows nothing of it. */
function foldFleet(state: ServiceState, view: RecordView): void {
  if (state.healing.behaviour < BEHAVIOUR_FLEET) return
  const admitted = state.admission.control('fleet', view)
  if (admitted === null) return
  const { record } = admitted
  const { taskId } = state.context
  if (record.task === taskId) state.healing.fleet.evolve(record, state.nowMs)
  else {
    const detail = `the record is for ${record.task}, this is ${taskId}`
    state.admission.refuse(view, { topic: 'fleet', agent: null, reason: 'foreign_task', detail })
  }
}

function foldResult(state: ServiceState, view: RecordView): void {
  const admitted = state.admission.result(view)
  if (admitted === null) return
  const { record, appendMs } = admitted
  evolveResult(state.healing, record, believed(state, admitted))
  state.sources.heard(record.agent, appendMs, state.limits(record.service).silenceAfterMs)
}

function foldServiceEvent(state: ServiceState, view: RecordView): void {
  const admitted = state.admission.serviceEvent(view)
  if (admitted === null) return
  const { record: event, appendMs: atMs, eventMs } = admitted
  const applied = state.registry.apply(event, { atMs, eventMs })
  if (!applied.ok) {
    refuse(state, view, { topic: 'service-events', agent: event.agent, applied })
    return
  }
  if (event.instance_id === null) {
    state.group(event.service_name)
    state.serviceChanged(event.service_name)
    return
  }
  const subject = state.subjectOf(applied.entry)
  if (applied.renewed) state.renew(subject)
  if (event.action === 'register') heard(state, subject, { agent: event.agent, atMs })
  if (state.healing.behaviour >= BEHAVIOUR_JUDGEMENT) foldLeaving(state, subject, event.action)
  state.changed(subject)
}

/** One that is drained leaves as it was meant to; what is deregistered without that has ended. */
function foldLeaving(
  { nowMs }: ServiceState,
  { vital }: Subject,
  action: ServiceEvent['action'],
): void {
  if (action === 'drain') vital.wasWell = null
  else if (action === 'deregister') endLife(vital, nowMs)
}

function foldSignals(state: ServiceState, view: RecordView): void {
  const admitted = state.admission.signal(view)
  if (admitted === null) return
  const { record: signal, appendMs: atMs, eventMs, place } = admitted
  const agent = isFromBeside(signal) ? signal.agent : null
  const { service, instance, incarnation, epoch: agentEpoch } = signal
  const applied = state.registry.sight({ service, instance, incarnation, agent, agentEpoch, atMs })
  if (!applied.ok) {
    noteAgent(state, { service, agent: signal.agent, atMs })
    if (applied.reason === 'too_many') {
      refuse(state, view, { topic: 'signals', agent: signal.agent, applied })
    }
    return
  }
  const subject = state.subjectOf(applied.entry)
  if (applied.renewed) state.renew(subject)
  // What a spool tells of long ago is over; how the instance is now comes on the live lane.
  const isHistory = signal.lane === 'backlog' && eventMs < atMs - GRACE_MS
  if (!isHistory && foldSignal(subject.vital, signal, { sinceMs: eventMs, place })) {
    state.renew(subject)
  }
  const peers = signal.heartbeat?.peers ?? null
  if (peers !== null && agent !== null) state.registry.notePeers(applied.entry, peers)
  if (state.senses && !isHistory) senseSignal(state, subject, admitted)
  const inFlight = signal.heartbeat?.in_flight ?? null
  if (inFlight !== null && !isHistory) noteInFlight(state.healing.marks, subject.key, inFlight)
  if (agent === null) noteAgent(state, { service, agent: signal.agent, atMs })
  else heard(state, subject, { agent, atMs })
  state.changed(subject)
}

function foldTelemetry(state: ServiceState, view: RecordView): void {
  const delta = state.admission.telemetry(view)
  if (delta !== null) foldDelta(state, delta, view)
}

/** `view`: the record of the delta, to tell of it where it is refused after all. */
export function foldDelta(state: ServiceState, delta: Delta, view: RecordView): void {
  const { bound } = delta.channel
  if (bound === null || delta.caller !== null || !goesOn(state, bound, delta)) {
    foldAnew(state, delta, view)
    return
  }
  state.registry.again(bound, delta)
  const detail = count(state, bound, delta)
  if (detail !== null) refuseMetrics(state, view, { agent: delta.channel.agent, detail })
  noteBeat(state, bound, delta)
  state.sources.again(bound.source, state.beat)
  bound.group.note(bound.slot, bound.subject)
}

/** The full way, of a delta of which nothing is known that still holds. */
function foldAnew(state: ServiceState, delta: Delta, view: RecordView): void {
  const { scratch, channel, caller, appendMs: atMs } = delta
  const { service, instance, agent } = channel
  if (caller !== null) {
    const edge = { callerService: caller.service, callerInstance: caller.instance }
    state.windows.addEdgeOf({ service, instance, ...edge }, scratch, delta)
    noteAgent(state, { service, agent, atMs })
    return
  }
  const { incarnation, epoch: agentEpoch } = scratch
  const life = lifeOf(state, service, instance)
  const applied = state.registry.sight({ service, instance, incarnation, agent, agentEpoch, atMs })
  if (applied.ok) {
    const subject = state.subjectOf(applied.entry)
    if (applied.renewed) state.renew(subject)
    const owners = { subject, slot: subject.slot, group: state.group(service) }
    const detail = count(state, owners, delta)
    if (detail !== null) refuseMetrics(state, view, { agent, detail })
    channel.bound = bind(state, owners, delta)
    // Nothing but its counts is new where the sight of it changed nothing: so it is for a channel
    // that is bound, and after a restore none is.
    const isMoved = state.healing.behaviour < BEHAVIOUR_JUDGEMENT || applied.renewed
    if (isMoved || lifeOf(state, service, instance) !== life) state.changed(subject)
    else state.counted(subject)
    return
  }
  noteAgent(state, { service, agent, atMs })
  if (applied.reason === 'too_many') refuse(state, view, { topic: 'telemetry', agent, applied })
  // The users of the service saw what an earlier incarnation did, its successor is not to blame for
  // it.
  else state.windows.addOf({ service, instance: null }, scratch, delta)
}

/** Another one whenever something changes that judging depends on; -1: it is not known. */
function lifeOf({ registry }: ServiceState, service: string, instance: string): number {
  const entry = registry.find(service, instance)
  return entry === undefined ? -1 : registry.life(entry.slot)
}

/** Whether what was found out for the channel still holds. */
function goesOn({ registry, sources }: ServiceState, bound: Bound, { scratch }: Delta): boolean {
  return (
    scratch.incarnation === bound.incarnation &&
    registry.life(bound.slot) === bound.life &&
    sources.isHeld(bound.source, bound.sourceGeneration)
  )
}

function bind(state: ServiceState, owners: Owners, { channel, appendMs }: Delta): Bound | null {
  const { subject, group, slot } = owners
  const source = state.sources.heard(channel.agent, appendMs, limitMs(state, owners))
  if (source === null) return null
  const { entry } = subject
  if (entry.agent === source.agent) subject.source = source
  return {
    subject,
    group,
    slot,
    life: state.registry.life(slot),
    incarnation: entry.incarnation,
    source: source.place,
    sourceGeneration: source.generation,
  }
}

/** Counts an own delta. Why metrics of it were refused, or null. */
function count(state: ServiceState, owners: Owners, delta: Delta): string | null {
  const { slot } = owners
  let detail: string | null = null
  const row = state.rowOf(slot, owners.subject)
  const added = state.windows.add(row, state.serviceRowOf(owners.group), delta.scratch, delta)
  if (added === 'added') {
    noteCounts(state, owners, delta)
    if (state.senses) detail = senseDelta(state, owners, delta)
  }
  const { doubles } = state.slots
  const at = DOUBLES * slot + HEARD_MS
  if (delta.appendMs > (doubles[at] ?? 0)) doubles[at] = delta.appendMs
  return detail
}

function refuseMetrics(
  state: ServiceState,
  view: RecordView,
  { agent, detail }: { agent: string; detail: string },
): void {
  state.admission.refuse(view, { topic: 'telemetry', agent, reason: 'bad_metric', detail })
}

function noteCounts(state: ServiceState, { subject, slot }: Owners, delta: Delta): void {
  const { counting, slots } = state
  counting.n = delta.scratch.n
  counting.errors = delta.scratch.errors
  counting.eventMs = delta.eventMs
  counting.place = delta.place
  const isCalm = (slots.word(slot, MARKS) & (MOVED | CALM | FAILING)) === CALM
  if (isCalm && foldCalmly(slots, slot, counting)) return
  foldCounts(subject.vital, counting)
  subject.mark(FAILING, subject.vital.failures !== null)
}

/** Notes in `beat` when the source of a delta was heard, and the silence of it that is a sign. */
function noteBeat(state: ServiceState, owners: Owners, { appendMs }: Delta): void {
  const { slots, beat } = state
  const { slot } = owners
  beat.appendMs = appendMs
  // That of the last full judgement, where it still counts.
  const isCalm = (slots.word(slot, MARKS) & (MOVED | CALM)) === CALM
  if (isCalm) beat.limitMs = slots.doubles[DOUBLES * slot + SILENCE_MS] ?? 0
  else beat.limitMs = limitMs(state, owners)
}

function limitMs(state: ServiceState, { subject, group }: Owners): number {
  return silenceLimitMs(subject.vital, (group.limits ??= state.limits(group.service)))
}

/** Whether the agent beside the instance speaks, not somebody who looks at it from afar. */
function isFromBeside({ probe, connection }: Signal): boolean {
  return probe?.local !== false && connection?.local !== false
}

function heard(
  state: ServiceState,
  subject: Subject,
  { agent, atMs }: { agent: string | null; atMs: number },
): void {
  const { vital } = subject
  vital.heardAtMs = Math.max(vital.heardAtMs, atMs)
  if (agent !== null) {
    state.sources.heard(agent, atMs, silenceLimitMs(vital, state.limits(vital.service)))
  }
}

function noteAgent(
  state: ServiceState,
  { service, agent, atMs }: { service: string; agent: string; atMs: number },
): void {
  state.sources.heard(agent, atMs, state.limits(service).silenceAfterMs)
}

/** Time of a record for healing: never after the step that reads it. */
function believed(state: ServiceState, { appendMs }: Admitted<unknown>): number {
  return Math.min(appendMs, state.nowMs)
}

function refuse(
  state: ServiceState,
  view: RecordView,
  {
    topic,
    agent,
    applied,
  }: { topic: TopicKind; agent: string | null; applied: Extract<Applied, { ok: false }> },
): void {
  const { reason, detail } = applied
  state.admission.refuse(view, { topic, agent, reason, detail })
}
