// The rules in force for a service, and how its alerts are told: ours, then those of every policy
// for all services, then of those that name it, each in order of name; the later one wins.
import { TIER_ROUTES } from '../../contracts/alert-tiers.ts'
import type { AlertPolicy, AlertRule, Inhibition } from '../../contracts/alert-policy.ts'
import { selects } from '../../contracts/policy-fields.ts'
import type { PolicyRef, Tier } from '../../contracts/records.ts'
import { compareText } from '../kernel/order.ts'
import { DEFAULT_RULES } from './default-rules.ts'
import { isCounted } from './metric.ts'

/** A rule ready to be asked. */
export interface ReadyRule {
  /** Same for the same alert name and labels, whatever policy or version it is of. */
  readonly key: string
  readonly rule: AlertRule
  /** null: one of ours. */
  readonly policy: PolicyRef | null
}

export interface Ruleset {
  readonly rules: readonly ReadyRule[]
  readonly routes: Readonly<Record<Tier, string>>
  readonly groupBy: readonly string[]
  readonly inhibit: readonly Inhibition[]
  /** Some rule needs its instances looked at whenever they count. */
  readonly readsCounts: boolean
}

/** A policy in force. */
export interface PolicyInForce {
  readonly policy: AlertPolicy
  readonly ref: PolicyRef
}

const GROUP_BY: readonly string[] = ['service']
/** High suppresses its low consequences (S0-52). */
const INHIBIT: readonly Inhibition[] = [{ by: 'high', suppresses: ['low'] }]

/** `policies`: all in force, in order of name. */
export function rulesetOf(service: string, policies: readonly PolicyInForce[]): Ruleset {
  const selected = policies.filter(({ policy }) => selects(policy.services, service))
  const named = selected.filter(({ policy }) => policy.services.includes(service))
  const general = selected.filter(({ policy }) => !policy.services.includes(service))
  const inForce = [...general, ...named]
  const disabled = new Set(inForce.flatMap(({ policy }) => policy.disable))
  const rules = new Map<string, ReadyRule>()
  for (const rule of DEFAULT_RULES) {
    const isReplaced = inForce.some(({ policy }) =>
      policy.rules.some(({ alert }) => alert === rule.alert),
    )
    if (disabled.has(rule.alert) || isReplaced) continue
    rules.set(keyOf(rule), { key: keyOf(rule), rule, policy: null })
  }
  for (const { policy, ref } of inForce)
    for (const rule of policy.rules) rules.set(keyOf(rule), { key: keyOf(rule), rule, policy: ref })
  const routes = { ...TIER_ROUTES }
  for (const { policy } of inForce) Object.assign(routes, policy.routes)
  const ready = [...rules.values()]
  return {
    rules: ready,
    routes,
    groupBy: inForce.findLast(({ policy }) => policy.groupBy !== null)?.policy.groupBy ?? GROUP_BY,
    inhibit: inForce.findLast(({ policy }) => policy.inhibit !== null)?.policy.inhibit ?? INHIBIT,
    readsCounts: ready.some(({ rule }) => isCounted(rule.expression.metric)),
  }
}

function keyOf({ alert, labels }: AlertRule): string {
  const pairs = Object.entries(labels).sort(([a], [b]) => compareText(a, b))
  return JSON.stringify([alert, ...pairs])
}
