// Alerts and ends of incidents as service tasks write them.
import { eventId, incidentId, instanceId, serviceId } from '../../../src/contracts/ids.ts'
import type { Alert, IncidentEvent } from '../../../src/contracts/records.ts'
import { anEvent } from '../projector/records.ts'

export function anAlert(id: string, more: Partial<Alert> = {}): Alert {
  return {
    alert_id: eventId(id),
    fingerprint: `f-${id}`,
    tier: 'high',
    state: 'firing',
    title: 'DatabasePoolExhausted',
    summary: 'the pool of shop-1 is used up',
    service: serviceId('shop'),
    instance: instanceId('shop-1'),
    incident_id: null,
    labels: { alertname: 'DatabasePoolExhausted', severity: 'critical' },
    count: 1,
    since_ms: 1_760_000_000_000,
    at_ms: 1_760_000_000_000,
    runbook: null,
    rule: 'DatabasePoolExhausted',
    annotations: {},
    route: 'page',
    group: '',
    refresh: false,
    policy: null,
    policy_version: 0,
    ...more,
  }
}

export function anEnd(id: string, more: Partial<IncidentEvent> = {}): IncidentEvent {
  return anEvent({
    incident_id: incidentId(id),
    seq: 7,
    service: serviceId('shop'),
    instance: instanceId('shop-1'),
    incarnation: 2,
    event: 'recovered',
    state: 'recovered',
    at_ms: 1_760_000_000_000,
    summary: 'shop/shop-1 has recovered',
    attempt: 1,
    behaviour: 3,
    ...more,
  })
}
