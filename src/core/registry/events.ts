// What an event does to an entry, by the behaviours before BEHAVIOUR_JUDGEMENT and from it on.
import type { Health, ServiceEvent } from '../../contracts/records.ts'
import type { Entry } from './entry.ts'
import { type LifeWord, LIFECYCLE_TABLE } from './lifecycle.ts'

export type RegistryRefusal =
  | 'stale_incarnation'
  | 'stale_version'
  | 'unknown_action'
  | 'too_many'
  | 'not_registered'

export interface Refused {
  readonly ok: false
  readonly reason: RegistryRefusal
  readonly detail: string
}

/**
 * Order of events: (incarnation, version, event time); an equal one repeats or extends and is
 * taken.
 */
export function staleness(held: Entry, event: ServiceEvent, eventMs: number): Refused | null {
  if (event.incarnation !== held.incarnation) {
    if (event.incarnation > held.incarnation) return null
    const detail = `incarnation ${held.incarnation} has begun, this is ${event.incarnation}`
    return { ok: false, reason: 'stale_incarnation', detail }
  }
  const isOlder =
    event.version < held.version || (event.version === held.version && eventMs < held.eventMs)
  if (!isOlder) return null
  const detail = `version ${held.version} is known, this is ${event.version} or older`
  return { ok: false, reason: 'stale_version', detail }
}

/** A word about one that was deregistered, other than a registration (C-08, S4-17). */
export function notRegistered(held: Entry, event: ServiceEvent): Refused {
  const name = `${held.service}/${held.instance ?? ''}`
  const detail = `${name} was deregistered, ${event.action} finds nobody; register it first`
  return { ok: false, reason: 'not_registered', detail }
}

/** Whether the lifecycle table takes the word. */
export function isTaken(held: Entry, word: LifeWord, renewed: boolean): boolean {
  // With a new incarnation nothing of the one before stands against a word.
  const next = LIFECYCLE_TABLE[renewed ? 'unknown' : held.lifecycle][word]
  return next === 'was' ? held.was !== null : next !== undefined
}

/** Does what the event says; whether anything but the lease changed. */
export function act(entry: Entry, event: ServiceEvent, atMs: number): boolean {
  switch (event.action) {
    case 'register':
      register(entry, event)
      entry.lifecycle = event.lifecycle ?? 'ready'
      renew(entry, event, atMs)
      return true
    case 'renew':
      return renew(entry, event, atMs)
    case 'deregister':
      entry.lifecycle = 'gone'
      entry.link = 'offline'
      entry.leaseUntilMs = null
      return true
    case 'drain':
      entry.lifecycle = 'draining'
      return true
    case 'healthy':
    case 'unstable':
    case 'unhealthy':
      return announce(entry, event.action, atMs)
    case 'unknown':
      return false
  }
}

/** Takes over what a registration says of an instance beside its lifecycle. */
export function register(entry: Entry, event: ServiceEvent): void {
  entry.host = event.host
  entry.port = event.port
  entry.healthPath = event.health_path
  entry.zone = event.zone
  entry.appVersion = event.app_version
  entry.agent = event.agent ?? entry.agent
  entry.agentEpoch = event.agent === null ? entry.agentEpoch : event.epoch
  entry.path = event.path
  entry.vector = event.vector
  entry.metadata = event.metadata
}

/** What a registration says, as one text: the same twice changes nothing (S1-11). */
export function registrationText(entry: Entry): string {
  const { host, port, healthPath, zone, appVersion, agent, agentEpoch } = entry
  const { path, vector, metadata, lifecycle, link, admitAtMs } = entry
  const plain = [host, port, healthPath, zone, appVersion, agent, agentEpoch]
  return JSON.stringify([...plain, path, vector, metadata, lifecycle, link, admitAtMs])
}

function renew(entry: Entry, event: ServiceEvent, atMs: number): boolean {
  const ttlMs = event.lease_ttl_ms ?? entry.leaseTtlMs
  entry.leaseTtlMs = ttlMs
  entry.leaseUntilMs = ttlMs === null ? null : Math.max(entry.leaseUntilMs ?? 0, atMs + ttlMs)
  entry.leaseExpired = false
  const before = { link: entry.link, lifecycle: entry.lifecycle }
  if (entry.lifecycle !== 'gone') entry.link = 'online'
  if (event.lifecycle !== null) entry.lifecycle = event.lifecycle
  return entry.link !== before.link || entry.lifecycle !== before.lifecycle
}

export function announce(entry: Entry, health: Health, atMs: number): boolean {
  const isNew = entry.announced !== health
  if (isNew) entry.announcedAtMs = atMs
  entry.announced = health
  return isNew
}
