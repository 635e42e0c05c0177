// Judgement of one instance: detectors say what stands against it, the table says what follows for
// its health.
import type { DetectorLimits } from '../../contracts/limits.ts'
import type { Health } from '../../contracts/records.ts'
import { BEHAVIOUR_JUDGEMENT } from '../kernel/behaviour.ts'
import type { Figures, Finding } from '../kernel/facts.ts'
import { go } from '../kernel/machine.ts'
import {
  detect,
  DETECTORS,
  type DetectorInput,
  probeDoubtMs,
  silenceLimitMs,
  silentAtMs,
} from './detectors.ts'
import { SENSED_NAMES } from './sensed.ts'
import type { Configuration } from '../signal/config-drift.ts'
import { judgeSense, type Sensed } from './senses.ts'
import {
  HEALTH_TABLE,
  type HealthInput,
  isCalm,
  nextHealth,
  nextMoveMs,
  type Verdict,
} from './health-table.ts'
import { begin, type Vital } from './vital.ts'

/** Changes of being well are counted over this time, for the flapping guard. */
export const FLIPS_SPAN_MS = 600_000

/** More relapses than this make no stay longer. */
const RELAPSES_MAX = 5

/** Nearly everybody's findings. */
const NOTHING: readonly Finding[] = Object.freeze([])

export interface Judged {
  readonly changed: boolean
  /** Log time at which time alone may change the health, or null. */
  readonly nextMs: number | null
  /** Log time at which what is sensed may change by time alone, or Infinity. */
  readonly senseMs: number
  /** Somebody else should have a look at it. */
  readonly asks: boolean
}

/**
 * Judges the instance at the step's time. `exempt`: it is leaving or gone, nothing is held against
 * it. While blind the health is frozen, except that evidence which speaks for itself still counts.
 */
export function judge(vital: Vital, input: DetectorInput, exempt: boolean): Judged {
  if (exempt) vital.findings.clear()
  else detect(input)
  const sensed = exempt ? UNSENSED : sense(input)
  // Of one that is leaving nothing is known to be well either, once its life has ended.
  const isOver = exempt && vital.health === 'unknown' && input.behaviour >= BEHAVIOUR_JUDGEMENT
  if (isOver) return { changed: false, nextMs: null, senseMs: sensed.nextMs, asks: false }
  const verdict = verdictOf(vital)
  const { nowMs, limits } = input
  if (!isCalm(vital.health, verdict)) vital.calmSinceMs = null
  else vital.calmSinceMs ??= nowMs
  const state = healthInput(vital, input, verdict)
  const isFrozen = input.hearing.blind && verdict !== 'self_evident_unhealthy'
  const health = isFrozen ? vital.health : nextHealth(state, nowMs)
  const changed = health !== vital.health
  if (changed) {
    const isCounted = input.behaviour < BEHAVIOUR_JUDGEMENT || !isHearsay(vital, health)
    turn(vital, health, nowMs, isCounted)
    vital.calmSinceMs = isCalm(health, verdict) ? nowMs : null
  }
  const nextMs = isFrozen ? null : nextMoveMs(healthInput(vital, input, verdict))
  const dueMs = earlier(nextMs, exempt ? null : findingDueMs(input, limits))
  return { changed, nextMs: dueMs, senseMs: sensed.nextMs, asks: sensed.asks }
}

const NOT_INTENDED: Configuration = { version: 0, hash: null }
const UNSENSED: Sensed = { nextMs: Number.POSITIVE_INFINITY, asks: false }

function sense(input: DetectorInput): Sensed {
  const { settings, intended = NOT_INTENDED } = input
  return settings === undefined ? UNSENSED : judgeSense({ ...input, settings, intended })
}

/**
 * A new incarnation (or a fresh start of the same one) is unknown until there is evidence of being
 * well.
 */
export function restart(vital: Vital, incarnation: number, nowMs: number): boolean {
  begin(vital, incarnation)
  if (vital.health === 'unknown') return false
  turn(vital, 'unknown', nowMs)
  return true
}

/**
 * Its life has ended, by a new incarnation or a deregistration, and nobody had it drained: going
 * and coming count as changes of being well (S3-01). From BEHAVIOUR_JUDGEMENT on.
 */
export function endLife(vital: Vital, nowMs: number): void {
  if (vital.health !== 'unknown') turn(vital, 'unknown', nowMs)
  vital.findings.clear()
  vital.calmSinceMs = null
  if (vital.wasWell !== true) return
  vital.wasWell = false
  vital.flipsMs.push(nowMs)
  forgetFlips(vital, nowMs)
}

/** Changes between well and not well in the last ten minutes. */
export function recentFlips(vital: Vital, nowMs: number): number {
  return vital.flipsMs.filter((atMs) => atMs > nowMs - FLIPS_SPAN_MS).length
}

/** Evidence of being well: a probe that is up, or enough good samples. */
export function isWell(vital: Vital, window: Figures, limits: DetectorLimits): boolean {
  if (vital.probe?.verdict === 'up') return true
  const { successRate, p99Us, n } = window
  return (
    n >= limits.samplesMin &&
    (successRate ?? 0) > limits.successRateRecovered &&
    (p99Us ?? 0) < limits.latencyP99RecoveredUs
  )
}

/** The findings that stand, in the order of the detectors. */
export function standing(vital: Vital): readonly Finding[] {
  if (vital.findings.size === 0) return NOTHING
  const found: Finding[] = []
  for (const [name] of DETECTORS) {
    const finding = vital.findings.get(name)
    if (finding !== undefined) found.push(finding)
  }
  if (found.length === vital.findings.size) return found
  for (const name of SENSED_NAMES) {
    const finding = vital.findings.get(name)
    if (finding !== undefined) found.push(finding)
  }
  return found
}

/** One sentence on why the health is what it is. */
export function reasonOf(vital: Vital): string {
  const found = standing(vital)
  const worst = found.find(({ severity }) => severity === 'unhealthy') ?? found[0]
  if (worst !== undefined) return worst.text
  if (vital.health === 'unknown') return 'no evidence yet: no probe is up and too few requests'
  return vital.health === 'healthy' ? 'no deviation' : 'no deviation any more, waiting'
}

function verdictOf(vital: Vital): Verdict {
  let verdict: Verdict = 'none'
  for (const finding of vital.findings.values()) {
    if (finding.severity === 'unhealthy') {
      if (finding.class === 'self_evident') return 'self_evident_unhealthy'
      verdict = 'inferred_unhealthy'
    } else if (finding.severity === 'unstable' && verdict === 'none') verdict = 'unstable'
  }
  return verdict
}

function healthInput(vital: Vital, input: DetectorInput, verdict: Verdict): HealthInput {
  return {
    health: vital.health,
    sinceMs: vital.healthSinceMs,
    standsSinceMs: standsSinceMs(vital, input),
    calmSinceMs: vital.calmSinceMs,
    verdict,
    well: isWell(vital, input.window, input.limits),
    dwellMs: input.limits.dwellMs,
    recoverMs: recoverMs(vital, input),
  }
}

/**
 * Evidence that comes back after the instance has been unstable for long has to stand for a dwell,
 * too. Before BEHAVIOUR_JUDGEMENT it did not.
 */
function standsSinceMs({ findings }: Vital, { behaviour, nowMs }: DetectorInput): number {
  if (behaviour < BEHAVIOUR_JUDGEMENT || findings.size === 0) return 0
  let firstMs = nowMs
  for (const { severity, sinceMs } of findings.values()) {
    if (severity === 'unhealthy' && sinceMs < firstMs) firstMs = sinceMs
  }
  return firstMs
}

/**
 * Before BEHAVIOUR_JUDGEMENT as long as every other stay. From it on twice as long with every
 * relapse in the last ten minutes, so that what oscillates soon stands still (S0-24).
 */
function recoverMs(vital: Vital, { behaviour, limits, nowMs }: DetectorInput): number {
  if (behaviour < BEHAVIOUR_JUDGEMENT) return limits.dwellMs
  const relapses = Math.floor((recentFlips(vital, nowMs) - 1) / 2)
  return limits.recoverMs * (1 << Math.max(0, Math.min(relapses, RELAPSES_MAX)))
}

/**
 * Not well by silence and suspicion alone: as often as its agent is cut off, an instance does not
 * change (S3-01 means the instance, not the way to it).
 */
function isHearsay({ findings }: Vital, health: Health): boolean {
  if (health === 'healthy') return false
  for (const [name, { severity }] of findings) {
    if (name !== 'silence' && severity === 'unhealthy') return false
  }
  return true
}

/** `isCounted`: as a change of being well, for the flapping guard. */
function turn(vital: Vital, health: Health, nowMs: number, isCounted: boolean = true): void {
  vital.health = go(HEALTH_TABLE, vital.health, health)
  vital.healthSinceMs = nowMs
  if (health === 'unknown' || !isCounted) return
  const well = health === 'healthy'
  if (vital.wasWell !== null && vital.wasWell !== well) vital.flipsMs.push(nowMs)
  vital.wasWell = well
  forgetFlips(vital, nowMs)
}

function forgetFlips({ flipsMs }: Vital, nowMs: number): void {
  while ((flipsMs[0] ?? nowMs) <= nowMs - FLIPS_SPAN_MS) flipsMs.shift()
}

/** What is read may lag behind: then it is looked at again so often. */
const LOOK_MS = 1_000

/** When time alone makes a finding of silence, or takes the doubt from one of a probe. */
function findingDueMs(input: DetectorInput, limits: DetectorLimits): number | null {
  const { vital, behaviour, hearing, nowMs } = input
  const silentMs = silenceDueMs(input, limits)
  const doubtMs = probeDoubtMs(vital, behaviour)
  if (doubtMs === null || hearing.blind || (hearing.horizonMs ?? 0) >= doubtMs) return silentMs
  return earlier(silentMs, Math.max(doubtMs, nowMs + LOOK_MS))
}

/** When silence is due, or counts for more; null when it does already or cannot be judged. */
function silenceDueMs(input: DetectorInput, limits: DetectorLimits): number | null {
  const { vital, hearing, nowMs, agentBackMs = 0 } = input
  const standing = vital.findings.get('silence')
  if (hearing.blind || standing?.severity === 'unhealthy') return null
  const dueMs = silentAtMs({ vital, limits, hearing, agentBackMs })
  if (standing === undefined) return dueMs
  return Math.max(dueMs + silenceLimitMs(vital, limits), nowMs + LOOK_MS)
}

function earlier(a: number | null, b: number | null): number | null {
  if (a === null) return b
  return b === null ? a : Math.min(a, b)
}
