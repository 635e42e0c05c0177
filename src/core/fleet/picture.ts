// The fleet as a whole, added up from the newest observations: by zone, by version, by service.
// What it shows decides what the fleet task says across services, and which zone may be worked in.
import type { GroupCount } from '../../contracts/records.ts'

/** Services that fell sick within this may have one cause: it takes a look before acts, */
export const UNCLEAR_MS = 2_000
/** and a longer one, the more they are: as long once more for each of them, up to so often. */
export const LOOKS_MAX = 4

/** What is read of a service. */
export interface Seen {
  readonly service: string
  readonly healthy: number
  readonly unstable: number
  readonly unhealthy: number
  readonly groups: readonly GroupCount[]
}

export interface Sum {
  instances: number
  sick: number
  /** Fell sick in the last 30 s, in so many services. */
  recent: number
  /** Of the sick, and of those that fell sick: those of whom only nothing is heard. */
  sickUnheard: number
  recentUnheard: number
  readonly services: Set<string>
}

export interface Picture {
  readonly healthy: number
  /** Instances whose health is known. */
  readonly known: number
  /** Of them not healthy, and only unheard. */
  readonly unheard: number
  readonly zones: ReadonlyMap<string, Sum>
  readonly versions: ReadonlyMap<string, Sum>
  readonly services: ReadonlyMap<string, Sum>
  /** Zones in which instances are in our hand. */
  readonly inHand: ReadonlySet<string>
  /** Log time until which more than one service has just fallen sick, or 0. */
  readonly unclearUntilMs: number
  /** How long whoever waits has to have waited until then. */
  readonly unclearForMs: number
}

const sum = (): Sum => ({
  instances: 0,
  sick: 0,
  recent: 0,
  sickUnheard: 0,
  recentUnheard: 0,
  services: new Set(),
})

export function pictureOf(seen: readonly Seen[]): Picture {
  const zones = new Map<string, Sum>()
  const versions = new Map<string, Sum>()
  const services = new Map<string, Sum>()
  const inHand = new Set<string>()
  let healthy = 0
  let known = 0
  let unheard = 0
  const newest: number[] = []
  for (const one of seen) {
    healthy += one.healthy
    known += one.healthy + one.unstable + one.unhealthy
    let newestMs = 0
    for (const group of one.groups) {
      const { zone, app_version: version } = group
      add(of(services, one.service), one.service, group)
      if (zone !== '') add(of(zones, zone), one.service, group)
      if (version !== '') add(of(versions, version), one.service, group)
      unheard += group.unheard
      if (group.in_hand > 0) inHand.add(zone)
      newestMs = Math.max(newestMs, group.newest_ms ?? 0)
    }
    if (newestMs > 0) newest.push(newestMs)
  }
  const sums = { healthy, known, unheard, zones, versions, services, inHand }
  return { ...sums, ...unclearOf(newest) }
}

/** From the onsets of those that fell sick about when the newest did. */
function unclearOf(newest: readonly number[]): Pick<Picture, 'unclearUntilMs' | 'unclearForMs'> {
  const lastMs = newest.reduce((most, atMs) => Math.max(most, atMs), 0)
  const others = newest.filter((atMs) => lastMs - atMs <= UNCLEAR_MS).length - 1
  if (others < 1) return { unclearUntilMs: 0, unclearForMs: 0 }
  const unclearForMs = Math.min(others, LOOKS_MAX) * UNCLEAR_MS
  return { unclearUntilMs: lastMs + UNCLEAR_MS, unclearForMs }
}

function add(to: Sum, service: string, group: GroupCount): void {
  const { instances, sick, recent } = group
  to.instances += instances
  to.sick += sick
  to.recent += recent
  to.sickUnheard += group.sick_unheard
  to.recentUnheard += group.recent_unheard
  if (recent > 0) to.services.add(service)
}

function of(sums: Map<string, Sum>, value: string): Sum {
  const held = sums.get(value)
  if (held !== undefined) return held
  const made = sum()
  sums.set(value, made)
  return made
}
