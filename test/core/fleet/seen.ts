// Services as the fleet task sees them, of which a test names only what it speaks of.
import type { GroupCount } from '../../../src/contracts/records.ts'
import { type Picture, pictureOf, type Seen } from '../../../src/core/fleet/picture.ts'

export function group(some: Partial<GroupCount>): GroupCount {
  return {
    zone: '',
    app_version: '',
    instances: 5,
    healthy: 5,
    sick: 0,
    recent: 0,
    newest_ms: null,
    in_hand: 0,
    unheard: 0,
    sick_unheard: 0,
    recent_unheard: 0,
    ...some,
  }
}

export function seen(service: string, groups: readonly GroupCount[]): Seen {
  const sick = groups.reduce((n, one) => n + one.sick, 0)
  return { service, healthy: 3, unstable: 0, unhealthy: sick === 0 ? 0 : 1, groups }
}

/** A fleet whose zones have somebody of one service each, and some of them in our hand. */
export function zoned(zones: readonly string[], inHand: readonly string[] = []): Picture {
  const groups = zones.map((zone) => group({ zone, in_hand: inHand.includes(zone) ? 1 : 0 }))
  return pictureOf([seen('shop', groups)])
}
