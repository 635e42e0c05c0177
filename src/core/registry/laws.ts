// The registry's laws from BEHAVIOUR_JUDGEMENT on: what an event does by the lifecycle table, who
// is admitted when (S1-43), whose lease has run out and who goes by that (S0-08, S4-16), and whose
// agent reaches nobody (S3-01).
import type { Lifecycle, ServiceEvent } from '../../contracts/records.ts'
import { FORM_JUDGEMENT, type ImageReader, type ImageWriter } from '../kernel/image.ts'
import { Admissions } from './admission.ts'
import type { Entry } from './entry.ts'
import { announce, register, registrationText } from './events.ts'
import { LIFECYCLE_TABLE, type LifeWord, wordOf } from './lifecycle.ts'

export interface LawLimits {
  /** Instances of a service that become ready in one second of log time. */
  readonly registrationsPerS: number
}

/** Lease of a registration that names none (S0-08). */
export const LEASE_TTL_MS = 30_000
/**
 * Of the instances of a service so many go because their leases ran out (at least one may): when
 * more are unheard at once, it is the telling that failed (law 7), and all stay until they are
 * heard or somebody takes them out.
 */
export const LAPSED_SHARE_MAX = 0.15
/** Beats in a row without any peer that make an island (S3-01: within three). */
export const ALONE_MAX = 2

interface At {
  readonly horizonMs: number | null
  readonly floorMs: number
  /** Last sign of life. */
  readonly seenMs: number
  /** Entries of the service. */
  readonly count: number
}

const NOTHING = { isNew: false, isAltered: false } as const

export class Laws {
  /** Of a service; null: there are none yet. */
  readonly limits: (service: string) => LawLimits | null
  private readonly admissions = new Admissions()
  /** Instances that are gone because their leases ran out, by service. */
  private readonly lapsed = new Map<string, number>()

  constructor(limits: (service: string) => LawLimits | null) {
    this.limits = limits
  }

  /** Does what an event says that is neither late nor refused; whether the entry is to be told. */
  act(
    entry: Entry,
    event: ServiceEvent,
    { atMs, limits }: { atMs: number; limits: LawLimits },
  ): boolean {
    const word = wordOf(event, entry.lifecycle)
    if (word === null) return false
    const before = registrationText(entry)
    const isRegistration = word === 'register' || word === 'register_standby'
    if (isRegistration) register(entry, event)
    const isNews = word === 'announce' && announceOf(entry, event, atMs)
    this.move(entry, word, { atMs, limits })
    if (entry.lifecycle === 'gone') {
      entry.link = 'offline'
      entry.leaseUntilMs = null
      entry.why = 'deregistered'
    } else if (isRegistration || word === 'renew') {
      renew(entry, event, atMs)
      entry.link = 'online'
      if (entry.why === 'deregistered') entry.why = null
    }
    return isNews || registrationText(entry) !== before
  }

  /** Whether it has waited long enough and may serve from now on. */
  admit(entry: Entry, nowMs: number): boolean {
    if (entry.admitAtMs === null || entry.admitAtMs > nowMs) return false
    waitNoMore(entry)
    entry.lifecycle = 'ready'
    return true
  }

  /**
   * Ends the lease when nothing has renewed it in time: the link is off, and the instance goes
   * unless too many of its service would.
   */
  lapse(
    entry: Entry,
    { horizonMs, floorMs, seenMs, count }: At,
  ): { readonly isNew: boolean; readonly isAltered: boolean } {
    const ttlMs = entry.leaseTtlMs
    if (horizonMs === null || ttlMs === null || entry.lifecycle === 'gone') return NOTHING
    const isNew = !entry.leaseExpired
    if (isNew) {
      const untilMs = Math.max(leaseEnd(entry, seenMs) ?? horizonMs, floorMs + ttlMs)
      entry.leaseUntilMs = untilMs
      if (untilMs >= horizonMs) return NOTHING
      entry.leaseExpired = true
    } else if (entry.lapseAtMs === null || entry.lapseAtMs > horizonMs) return NOTHING
    const wasOnline = entry.link !== 'offline'
    entry.link = 'offline'
    const mayGo = this.lapsedOf(entry) + 1 <= Math.max(1, Math.floor(LAPSED_SHARE_MAX * count))
    if (mayGo) this.see(entry)
    else entry.lapseAtMs = horizonMs + ttlMs
    return { isNew, isAltered: mayGo || wasOnline }
  }

  /** A sign of life of one whose lease had run out; whether anything changed by it. */
  comeBack(entry: Entry, atMs: number): boolean {
    if (!entry.leaseExpired) return false
    this.restore(entry)
    if (entry.leaseTtlMs !== null) entry.leaseUntilMs = atMs + entry.leaseTtlMs
    return true
  }

  /** A new incarnation begins. */
  begin(entry: Entry, atMs: number): void {
    const { lifecycle, agent } = entry
    this.restore(entry)
    waitNoMore(entry)
    entry.alone = 0
    // Whoever has no agent that would register it anew stays what it is.
    const isKept = lifecycle !== 'gone' && agent === null
    const next = LIFECYCLE_TABLE[lifecycle].new_life
    if (!isKept && next !== undefined && next !== 'was') entry.lifecycle = next
    if (entry.leaseTtlMs !== null) entry.leaseUntilMs = atMs + entry.leaseTtlMs
    entry.why = null
  }

  notePeers(entry: Entry, peers: number): void {
    entry.alone = peers > 0 ? 0 : Math.min(ALONE_MAX, entry.alone + 1)
  }

  /** When time alone has something to do with the entry, or null. */
  dueAt(entry: Entry, seenMs: number): number | null {
    const endMs = entry.leaseExpired ? null : leaseEnd(entry, seenMs)
    const lapseMs = endMs === null ? entry.lapseAtMs : endMs + 1
    if (entry.admitAtMs === null) return lapseMs
    return lapseMs === null ? entry.admitAtMs : Math.min(entry.admitAtMs, lapseMs)
  }

  /** It is forgotten. */
  left(entry: Entry): void {
    if (entry.was !== null) this.count(entry, -1)
  }

  advance(nowMs: number): void {
    this.admissions.advance(nowMs)
  }

  save(to: ImageWriter): void {
    if (to.form >= FORM_JUDGEMENT) this.admissions.save(to)
  }

  /** Into an empty one, with the entries that were read. */
  load(from: ImageReader, entries: Iterable<Entry>): void {
    if (from.form < FORM_JUDGEMENT) return
    this.admissions.load(from)
    for (const entry of entries) if (entry.was !== null) this.count(entry, 1)
  }

  private move(
    entry: Entry,
    word: LifeWord,
    { atMs, limits }: { atMs: number; limits: LawLimits },
  ): void {
    const next = LIFECYCLE_TABLE[entry.lifecycle][word]
    if (next === undefined) return
    const before = entry.lifecycle
    const to: Lifecycle = next === 'was' ? (entry.was ?? before) : next
    if (word !== 'announce' && word !== 'drain') this.restore(entry)
    const isWaiting = entry.admitAtMs !== null
    if (to !== 'ready') {
      if (isWaiting && to !== before) waitNoMore(entry)
      if (isWaiting && word === 'register_standby') waitNoMore(entry)
      entry.lifecycle = to
      return
    }
    // Who served a moment ago goes on; who waits keeps its place.
    if (before === 'ready' || before === 'draining' || next === 'was') entry.lifecycle = to
    else if (!isWaiting) this.queue(entry, { atMs, limits })
  }

  private queue(entry: Entry, { atMs, limits }: { atMs: number; limits: LawLimits }): void {
    const admitMs = this.admissions.take(entry.service, atMs, limits.registrationsPerS)
    entry.lifecycle = admitMs > atMs ? 'standby' : 'ready'
    entry.why = admitMs > atMs ? 'admission' : null
    entry.admitAtMs = admitMs > atMs ? admitMs : null
    entry.retryMs = admitMs - atMs
  }

  /** Off it goes: it was not heard for the whole of its lease. */
  private see(entry: Entry): void {
    waitNoMore(entry)
    entry.was = entry.lifecycle
    entry.lifecycle = 'gone'
    entry.why = 'ttl_expired'
    entry.lapseAtMs = null
    this.count(entry, 1)
  }

  /** What the end of its lease did to it is undone. */
  private restore(entry: Entry): void {
    if (entry.was !== null) {
      entry.lifecycle = entry.was
      entry.was = null
      entry.why = null
      this.count(entry, -1)
    }
    entry.leaseExpired = false
    entry.lapseAtMs = null
  }

  private lapsedOf({ service }: Entry): number {
    return this.lapsed.get(service) ?? 0
  }

  private count(entry: Entry, by: number): void {
    const now = this.lapsedOf(entry) + by
    if (now > 0) this.lapsed.set(entry.service, now)
    else this.lapsed.delete(entry.service)
  }
}

/** Every sign of life renews the lease (S0-08: renewals ride on heartbeats). */
function leaseEnd({ leaseUntilMs, leaseTtlMs }: Entry, seenMs: number): number | null {
  if (leaseUntilMs === null || leaseTtlMs === null) return null
  return Math.max(leaseUntilMs, seenMs + leaseTtlMs)
}

function renew(entry: Entry, event: ServiceEvent, atMs: number): void {
  const saidMs = event.lease_ttl_ms ?? 0
  entry.leaseTtlMs = saidMs > 0 ? saidMs : (entry.leaseTtlMs ?? LEASE_TTL_MS)
  entry.leaseUntilMs = Math.max(entry.leaseUntilMs ?? 0, atMs + entry.leaseTtlMs)
}

function waitNoMore(entry: Entry): void {
  entry.admitAtMs = null
  entry.retryMs = 0
  if (entry.why === 'admission') entry.why = null
}

function announceOf(entry: Entry, { action }: ServiceEvent, atMs: number): boolean {
  if (action !== 'healthy' && action !== 'unstable' && action !== 'unhealthy') return false
  return announce(entry, action, atMs)
}
