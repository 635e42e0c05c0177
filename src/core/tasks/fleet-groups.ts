// Counts of a service by zone and version, for the fleet task, from behaviour 3 on.
import type { GroupCount } from '../../contracts/records.ts'
import { recentOnsets } from '../decision/crowd.ts'
import { guardLimitsOf } from '../decision/documents.ts'
import { isSick, isUnheard } from '../decision/evidence.ts'
import { isInService } from '../decision/group.ts'
import { isInHand } from '../incident/incident.ts'
import type { InstanceFacts, ServiceFacts } from '../kernel/facts.ts'
import { sortedKeys } from '../kernel/order.ts'
import type { ServiceState } from './service-state.ts'

/** More groups of one service are told by zone alone. */
const GROUPS_MAX = 64

interface Group {
  readonly zone: string | null
  /** undefined: not told apart. */
  readonly version: string | null | undefined
  readonly members: InstanceFacts[]
}

export function groupsOf(state: ServiceState, facts: ServiceFacts): readonly GroupCount[] {
  const byBoth = grouped(facts, ({ appVersion }) => appVersion)
  const groups = byBoth.size <= GROUPS_MAX ? byBoth : grouped(facts, () => undefined)
  return sortedKeys(groups).flatMap((key) => {
    const group = groups.get(key)
    return group === undefined ? [] : [countOf(state, facts, group)]
  })
}

/** Those that are not gone: our hand may be on one that is not in service. */
function grouped(
  { instances }: ServiceFacts,
  versionOf: (instance: InstanceFacts) => string | null | undefined,
): ReadonlyMap<string, Group> {
  const groups = new Map<string, Group>()
  for (const instance of instances) {
    if (instance.lifecycle === 'gone') continue
    const { zone } = instance
    const version = versionOf(instance)
    const key = `${zone ?? ''}\n${version ?? ''}`
    const held = groups.get(key)
    if (held === undefined) groups.set(key, { zone, version, members: [instance] })
    else held.members.push(instance)
  }
  return groups
}

function countOf(
  { healing, nowMs }: ServiceState,
  { service }: ServiceFacts,
  { zone, version, members }: Group,
): GroupCount {
  const { commonSpanMs } = guardLimitsOf(healing.documents, service)
  const crowd = healing.care.crowds.get(service)
  const sinceMs = nowMs - commonSpanMs
  const { recent, unheard, newestMs } = recentOnsets(crowd, { zone, version, sinceMs })
  const serving = members.filter((one) => isInService(one))
  const inHand = members.filter(({ key }) => {
    const incident = healing.incidents.get(key)
    return incident !== undefined && isInHand(incident)
  })
  const silent = serving.filter((one) => isUnheard(one))
  return {
    zone: zone ?? '',
    app_version: version ?? '',
    instances: serving.length,
    healthy: serving.filter(({ health }) => health === 'healthy').length,
    sick: serving.filter((one) => isSick(one)).length,
    recent,
    newest_ms: newestMs,
    in_hand: inHand.length,
    unheard: silent.length,
    sick_unheard: silent.filter((one) => isSick(one)).length,
    recent_unheard: unheard,
  }
}
