// What plans want people to be told (action `notify`, S0-55; no host has room, S3-30), as alerts
// that stand until the incident they are about ends, or goes on.
import { TIERS } from '../../contracts/alert-tiers.ts'
import type { IncidentEvent, Tier } from '../../contracts/records.ts'
import type { Notification, NotificationName } from '../plan/notification.ts'
import type { Ruleset } from './ruleset.ts'

/** Tier of one that names none. */
export const NOTIFICATION_TIERS: Readonly<Record<NotificationName, Tier>> = {
  PolicyNotice: 'medium',
  NoRoom: 'high',
}

/** What it is known by, beside its target: the same again is the same alert. */
export function notificationKey({ name, policy, to }: Notification): string {
  return [name, policy.name, to ?? ''].join(' ')
}

export function isNotification(source: string): boolean {
  return source.startsWith('PolicyNotice ') || source.startsWith('NoRoom ')
}

/** Whether the event of its incident ends it: nobody waits for room once anything is ordered. */
export function endsNotification(source: string, { event, state }: IncidentEvent): boolean {
  if (state === 'recovered' || state === 'failed') return true
  return source.startsWith('NoRoom ') && event === 'commanded'
}

/** Whom it is for: a tier by its name or its route, else a route of its own. */
export function addressOf(
  { name, to }: Pick<Notification, 'name' | 'to'>,
  { routes }: Pick<Ruleset, 'routes'>,
): { readonly tier: Tier; readonly route: string } {
  const own = NOTIFICATION_TIERS[name]
  const tier = TIERS.find((one) => to === one || to === routes[one])
  if (to === null || tier !== undefined) return { tier: tier ?? own, route: routes[tier ?? own] }
  return { tier: own, route: to }
}
