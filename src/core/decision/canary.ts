// Which instances a canary acts on: the first of its service in order of id, or, where the policy
// names a share, those whose hash lies in it. The choice depends on names alone: it is the same on
// every worker, after every restart, and for as long as the names stay.
import type { HealPolicy } from '../../contracts/heal-policy.ts'
import type { InstanceFacts } from '../kernel/facts.ts'
import { isInService } from './group.ts'

const FNV_START = 0x811c9dc5
const FNV_PRIME = 0x01000193
const WHOLE = 2 ** 32

/** FNV-1a over UTF-16 code units, with the finisher of MurmurHash3 so that like names part. */
export function placeOf(text: string): number {
  let hash = FNV_START
  for (let i = 0; i < text.length; i++) {
    hash = Math.imul(hash ^ text.charCodeAt(i), FNV_PRIME)
  }
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b)
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35)
  return ((hash ^ (hash >>> 16)) >>> 0) / WHOLE
}

/**
 * Whether a canary of the policy acts on the target. Of a service of which nobody lies in the share
 * it is the one whose hash is least.
 */
export function isCanary(
  policy: Pick<HealPolicy, 'name' | 'canaryShare'>,
  instances: readonly InstanceFacts[],
  target: InstanceFacts,
): boolean {
  const { name, canaryShare } = policy
  if (canaryShare === null) return instances.find(isInService)?.instance === target.instance
  const placeOfOne = ({ key }: InstanceFacts): number => placeOf(`${name} ${key}`)
  const own = placeOfOne(target)
  if (own < canaryShare) return true
  return instances.every(
    (other) => !isInService(other) || placeOfOne(other) >= Math.max(own, canaryShare),
  )
}
