// Prometheus Alertmanager, API v2. It knows an alert by its labels, forgets all of them when it is
// started anew, and takes one for resolved when its end has passed: so what fires is told again
// (`refresh`), each time with an end that lies a few refreshes ahead.
import type { Alert } from '../../contracts/records.ts'
import type { Clock } from '../../runtime/ports.ts'
import { post, type PostTarget } from './http-post.ts'
import { DeliveryError, type Sink } from './sink.ts'

const PATH = '/api/v2/alerts'
/** Three refreshes of five minutes. */
const END_AHEAD_MS = 900_000

export interface AlertmanagerOptions extends PostTarget {
  readonly name: string
  readonly clock: Clock
}

export function createAlertmanager(options: AlertmanagerOptions): Sink {
  const target = { ...options, url: `${options.url.replace(/\/+$/, '')}${PATH}` }
  return {
    name: options.name,
    needsRefresh: true,
    deliver: (notice, signal) => {
      if (notice.kind !== 'alerts')
        return Promise.reject(new DeliveryError('refused', 'an Alertmanager takes alerts only'))
      const nowMs = options.clock.nowMs()
      const json = newest(notice.alerts).map((alert) => posted(alert, nowMs))
      return post(target, { json, headers: {} }, signal)
    },
  }
}

/** Of several that speak of the same alert, what the last one says holds. */
function newest(alerts: readonly Alert[]): readonly Alert[] {
  return [...new Map(alerts.map((alert) => [alert.fingerprint, alert])).values()]
}

/** One element of the body (`postableAlert` of its OpenAPI). */
export function posted(alert: Alert, nowMs: number): Readonly<Record<string, unknown>> {
  const { title, summary, runbook, incident_id, count } = alert
  const endMs = alert.state === 'firing' ? nowMs + END_AHEAD_MS : alert.at_ms
  return {
    labels: asLabels({
      ...alert.labels,
      alertname: alert.rule === '' ? alert.title : alert.rule,
      service: alert.service,
      instance: alert.instance ?? '',
      tier: alert.tier,
    }),
    annotations: asLabels({
      ...alert.annotations,
      summary: title,
      description: summary,
      count: String(count),
      runbook_url: runbook ?? '',
      incident_id: incident_id ?? '',
    }),
    startsAt: new Date(alert.since_ms).toISOString(),
    endsAt: new Date(Math.max(endMs, alert.since_ms)).toISOString(),
  }
}

/** Names as Prometheus has them; an empty value is no label there. */
function asLabels(pairs: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
  const named = Object.entries(pairs)
    .filter(([, value]) => value !== '')
    .map(([name, value]) => {
      const legal = name.replaceAll(/[^a-zA-Z0-9_]/g, '_')
      return [/^\d/.test(legal) ? `_${legal}` : legal, value] as const
    })
  return Object.fromEntries(named)
}
