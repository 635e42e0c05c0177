// What happens to many instances of a service at once: a storm (too few are healthy) and common
// causes (too many of those that share something fell sick within seconds). Both stop actions on
// single instances until it has been calm for a while (DESIGN.md section 7; F70, prior art M10).
import type { ServiceId } from '../../contracts/ids.ts'
import type { GuardLimits } from '../../contracts/limits.ts'
import { UNHEARD_CALM_MS } from '../fleet/term.ts'
import type { InstanceFacts, ServiceFacts } from '../kernel/facts.ts'
import { compareText } from '../kernel/order.ts'
import { type Census, censusOf, countOf, type Scope, type Shared, wellnessOf } from './census.ts'
import { isOfRequests, isSelfEvident, isSick, isUnheard, onsetMs } from './evidence.ts'

/** One instance that fell sick. */
export interface Onset {
  readonly sinceMs: number
  /** When it was found, which is later for what has to stand or was in doubt. */
  readonly notedMs: number
  readonly zone: string | null
  readonly version: string | null
  /** Evidence that speaks for itself has been seen; else it may be the looking that is sick. */
  evident: boolean
  /** Nothing but silence has been held against it. */
  unheard: boolean
  /** Nothing but its requests spoke against it. */
  readonly requests: boolean
  /** It is not sick any more; it still counts for as long as the span is. */
  over: boolean
}

/** Too many of a scope fell sick at once. */
export interface Cause extends Scope {
  /** What those who fell sick share, where that is narrower than the scope. */
  readonly named: Scope
  readonly sinceMs: number
  /**
   * So many fell sick by evidence that speaks for itself; else who is seen to be sick, and not only
   * inferred, is none of them.
   */
  readonly evident: boolean
  /** So many fell sick even if those of whom only nothing is heard are well. */
  seen: boolean
  /** Fell sick within the span, of so many. */
  readonly fell: number
  readonly of: number
  /** Since when no more than the limit is sick, or null. */
  calmSinceMs: number | null
}

interface Storm {
  readonly sinceMs: number
  /** Few were well even if those of whom only nothing is heard are. */
  seen: boolean
  calmSinceMs: number | null
}

export interface Crowd {
  /** By instance. */
  readonly onsets: Map<string, Onset>
  /** By scope, in the order in which they were found. */
  readonly causes: Map<string, Cause>
  storm: Storm | null
}

/** Of the services to whom something happens. */
export type Crowds = Map<ServiceId, Crowd>

/** Share of those who fell sick that have to share something for it to be named. */
const NAMED_SHARE = 0.8

export const ofScope = ({ shared, value }: Scope): string => `${shared}:${value}`

/** `zone a`, `version 2.1`, `the service`. */
export function scopeText({ shared, value }: Scope): string {
  return shared === 'service' ? 'the service' : `${shared} ${value}`
}

/**
 * Notes the instances of whom anything is new. `isInHand`: what our hand does to an instance is no
 * onset of it.
 */
export function noteOnsets(
  crowds: Crowds,
  service: ServiceId,
  {
    due,
    isInHand,
    nowMs,
  }: {
    readonly due: readonly InstanceFacts[]
    readonly isInHand: (instance: InstanceFacts) => boolean
    readonly nowMs: number
  },
): boolean {
  let crowd = crowds.get(service)
  let isNew = false
  for (const instance of due) {
    const onset = crowd?.onsets.get(instance.instance)
    const sick = isSick(instance) && instance.lifecycle !== 'gone'
    if (onset !== undefined && !sick) onset.over = true
    if (!sick || isInHand(instance)) continue
    const evident = instance.findings.some(isSelfEvident)
    const unheard = isUnheard(instance)
    if (onset?.over === false) {
      isNew ||= (evident && !onset.evident) || (!unheard && onset.unheard)
      onset.evident ||= evident
      onset.unheard &&= unheard
      continue
    }
    crowd ??= crowdOf(crowds, service)
    const { zone, appVersion: version } = instance
    // A policy alone is no finding: then it began now.
    const sinceMs = onsetMs(instance.findings, nowMs)
    crowd.onsets.delete(instance.instance)
    const requests = isOfRequests(instance)
    const fell = { sinceMs, notedMs: nowMs, zone, version, evident, unheard, requests, over: false }
    crowd.onsets.set(instance.instance, fell)
    isNew = true
  }
  return isNew
}

/** An instance has left the registry. */
export function leaveCrowd(
  crowds: Crowds,
  { service, instance }: { readonly service: ServiceId; readonly instance: string | null },
): void {
  const onset = instance === null ? undefined : crowds.get(service)?.onsets.get(instance)
  if (onset !== undefined) onset.over = true
}

/**
 * Judges the crowd of a service in this step; causes that were found now are returned, to be told.
 * `isNew`: somebody fell sick in this step.
 */
export function judgeCrowd(
  crowds: Crowds,
  facts: ServiceFacts,
  at: { readonly nowMs: number; readonly limits: GuardLimits; readonly isNew: boolean },
): readonly Cause[] {
  const crowd = judgeStorm(crowds, facts, at)
  if (crowd === undefined) return []
  if (!at.isNew && crowd.causes.size === 0) return []
  const census = censusOf(facts.instances)
  for (const cause of crowd.causes.values()) calm(cause, isOver(cause, census, at.limits), at.nowMs)
  return at.isNew ? findCauses(crowd, census, at) : []
}

/** Forgets what is over. */
export function settleCrowds(
  crowds: Crowds,
  nowMs: number,
  limitsOf: (service: ServiceId) => GuardLimits,
): void {
  for (const [service, crowd] of crowds) {
    const limits = limitsOf(service)
    const { commonSpanMs } = limits
    for (const [instance, { over, sinceMs }] of crowd.onsets) {
      if (over && sinceMs <= nowMs - commonSpanMs) crowd.onsets.delete(instance)
    }
    for (const [scope, cause] of crowd.causes) {
      if (nowMs >= (untilMs(cause, limits) ?? Infinity)) crowd.causes.delete(scope)
    }
    if (crowd.storm !== null && nowMs >= (untilMs(crowd.storm, limits) ?? Infinity)) {
      crowd.storm = null
    }
    const isEmpty = crowd.onsets.size === 0 && crowd.causes.size === 0 && crowd.storm === null
    if (isEmpty) crowds.delete(service)
  }
}

/** Log time at which it is over if it stays calm; null: it is not calm. */
export function untilMs(
  { seen, calmSinceMs }: Pick<Storm, 'seen' | 'calmSinceMs'>,
  { stormCalmMs }: Pick<GuardLimits, 'stormCalmMs'>,
): number | null {
  if (calmSinceMs === null) return null
  return calmSinceMs + (seen ? stormCalmMs : Math.min(stormCalmMs, UNHEARD_CALM_MS))
}

/** The cause that an instance is under, or null; that of the service first. */
export function causeOf(
  crowd: Crowd | undefined,
  { zone, appVersion }: Pick<InstanceFacts, 'zone' | 'appVersion'>,
): Cause | null {
  const { causes } = crowd ?? {}
  if (causes === undefined || causes.size === 0) return null
  const scopes: Scope[] = [{ shared: 'service', value: '' }]
  if (zone !== null) scopes.push({ shared: 'zone', value: zone })
  if (appVersion !== null) scopes.push({ shared: 'version', value: appVersion })
  for (const scope of scopes) {
    const cause = causes.get(ofScope(scope))
    if (cause !== undefined) return cause
  }
  return null
}

/**
 * Instances of a zone and a version (undefined: of any) that fell sick after `sinceMs`, and the
 * newest time at which one of whom more is known was found.
 */
export function recentOnsets(
  crowd: Crowd | undefined,
  at: {
    readonly zone: string | null
    readonly version: string | null | undefined
    readonly sinceMs: number
  },
): {
  readonly recent: number
  readonly unheard: number
  readonly newestMs: number | null
} {
  let recent = 0
  let unheard = 0
  let newestMs: number | null = null
  for (const onset of crowd?.onsets.values() ?? []) {
    if (onset.zone !== at.zone || onset.sinceMs <= at.sinceMs) continue
    if (at.version !== undefined && onset.version !== at.version) continue
    recent += 1
    if (onset.unheard) unheard += 1
    else newestMs = Math.max(newestMs ?? onset.notedMs, onset.notedMs)
  }
  return { recent, unheard, newestMs }
}

function crowdOf(crowds: Crowds, service: ServiceId): Crowd {
  const held = crowds.get(service)
  if (held !== undefined) return held
  const crowd: Crowd = { onsets: new Map(), causes: new Map(), storm: null }
  crowds.set(service, crowd)
  return crowd
}

function judgeStorm(
  crowds: Crowds,
  facts: ServiceFacts,
  { nowMs, limits }: { readonly nowMs: number; readonly limits: GuardLimits },
): Crowd | undefined {
  const crowd = crowds.get(facts.service)
  const { healthy, known } = wellnessOf(facts)
  const isFew = (well: number): boolean => well < limits.stormHealthyMin * known
  const isStorm = known >= limits.groupMin && isFew(healthy)
  const isSeen = isStorm && isFew(healthy + facts.instances.filter(isLiveUnheard).length)
  if (crowd?.storm === undefined || crowd.storm === null) {
    if (!isStorm) return crowd
    const found = crowdOf(crowds, facts.service)
    found.storm = { sinceMs: nowMs, seen: isSeen, calmSinceMs: null }
    return found
  }
  crowd.storm.seen ||= isSeen
  calm(crowd.storm, !isStorm, nowMs)
  return crowd
}

function isLiveUnheard(instance: InstanceFacts): boolean {
  return instance.lifecycle !== 'gone' && isUnheard(instance)
}

function calm(what: { calmSinceMs: number | null }, isCalm: boolean, nowMs: number): void {
  what.calmSinceMs = isCalm ? (what.calmSinceMs ?? nowMs) : null
}

function isOver(cause: Cause, census: Census, { commonShareMax }: GuardLimits): boolean {
  const { n, sick } = countOf(census, cause)
  return sick <= commonShareMax * n
}

/** Scopes of which too many fell sick within the span, and that are not known yet. */
function findCauses(
  crowd: Crowd,
  census: Census,
  { nowMs, limits }: { readonly nowMs: number; readonly limits: GuardLimits },
): readonly Cause[] {
  const all = [...crowd.onsets.values()].sort((a, b) => a.sinceMs - b.sinceMs)
  const scopes: Scope[] = [{ shared: 'service', value: '' }]
  // Where all share one zone or version, that says no more than the service does.
  if (census.zones.size > 1) scopes.push(...scopesOf('zone', census.zones))
  if (census.versions.size > 1) scopes.push(...scopesOf('version', census.versions))
  const found: Cause[] = []
  for (const scope of scopes) {
    const { n: of } = countOf(census, scope)
    const known = crowd.causes.get(ofScope(scope))
    const isSmall = of < limits.commonMin
    if ((isSmall && scope.shared !== 'service') || known?.evident === true) continue
    const most = Math.max(1, limits.commonShareMax * of)
    // Of a few two may fall sick by chance; but not by what both of them call.
    const onsets = all.filter((onset) => isIn(scope, onset) && (!isSmall || onset.requests))
    const seen = within(
      onsets.filter(({ evident }) => evident),
      limits.commonSpanMs,
    )
    const evident = seen.length > most
    const fell = evident ? seen : within(onsets, limits.commonSpanMs)
    const heard = onsets.filter(({ unheard }) => !unheard)
    const isSeen = evident || within(heard, limits.commonSpanMs).length > most
    if (known !== undefined) known.seen ||= isSeen
    if (fell.length <= most || (known !== undefined && !evident)) continue
    const named = scope.shared === 'service' ? nameOf(scopes, fell) : scope
    const cause: Cause = {
      ...scope,
      named,
      evident,
      seen: isSeen,
      sinceMs: nowMs,
      fell: fell.length,
      of,
      calmSinceMs: null,
    }
    crowd.causes.set(ofScope(scope), cause)
    found.push(cause)
  }
  return found
}

function scopesOf(shared: Shared, counts: ReadonlyMap<string, unknown>): readonly Scope[] {
  return [...counts.keys()].sort(compareText).map((value) => ({ shared, value }))
}

function isIn({ shared, value }: Scope, { zone, version }: Onset): boolean {
  return shared === 'service' || (shared === 'zone' ? zone : version) === value
}

/** The most of them, in order of their times, that lie within the span. */
function within(onsets: readonly Onset[], spanMs: number): readonly Onset[] {
  let best: readonly Onset[] = []
  let from = 0
  for (let to = 0; to < onsets.length; to++) {
    while ((onsets[from]?.sinceMs ?? 0) < (onsets[to]?.sinceMs ?? 0) - spanMs) from += 1
    if (to + 1 - from > best.length) best = onsets.slice(from, to + 1)
  }
  return best
}

/** What nearly all of them share: a version, else a zone, else the service. */
function nameOf(scopes: readonly Scope[], fell: readonly Onset[]): Scope {
  const shares = (scope: Scope): boolean =>
    fell.filter((onset) => isIn(scope, onset)).length >= NAMED_SHARE * fell.length
  const found = (shared: Shared): Scope | undefined =>
    scopes.find((scope) => scope.shared === shared && shares(scope))
  return found('version') ?? found('zone') ?? { shared: 'service', value: '' }
}
