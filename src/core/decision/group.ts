// How many of a service can take traffic, for the guards that protect what still works.
import type { InstanceFacts } from '../kernel/facts.ts'

/** Findings that say that nobody answers. */
const DOWN = ['process_exit', 'connection_refused', 'probe_down']
/** Findings that say that what is answered is often an error. */
const FAILING = ['consecutive_failures', 'success_rate']

export interface Group {
  /** Instances of the service that are in service: ready, or not said to be anything else. */
  readonly n: number
  readonly targetRoutable: boolean
  /** Others that can take traffic and are not in our hand. */
  readonly routableOthers: number
  /** Others in our hand: a command is under way or its effect not seen yet. */
  readonly outByHand: number
}

/** It should serve: not in standby, leaving or gone. */
export function isInService({ lifecycle }: InstanceFacts): boolean {
  return lifecycle === 'ready' || lifecycle === 'unknown'
}

/**
 * Whether acting on it takes something away: it may be taking traffic. Only evidence that speaks
 * for
 * itself says that it does not; an erring, slow or silent one counts as routable.
 */
export function mayServe(instance: InstanceFacts): boolean {
  const isDown = instance.findings.some(
    (finding) => finding.class === 'self_evident' && DOWN.includes(finding.detector),
  )
  return isInService(instance) && !isDown
}

/**
 * Whether it can be counted on while another is out: in service, heard, nothing says it is down.
 */
export function canBeCountedOn(instance: InstanceFacts): boolean {
  const isDoubted = instance.findings.some(
    ({ detector }) => DOWN.includes(detector) || detector === 'silence',
  )
  return isInService(instance) && instance.link !== 'offline' && !isDoubted
}

/** It fails its requests, and not only answers slowly or is looked at from afar. */
function isFailing({ findings }: InstanceFacts): boolean {
  return findings.some(({ detector }) => FAILING.includes(detector))
}

/**
 * `target`: an instance that fails its requests stands in for another failing one, but not for one
 * that answers them.
 */
export function groupOf(
  instances: readonly InstanceFacts[],
  target: InstanceFacts,
  isInHand: (instance: InstanceFacts) => boolean,
): Group {
  let n = 0
  let routableOthers = 0
  let outByHand = 0
  const isTargetFailing = isFailing(target)
  for (const instance of instances) {
    if (isInService(instance)) n += 1
    if (instance.instance === target.instance) continue
    if (isInHand(instance)) outByHand += 1
    else if (canBeCountedOn(instance) && (isTargetFailing || !isFailing(instance))) {
      routableOthers += 1
    }
  }
  return { n, targetRoutable: mayServe(target), routableOthers, outByHand }
}
