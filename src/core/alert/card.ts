// What an alert says: its labels, its texts with their places filled, its route and group. Text of
// others is one line, bounded (sentence.ts).
import { TIER_SEVERITIES } from '../../contracts/alert-tiers.ts'
import { fillTemplate } from '../../contracts/alert-template.ts'
import type { IncidentEvent, Tier } from '../../contracts/records.ts'
import { plain, SENTENCE_MAX } from '../incident/sentence.ts'
import { sortedKeys } from '../kernel/order.ts'
import type { Card } from './entry.ts'
import type { AlertFacts } from './metric.ts'
import type { Notification, NotificationName } from '../plan/notification.ts'
import { addressOf } from './notifications.ts'
import type { ReadyRule, Ruleset } from './ruleset.ts'

/** A card of a rule, with the value that it saw. */
export function ruleCard(
  { rule, policy }: ReadyRule,
  { facts, set, value }: { facts: AlertFacts; set: Ruleset; value: number },
): Card {
  const { service, instance, zone } = facts
  const own = { alertname: rule.alert, service, instance, ...(zone === null ? {} : { zone }) }
  const said = filled(rule.labels, { labels: own, value })
  const labels = { severity: TIER_SEVERITIES[rule.tier], ...said, ...own }
  const annotations = filled(rule.annotations, { labels, value })
  const { metric, op, limit } = rule.expression
  const why = `${metric} is ${figure(value)}, the rule asks for ${op} ${limit}`
  return {
    rule: rule.alert,
    tier: rule.tier,
    labels: inOrder(labels),
    annotations: inOrder(annotations),
    title: annotations['summary'] ?? `${rule.alert} on ${instance}`,
    summary: annotations['description'] ?? why,
    runbook: annotations['runbook_url'] ?? null,
    incidentId: null,
    route: set.routes[rule.tier],
    group: groupOf({ ...labels, tier: rule.tier }, set.groupBy),
    policy: policy?.name ?? null,
    policyVersion: policy?.version ?? 0,
  }
}

/** A card of what the audit says of an incident. */
export function incidentCard(
  name: string,
  { event, tier, set }: { event: IncidentEvent; tier: Tier; set: Ruleset },
): Card {
  const { service, instance, incident_id: incidentId, summary } = event
  const where = instance === null ? {} : { instance }
  const labels = { alertname: name, service, ...where, severity: TIER_SEVERITIES[tier] }
  const target = instance === null ? service : `${service}/${instance}`
  return {
    rule: name,
    tier,
    labels: inOrder(labels),
    annotations: {},
    title: plain(`${TITLES[name] ?? name}: ${target}`, SENTENCE_MAX),
    summary: plain(summary, SENTENCE_MAX),
    runbook: null,
    incidentId,
    route: set.routes[tier],
    group: groupOf({ ...labels, tier }, set.groupBy),
    policy: null,
    policyVersion: 0,
  }
}

/** Alerts of a service are not begun, because there are too many already. */
export const OVERFLOW = 'AlertsDropped'
export const OVERFLOW_TIER: Tier = 'high'

/** `count` of the alert says how often one was not begun. */
export function overflowCard(service: string, set: Ruleset, max: number): Card {
  const labels = { alertname: OVERFLOW, service, severity: TIER_SEVERITIES[OVERFLOW_TIER] }
  return {
    rule: OVERFLOW,
    tier: OVERFLOW_TIER,
    labels: inOrder(labels),
    annotations: {},
    title: `alerts of ${service} are not told`,
    summary: `its task keeps ${max} alerts already and begins no others; this counts those`,
    runbook: null,
    incidentId: null,
    route: set.routes[OVERFLOW_TIER],
    group: groupOf({ ...labels, tier: OVERFLOW_TIER }, set.groupBy),
    policy: null,
    policyVersion: 0,
  }
}

/** A card of what a plan wants people to be told. */
export function notificationCard(told: Notification, set: Ruleset): Card {
  const { name, service, instance, incidentId, policy, text } = told
  const { tier, route } = addressOf(told, set)
  const where = instance === null ? {} : { instance }
  const own = { alertname: name, service, ...where, policy: policy.name, route }
  const labels = { ...own, severity: TIER_SEVERITIES[tier] }
  const target = instance === null ? service : `${service}/${instance}`
  return {
    rule: name,
    tier,
    labels: inOrder(labels),
    annotations: {},
    title: plain(`${NOTIFICATION_TITLES[name]}: ${target}`, SENTENCE_MAX),
    summary: plain(text, SENTENCE_MAX),
    runbook: null,
    incidentId,
    route,
    group: groupOf({ ...labels, tier }, set.groupBy),
    policy: policy.name,
    policyVersion: policy.version,
  }
}

const NOTIFICATION_TITLES: Readonly<Record<NotificationName, string>> = {
  PolicyNotice: 'a plan wants you to know',
  NoRoom: 'no host has room for it',
}

const TITLES: Readonly<Record<string, string>> = {
  IncidentOpen: 'not healed yet',
  IncidentEscalated: 'a person has to look',
  IncidentFailed: 'left before it was seen to recover',
}

function filled(
  texts: Readonly<Record<string, string>>,
  filling: { readonly labels: Readonly<Record<string, string>>; readonly value: number },
): Readonly<Record<string, string>> {
  const pairs = Object.entries(texts).map(([name, text]) => {
    return [name, plain(fillTemplate(text, filling), SENTENCE_MAX)] as const
  })
  return Object.fromEntries(pairs)
}

/** The same labels always have the same bytes. */
function inOrder(texts: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
  const map = new Map(Object.entries(texts))
  return Object.fromEntries(sortedKeys(map).map((name) => [name, map.get(name) ?? '']))
}

function groupOf(labels: Readonly<Record<string, string>>, by: readonly string[]): string {
  return by.map((name) => `${name}=${labels[name] ?? ''}`).join(',')
}

function figure(value: number): string {
  return String(Math.round(value * 10_000) / 10_000)
}
