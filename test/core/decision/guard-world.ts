// What the guards are asked in their tests: a moment at which every one of them lets the act pass,
// and pieces of moments at which some do not.
import { GUARD_DEFAULTS } from '../../../src/contracts/limits.ts'
import type { FleetVerdict } from '../../../src/contracts/records.ts'
import type { ApprovalState } from '../../../src/core/decision/approvals.ts'
import { NO_DOUBT } from '../../../src/core/decision/doubt.ts'
import type { CareInput } from '../../../src/core/decision/guards-of-many.ts'
import type { GuardInput } from '../../../src/core/decision/guards.ts'

export const CARE: CareInput = {
  frozen: null,
  zone: { name: 'a', count: { n: 4, sick: 1 }, others: [] },
  alike: 0,
  unheardMs: 0,
  wellness: { healthy: 3, known: 4 },
  storm: null,
  cause: null,
  fleetStorm: null,
  fleetCause: null,
  approval: { needed: 0, by: [], deniedBy: null, proposer: null, untilMs: null },
  doubt: NO_DOUBT,
}
export const care = (some: Partial<CareInput>): Partial<GuardInput> => ({
  care: { ...CARE, ...some },
})
export const approval: ApprovalState = {
  needed: 2,
  by: ['ann'],
  deniedBy: null,
  proposer: 'bob',
  untilMs: 1_900_000,
}
export const VERDICT: Omit<FleetVerdict, 'what'> = {
  verdict_id: 'zone:a',
  services: [],
  cause_service: null,
  cause_instance: null,
  since_ms: 990_000,
  over: false,
  sick: 6,
  instances: 9,
}
export const CAUSE = {
  shared: 'service',
  value: '',
  named: { shared: 'version', value: '2.1' },
  sinceMs: 990_000,
  evident: true,
  seen: true,
  fell: 3,
  of: 9,
  calmSinceMs: null,
} as const

export const PASSING: GuardInput = {
  nowMs: 1_000_000,
  limits: GUARD_DEFAULTS,
  hold: null,
  mode: 'enforce',
  isFirst: false,
  behind: false,
  blind: false,
  agent: 'heard',
  easing: false,
  selfEvident: true,
  onsetMs: 1_000_000,
  settleMs: 1_500,
  registeredAtMs: 999_000,
  wasWell: true,
  transitions: 3,
  group: { n: 3, targetRoutable: true, routableOthers: 2, outByHand: 0 },
  coolUntilMs: null,
  serviceLastMs: null,
  recentMs: [],
  ineffectiveMs: [],
  openCommand: null,
  fleet: {
    pulse: { as_of_ms: 1_000_001, reporters_expected: 3, reporters_seen: 3, blind: false },
    tokens: 1,
  },
  care: CARE,
}
