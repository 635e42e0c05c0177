// What share of its normal traffic an instance gets, as a machine of its own beside its raw health
// (S0-23, S0-24, S0-47, S4-25; from BEHAVIOUR_JUDGEMENT on): down at once, up one step at a time.
// Whoever had no traffic comes back slowly; whoever was only unstable, after a shorter stay. Guards
// say whether it may get any, this says how much.
import type { Health } from '../../contracts/records.ts'
import type { DetectorLimits } from '../../contracts/limits.ts'
import { diagram, go, type Transitions } from '../kernel/machine.ts'
import type { Vital } from './vital.ts'

export type Traffic = 'none' | 'reduced' | 'returning' | 'full'

export const TRAFFIC_TABLE: Transitions<Traffic> = {
  none: ['reduced'],
  reduced: ['none', 'returning'],
  returning: ['none', 'reduced', 'full'],
  full: ['none', 'reduced'],
}

/** The table as a picture, for the documents. */
export const TRAFFIC_DIAGRAM: string = diagram(TRAFFIC_TABLE, 'none')

/** Percent of its normal traffic. */
export const TRAFFIC_PERCENT: Readonly<Record<Traffic, number>> = {
  none: 0,
  reduced: 30,
  returning: 60,
  full: 100,
}

/** Where an instance is on its way. */
export interface Climb {
  readonly traffic: Traffic
  /** Log time since when. */
  readonly sinceMs: number
  /** It had none: each step takes half of `slowStartMs`. */
  readonly slow: boolean
}

export interface TrafficInput {
  readonly health: Health
  /** It is ready, and health and guards let traffic go there. */
  readonly routable: boolean
  /** Log time from which a probe that was down counts as good again, or null: it does not wait. */
  readonly probedMs: number | null
  readonly slowStartMs: number
  readonly recoverMs: number
}

export interface Climbed {
  readonly climb: Climb
  /** Log time at which time alone takes it a step up, or null. */
  readonly nextMs: number | null
}

/** Of one of whom nothing is known yet: it waits for no row of good probes. */
export const NO_CLIMB: Climb = { traffic: 'none', sinceMs: 0, slow: true }

/** How one that got traffic before there were steps goes on: as it was. */
export function climbOf(weightPercent: number, nowMs: number): Climb {
  const traffic = weightPercent >= 100 ? 'full' : weightPercent > 0 ? 'reduced' : 'none'
  return { traffic, sinceMs: nowMs, slow: traffic === 'none' }
}

/** Where it is at log time `nowMs`. */
export function climb(from: Climb, input: TrafficInput, nowMs: number): Climbed {
  const most = highest(input)
  let at = from
  if (RANK[most] < RANK[at.traffic]) {
    const isReset = most === 'none' || at.slow
    at = step(at, most, { sinceMs: nowMs, slow: isReset })
  }
  for (;;) {
    const next = NEXT[at.traffic]
    if (next === null || RANK[at.traffic] >= RANK[most]) return { climb: at, nextMs: null }
    const dueMs = dueOf(at, input)
    if (dueMs > nowMs) return { climb: at, nextMs: dueMs }
    at = step(at, next, { sinceMs: nowMs, slow: next === 'full' ? false : at.slow })
  }
}

/**
 * When the probe of an instance counts as good again (S4-25): so many good ones in a row, of which
 * the verdict was the first and no bad one has come since. null: it was not down.
 */
export function probedMs({ probe }: Vital, { probesGoodMin }: DetectorLimits): number | null {
  if (probe === null || probe.verdict !== 'up') return null
  return probe.sinceMs + (probesGoodMin - 1) * probePeriodMs(probe.profile)
}

/** Period of a probe by its profile, equal to runtime/agent/probe.ts by a test. */
export const PROBE_PERIODS_MS: Readonly<Record<string, number>> = {
  fast: 100,
  isolate: 3_000,
  default: 10_000,
  conservative: 10_000,
}
const PROBE_PERIOD_MS = 10_000

function probePeriodMs(profile: string): number {
  return PROBE_PERIODS_MS[profile] ?? PROBE_PERIOD_MS
}

const RANK: Readonly<Record<Traffic, number>> = { none: 0, reduced: 1, returning: 2, full: 3 }
const NEXT: Readonly<Record<Traffic, Traffic | null>> = {
  none: 'reduced',
  reduced: 'returning',
  returning: 'full',
  full: null,
}

/** The most that its health allows. */
function highest({ routable, health }: TrafficInput): Traffic {
  if (!routable) return 'none'
  return health === 'healthy' ? 'full' : 'reduced'
}

function dueOf({ traffic, sinceMs, slow }: Climb, input: TrafficInput): number {
  if (traffic === 'none') return sinceMs === 0 ? 0 : (input.probedMs ?? sinceMs)
  if (slow) return sinceMs + input.slowStartMs / 2
  return traffic === 'reduced' ? sinceMs : sinceMs + input.recoverMs
}

function step(
  { traffic }: Climb,
  to: Traffic,
  { sinceMs, slow }: { sinceMs: number; slow: boolean },
): Climb {
  return { traffic: go(TRAFFIC_TABLE, traffic, to), sinceMs, slow }
}
