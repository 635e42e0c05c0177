// Judgement of what is sensed of an instance (behaviour 3): what stands becomes findings of the
// severity its rule has, or notes; silence and probes that contradict each other are told apart;
// and kinds of signal that stand together are joined.
import { detectorRow, type DetectorSettings } from '../../contracts/detector-settings.ts'
import type { Finding } from '../kernel/facts.ts'
import type { Configuration } from '../signal/config-drift.ts'
import { type Collected, healthScore, type ScoreWeights } from '../signal/health-score.ts'
import { DETECTORS, type DetectorInput } from './detectors.ts'
import { CPU, MEMORY } from './gauges.ts'
import { LEVELS } from './beats.ts'
import { Sense, type Tuning } from './sense.ts'
import { isSensed, SENSED, SENSED_NAMES, type SensedName, sensedText } from './sensed.ts'
import { scoreRecord } from './scored.ts'
import type { Vital } from './vital.ts'

/** Gauges, series and peers that are not told again end after this. */
export const STALE_MS = 30_000
const HELD_BY_TIME: ReadonlySet<SensedName> = new Set([
  'heartbeat_level_1',
  'heartbeat_level_2',
  'heartbeat_level_3',
  'evidence_conflict',
  'config_drift',
  'network_partition',
  'resource_contention',
  'score_low',
  'fusion',
  'error_logs',
  'arrival',
  'task_success',
])
/** The score is made so often, and no more without gauges for so long. */
const SCORE_EVERY_MS = 10_000
const SCORE_STALE_MS = 60_000
const LEVEL_NAMES = ['heartbeat_level_1', 'heartbeat_level_2', 'heartbeat_level_3'] as const
const NOTHING: readonly Finding[] = Object.freeze([])

export interface SenseInput extends DetectorInput {
  readonly settings: DetectorSettings
  /** The configuration that is meant to be in force; version 0: not known. */
  readonly intended: Configuration
}

export interface Sensed {
  /** Log time at which time alone may change something, or Infinity. */
  readonly nextMs: number
  /** Somebody else should have a look: asked once for each doubt (S0-29). */
  readonly asks: boolean
}

const QUIET: Sensed = { nextMs: Number.POSITIVE_INFINITY, asks: false }

export function senseOf(vital: Vital, tuning: Tuning): Sense {
  vital.sense ??= new Sense(tuning)
  return vital.sense
}

/**
 * Judges after the detectors of requests and signals have. Time counts in whole seconds: whether it
 * was judged in between changes nothing.
 */
export function judgeSense(input: SenseInput): Sensed {
  const { vital, settings, limits } = input
  const isDoubted = hasDoubt(input)
  if (vital.sense === null && !isDoubted) return QUIET
  const sense = senseOf(vital, { settings, limits })
  const isAsking = isDoubted && !sense.beats.asked
  sense.beats.asked = isDoubted
  const at = { ...input, nowMs: wholeSecond(input.nowMs) }
  const dues = [
    expire(sense, at.nowMs),
    sense.expireMetrics(at.nowMs),
    judgeLevels(sense, at),
    judgeDrift(sense, at),
    judgeEvidence(sense, at),
    judgeScore(sense, at),
    fuse(sense, at),
  ]
  tell(sense, at)
  sense.standing.moved = false
  return { nextMs: Math.min(...dues), asks: isAsking }
}

/** The tuning of its service is another: what was sensed so far begins anew. */
export function forgetSense(vital: Vital): void {
  vital.sense = null
  for (const name of SENSED_NAMES) vital.findings.delete(name)
  vital.notes = vital.notes.filter(({ detector }) => !isSensed(detector))
}

function wholeSecond(ms: number): number {
  return ms - (ms % 1_000)
}

/**
 * Nothing is heard, or one prober alone says that it is down: from afar, or so that it is in doubt
 * (S0-29, S1-25).
 */
function hasDoubt({ vital }: SenseInput): boolean {
  if (vital.findings.has('silence')) return true
  const down = vital.findings.get('probe_down')
  return down !== undefined && (vital.probe?.local === false || down.class === 'inferred')
}

function expire(sense: Sense, nowMs: number): number {
  const { standing } = sense
  let nextMs = Number.POSITIVE_INFINITY
  if (standing.size === 0) return nextMs
  sense.gauges?.expire(nowMs, standing)
  for (const name of SENSED_NAMES) {
    const stand = standing.get(name)
    if (stand === undefined || HELD_BY_TIME.has(name)) continue
    if (nowMs - stand.seenMs >= STALE_MS) standing.end(name)
    else nextMs = Math.min(nextMs, stand.seenMs + STALE_MS)
  }
  return standing.get('error_logs') === undefined ? nextMs : Math.min(nextMs, nowMs + 1_000)
}

/**
 * Levels of heartbeats (S1-24): three periods without level 1 are told, three without level 2 want
 * the session refreshed, two without level 3 want a new connection. Judged like silence, up to the
 * log time that was read; a beat of a higher level counts for the lower ones.
 */
function judgeLevels(sense: Sense, { vital, hearing, settings }: SenseInput): number {
  const { heartbeat_levels: rule } = settings
  let nextMs = Number.POSITIVE_INFINITY
  if (!rule.enabled || hearing.horizonMs === null) return nextMs
  const horizonMs = wholeSecond(hearing.horizonMs)
  const missed = [rule.level1, rule.level2, rule.level3]
  for (let i = 0; i < LEVELS; i++) {
    const name = LEVEL_NAMES[i] ?? 'heartbeat_level_1'
    const limit = (missed[i] ?? 0) * (vital.periodsMs[i] ?? 0)
    const lastMs = sense.beats.levelMs(i + 1)
    if (limit === 0 || lastMs === 0) continue
    const dueMs = Math.max(lastMs, hearing.floorMs) + limit
    const deviates = horizonMs >= dueMs
    sense.standing.hold(name, { deviates, value: horizonMs - lastMs, limit }, dueMs)
    if (!deviates) nextMs = Math.min(nextMs, dueMs)
  }
  return nextMs
}

function judgeDrift(sense: Sense, { settings, intended, nowMs }: SenseInput): number {
  const { config_drift: rule } = settings
  if (!rule.enabled) return Number.POSITIVE_INFINITY
  const found = sense.beats.drifts(intended, nowMs)
  if (found === null) return Number.POSITIVE_INFINITY
  sense.standing.hold('config_drift', found, nowMs)
  if (found.by === 'none' || found.deviates) return Number.POSITIVE_INFINITY
  return nowMs + found.limit - found.value + 1
}

/**
 * Says and is seen (S1-25): what an instance says of itself against what probes see. Silent and
 * reached by others is cut off, not dead (S1-13); late samples while it waits for a processor are
 * contention (S1-14).
 */
function judgeEvidence(sense: Sense, { vital, settings, nowMs }: SenseInput): number {
  const { beats, gauges, standing } = sense
  const isSilent = vital.findings.has('silence')
  const isReached = isSilent && beats.isReachedSince(vital.heardAtMs)
  const { probe } = vital
  const saysUp = !isSilent && beats.says === 'up'
  const isHung = saysUp && probe?.verdict === 'down' && beats.saidMs >= probe.atMs
  const isBlackened = !isSilent && beats.says === 'down' && beats.isReachedSince(beats.saidMs)
  const mark = (name: SensedName, is: boolean): void => {
    const deviates = is && settings[SENSED[name].rule].enabled
    standing.hold(name, { deviates, value: 1, limit: 0 }, nowMs)
  }
  mark('evidence_conflict', isHung || isReached || isBlackened)
  mark('network_partition', isReached)
  const lateMs = (gauges?.newestLateMs ?? 0) + STALE_MS
  const isLate = standing.get('arrival') !== undefined || nowMs <= lateMs
  mark('resource_contention', standing.get('cpu_wait') !== undefined && isLate)
  soften(vital, isReached, beats.unreachedBy())
  return standing.get('resource_contention') === undefined ? Number.POSITIVE_INFINITY : lateMs + 1
}

/**
 * Evidence that is contradicted is suspicion (S1-25): silent but reached by others, and down for
 * one prober elsewhere while it says that it is up, argue for unstable.
 */
function soften(vital: Vital, isReached: boolean, unreachedBy: number): void {
  const { findings, sense, probe } = vital
  const down = findings.get('probe_down')
  const isConflict = sense?.standing.get('evidence_conflict') !== undefined
  if (isReached) lower(vital, 'silence')
  if (down !== undefined && probe?.local === false && isConflict && unreachedBy < 2) {
    lower(vital, 'probe_down')
  }
}

function lower({ findings }: Vital, name: string): void {
  const finding = findings.get(name)
  if (finding?.severity === 'unhealthy') findings.set(name, { ...finding, severity: 'unstable' })
}

/**
 * S3-14: made every ten seconds, of what is known, while gauges come; without CPU or memory of
 * known size of the requests alone.
 */
function judgeScore(sense: Sense, input: SenseInput): number {
  const { settings, nowMs } = input
  const { gauges, standing } = sense
  const newestMs = gauges?.newestMs ?? 0
  if (newestMs === 0 || nowMs - newestMs > SCORE_STALE_MS) {
    sense.scored = null
    standing.end('score_low')
    return Number.POSITIVE_INFINITY
  }
  if (nowMs < sense.scoreAtMs) return sense.scoreAtMs
  sense.scoreAtMs = nowMs - (nowMs % SCORE_EVERY_MS) + SCORE_EVERY_MS
  const { score_low: rule } = settings
  const options = { warning: rule.warning, weights: weightsOf(rule) }
  const stages = healthScore(collectedOf(sense, input), options)
  const isKnown = stages?.compare.ready === true
  sense.scored = isKnown ? scoreRecord(stages, options, nowMs) : null
  if (!rule.enabled || !isKnown) standing.end('score_low')
  else standing.keep('score_low', stages.compare, nowMs)
  return sense.scoreAtMs
}

/** Stage 1 of the score (S3-15). */
export function collectedOf(
  { gauges, beats }: Sense,
  { window, settings }: Pick<SenseInput, 'window' | 'settings'>,
): Collected {
  const { overload } = settings
  const share = (gauge: number, whole: number): number | null => {
    const mean = gauges?.mean(gauge) ?? Number.NaN
    return whole > 0 && !Number.isNaN(mean) ? (100 * mean) / whole : null
  }
  const taskSuccess = gauges?.taskSuccess ?? null
  return {
    cpuPercent: share(CPU, overload.cpuCores),
    memoryPercent: share(MEMORY, overload.memoryBytes),
    errorPercent: window.n === 0 ? null : (100 * window.errors) / window.n,
    latencyMs: window.p99Us === null ? null : window.p99Us / 1_000,
    heartbeatDeviation: beats.deviation,
    errorLogs: gauges?.errorLogs ?? null,
    taskFailurePercent: taskSuccess === null ? null : 100 * (1 - taskSuccess),
  }
}

function weightsOf(rule: DetectorSettings['score_low']): ScoreWeights {
  return {
    cpuPercent: rule.cpuWeight,
    memoryPercent: rule.memoryWeight,
    errorPercent: rule.errorWeight,
    latencyMs: rule.latencyWeight,
    heartbeatDeviation: rule.heartbeatWeight,
    errorLogs: rule.logsWeight,
    taskFailurePercent: rule.tasksWeight,
  }
}

/**
 * S0-38: kinds that stand together. What the detectors of requests and signals find counts too, but
 * without anything sensed nothing is added to what they say themselves.
 */
function fuse(sense: Sense, { vital, settings, nowMs }: SenseInput): number {
  const { standing } = sense
  if (!settings.fusion.enabled) return Number.POSITIVE_INFINITY
  const kinds = new Set<string>()
  for (const name of SENSED_NAMES) {
    const { rule, kind } = SENSED[name]
    if (standing.get(name) !== undefined && settings[rule].enabled) kinds.add(kind)
  }
  const isVoiced = [...kinds].some((kind) => kind !== '')
  if (!isVoiced && !sense.hasFusion) return Number.POSITIVE_INFINITY
  for (const [name] of DETECTORS) {
    if (vital.findings.has(name)) kinds.add(detectorRow(name).kind)
  }
  const { fusion } = sense
  for (const kind of fusion.kinds) fusion.push(kind, kinds.has(kind), nowMs)
  const verdict = fusion.verdict(nowMs)
  const { deviates, value, limit } = verdict
  if (verdict.kinds.join() !== sense.fused.join()) standing.end('fusion')
  standing.hold('fusion', { deviates: deviates && isVoiced, value, limit }, nowMs)
  sense.fused = verdict.kinds
  return fusion.nextMs(nowMs) ?? Number.POSITIVE_INFINITY
}

/** What stands becomes findings and notes; those of requests and signals that are notes stay. */
function tell(sense: Sense, { vital, settings }: SenseInput): void {
  const { standing } = sense
  const notes = vital.notes.filter(({ detector }) => DETECTORS.some(([name]) => name === detector))
  for (const name of SENSED_NAMES) {
    const stand = standing.get(name)
    const { enabled, severity } = settings[SENSED[name].rule]
    if (stand === undefined || !enabled) {
      vital.findings.delete(name)
      continue
    }
    const { value, limit, sinceMs, place } = stand
    const finding: Finding = {
      class: 'inferred',
      severity,
      sinceMs,
      value,
      limit,
      unit: SENSED[name].unit,
      text: textOf(sense, name, stand),
      place,
      detector: name,
    }
    if (severity === 'note') {
      vital.findings.delete(name)
      notes.push(finding)
    } else vital.findings.set(name, finding)
  }
  vital.notes = notes.length === 0 ? NOTHING : notes
}

function textOf(sense: Sense, name: SensedName, { value, limit }: Stand): string {
  const text = sensedText(name, value, limit)
  return name === 'fusion' ? `${text} (${sense.fused.join(', ')})` : text
}

type Stand = Pick<Finding, 'value' | 'limit'>
