// Which sinks an alert goes to. A route that nobody serves is not silence: the alert goes where its
// tier would go, high to `page`, medium to `ticket`, low to `digest` (S0-52).
import type { Alert, Tier } from '../../contracts/records.ts'
import { TIER_ROUTES } from '../../contracts/alert-tiers.ts'

export type Routes = Readonly<Record<string, readonly string[]>>

/** Names of sinks; empty: nobody is told. */
export function sinksOf(
  { route, tier }: Pick<Alert, 'route' | 'tier'>,
  routes: Routes,
): readonly string[] {
  return named(routes, route) ?? named(routes, TIER_ROUTES[tier]) ?? []
}

function named(routes: Routes, route: string): readonly string[] | null {
  return Object.hasOwn(routes, route) ? (routes[route] ?? null) : null
}

/** Tiers that no route of the settings serves. */
export function unserved(routes: Routes): readonly Tier[] {
  const tiers: readonly Tier[] = ['high', 'medium', 'low']
  return tiers.filter((tier) => sinksOf({ route: '', tier }, routes).length === 0)
}
