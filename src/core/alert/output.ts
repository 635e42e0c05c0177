// An alert as a record of hs.alerts.
import { type EventId, incidentId, instanceId, policyName, serviceId } from '../../contracts/ids.ts'
import type { Alert } from '../../contracts/records.ts'
import type { OutputOf } from '../kernel/step.ts'
import type { Entry } from './entry.ts'

export interface Telling {
  readonly id: EventId
  readonly state: 'firing' | 'resolved'
  readonly refresh: boolean
  readonly nowMs: number
}

/** The record of an alert, as it is told now. */
export function outputOf(entry: Entry, { id, state, refresh, nowMs }: Telling): OutputOf<'alerts'> {
  const { card, service, instance, fingerprint, count, sinceMs } = entry
  const body: Alert = {
    alert_id: id,
    fingerprint,
    tier: card.tier,
    state,
    title: card.title,
    summary: card.summary,
    service: serviceId(service),
    instance: instance === null ? null : instanceId(instance),
    incident_id: card.incidentId === null ? null : incidentId(card.incidentId),
    labels: card.labels,
    count,
    since_ms: sinceMs,
    at_ms: nowMs,
    runbook: card.runbook,
    rule: card.rule,
    annotations: card.annotations,
    route: card.route,
    group: card.group,
    refresh,
    policy: card.policy === null ? null : policyName(card.policy),
    policy_version: card.policyVersion,
  }
  return { topic: 'alerts', key: service, body }
}
