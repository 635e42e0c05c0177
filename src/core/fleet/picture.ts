// The fleet as a whole, added up from the newest observations: by zone, by version, by service.
// What it shows decides what the fleet task says across services, and which zone may be worked in.
import type { GroupCount } from '../../contracts/records.ts'

/** Two services that fell sick within this may have one cause: it takes a look before acts. */
export const UNCLEAR_MS = 2_000

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
  readonly services: Set<string>
}

export interface Picture {
  readonly healthy: number
  /** Instances whose health is known. */
  readonly known: number
  readonly zones: ReadonlyMap<string, Sum>
  readonly versions: ReadonlyMap<string, Sum>
  readonly services: ReadonlyMap<string, Sum>
  /** Zones in which instances are in our hand. */
  readonly inHand: ReadonlySet<string>
  /** Log time until which more than one service has just fallen sick, or 0. */
  readonly unclearUntilMs: number
}

const sum = (): Sum => ({ instances: 0, sick: 0, recent: 0, services: new Set() })

export function pictureOf(seen: readonly Seen[]): Picture {
  const zones = new Map<string, Sum>()
  const versions = new Map<string, Sum>()
  const services = new Map<string, Sum>()
  const inHand = new Set<string>()
  let healthy = 0
  let known = 0
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
      if (group.in_hand > 0) inHand.add(zone)
      newestMs = Math.max(newestMs, group.newest_ms ?? 0)
    }
    if (newestMs > 0) newest.push(newestMs)
  }
  return { healthy, known, zones, versions, services, inHand, unclearUntilMs: until(newest) }
}

/** The second newest onset, and the time it takes to look. */
function until(newest: readonly number[]): number {
  const [first, second] = [...newest].sort((a, b) => b - a)
  if (first === undefined || second === undefined || first - second > UNCLEAR_MS) return 0
  return first + UNCLEAR_MS
}

function add(to: Sum, service: string, { instances, sick, recent }: GroupCount): void {
  to.instances += instances
  to.sick += sick
  to.recent += recent
  if (recent > 0) to.services.add(service)
}

function of(sums: Map<string, Sum>, value: string): Sum {
  const held = sums.get(value)
  if (held !== undefined) return held
  const made = sum()
  sums.set(value, made)
  return made
}
