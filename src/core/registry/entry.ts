// One instance (or a service as a whole) as the registry holds it, the record that tells others
// about it, and its part of an image.
import {
  agentId,
  clusterId,
  instanceId,
  type InstanceId,
  type ServiceId,
  serviceId,
} from '../../contracts/ids.ts'
import type { Health, Lifecycle, Link, RegistryEntry } from '../../contracts/records.ts'
import type { Queued } from '../kernel/due-queue.ts'
import { FORM_JUDGEMENT, type ImageReader, type ImageWriter } from '../kernel/image.ts'

/** Slot of an entry that nobody holds. */
const NOWHERE = 0

/**
 * Mutable state of one entry; times are the log's. What stands first is no part of the state.
 */
export interface Entry extends Queued {
  /** Where its numbers lie that change with every sign of life. */
  slot: number
  /** It has left the registry. */
  isForgotten: boolean
  readonly service: ServiceId
  /** null: the service as a whole. */
  readonly instance: InstanceId | null
  clusterId: string
  incarnation: number
  version: number
  /** Event time of the event that set (incarnation, version). */
  eventMs: number
  lifecycle: Lifecycle
  link: Link
  /** Health as announced from outside by a service event; `unknown` = nothing announced. */
  announced: Health
  announcedAtMs: number
  host: string | null
  port: number | null
  healthPath: string | null
  zone: string | null
  appVersion: string | null
  agent: string | null
  agentEpoch: number
  leaseTtlMs: number | null
  leaseUntilMs: number | null
  /** The lease has run out; the next sign of life takes it back. */
  leaseExpired: boolean
  /** What it was before its lease ran out and it was counted as gone; null: it was not. */
  was: Lifecycle | null
  /** When one whose lease has run out, but that may not go yet, is looked at again, or null. */
  lapseAtMs: number | null
  /** When one that registered is admitted, or null; until then it stands by. */
  admitAtMs: number | null
  /** How long it was to wait for that when it registered. */
  retryMs: number
  /** Why it is gone or waits: deregistered, ttl_expired, admission; null: neither. */
  why: string | null
  /** Beats in a row by which its agent reached nobody else, up to ALONE_MAX. */
  alone: number
  registeredAtMs: number
  path: readonly string[]
  vector: Readonly<Record<string, number>>
  metadata: Readonly<Record<string, string>>
  recordVersion: number
}

/** Those of whom nobody has told any share one. */
const NO_PATH: readonly string[] = Object.freeze([])
const NO_VECTOR: Readonly<Record<string, number>> = Object.freeze({})
const NO_METADATA: Readonly<Record<string, string>> = Object.freeze({})

/**
 * The lifecycle that judgement goes by. Whose lease ran out is gone from the registry, so that
 * nobody goes there; for healing and for blindness it is still what it was, or a fault would end
 * itself and an agent that fell silent would not be missed.
 */
export function lifecycleOf({ was, lifecycle }: Entry): Lifecycle {
  return was ?? lifecycle
}

export function newEntry(
  at: { service: string; instance: string | null },
  origin: { clusterId: string; incarnation: number; nowMs: number },
): Entry {
  return {
    queuedMs: Number.POSITIVE_INFINITY,
    slot: NOWHERE,
    isForgotten: false,
    service: serviceId(at.service),
    instance: at.instance === null ? null : instanceId(at.instance),
    clusterId: origin.clusterId,
    incarnation: origin.incarnation,
    version: 0,
    eventMs: 0,
    lifecycle: 'unknown',
    link: 'unknown',
    announced: 'unknown',
    announcedAtMs: 0,
    host: null,
    port: null,
    healthPath: null,
    zone: null,
    appVersion: null,
    agent: null,
    agentEpoch: 0,
    leaseTtlMs: null,
    leaseUntilMs: null,
    leaseExpired: false,
    was: null,
    lapseAtMs: null,
    admitAtMs: null,
    retryMs: 0,
    why: null,
    alone: 0,
    registeredAtMs: origin.nowMs,
    path: NO_PATH,
    vector: NO_VECTOR,
    metadata: NO_METADATA,
    recordVersion: 0,
  }
}

/** As told from BEHAVIOUR_JUDGEMENT on. */
export function fullRecord(entry: Entry, nowMs: number): RegistryEntry {
  const record = registryRecord(entry, nowMs)
  return {
    ...record,
    lifecycle_reason: entry.why,
    retry_ms: entry.admitAtMs === null ? 0 : entry.retryMs,
  }
}

/** `lease_until_ms` is as of this record; renewals alone are not written. */
export function registryRecord(entry: Entry, nowMs: number): RegistryEntry {
  return {
    service: entry.service,
    instance: entry.instance,
    cluster_id: clusterId(entry.clusterId),
    incarnation: entry.incarnation,
    version: entry.version,
    lifecycle: entry.lifecycle,
    link: entry.link,
    host: entry.host,
    port: entry.port,
    health_path: entry.healthPath,
    zone: entry.zone,
    app_version: entry.appVersion,
    agent: entry.agent === null ? null : agentId(entry.agent),
    agent_epoch: entry.agentEpoch,
    lease_ttl_ms: entry.leaseTtlMs,
    lease_until_ms: entry.leaseUntilMs,
    registered_at_ms: entry.registeredAtMs,
    at_ms: nowMs,
    vector: entry.vector,
    path: entry.path,
    metadata: entry.metadata,
    record_version: entry.recordVersion,
  }
}

const LIFECYCLES: Readonly<Record<Lifecycle, true>> = {
  unknown: true,
  standby: true,
  ready: true,
  draining: true,
  gone: true,
}
const LINKS: Readonly<Record<Link, true>> = { unknown: true, online: true, offline: true }
const HEALTHS: Readonly<Record<Health, true>> = {
  unknown: true,
  healthy: true,
  unstable: true,
  unhealthy: true,
}

/** `seenAtMs`: log time of the last event or sign of life. */
export function saveEntry(entry: Entry, seenAtMs: number, to: ImageWriter): void {
  to.text(entry.service).textOrNull(entry.instance).text(entry.clusterId)
  to.number(entry.incarnation).number(entry.version).number(entry.eventMs)
  to.text(entry.lifecycle).text(entry.link).text(entry.announced).number(entry.announcedAtMs)
  to.textOrNull(entry.host).numberOrNull(entry.port).textOrNull(entry.healthPath)
  to.textOrNull(entry.zone).textOrNull(entry.appVersion)
  to.textOrNull(entry.agent).number(entry.agentEpoch)
  to.numberOrNull(entry.leaseTtlMs).numberOrNull(entry.leaseUntilMs).flag(entry.leaseExpired)
  to.number(entry.registeredAtMs).number(seenAtMs).texts(entry.path)
  // In the order of the fields, which is that of the bytes of the record.
  const clocks = Object.entries(entry.vector)
  to.int(clocks.length)
  for (const [cluster, version] of clocks) to.text(cluster).number(version)
  to.texts(Object.entries(entry.metadata).flat()).number(entry.recordVersion)
  if (to.form < FORM_JUDGEMENT) return
  to.textOrNull(entry.was).numberOrNull(entry.lapseAtMs).numberOrNull(entry.admitAtMs)
  to.number(entry.retryMs).textOrNull(entry.why).int(entry.alone)
}

export interface Loaded {
  readonly entry: Entry
  readonly seenAtMs: number
}

/** Of the same hidden class as a new one: every delta looks at some entry. */
export function loadEntry(from: ImageReader): Loaded {
  const at = { service: from.text(), instance: from.textOrNull() }
  const origin = { clusterId: from.text(), incarnation: from.number(), nowMs: 0 }
  const entry = newEntry(at, origin)
  entry.version = from.number()
  entry.eventMs = from.number()
  entry.lifecycle = from.oneOf(LIFECYCLES)
  entry.link = from.oneOf(LINKS)
  entry.announced = from.oneOf(HEALTHS)
  entry.announcedAtMs = from.number()
  entry.host = from.textOrNull()
  entry.port = from.numberOrNull()
  entry.healthPath = from.textOrNull()
  entry.zone = from.textOrNull()
  entry.appVersion = from.textOrNull()
  entry.agent = from.textOrNull()
  entry.agentEpoch = from.number()
  entry.leaseTtlMs = from.numberOrNull()
  entry.leaseUntilMs = from.numberOrNull()
  entry.leaseExpired = from.flag()
  entry.registeredAtMs = from.number()
  const seenAtMs = from.number()
  const path = from.texts()
  if (path.length > 0) entry.path = path
  const vector = from.list(() => [from.text(), from.number()] as const)
  if (vector.length > 0) entry.vector = Object.fromEntries(vector)
  const metadata = from.texts()
  if (metadata.length > 0) entry.metadata = Object.fromEntries(pairs(metadata))
  entry.recordVersion = from.number()
  if (from.form >= FORM_JUDGEMENT) loadWaits(entry, from)
  return { entry, seenAtMs }
}

function loadWaits(entry: Entry, from: ImageReader): void {
  entry.was = from.flag() ? from.oneOf(LIFECYCLES) : null
  entry.lapseAtMs = from.numberOrNull()
  entry.admitAtMs = from.numberOrNull()
  entry.retryMs = from.number()
  entry.why = from.textOrNull()
  entry.alone = from.int()
}

function pairs(texts: readonly string[]): [string, string][] {
  const made: [string, string][] = []
  for (let i = 0; i + 1 < texts.length; i += 2) made.push([texts[i] ?? '', texts[i + 1] ?? ''])
  return made
}
