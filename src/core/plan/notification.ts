// What a plan wants people to be told, on its way from the decision to the alerts.
import type { IncidentId, InstanceId, ServiceId } from '../../contracts/ids.ts'
import type { PolicyRef } from '../../contracts/records.ts'

export type NotificationName = 'PolicyNotice' | 'NoRoom'

/** People to be told, beside the audit. */
export interface Notification {
  readonly name: NotificationName
  readonly service: ServiceId
  readonly instance: InstanceId | null
  readonly incidentId: IncidentId
  /** A tier, or a route of the alert policies; null: as the name says. */
  readonly to: string | null
  readonly text: string
  readonly policy: PolicyRef
}
