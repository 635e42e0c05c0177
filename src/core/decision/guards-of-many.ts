// Guards that look at more than one instance, at the calendar and at people: asked from behaviour 3
// on (DESIGN.md section 7, default guards; F70, prior art M10, S0-42).
import { formatDuration } from '../../contracts/duration.ts'
import type { GuardLimits } from '../../contracts/limits.ts'
import type { FleetVerdict } from '../../contracts/records.ts'
import type { ApprovalState } from './approvals.ts'
import type { Count, Wellness } from './census.ts'
import { type Cause, scopeText } from './crowd.ts'
import type { Doubt } from './doubt.ts'
import type { Frozen } from './freeze.ts'
import type { Group } from './group.ts'
import { type Answer, atMost, percent } from './guard-answer.ts'

/** What these guards may ask; plain values of one moment. */
export interface CareInput {
  readonly frozen: Frozen | null
  readonly zone: ZoneInput
  readonly wellness: Wellness
  /** Others of whom the same is seen by their requests, where nothing else speaks against it. */
  readonly alike: number
  /** `seen`: even if those of whom only nothing is heard are well. */
  readonly storm: (Standing & { readonly seen: boolean }) | null
  readonly cause: (Cause & Standing) | null
  /** Verdicts of the fleet task that concern the target. */
  readonly fleetStorm: FleetVerdict | null
  readonly fleetCause: FleetVerdict | null
  readonly approval: ApprovalState
  readonly doubt: Doubt
  /** Nothing but silence speaks against it, which has to stand at least so long; else 0. */
  readonly unheardMs: number
}

/** Something that stands until it has been calm for a while. */
interface Standing {
  readonly sinceMs: number
  /** Log time at which it is over if it stays calm; null: it is not calm. */
  readonly untilMs: number | null
}

export interface ZoneInput {
  /** Of the target; null: registered without one. */
  readonly name: string | null
  /** Instances of the service in it. */
  readonly count: Count
  /** Other zones in which instances of the service are in our hand. */
  readonly others: readonly string[]
}

interface Asking {
  readonly nowMs: number
  readonly limits: GuardLimits
  readonly group: Group
  readonly selfEvident: boolean
}

/** Who is seen to be sick is none of those of whom only nothing is heard. */
function isPassedBy(selfEvident: boolean, { unheard = false }: FleetVerdict): boolean {
  return unheard && selfEvident
}

/** Times of the week in which people want no surprises. */
export function freezeGuard({ frozen }: CareInput): Answer {
  if (frozen === null) return { passed: true, value: 'no freeze window', limit: 'none' }
  return { passed: false, value: frozen.text, limit: 'none', until_ms: frozen.untilMs }
}

/** One zone at a time; and none that is sick as a whole. */
export function zoneGuard({ zone, fleetCause }: CareInput, asking: Asking): Answer {
  const { limits, selfEvident } = asking
  const { zoneSickShareMax: share, zoneSickMin } = limits
  const limit = `one zone at a time, under ${percent(share)} sick from ${zoneSickMin} on`
  const { name, count, others } = zone
  if (name === null) return { passed: true, value: 'registered without a zone', limit }
  const sick = `${count.sick} of ${count.n} sick in zone ${name}`
  if (count.sick >= zoneSickMin && count.sick >= share * count.n) {
    return { passed: false, value: sick, limit, cause: `sick ${name}` }
  }
  if (fleetCause?.attribute === 'zone' && !isPassedBy(selfEvident, fleetCause)) {
    const { sick: fell = 0, instances = 0 } = fleetCause
    const value = `${fell} of ${instances} sick in zone ${name} of the fleet`
    return { passed: false, value, limit, cause: fleetCause.verdict_id }
  }
  const [other] = others
  if (other === undefined) return { passed: true, value: sick, limit }
  return { passed: false, value: `at work in zone ${other}`, limit, cause: `other ${other}` }
}

/** Panic mode: when few are well, who looks sick is no fault of its own. */
export function stormGuard(input: CareInput, { nowMs, limits, selfEvident }: Asking): Answer {
  const { wellness, storm, fleetStorm } = input
  const calm = formatDuration(limits.stormCalmMs)
  const share = percent(limits.stormHealthyMin)
  const limit = `${share} healthy from ${limits.groupMin} on, for ${calm}`
  const value = `${wellness.healthy} of ${wellness.known} healthy`
  if (storm !== null && (storm.seen || !selfEvident)) {
    const told = `${value}, a storm since ${formatDuration(nowMs - storm.sinceMs)}`
    const cause = String(storm.sinceMs)
    return { passed: false, value: told, limit, until_ms: storm.untilMs, cause }
  }
  if (fleetStorm === null || isPassedBy(selfEvident, fleetStorm)) {
    return { passed: true, value, limit }
  }
  const { sick = 0, instances = 0, verdict_id: cause } = fleetStorm
  const told = `${instances - sick} of ${instances} healthy in the fleet`
  return { passed: false, value: told, limit, cause }
}

/** What many have at once is not cured by acting on each of them. */
export function commonCauseGuard(input: CareInput, { limits, selfEvident, group }: Asking): Answer {
  const { alike, cause, fleetCause } = input
  const span = formatDuration(limits.commonSpanMs)
  const most = percent(limits.commonShareMax)
  const limit = `at most ${most} within ${span} from ${limits.commonMin} on`
  if (cause !== null && !cause.evident && selfEvident) {
    return { passed: true, value: 'seen to be sick, others are only silent or late', limit }
  }
  if (cause !== null) {
    const shared = cause.named.shared === 'service' ? '' : `, sharing ${scopeText(cause.named)}`
    const value = `${cause.fell} of ${cause.of} of ${scopeText(cause)} fell sick together${shared}`
    const key = `${scopeText(cause)} ${cause.sinceMs}`
    return { passed: false, value, limit, until_ms: cause.untilMs, cause: key }
  }
  if (alike + 1 > Math.max(1, limits.commonShareMax * group.n)) {
    const value = `${alike} others of ${group.n} show the same, which may lie in what they call`
    return { passed: false, value, limit, cause: 'alike' }
  }
  if (fleetCause === null || fleetCause.attribute === 'zone') {
    return { passed: true, value: 'fell sick alone', limit }
  }
  if (isPassedBy(selfEvident, fleetCause)) {
    return { passed: true, value: 'seen to be sick, others are only silent', limit }
  }
  const { attribute, value: name, sick = 0, instances = 0, verdict_id: key } = fleetCause
  const what = attribute === 'version' ? `version ${name}` : 'services that fell sick together'
  const value = `${sick} of ${instances} instances of ${what} in the fleet`
  return { passed: false, value, limit, cause: key }
}

/** Routable or not: so many are healed at a time (S0-42). */
export function healShareGuard(_input: CareInput, { group, limits }: Asking): Answer {
  const most = atMost(limits.healShareMax, group.n)
  const value = `${group.outByHand} of ${group.n} in our hand`
  return { passed: group.outByHand + 1 <= most, value, limit: `at most ${most} at a time` }
}

/** People who have to say yes, and who said what. */
export function approvalGuard({ approval }: CareInput): Answer {
  const { needed, by, deniedBy, proposer, untilMs } = approval
  if (deniedBy !== null) {
    const cause = `denied ${deniedBy}`
    return {
      passed: false,
      value: `denied by ${deniedBy}`,
      limit: 'not denied',
      until_ms: untilMs,
      cause,
    }
  }
  const limit = needed === 1 ? '1 approval' : `${needed} approvals`
  if (needed === 0) return { passed: true, value: 'none needed', limit: 'none needed' }
  const said = by.length === 0 ? 'nobody approves yet' : `approved by ${by.join(' and ')}`
  const missing = needed - by.length
  if (missing <= 0) return { passed: true, value: said, limit }
  const others = [...by, ...(proposer === null ? [] : [`${proposer}, who proposes it`])]
  const but = others.length === 0 ? '' : ` other than ${others.join(' and ')}`
  const value = `${said}; missing: ${missing === 1 ? 'a person' : `${missing} persons`}${but}`
  return { passed: false, value, limit, cause: by.join(' ') }
}
