// What the fleet task says across services: a storm of the fleet, a zone or version that is sick in
// several services, several services that fell sick as a whole (reliability.md F70, prior art M10).
// A verdict stands until its reason has been gone for a while, and is said again now and then, so
// that who holds it knows that it still stands.
import type { GuardLimits } from '../../contracts/limits.ts'
import type { FleetVerdict } from '../../contracts/records.ts'
import type { ImageReader, ImageWriter } from '../kernel/image.ts'
import { compareText } from '../kernel/order.ts'
import type { Picture, Sum } from './picture.ts'
import { QUIET_EVERY_MS, UNHEARD_CALM_MS } from './term.ts'

/** Not said again for so long, a verdict does not stand any more. */
export const VERDICT_STALE_MS: number = 3 * QUIET_EVERY_MS
/** Services that fell sick as a whole and are taken for one matter. */
const SERVICES_MIN = 2
/** A service named in a verdict; more are concerned all the same, by zone, version or storm. */
const NAMED_MAX = 256

type Attribute = 'fleet' | 'zone' | 'version' | 'services'

/** A reason, as it is seen now. */
interface Reason {
  readonly id: string
  readonly what: 'storm' | 'common_cause'
  readonly attribute: Attribute
  readonly value: string
  readonly sick: number
  readonly instances: number
  /** It would hold if those of whom only nothing is heard were well. */
  readonly seen: boolean
  /** Concerned; none = whoever shares the attribute. */
  readonly services: readonly string[]
}

interface Standing extends Reason {
  readonly sinceMs: number
  calmSinceMs: number | null
  saidMs: number
}

export class Verdicts {
  /** In the order in which they were found. */
  private readonly standing = new Map<string, Standing>()

  /** What is to be said now: new, changed, over, or not said for a while. */
  judge(picture: Picture, limits: GuardLimits, nowMs: number): readonly FleetVerdict[] {
    const said: FleetVerdict[] = []
    const reasons = reasonsOf(picture, limits)
    for (const reason of reasons) {
      const held = this.standing.get(reason.id)
      const services = union(held?.services ?? [], reason.services)
      const isNew = held === undefined || services.length > held.services.length
      if (!isNew && (held.seen || !reason.seen)) continue
      const sinceMs = held?.sinceMs ?? nowMs
      const seen = held?.seen === true || reason.seen
      const found = { ...reason, seen, services, sinceMs, calmSinceMs: null, saidMs: nowMs }
      this.standing.set(reason.id, found)
      said.push(wire(found, false))
    }
    const open = new Set(reasons.map(({ id }) => id))
    for (const [id, held] of this.standing) {
      const isCalm = !open.has(id) && hasCalmed(held, picture, limits)
      held.calmSinceMs = isCalm ? (held.calmSinceMs ?? nowMs) : null
      if (held.calmSinceMs !== null && nowMs >= held.calmSinceMs + calmMs(held, limits)) {
        this.standing.delete(id)
        said.push(wire(held, true))
      } else if (nowMs >= held.saidMs + QUIET_EVERY_MS) {
        held.saidMs = nowMs
        said.push(wire(held, false))
      }
    }
    return said
  }

  /** When `judge` may say something by time alone, or null. */
  nextMs(limits: GuardLimits): number | null {
    let next: number | null = null
    for (const standing of this.standing.values()) {
      const { saidMs, calmSinceMs } = standing
      const overMs = calmSinceMs === null ? saidMs : calmSinceMs + calmMs(standing, limits)
      const atMs = calmSinceMs === null ? saidMs + QUIET_EVERY_MS : overMs
      next = Math.min(next ?? atMs, atMs, saidMs + QUIET_EVERY_MS)
    }
    return next
  }

  save(to: ImageWriter): void {
    to.int(this.standing.size)
    for (const one of this.standing.values()) {
      to.text(one.id).text(one.what).text(one.attribute).text(one.value)
      to.int(one.sick).int(one.instances).flag(one.seen).texts(one.services)
      to.number(one.sinceMs).numberOrNull(one.calmSinceMs).number(one.saidMs)
    }
  }

  /** Into an empty one. */
  load(from: ImageReader): void {
    for (let left = from.count(); left > 0; left--) {
      const id = from.text()
      this.standing.set(id, {
        id,
        what: from.oneOf(WHATS),
        attribute: from.oneOf(ATTRIBUTES),
        value: from.text(),
        sick: from.int(),
        instances: from.int(),
        seen: from.flag(),
        services: from.texts(),
        sinceMs: from.number(),
        calmSinceMs: from.numberOrNull(),
        saidMs: from.number(),
      })
    }
  }
}

const WHATS = { storm: true, common_cause: true } as const
const ATTRIBUTES = { fleet: true, zone: true, version: true, services: true } as const

/** How long a reason has to be gone. */
function calmMs({ seen }: Standing, { stormCalmMs }: GuardLimits): number {
  return seen ? stormCalmMs : Math.min(stormCalmMs, UNHEARD_CALM_MS)
}

function reasonsOf(picture: Picture, limits: GuardLimits): readonly Reason[] {
  const { healthy, known, unheard, zones, versions } = picture
  const reasons: Reason[] = []
  const found = (id: string, reason: Omit<Reason, 'id'>): void =>
    void reasons.push({ id, ...reason })
  const isFew = (well: number): boolean => well < limits.stormHealthyMin * known
  if (known >= limits.groupMin && isFew(healthy)) {
    const counts = { sick: known - healthy, instances: known, seen: isFew(healthy + unheard) }
    found('storm', { what: 'storm', attribute: 'fleet', value: '', ...counts, services: [] })
  }
  const cause = { what: 'common_cause', services: [] } as const
  if (zones.size > 1) {
    for (const [value, zone] of inOrder(zones)) {
      const is = (sum: Sum): boolean => isFrozen(sum, limits) || isShared(sum, limits)
      if (!is(zone)) continue
      const counts = { ...counted(zone), seen: is(heard(zone)) }
      found(`zone:${value}`, { ...cause, attribute: 'zone', value, ...counts })
    }
  }
  if (versions.size > 1) {
    for (const [value, version] of inOrder(versions)) {
      if (!isShared(version, limits)) continue
      const counts = { ...counted(version), seen: isShared(heard(version), limits) }
      found(`version:${value}`, { ...cause, attribute: 'version', value, ...counts })
    }
  }
  const whole = inOrder(picture.services).filter(([, service]) => isWhole(service))
  if (whole.length >= SERVICES_MIN) {
    const services = whole.map(([name]) => name).slice(0, NAMED_MAX)
    const sick = whole.reduce((n, [, one]) => n + one.sick, 0)
    const instances = whole.reduce((n, [, one]) => n + one.instances, 0)
    const seen = whole.filter(([, one]) => isWhole(heard(one))).length >= SERVICES_MIN
    const what = { ...cause, attribute: 'services', value: '' } as const
    found('services', { ...what, sick, instances, seen, services })
  }
  return reasons
}

/** Sick as a whole (DESIGN.md section 7). */
function isFrozen({ sick, instances }: Sum, limits: GuardLimits): boolean {
  return sick >= limits.zoneSickMin && sick >= limits.zoneSickShareMax * instances
}

/** Too many fell sick together, in more than one service. */
function isShared({ recent, instances, services }: Sum, limits: GuardLimits): boolean {
  const isMany = instances >= limits.commonMin && recent > limits.commonShareMax * instances
  return isMany && services.size >= SERVICES_MIN
}

/** More than one of its instances fell sick together, and they are most of it. */
function isWhole({ recent, instances }: Sum): boolean {
  return recent >= 2 && recent > instances / 2
}

/** As if those of whom only nothing is heard were well. */
function heard(sum: Sum): Sum {
  const { sick, recent, sickUnheard, recentUnheard } = sum
  return { ...sum, sick: sick - sickUnheard, recent: recent - recentUnheard }
}

function counted({ sick, instances }: Sum): Pick<Reason, 'sick' | 'instances'> {
  return { sick, instances }
}

/** No more of those concerned are sick than may be at any time. */
function hasCalmed(reason: Reason, picture: Picture, limits: GuardLimits): boolean {
  const few = ({ sick, instances }: Pick<Sum, 'sick' | 'instances'>): boolean =>
    sick <= limits.commonShareMax * instances
  const calm = (sum: Sum | undefined): boolean => sum === undefined || few(sum)
  switch (reason.attribute) {
    case 'fleet':
      return true
    case 'zone':
      return calm(picture.zones.get(reason.value))
    case 'version':
      return calm(picture.versions.get(reason.value))
    case 'services':
      return few(together(reason.services, picture))
  }
}

function together(services: readonly string[], picture: Picture): Pick<Sum, 'sick' | 'instances'> {
  let sick = 0
  let instances = 0
  for (const service of services) {
    sick += picture.services.get(service)?.sick ?? 0
    instances += picture.services.get(service)?.instances ?? 0
  }
  return { sick, instances }
}

function inOrder(sums: ReadonlyMap<string, Sum>): readonly (readonly [string, Sum])[] {
  return [...sums].sort(([a], [b]) => compareText(a, b))
}

function union(a: readonly string[], b: readonly string[]): readonly string[] {
  return [...new Set([...a, ...b])].sort(compareText)
}

function wire(standing: Standing, over: boolean): FleetVerdict {
  const { id, what, attribute, value, sick, instances, services, seen, sinceMs } = standing
  return {
    verdict_id: id,
    what,
    services,
    cause_service: null,
    cause_instance: null,
    since_ms: sinceMs,
    over,
    attribute,
    value,
    sick,
    instances,
    unheard: !seen,
  }
}

/**
 * Verdicts of the fleet task as a service task holds them, with the log time of their last word.
 */
export class HeldVerdicts {
  private readonly held = new Map<
    string,
    { readonly verdict: FleetVerdict; readonly atMs: number }
  >()

  hear(verdict: FleetVerdict, atMs: number): void {
    if (verdict.over) this.held.delete(verdict.verdict_id)
    else this.held.set(verdict.verdict_id, { verdict, atMs })
  }

  /** The storm of the fleet that stands, or null. */
  storm(nowMs: number): FleetVerdict | null {
    return this.find(nowMs, ({ what }) => what === 'storm')
  }

  /** The first common cause that concerns the instance, or null. */
  cause(
    at: {
      readonly service: string
      readonly zone: string | null
      readonly appVersion: string | null
    },
    nowMs: number,
  ): FleetVerdict | null {
    return this.find(nowMs, ({ what, attribute, value, services }) => {
      if (what !== 'common_cause') return false
      if (attribute === 'zone') return value === at.zone
      if (attribute === 'version') return value === at.appVersion
      return services.some((service) => service === at.service)
    })
  }

  save(to: ImageWriter): void {
    to.int(this.held.size)
    for (const { verdict, atMs } of this.held.values()) {
      to.number(atMs).text(verdict.verdict_id).text(verdict.what).number(verdict.since_ms)
      to.text(verdict.attribute ?? '')
        .text(verdict.value ?? '')
        .texts(verdict.services)
      to.int(verdict.sick ?? 0)
        .int(verdict.instances ?? 0)
        .flag(verdict.unheard === true)
    }
  }

  /** Into an empty one. */
  load(from: ImageReader): void {
    for (let left = from.count(); left > 0; left--) {
      const atMs = from.number()
      const verdict: FleetVerdict = {
        verdict_id: from.text(),
        what: from.oneOf(SAID),
        since_ms: from.number(),
        attribute: from.text(),
        value: from.text(),
        services: from.texts(),
        sick: from.int(),
        instances: from.int(),
        unheard: from.flag(),
        cause_service: null,
        cause_instance: null,
        over: false,
      }
      this.held.set(verdict.verdict_id, { verdict, atMs })
    }
  }

  private find(nowMs: number, fits: (verdict: FleetVerdict) => boolean): FleetVerdict | null {
    for (const { verdict, atMs } of this.held.values()) {
      if (nowMs - atMs <= VERDICT_STALE_MS && fits(verdict)) return verdict
    }
    return null
  }
}

const SAID = {
  unknown: true,
  common_cause: true,
  root_cause: true,
  storm: true,
  blind: true,
} as const
