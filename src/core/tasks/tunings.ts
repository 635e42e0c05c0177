// How the named detectors of a service are set, what follows when that changes, and what a service
// keeps of it in an image.
import type { DetectorLimits } from '../../contracts/limits.ts'
import { detectorSettings, type HealingState } from '../decision/healing.ts'
import type { Tuning } from '../health/sense.ts'
import { forgetSense } from '../health/senses.ts'
import { sampleEveryMs } from '../health/series.ts'
import type { ImageReader, ImageWriter } from '../kernel/image.ts'
import type { Group } from './group.ts'

/** Who knows the policies in force. */
interface Policies {
  readonly healing: HealingState
  limits(service: string): DetectorLimits
}

export function tuningOf(policies: Policies, group: Group): Tuning {
  if (group.tuning === null) {
    const settings = detectorSettings(policies.healing, group.service)
    group.tuning = { settings, limits: policies.limits(group.service) }
    group.hasSeries = sampleEveryMs(settings) !== null
  }
  return group.tuning
}

/** Policies changed: what was sensed with other settings than those of now begins anew. */
export function retune(policies: Policies, group: Group): void {
  const before = group.tuning
  group.tuning = null
  if (before === null) return
  if (JSON.stringify(before) === JSON.stringify(tuningOf(policies, group))) return
  for (const { vital } of group.subjects.values()) forgetSense(vital)
}

export function saveGroups(groups: readonly Group[], to: ImageWriter): void {
  to.int(groups.length)
  for (const { service, peersAtMs, newestConfig, commonHash } of groups) {
    to.text(service).number(peersAtMs).number(newestConfig)
    to.flag(commonHash !== null)
    if (commonHash !== null) to.number(commonHash.version).textOrNull(commonHash.hash)
  }
}

export function loadGroups(groupOf: (service: string) => Group, from: ImageReader): void {
  for (let left = from.count(); left > 0; left--) {
    const group = groupOf(from.text())
    group.peersAtMs = from.number()
    group.newestConfig = from.number()
    if (from.flag()) group.commonHash = { version: from.number(), hash: from.textOrNull() }
  }
}
