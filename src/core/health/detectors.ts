// The detectors: each looks at one kind of evidence and says what deviates, or nothing. Limits come
// as DetectorLimits of the service; one for entering, another for leaving keep a finding from
// flickering. The docstring of each detector says what it looks at, its class of evidence and its
// source. Counts of an instance about itself are self-evident only while the agent that sends them
// lives, else inferred.
import type { DetectorName, DetectorSettings } from '../../contracts/detector-settings.ts'
import type { DetectorLimits } from '../../contracts/limits.ts'
import { BEHAVIOUR_JUDGEMENT } from '../kernel/behaviour.ts'
import type { Figures, Finding } from '../kernel/facts.ts'
import type { Health } from '../../contracts/records.ts'
import type { Configuration } from '../signal/config-drift.ts'
import type { Hearing } from './silence.ts'
import { PROBE_PERIODS_MS } from './traffic.ts'
import { promisedPeriodMs, SAID_DOWN, type Vital } from './vital.ts'

export interface DetectorInput {
  readonly vital: Vital
  readonly window: Figures
  readonly limits: DetectorLimits
  readonly hearing: Hearing
  readonly nowMs: number
  /** The behaviour in force. */
  readonly behaviour: number
  /** The agent beside the instance lives, so that its own counts are to be believed. */
  readonly agentAlive: boolean
  /**
   * Log time at which that agent was heard again after a silence of its own, of which nothing
   * follows for the instance; absent before behaviour 3.
   */
  readonly agentBackMs?: number
  /** Announced by a service event of this incarnation. */
  readonly announced: { readonly health: Health; readonly atMs: number }
  /** Of the named detectors; absent before behaviour 3. */
  readonly settings?: DetectorSettings
  /** The configuration that is meant to be in force; absent or version 0: not known. */
  readonly intended?: Configuration
}

/** What deviates; `sinceMs` and `place` count only when the finding is new. */
type Deviation = Omit<Finding, 'detector'>
/** `standing`: the finding stood at the last judgement. */
type Detector = (input: DetectorInput, standing: boolean) => Deviation | null

const NOTHING: readonly Finding[] = Object.freeze([])
const HEARTBEATS_MISSED = 3
/** Counts of an instance come at least this often while it serves. */
const COUNTS_EVERY_MS = 3_000
/** One witness is believed when the other has said nothing at all for so long. */
const PATIENCE_MS = 60_000
const TOLD: Pick<Finding, 'severity' | 'unit'> = { severity: 'unhealthy', unit: 'state' }

export const DETECTORS: readonly (readonly [name: DetectorName, detector: Detector])[] = [
  ['process_exit', processExit],
  ['connection_refused', connectionRefused],
  ['probe_down', probeDown],
  ['consecutive_failures', consecutiveFailures],
  ['success_rate', successRate],
  ['latency_p99', latencyP99],
  ['silence', silence],
  ['announced', announced],
]

/** Brings the findings of an instance up to date. */
export function detect(input: DetectorInput): void {
  const { findings } = input.vital
  if (input.settings !== undefined) {
    detectBySettings(input, input.settings)
    return
  }
  for (const [name, detector] of DETECTORS) {
    const standing = findings.get(name)
    const found = detector(input, standing !== undefined)
    if (found === null) findings.delete(name)
    else findings.set(name, findingOf(name, found, standing ?? found))
  }
}

/** A detector may be off, argue for less than it would, or be a note alone. */
function detectBySettings(input: DetectorInput, settings: DetectorSettings): void {
  const { findings, notes: before } = input.vital
  const notes: Finding[] = []
  for (const [name, detector] of DETECTORS) {
    const { enabled, severity } = settings[name]
    const standing = findings.get(name) ?? before.find((note) => note.detector === name)
    const found = enabled ? detector(input, standing !== undefined) : null
    if (found === null || severity === 'note') findings.delete(name)
    if (found === null) continue
    const argued = severity === 'unhealthy' ? found : { ...found, severity }
    const finding = findingOf(name, argued, standing ?? found)
    if (severity === 'note') notes.push(finding)
    else findings.set(name, finding)
  }
  const sensed = before.filter(({ detector }) => !DETECTORS.some(([name]) => name === detector))
  input.vital.notes = notes.length + sensed.length === 0 ? NOTHING : [...notes, ...sensed]
}

/** Written out: of spread objects each gets a hidden class of its own, for as long as it lives. */
function findingOf(
  detector: string,
  { class: evidence, severity, value, limit, unit, text }: Deviation,
  { sinceMs, place }: Pick<Finding, 'sinceMs' | 'place'>,
): Finding {
  return { class: evidence, severity, sinceMs, value, limit, unit, text, place, detector }
}

/**
 * The success rate of enough own samples in the window is at or below the limit (strict: equal
 * deviates), until it is above the second one. Self-evident (S0-21).
 */
function successRate(
  { vital, window, limits, nowMs, agentAlive }: DetectorInput,
  standing: boolean,
): Deviation | null {
  const { successRate: rate, n, errors } = window
  if (rate === null || n < limits.samplesMin) return null
  const isBad = standing ? rate <= limits.successRateRecovered : rate <= limits.successRateMin
  if (!isBad) return null
  return {
    class: agentAlive ? 'self_evident' : 'inferred',
    severity: 'unhealthy',
    sinceMs: nowMs,
    value: rate,
    limit: limits.successRateMin,
    unit: 'ratio',
    text:
      `success rate ${percent(rate)} (${errors} of ${n} requests failed ` +
      `in ${window.spanMs / 1_000} s), limit ${percent(limits.successRateMin)}`,
    place: vital.deltaPlace,
  }
}

/**
 * P99 of enough own samples in the window is at or above the limit (strict: equal deviates), until
 * it is below the second one. Inferred: the cause may lie in what the instance calls (S0-21).
 */
function latencyP99(
  { vital, window, limits, nowMs }: DetectorInput,
  standing: boolean,
): Deviation | null {
  const { p99Us, n } = window
  if (p99Us === null || n < limits.samplesMin) return null
  const isBad = standing ? p99Us >= limits.latencyP99RecoveredUs : p99Us >= limits.latencyP99MaxUs
  if (!isBad) return null
  return {
    class: 'inferred',
    severity: 'unhealthy',
    sinceMs: nowMs,
    value: p99Us,
    limit: limits.latencyP99MaxUs,
    unit: 'us',
    text:
      `P99 ${milliseconds(p99Us)} over ${n} requests ` +
      `in ${window.spanMs / 1_000} s, limit ${milliseconds(limits.latencyP99MaxUs)}`,
    place: vital.deltaPlace,
  }
}

/**
 * So many own requests failed with no success in between; one success ends it. Self-evident
 * (S4-22).
 */
function consecutiveFailures({ vital, limits, agentAlive }: DetectorInput): Deviation | null {
  const run = vital.failures
  if (run === null || run.count < limits.consecutiveFailuresMax) return null
  return {
    class: agentAlive ? 'self_evident' : 'inferred',
    severity: 'unhealthy',
    sinceMs: run.sinceMs,
    value: run.count,
    limit: limits.consecutiveFailuresMax,
    unit: 'requests',
    text: `${run.count} requests failed in a row, limit ${limits.consecutiveFailuresMax}`,
    place: run.place,
  }
}

/**
 * Nothing heard of the instance for the larger of the limit and three promised heartbeats, judged
 * only up to the log time that has been read; never while blind. Inferred (DESIGN.md section 5).
 * From BEHAVIOUR_JUDGEMENT on one limit is a suspicion only, two count: a link that loses runs of
 * records is silent for so long now and then (S0-28).
 */
function silence(input: DetectorInput): Deviation | null {
  const { horizonMs } = input.hearing
  const dueMs = silentAtMs(input)
  if (horizonMs === null || horizonMs < dueMs) return null
  const heardMs = input.vital.heardAtMs
  const limitMs = silenceLimitMs(input.vital, input.limits)
  const isShort = input.behaviour >= BEHAVIOUR_JUDGEMENT && horizonMs < dueMs + limitMs
  return {
    class: 'inferred',
    severity: isShort ? 'unstable' : 'unhealthy',
    sinceMs: dueMs,
    value: horizonMs - heardMs,
    limit: limitMs,
    unit: 'ms',
    text: `nothing heard for ${seconds(horizonMs - heardMs)}, limit ${seconds(limitMs)}`,
    place: null,
  }
}

/**
 * The last probe verdict of this incarnation is down. From its own host self-evident, else inferred
 * (S0-31); as long as it is in doubt a suspicion only.
 */
function probeDown({ vital, behaviour, hearing }: DetectorInput): Deviation | null {
  const { probe } = vital
  if (probe === null || probe.verdict !== 'down') return null
  const from = probe.local ? 'local' : 'remote'
  const inDoubt = (hearing.horizonMs ?? 0) < (probeDoubtMs(vital, behaviour) ?? 0)
  return {
    class: probe.local && !inDoubt ? 'self_evident' : 'inferred',
    severity: inDoubt ? 'unstable' : 'unhealthy',
    sinceMs: probe.sinceMs,
    value: probe.failures,
    limit: 0,
    unit: 'failures',
    text: `${from} probe down, ${probe.failures} failures: ${probe.reason}`,
    place: probe.place,
  }
}

/**
 * Log time, of what has been read, up to which a probe that got no answer is in doubt, or null: it
 * is not (S1-25). Such a probe is one witness, and the counts of the instance are another: they say
 * that it goes on answering, or that it has stopped, by the time at which they were counted,
 * however late they come. As long as they say neither they may be lost, and the probe is believed
 * only when a prober elsewhere agrees, or after a minute. A slow profile has failed for so long
 * before it says so that the counts have had their time already (S3-37). From BEHAVIOUR_JUDGEMENT
 * on.
 */
export function probeDoubtMs(vital: Vital, behaviour: number): number | null {
  const { probe, answeredMs, deltaPlace } = vital
  if (behaviour < BEHAVIOUR_JUDGEMENT || probe?.verdict !== 'down') return null
  if (probe.reason !== 'timeout' && probe.reason !== SAID_DOWN) return null
  // Nobody counts for it.
  if (deltaPlace === null && answeredMs === 0) return null
  const waitMs = Math.max(COUNTS_EVERY_MS, HEARTBEATS_MISSED * promisedPeriodMs(vital))
  const failedForMs = (probe.failures - 1) * (PROBE_PERIODS_MS[probe.profile] ?? 0)
  const sinceMs = Math.max(failedForMs >= waitMs ? 0 : probe.sinceMs, answeredMs)
  const toldMs = Math.max(vital.toldMs, vital.lastCountedMs)
  if (toldMs >= sinceMs + waitMs) return null
  if (probe.local && vital.sense?.beats.isUnreachedSince(sinceMs) === true) return null
  return Math.max(probe.sinceMs, answeredMs) + PATIENCE_MS
}

/** A connection to the instance was refused on its own host: nobody listens. Self-evident. */
function connectionRefused({ vital }: DetectorInput): Deviation | null {
  if (vital.refused === null) return null
  const text = 'a local connection was refused: nobody listens'
  return { ...TOLD, ...vital.refused, class: 'self_evident', value: 1, limit: 0, text }
}

/** The process ended and no newer one has begun. Self-evident. */
function processExit({ vital }: DetectorInput): Deviation | null {
  if (vital.exited === null) return null
  const { how, ...since } = vital.exited
  const text = `the process ended: ${how}`
  return { ...TOLD, ...since, class: 'self_evident', value: 1, limit: 0, text }
}

/** Somebody announced it on the service events (S0-18): hearsay, so inferred. */
function announced({ announced: { health, atMs } }: DetectorInput): Deviation | null {
  if (health !== 'unstable' && health !== 'unhealthy') return null
  const text = `announced as ${health}`
  return {
    ...TOLD,
    class: 'inferred',
    severity: health,
    sinceMs: atMs,
    value: 1,
    limit: 0,
    text,
    place: null,
  }
}

export function silenceLimitMs(vital: Vital, limits: DetectorLimits): number {
  return Math.max(limits.silenceAfterMs, HEARTBEATS_MISSED * promisedPeriodMs(vital))
}

/** Log time at which the instance counts as silent if nothing more is heard. */
export function silentAtMs({
  vital,
  limits,
  hearing,
  agentBackMs = 0,
}: Pick<DetectorInput, 'vital' | 'limits' | 'hearing' | 'agentBackMs'>): number {
  const heardMs = Math.max(vital.heardAtMs, hearing.floorMs, agentBackMs)
  return heardMs + silenceLimitMs(vital, limits)
}

function percent(ratio: number): string {
  return `${(ratio * 100).toFixed(1)} %`
}

function milliseconds(us: number): string {
  return `${Math.round(us / 1_000)} ms`
}

function seconds(ms: number): string {
  return `${(ms / 1_000).toFixed(1)} s`
}
