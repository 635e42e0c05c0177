// The health of an instance as a transition table (S0-23, S0-24): down at once on evidence that
// speaks for itself, one level at a time on inferred evidence, and up again one level at a time
// after a dwell without any. What traffic it gets for that is traffic.ts.
import type { Health } from '../../contracts/records.ts'
import { diagram, type Transitions } from '../kernel/machine.ts'

export const HEALTH_TABLE: Transitions<Health> = {
  unknown: ['healthy', 'unstable', 'unhealthy'],
  healthy: ['unstable', 'unhealthy', 'unknown'],
  unstable: ['healthy', 'unhealthy', 'unknown'],
  unhealthy: ['unstable', 'unknown'],
}

/** The table as a picture, for the documents. */
export const HEALTH_DIAGRAM: string = diagram(HEALTH_TABLE, 'unknown')

/** The worst that stands against an instance. */
export type Verdict = 'none' | 'unstable' | 'inferred_unhealthy' | 'self_evident_unhealthy'

export interface HealthInput {
  readonly health: Health
  readonly sinceMs: number
  /** Since when inferred evidence of being unhealthy stands; 0: as long as the health does. */
  readonly standsSinceMs: number
  /** Since when the verdict has been milder than the health held; null = it is not. */
  readonly calmSinceMs: number | null
  readonly verdict: Verdict
  /** There is evidence of being well: a probe that is up, or enough good samples. */
  readonly well: boolean
  readonly dwellMs: number
  /** As `dwellMs`, from unstable to healthy. */
  readonly recoverMs: number
}

/** How bad each health is. */
const RANK: Readonly<Record<Health, number>> = { unknown: 0, healthy: 0, unstable: 1, unhealthy: 2 }
const ARGUES_FOR: Readonly<Record<Verdict, number>> = {
  none: 0,
  unstable: 1,
  inferred_unhealthy: 2,
  self_evident_unhealthy: 2,
}

/** The verdict is milder than the health held. */
export function isCalm(health: Health, verdict: Verdict): boolean {
  return ARGUES_FOR[verdict] < RANK[health]
}

/** Health at log time `nowMs`; one step of the table, or none. */
export function nextHealth(input: HealthInput, nowMs: number): Health {
  const { health, verdict } = input
  if (verdict === 'self_evident_unhealthy') return 'unhealthy'
  if (ARGUES_FOR[verdict] > RANK[health]) {
    // Inferred evidence makes an unstable one unhealthy only when it has stood for a dwell.
    if (health !== 'unstable') return 'unstable'
    return nowMs >= worsensAt(input) ? 'unhealthy' : 'unstable'
  }
  if (health === 'unknown') return input.well ? 'healthy' : 'unknown'
  if (!isCalm(health, verdict) || nowMs < easesAt(input)) return health
  if (health === 'unhealthy') return 'unstable'
  return input.well ? 'healthy' : health
}

/** Log time at which health may move by time alone, or null. */
export function nextMoveMs(input: HealthInput): number | null {
  if (input.health === 'unstable' && input.verdict === 'inferred_unhealthy') {
    return worsensAt(input)
  }
  if (!isCalm(input.health, input.verdict)) return null
  const needsWell = input.health === 'unstable'
  return needsWell && !input.well ? null : easesAt(input)
}

function worsensAt({ sinceMs, standsSinceMs, dwellMs }: HealthInput): number {
  return Math.max(sinceMs, standsSinceMs) + dwellMs
}

function easesAt({ health, sinceMs, calmSinceMs, dwellMs, recoverMs }: HealthInput): number {
  const stayMs = health === 'unstable' ? recoverMs : dwellMs
  return Math.max(sinceMs, calmSinceMs ?? Number.POSITIVE_INFINITY) + stayMs
}
