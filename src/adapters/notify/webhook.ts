// Any receiver of JSON over HTTP: pagers, chat bridges, ticket systems, a CMDB. The body is ours,
// the key is in the header that most receivers know.
import type { Alert } from '../../contracts/records.ts'
import { post, type PostTarget } from './http-post.ts'
import type { Notice, Sink } from './sink.ts'

/** IETF draft draft-ietf-httpapi-idempotency-key-header. */
const KEY_HEADER = 'idempotency-key'
const TIERS = ['low', 'medium', 'high'] as const

export interface WebhookOptions extends PostTarget {
  readonly name: string
  readonly clusterId: string
}

export function createWebhook(options: WebhookOptions): Sink {
  const { name, clusterId } = options
  return {
    name,
    needsRefresh: false,
    deliver: (notice, signal) => {
      const json = { version: 1, cluster_id: clusterId, key: notice.key, ...bodyOf(notice) }
      return post(options, { json, headers: { [KEY_HEADER]: notice.key } }, signal)
    },
  }
}

/** What a notice says, as JSON; the same for every sink of our own form. */
export function bodyOf(notice: Notice): Readonly<Record<string, unknown>> {
  if (notice.kind === 'alerts') {
    const { alerts, group } = notice
    const isFiring = alerts.some(({ state }) => state === 'firing')
    const status = isFiring ? 'firing' : 'resolved'
    return { kind: 'alerts', status, tier: highest(alerts), group, alerts }
  }
  const { outcome, event } = notice
  const { incident_id, service, instance, incarnation, at_ms, summary, attempt, policy } = event
  return {
    kind: 'outcome',
    outcome,
    incident: { incident_id, service, instance, incarnation, at_ms, summary, attempt, policy },
  }
}

function highest(alerts: readonly Alert[]): Alert['tier'] {
  return TIERS.findLast((tier) => alerts.some((alert) => alert.tier === tier)) ?? 'low'
}
