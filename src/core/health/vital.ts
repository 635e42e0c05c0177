// What is known of one instance beside its window: when it was heard, its probe, its refused
// connections, its exits, its failures in a row, the findings that stand and the health they led
// to.
import type { InstanceId, ServiceId } from '../../contracts/ids.ts'
import type { Health, Signal } from '../../contracts/records.ts'
import type { Finding } from '../kernel/facts.ts'
import { ANSWERED_MS, COUNTED_MS, DELTA_OFFSET, DOUBLES, HEARD_MS, Slots } from '../kernel/slots.ts'
import type { Sense } from './sense.ts'

/** The record by which something became known. */
export interface Place {
  readonly topic: string
  readonly partition: number
  readonly offset: number
}

/** A fact with its onset (event time at the agent, never after the append time). */
export interface Since {
  readonly sinceMs: number
  readonly place: Place
}

export interface ProbeState extends Since {
  readonly verdict: 'up' | 'down'
  /** Time of the last verdict. */
  readonly atMs: number
  readonly local: boolean
  readonly failures: number
  readonly reason: string
  /** Name of the profile it is probed by; empty: not known. */
  readonly profile: string
}

/** Where numbers of an instance lie that every delta changes. */
export interface Berth {
  readonly slots: Slots
  readonly slot: number
}

/** Why, where only a heartbeat says it. */
export const SAID_DOWN = 'its agent says down'

const NO_NOTES: readonly Finding[] = Object.freeze([])

export class Vital {
  readonly service: ServiceId
  readonly instance: InstanceId
  incarnation: number
  /** Promised heartbeat period by level 1–3; 0 = none promised. */
  readonly periodsMs: [number, number, number] = [0, 0, 0]
  /**
   * Event time of the newest own delta, with requests or without, of those that came while its
   * probe was down.
   */
  toldMs: number = 0
  /** Requests failed in a row, in deltas without any success. */
  failures: (Since & { readonly count: number }) | null = null
  probe: ProbeState | null = null
  refused: Since | null = null
  exited: (Since & { readonly how: string }) | null = null
  /** By detector. */
  readonly findings: Map<string, Finding> = new Map()
  /** What deviates and argues for nothing by itself. */
  notes: readonly Finding[] = NO_NOTES
  /** What is sensed of it beside requests, if anything ever was. */
  sense: Sense | null = null
  health: Health = 'unknown'
  healthSinceMs: number
  /** Since when nothing argues for a health as bad as the one held. */
  calmSinceMs: number | null = null
  /** Whether it was well when that was last known. */
  wasWell: boolean | null = null
  /** Log times at which being well changed, oldest first. */
  readonly flipsMs: number[] = []
  private readonly slots: Slots
  private readonly slot: number
  /** Of the last own delta; its offset lies in the slot. */
  private deltaTopic = ''
  private deltaPartition = 0

  constructor(
    at: { service: ServiceId; instance: InstanceId },
    incarnation: number,
    nowMs: number,
    { slots, slot }: Berth,
  ) {
    this.service = at.service
    this.instance = at.instance
    this.incarnation = incarnation
    this.healthSinceMs = nowMs
    this.slots = slots
    this.slot = slot
    this.heardAtMs = nowMs
    this.lastCountedMs = 0
    this.answeredMs = 0
    this.deltaPlace = null
  }

  /** Log time of the last record by its own agent. */
  get heardAtMs(): number {
    return this.slots.double(this.slot, HEARD_MS)
  }

  set heardAtMs(atMs: number) {
    this.slots.setDouble(this.slot, HEARD_MS, atMs)
  }

  /** Event time of the newest own delta with requests. */
  get lastCountedMs(): number {
    return this.slots.double(this.slot, COUNTED_MS)
  }

  set lastCountedMs(atMs: number) {
    this.slots.setDouble(this.slot, COUNTED_MS, atMs)
  }

  /** Event time of the newest own sign that it answers: a success, a probe up, an open port. */
  get answeredMs(): number {
    return this.slots.double(this.slot, ANSWERED_MS)
  }

  set answeredMs(atMs: number) {
    this.slots.setDouble(this.slot, ANSWERED_MS, atMs)
  }

  /** Last own delta. */
  get deltaPlace(): Place | null {
    const offset = this.slots.double(this.slot, DELTA_OFFSET)
    return offset < 0 ? null : { topic: this.deltaTopic, partition: this.deltaPartition, offset }
  }

  set deltaPlace(place: Place | null) {
    this.slots.setDouble(this.slot, DELTA_OFFSET, place?.offset ?? -1)
    if (place === null) return
    this.deltaTopic = place.topic
    this.deltaPartition = place.partition
  }
}

/** `berth`: its own when none is given. */
export function newVital(
  at: { service: ServiceId; instance: InstanceId },
  incarnation: number,
  nowMs: number,
  berth: Berth = { slots: new Slots(), slot: 0 },
): Vital {
  return new Vital(at, incarnation, nowMs, berth)
}

/** Requests of one own delta. */
export interface Counted {
  readonly n: number
  readonly errors: number
  readonly eventMs: number
  readonly place: Place
}

/**
 * Folds an own delta, of which nothing is kept but copies; older ones than the newest change no run
 * of failures.
 */
export function foldCounts(vital: Vital, counted: Counted): void {
  const { n, errors, eventMs, place } = counted
  vital.deltaPlace = place
  if (vital.probe?.verdict === 'down') vital.toldMs = Math.max(vital.toldMs, eventMs)
  if (n === 0 || eventMs < vital.lastCountedMs) return
  vital.lastCountedMs = eventMs
  if (errors < n) {
    vital.failures = null
    answered(vital, eventMs)
    return
  }
  const run = vital.failures
  vital.failures = {
    count: (run?.count ?? 0) + n,
    sinceMs: run?.sinceMs ?? eventMs,
    place: { ...place },
  }
}

/**
 * `foldCounts` of an instance that has counted before and has no failures in a row, no refusal and
 * no exit, of a delta by which that stays so; its slot is all that changes. false: of another
 * delta, and nothing is done.
 */
export function foldCalmly({ doubles }: Slots, slot: number, counted: Counted): boolean {
  const { n, errors, eventMs, place } = counted
  const at = DOUBLES * slot
  if ((errors >= n && n > 0) || (doubles[at + DELTA_OFFSET] ?? -1) < 0) return false
  doubles[at + DELTA_OFFSET] = place.offset
  if (n === 0 || eventMs < (doubles[at + COUNTED_MS] ?? 0)) return true
  doubles[at + COUNTED_MS] = eventMs
  if (eventMs > (doubles[at + ANSWERED_MS] ?? 0)) doubles[at + ANSWERED_MS] = eventMs
  return true
}

/** Folds a signal about the incarnation held. Returns whether the instance begins anew by it. */
export function foldSignal(vital: Vital, signal: Signal, at: Since): boolean {
  if (signal.heartbeat !== null) {
    const { level, period_ms: periodMs } = signal.heartbeat
    if (level >= 1 && level <= 3) vital.periodsMs[level - 1] = Math.max(periodMs, 0)
    // What a prober elsewhere sees is not for the instance to take back (S1-25).
    const isSeenFromAfar = vital.sense !== null && vital.probe?.local === false
    if (!isSeenFromAfar) foldState(vital, signal.heartbeat.state, at)
  }
  if (signal.probe !== null) foldProbe(vital, signal, at)
  if (signal.connection?.local === true) {
    const { event } = signal.connection
    if (event === 'refused' && at.sinceMs >= vital.answeredMs) vital.refused ??= at
    else if (event === 'opened') opened(vital, at.sinceMs)
  }
  if (signal.process?.event === 'exited' && at.sinceMs >= vital.answeredMs) {
    const { exit_code: code, signal: by } = signal.process
    vital.exited = { ...at, how: by ?? (code === null ? 'in an unknown way' : `code ${code}`) }
  }
  if (signal.process?.event === 'started') return hasEvidenceBefore(vital, at.sinceMs)
  return false
}

/** A new incarnation: nothing known of the one before speaks of it. Health history stays. */
export function begin(vital: Vital, incarnation: number): void {
  vital.incarnation = incarnation
  vital.failures = null
  vital.toldMs = 0
  vital.lastCountedMs = 0
  vital.answeredMs = 0
  vital.probe = null
  vital.refused = null
  vital.exited = null
  vital.deltaPlace = null
  vital.findings.clear()
  vital.notes = NO_NOTES
  vital.sense = null
  vital.calmSinceMs = null
}

/** Failures in a row that began before the effect of an act are its reason, not its outcome. */
export function cutFailures(vital: Vital, atMs: number): void {
  if (isBefore(vital.failures, atMs)) vital.failures = null
  vital.lastCountedMs = Math.max(vital.lastCountedMs, atMs)
}

/** Smallest heartbeat period promised, 0 = none. */
export function promisedPeriodMs(vital: Vital): number {
  let least = 0
  for (const period of vital.periodsMs) {
    if (period > 0 && (least === 0 || period < least)) least = period
  }
  return least
}

function foldProbe(vital: Vital, { probe }: Signal, at: Since): void {
  if (probe === null || probe.verdict === 'unknown') return
  const before = vital.probe
  if (before !== null && at.sinceMs < before.atMs) return
  const isSame = before?.verdict === probe.verdict
  vital.probe = {
    verdict: probe.verdict,
    atMs: at.sinceMs,
    sinceMs: isSame ? before.sinceMs : at.sinceMs,
    place: isSame ? before.place : at.place,
    local: probe.local,
    failures: probe.failures,
    reason: probe.reason,
    profile: probe.profile,
  }
  if (probe.verdict === 'up') answered(vital, at.sinceMs)
}

/** Somebody listens: a refusal of before is over. */
function opened(vital: Vital, atMs: number): void {
  vital.answeredMs = Math.max(vital.answeredMs, atMs)
  if (isBefore(vital.refused, atMs)) vital.refused = null
}

/**
 * It answers: a refusal and an exit of before are over, also those that are read later, from
 * another topic or a spool.
 */
function answered(vital: Vital, atMs: number): void {
  opened(vital, atMs)
  if (isBefore(vital.exited, atMs)) vital.exited = null
}

/**
 * Verdicts are told once, when they change; the beat repeats the one that stands, so that a verdict
 * that was lost on its way does not leave the instance misjudged for ever.
 */
function foldState(vital: Vital, state: string | null, at: Since): void {
  const { probe } = vital
  if ((state !== 'up' && state !== 'down') || probe?.verdict === state) return
  if (probe !== null && at.sinceMs <= probe.atMs) return
  const reason = state === 'down' ? SAID_DOWN : `its agent says ${state}`
  const profile = probe?.profile ?? ''
  vital.probe = {
    verdict: state,
    atMs: at.sinceMs,
    ...at,
    local: true,
    failures: 0,
    reason,
    profile,
  }
  if (state === 'up') answered(vital, at.sinceMs)
}

function hasEvidenceBefore(vital: Vital, atMs: number): boolean {
  const down = vital.probe?.verdict === 'down' ? vital.probe : null
  const isStanding = [vital.exited, vital.refused, vital.failures, down].some((fact) =>
    isBefore(fact, atMs),
  )
  return isStanding || [...vital.findings.values()].some((finding) => finding.sinceMs <= atMs)
}

function isBefore(fact: Since | null, atMs: number): boolean {
  return fact !== null && fact.sinceMs <= atMs
}
