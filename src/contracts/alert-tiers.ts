// Tiers of alerts, the words of others for them, and where each goes unless a policy says otherwise
// (S0-52, S2-44, C-26): critical = high, warning = medium, info = low.
import type { Tier } from './records.ts'

/** From the gravest on. */
export const TIERS: readonly Tier[] = ['high', 'medium', 'low']

export const SEVERITIES = ['critical', 'warning', 'info'] as const
export type Severity = (typeof SEVERITIES)[number]

export const SEVERITY_TIERS: Readonly<Record<Severity, Tier>> = {
  critical: 'high',
  warning: 'medium',
  info: 'low',
}

export const TIER_SEVERITIES: Readonly<Record<Tier, Severity>> = {
  high: 'critical',
  medium: 'warning',
  low: 'info',
}

/** A person is called; somebody will look at it in working hours; read together, now and then. */
export const TIER_ROUTES: Readonly<Record<Tier, string>> = {
  high: 'page',
  medium: 'ticket',
  low: 'digest',
}
