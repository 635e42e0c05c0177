// Which configuration the instances of a service are meant to run with (S1-15): the version that a
// DetectorSet names, else the newest that any of them told; and its content by what most of those
// say that run it. A file that somebody edited by hand has the version and another hash.
import type { Configuration } from '../signal/config-drift.ts'
import type { Group } from './group.ts'
import type { ServiceState } from './service-state.ts'

/** Found anew when an instance told another one than before. */
export function compareConfigurations(state: ServiceState, group: Group): void {
  group.configDue = false
  const before = intendedOf(state, group)
  const told = [...group.subjects.values()].flatMap(({ vital }) => vital.sense?.beats.config ?? [])
  for (const { version } of told) group.newestConfig = Math.max(group.newestConfig, version)
  const { version } = intendedOf(state, group)
  group.commonHash = { version, hash: commonHash(told, version) }
  const { hash } = group.commonHash
  if (before.version === version && before.hash === hash) return
  for (const subject of group.subjects.values()) {
    if ((subject.vital.sense?.beats.config ?? null) !== null) state.changed(subject)
  }
}

/** Version 0: not known. */
export function intendedOf(state: ServiceState, group: Group): Configuration {
  const { version: named } = state.tuningOf(group).settings.config_drift
  const version = named === 0 ? group.newestConfig : named
  const { commonHash: common } = group
  return { version, hash: common?.version === version ? common.hash : null }
}

/** What more than half of them say, and two at least; null: nobody can tell who is right. */
function commonHash(told: readonly Configuration[], version: number): string | null {
  const counts = new Map<string, number>()
  let total = 0
  for (const one of told) {
    if (one.version !== version || one.hash === null) continue
    total += 1
    counts.set(one.hash, (counts.get(one.hash) ?? 0) + 1)
  }
  for (const [hash, count] of counts) if (count >= 2 && 2 * count > total) return hash
  return null
}
