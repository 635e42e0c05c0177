// How many instances of a service are there, well and sick, by what they share: the service as a
// whole, a zone, a version. What many have at once is no fault of one instance (prior art M10,
// F70).
import type { InstanceFacts, ServiceFacts } from '../kernel/facts.ts'
import { isSick } from './evidence.ts'
import { isInService } from './group.ts'

/** What instances share. */
export type Shared = 'service' | 'zone' | 'version'

/** A service, or those of its instances that share a zone or a version. */
export interface Scope {
  readonly shared: Shared
  /** Name of the zone or version; of a service empty. */
  readonly value: string
}

export interface Count {
  /** In service. */
  n: number
  /** Of them: unhealthy, or with evidence that speaks for itself. */
  sick: number
}

export interface Census {
  readonly service: Count
  readonly zones: ReadonlyMap<string, Count>
  readonly versions: ReadonlyMap<string, Count>
}

/** Those registered without a zone or a version share none. */
export function censusOf(instances: readonly InstanceFacts[]): Census {
  const service: Count = { n: 0, sick: 0 }
  const zones = new Map<string, Count>()
  const versions = new Map<string, Count>()
  for (const instance of instances) {
    if (!isInService(instance)) continue
    const sick = isSick(instance) ? 1 : 0
    add(service, sick)
    if (instance.zone !== null) add(of(zones, instance.zone), sick)
    if (instance.appVersion !== null) add(of(versions, instance.appVersion), sick)
  }
  return { service, zones, versions }
}

export function countOf({ service, zones, versions }: Census, { shared, value }: Scope): Count {
  if (shared === 'service') return service
  return (shared === 'zone' ? zones : versions).get(value) ?? { n: 0, sick: 0 }
}

/** Healthy ones, and those whose health is known; of all that are not gone. */
export interface Wellness {
  readonly healthy: number
  readonly known: number
}

export function wellnessOf({ healths, instances }: ServiceFacts): Wellness {
  if (healths !== undefined) {
    const { healthy, unstable, unhealthy } = healths
    return { healthy, known: healthy + unstable + unhealthy }
  }
  const live = instances.filter(({ lifecycle }) => lifecycle !== 'gone')
  const known = live.filter(({ health }) => health !== 'unknown')
  return { healthy: known.filter(({ health }) => health === 'healthy').length, known: known.length }
}

function add(count: Count, sick: number): void {
  count.n += 1
  count.sick += sick
}

function of(counts: Map<string, Count>, value: string): Count {
  const held = counts.get(value)
  if (held !== undefined) return held
  const count: Count = { n: 0, sick: 0 }
  counts.set(value, count)
  return count
}
