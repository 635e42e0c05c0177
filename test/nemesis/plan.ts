// What will be done to the cluster and when: a schedule out of a seed alone, so that a run can be
// had again. Kinds are dealt like cards: none comes a second time before all have come once, and
// commits are put in doubt in every hand. Who is hit is a number that the run reduces to whoever is
// there.
import type { RequestKind } from '../conformance/rig.ts'
import { Lcg } from '../support/lcg.ts'

export const FAULT_KINDS = [
  'worker killed',
  'killed in commit',
  'stopped in commit',
  'worker paused',
  'worker stopped',
  'broker killed',
  'brokers rolled',
  'broker paused',
  'worker cut off',
  'worker half-open',
  'worker reset',
  'worker slow',
  'worker narrow',
  'request held',
  'end held',
  'answer lost',
  'group moved',
  'transactions moved',
  'agents killed',
  'agents cut off',
] as const
export type FaultKind = (typeof FAULT_KINDS)[number]

/** Faults that take brokers away: one at a time, since two of three must stay in sync. */
export const BROKER_FAULTS: ReadonlySet<FaultKind> = new Set([
  'broker killed',
  'brokers rolled',
  'broker paused',
])

/** Faults of a request that only a worker with tasks sends. */
export const COMMITTING: ReadonlySet<FaultKind> = new Set([
  'killed in commit',
  'stopped in commit',
  'request held',
  'end held',
  'answer lost',
])

export interface PlannedFault {
  readonly id: number
  readonly kind: FaultKind
  /** After the start of the disturbed part of the run. */
  readonly atMs: number
  /** How long it lasts, or until what was ended is started again. */
  readonly lastsMs: number
  /** Whom it hits, to be reduced. */
  readonly target: number
  /** Of `request held`. */
  readonly request: RequestKind
  readonly toBroker: boolean
}

/** Shortest and longest of each kind, ms. A session of a group ends after 6 s. */
const LASTS: Readonly<Record<FaultKind, readonly [number, number]>> = {
  'worker killed': [200, 3_000],
  'killed in commit': [0, 6_000],
  'stopped in commit': [0, 3_000],
  'worker paused': [7_000, 11_000],
  'worker stopped': [0, 2_000],
  'broker killed': [500, 4_000],
  'brokers rolled': [200, 1_000],
  'broker paused': [1_000, 6_000],
  'worker cut off': [1_000, 9_000],
  'worker half-open': [1_000, 9_000],
  'worker reset': [200, 3_000],
  'worker slow': [2_000, 6_000],
  'worker narrow': [2_000, 6_000],
  'request held': [500, 6_500],
  'end held': [1_000, 7_000],
  'answer lost': [500, 2_000],
  'group moved': [0, 1],
  'transactions moved': [0, 1],
  'agents killed': [100, 1_500],
  'agents cut off': [1_000, 5_000],
}

const HELD: readonly RequestKind[] = [
  'Produce',
  'InitProducerId',
  'AddPartitionsToTxn',
  'Fetch',
  'Heartbeat',
]
const PAUSE_MS = [2_500, 9_000] as const
/** After faults that need it, time in which the cluster becomes whole before the next one. */
const RECOVERY_MS: Readonly<Partial<Record<FaultKind, number>>> = {
  'brokers rolled': 22_000,
  'broker killed': 7_000,
  'broker paused': 3_000,
}
/** Between faults that are measured. */
const APART_MS = 12_000
/** So short a run has no time for the longest fault. */
const ROLL_FROM_MS = 80_000

/**
 * Faults over `spanMs`, in order of time; none lasts beyond it by plan. With `only`, these kinds,
 * each by itself, to measure what they cost.
 */
export function planFaults(
  seed: number,
  spanMs: number,
  only: readonly FaultKind[] | null = null,
): readonly PlannedFault[] {
  const random = new Lcg(Math.imul(seed, 0x9e3779b1) + 1)
  for (let i = 0; i < 16; i++) random.below(2)
  const between = ([least, most]: readonly [number, number]): number =>
    least + random.below(most - least + 1)
  const plan: PlannedFault[] = []
  let hand: FaultKind[] = []
  let atMs = 0
  for (;;) {
    if (hand.length === 0) hand = only === null ? dealt(random, spanMs) : [...only]
    const kind = hand.shift() ?? 'end held'
    const lastsMs = between(LASTS[kind])
    const target = random.below(1_000_000)
    const request = HELD[random.below(HELD.length)] ?? 'Produce'
    const toBroker = random.below(2) === 1
    if (atMs + lastsMs + (RECOVERY_MS[kind] ?? 0) > spanMs) {
      // What is left is too short for this one, perhaps not for the others of the hand.
      if (hand.length > 0) continue
      return plan
    }
    plan.push({ id: plan.length + 1, kind, atMs, lastsMs, target, request, toBroker })
    atMs += between(PAUSE_MS) + (RECOVERY_MS[kind] ?? 0) + (only === null ? 0 : APART_MS + lastsMs)
  }
}

/** Every kind once, in some order, and commits in doubt at three more places. */
function dealt(random: Lcg, spanMs: number): FaultKind[] {
  const more: readonly FaultKind[] = ['end held', 'worker killed', 'answer lost']
  const cards = [...FAULT_KINDS, ...more].filter(
    (kind) => kind !== 'brokers rolled' || spanMs >= ROLL_FROM_MS,
  )
  const hand: FaultKind[] = []
  while (cards.length > 0) hand.push(...cards.splice(random.below(cards.length), 1))
  // A short run shall not end before its first commit is in doubt.
  const first = hand.indexOf('end held')
  hand.splice(Math.min(2, first), 0, ...hand.splice(first, 1))
  return hand
}

/** What a run of so many minutes has to have seen to count at all. */
export interface Demand {
  readonly inputs: number
  readonly faults: number
  readonly kinds: number
  readonly inDoubt: number
  /** Without a command nothing was decided. */
  readonly commands: number
}

/** 10 minutes: 100,000 inputs, 20 faults of 5 kinds, 5 commits in doubt; else in proportion. */
export function demandOf(minutes: number): Demand {
  const share = Math.min(1, minutes / 10)
  return {
    inputs: Math.ceil(100_000 * share),
    faults: Math.ceil(20 * share),
    kinds: share === 1 ? 5 : 3,
    inDoubt: Math.max(1, Math.floor(5 * share)),
    commands: Math.max(1, Math.floor(10 * share)),
  }
}
