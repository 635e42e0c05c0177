// What an alert says: its labels, its texts with their places filled, its route and group. Text of
// others is one line, bounded (sentence.ts).
import { TIER_SEVERITIES } from '../../contracts/alert-tiers.ts'
import { fillTemplate } from '../../contracts/alert-template.ts'
import type { IncidentEvent, Tier } from '../../contracts/records.ts'
import { plain, SENTENCE_MAX } from '../incident/sentence.ts'
import { sortedKeys } from '../kernel/order.ts'
import type { Card } from './entry.ts'
import type { AlertFacts } from './metric.ts'
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
