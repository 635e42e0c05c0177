// Who exists: a last-writer-wins register per instance over (incarnation, version, event time), fed
// by service events and, so that nothing is lost, by the mere sight of an instance nobody
// registered (lifecycle unknown). Lifecycle, link and health are three fields (C-08); health is
// another stage's. From BEHAVIOUR_JUDGEMENT on it goes by laws: the lifecycle is a table, leases
// are renewed by every sign of life and take who lost them out of service, registrations are
// admitted at a limited rate.
import type { RegistryEntry, ServiceEvent } from '../../contracts/records.ts'
import { viewKey } from '../../contracts/view-key.ts'
import { assert } from '../kernel/assert.ts'
import { DueQueue } from '../kernel/due-queue.ts'
import type { ImageReader, ImageWriter } from '../kernel/image.ts'
import { compareText, sortedKeys } from '../kernel/order.ts'
import { DOUBLES, LIFE, SEEN_MS, Slots } from '../kernel/slots.ts'
import { type Entry, fullRecord, loadEntry, newEntry, registryRecord, saveEntry } from './entry.ts'
import { act, notRegistered, isTaken, staleness, type Refused } from './events.ts'
import { Laws, type LawLimits } from './laws.ts'
import { wordOf } from './lifecycle.ts'

/** What an event or a sighting did. `renewed`: a higher incarnation began. */
export type Applied =
  | { readonly ok: true; readonly entry: Entry; readonly renewed: boolean }
  | Refused

/** A record by which an instance is seen to live. */
export interface Sighting {
  readonly service: string
  readonly instance: string
  /** Incarnation the record speaks of. */
  readonly incarnation: number
  /** The agent beside the instance; null: somebody else saw it. */
  readonly agent: string | null
  readonly agentEpoch: number
  readonly atMs: number
}

/** Deregistered instances are remembered this long, so that late events about them stay refused. */
export const GONE_KEEP_MS = 600_000
/** Instances nobody registered are forgotten this long after they were last seen. */
export const UNREGISTERED_KEEP_MS = 600_000
/** Entries of one partition; sightings beyond it are refused. */
export const ENTRIES_MAX = 20_000

export interface RegistryChange {
  readonly key: string
  readonly body: RegistryEntry | null
}

export interface Expired {
  readonly lapsed: readonly Entry[]
  /** Those that may serve from now on. */
  readonly admitted: readonly Entry[]
  readonly forgotten: readonly Entry[]
}

type ByInstance = Map<string, Entry>

export class Registry {
  private readonly clusterId: string
  /** By service, then by instance; '' is the service as a whole. */
  private readonly services = new Map<string, ByInstance>()
  private readonly changed = new Set<Entry>()
  private readonly removed = new Map<string, Entry>()
  private readonly queue = new DueQueue<Entry>((entry) => this.dueAt(entry))
  private readonly slots: Slots
  private size = 0

  private readonly laws: Laws

  /**
   * `slots`: shared with who keeps more of an instance; each entry that is held has one. `limits`:
   * of a service; null: there are no laws yet, by the behaviour in force.
   */
  constructor(
    clusterId: string,
    slots: Slots = new Slots(),
    limits: (service: string) => LawLimits | null = () => null,
  ) {
    this.clusterId = clusterId
    this.slots = slots
    this.laws = new Laws(limits)
  }

  /** Folds a service event taken by the log at `atMs`, believed to have happened at `eventMs`. */
  apply(event: ServiceEvent, { atMs, eventMs }: { atMs: number; eventMs: number }): Applied {
    if (event.action === 'unknown') {
      const detail = 'an action of a newer schema; upgrade the workers first'
      return { ok: false, reason: 'unknown_action', detail }
    }
    const at = { service: event.service_name, instance: event.instance_id }
    const held = this.find(at.service, at.instance)
    const stale = held === undefined ? null : this.refusal(held, event, eventMs)
    if (stale !== null) return stale
    const entry = held ?? this.create(at, event.incarnation, atMs)
    if (entry === null) return tooMany()
    const renewed = this.turn(entry, event.incarnation, atMs)
    entry.version = event.version
    entry.eventMs = eventMs
    entry.clusterId = event.cluster_id
    this.again(entry, { appendMs: atMs })
    this.slots.turn(entry.slot)
    const limits = entry.instance === null ? null : this.laws.limits(at.service)
    const isNew =
      limits === null ? act(entry, event, atMs) : this.laws.act(entry, event, { atMs, limits })
    if (isNew || held === undefined) this.changed.add(entry)
    this.queue.note(entry)
    return { ok: true, entry, renewed }
  }

  /** Notes that an instance was seen; a higher incarnation than the one held begins. */
  sight(seen: Sighting): Applied {
    const held = this.find(seen.service, seen.instance)
    if (held !== undefined && seen.incarnation < held.incarnation) {
      const detail = `incarnation ${held.incarnation} has begun, this is ${seen.incarnation}`
      return { ok: false, reason: 'stale_incarnation', detail }
    }
    const entry = held ?? this.create(seen, seen.incarnation, seen.atMs)
    if (entry === null) return tooMany()
    const renewed = this.turn(entry, seen.incarnation, seen.atMs)
    if (seen.agent !== null) this.heard(entry, seen.agent, seen)
    return { ok: true, entry, renewed }
  }

  /**
   * As `sight` of what was sighted before, by the same agent and of the same incarnation, where the
   * life of the entry is the same as after it: nothing can change but when it was seen.
   */
  again({ slot }: { readonly slot: number }, { appendMs }: { readonly appendMs: number }): void {
    const { doubles } = this.slots
    const at = DOUBLES * slot + SEEN_MS
    if (appendMs > (doubles[at] ?? 0)) doubles[at] = appendMs
  }

  /** Another one whenever something changes that a sighting depends on, and when the entry goes. */
  life(slot: number): number {
    return this.slots.word(slot, LIFE)
  }

  /** Log time of the last event or sign of life of an entry. */
  seenAtMs({ slot }: Entry): number {
    return this.slots.double(slot, SEEN_MS)
  }

  find(service: string, instance: string | null): Entry | undefined {
    return this.services.get(service)?.get(instance ?? '')
  }

  /**
   * Lets time pass: leases end up to `horizonMs` (the log time up to which what renews them has
   * been read; null = not known), those that wait are admitted, those that are gone forgotten.
   * `floorMs`: nobody counts as unheard from before this time.
   */
  expire(nowMs: number, horizonMs: number | null, floorMs: number = 0): Expired {
    const forgotten: Entry[] = []
    const lapsed: Entry[] = []
    const admitted: Entry[] = []
    const due: Entry[] = []
    this.laws.advance(nowMs)
    this.queue.take(Math.max(nowMs, horizonMs ?? nowMs), due)
    // Who of them goes first counts: not the order in which they lie in the queue.
    if (due.some((entry) => this.hasLaws(entry))) due.sort(byName)
    for (const entry of due) {
      if (this.hasLaws(entry)) {
        if (this.laws.admit(entry, nowMs)) {
          admitted.push(entry)
          this.altered(entry)
        }
        const count = this.services.get(entry.service)?.size ?? 0
        const seenMs = this.seenAtMs(entry)
        const after = this.laws.lapse(entry, { horizonMs, floorMs, seenMs, count })
        if (after.isNew) lapsed.push(entry)
        if (after.isAltered) this.altered(entry)
      } else if (horizonMs !== null && leaseEndsBy(entry, horizonMs)) {
        entry.leaseExpired = true
        lapsed.push(entry)
        if (entry.link !== 'offline') {
          entry.link = 'offline'
          this.altered(entry)
        }
      }
      const keepUntilMs = this.forgetAt(entry)
      if (keepUntilMs !== null && keepUntilMs <= nowMs) forgotten.push(entry)
      else this.queue.note(entry)
    }
    for (const entry of forgotten) this.remove(entry)
    return { lapsed, admitted, forgotten }
  }

  /** Log time before `belowMs` at which `expire` has something to do, or null. */
  nextMs(belowMs: number = Number.POSITIVE_INFINITY): number | null {
    return this.queue.earliest(belowMs)
  }

  serviceNames(): readonly string[] {
    return sortedKeys(this.services)
  }

  /** Instances of a service in order; the entry of the service as a whole is not among them. */
  instancesOf(service: string): readonly Entry[] {
    const entries = this.services.get(service)
    if (entries === undefined) return []
    return [...entries.values()]
      .filter((entry) => entry.instance !== null)
      .sort((a, b) => compareText(a.instance ?? '', b.instance ?? ''))
  }

  /** Views to be written, in order of key; a null body is a tombstone. */
  takeChanges(nowMs: number): readonly RegistryChange[] {
    const changes: RegistryChange[] = []
    for (const key of this.removed.keys()) changes.push({ key, body: null })
    for (const entry of this.changed) {
      if (this.find(entry.service, entry.instance) !== entry) continue
      entry.recordVersion += 1
      const key = viewKey(entry.service, entry.instance)
      const isFull = this.laws.limits(entry.service) !== null
      changes.push({ key, body: (isFull ? fullRecord : registryRecord)(entry, nowMs) })
    }
    this.changed.clear()
    this.removed.clear()
    return changes.sort((a, b) => compareText(a.key, b.key))
  }

  /** Every entry, in the order in which they came, service by service. */
  *all(): Iterable<Entry> {
    for (const entries of this.services.values()) yield* entries.values()
  }

  /** After `takeChanges`; entries in the order in which they came. */
  save(to: ImageWriter): void {
    assert(this.changed.size === 0 && this.removed.size === 0, 'an image has no untold changes')
    to.int(this.size)
    for (const entry of this.all()) saveEntry(entry, this.seenAtMs(entry), to)
    this.laws.save(to)
  }

  /** Into an empty one. */
  load(from: ImageReader): void {
    for (const { entry, seenAtMs } of from.list(() => loadEntry(from))) this.hold(entry, seenAtMs)
    this.laws.load(from, this.all())
  }

  /** The agent beside an instance says by a beat how many others it has reached (S3-01). */
  notePeers(entry: Entry, peers: number): void {
    this.laws.notePeers(entry, peers)
  }

  private refusal(held: Entry, event: ServiceEvent, eventMs: number): Refused | null {
    const stale = staleness(held, event, eventMs)
    if (stale !== null || !this.hasLaws(held)) return stale
    const word = wordOf(event, held.lifecycle)
    const isOf = word === null || isTaken(held, word, event.incarnation > held.incarnation)
    return isOf ? null : notRegistered(held, event)
  }

  private hasLaws(entry: Entry): boolean {
    return entry.instance !== null && this.laws.limits(entry.service) !== null
  }

  /** It is to be told, and what was found out for it holds no more. */
  private altered(entry: Entry): void {
    this.slots.turn(entry.slot)
    this.changed.add(entry)
  }

  private create(
    at: { service: string; instance: string | null },
    incarnation: number,
    nowMs: number,
  ): Entry | null {
    if (this.size >= ENTRIES_MAX) return null
    const entry = newEntry(at, { clusterId: this.clusterId, incarnation, nowMs })
    this.hold(entry, nowMs)
    this.removed.delete(viewKey(at.service, at.instance))
    this.changed.add(entry)
    return entry
  }

  private hold(entry: Entry, seenAtMs: number): void {
    const { service, instance } = entry
    let entries = this.services.get(service)
    if (entries === undefined) {
      entries = new Map()
      this.services.set(service, entries)
    }
    assert(!entries.has(instance ?? ''), 'an instance is held once')
    entries.set(instance ?? '', entry)
    entry.slot = this.slots.take()
    this.slots.setDouble(entry.slot, SEEN_MS, seenAtMs)
    this.queue.note(entry)
    this.size += 1
  }

  private remove(entry: Entry): void {
    const entries = this.services.get(entry.service)
    entries?.delete(entry.instance ?? '')
    if (entries?.size === 0) this.services.delete(entry.service)
    this.size -= 1
    this.laws.left(entry)
    entry.isForgotten = true
    this.slots.give(entry.slot)
    this.removed.set(viewKey(entry.service, entry.instance), entry)
  }

  /** A higher incarnation starts a life of its own. */
  private turn(entry: Entry, incarnation: number, atMs: number): boolean {
    if (incarnation <= entry.incarnation) return false
    this.slots.turn(entry.slot)
    const hasLaws = this.hasLaws(entry)
    if (hasLaws) this.laws.begin(entry, atMs)
    entry.incarnation = incarnation
    entry.version = 0
    entry.eventMs = 0
    entry.registeredAtMs = atMs
    entry.announced = 'unknown'
    // The new life may run beside another agent; the first record of its own says beside which.
    entry.agent = null
    entry.agentEpoch = 0
    if (!hasLaws && entry.lifecycle === 'gone') entry.lifecycle = 'unknown'
    this.queue.note(entry)
    this.changed.add(entry)
    return true
  }

  private heard(
    entry: Entry,
    agent: string,
    { agentEpoch, atMs }: Pick<Sighting, 'agentEpoch' | 'atMs'>,
  ): void {
    this.again(entry, { appendMs: atMs })
    const isNewer = entry.agent === agent && agentEpoch > entry.agentEpoch
    if (entry.agent === null || isNewer) {
      entry.agent = agent
      entry.agentEpoch = agentEpoch
      this.altered(entry)
    }
    if (this.hasLaws(entry) && this.laws.comeBack(entry, atMs)) {
      this.altered(entry)
      this.queue.note(entry)
    }
    if (entry.link !== 'online' && entry.lifecycle !== 'gone') {
      entry.link = 'online'
      this.altered(entry)
    }
  }

  /** When time alone has something to do with an entry, or null. */
  private dueAt(entry: Entry): number | null {
    if (entry.isForgotten) return null
    const keepUntilMs = this.forgetAt(entry)
    if (this.hasLaws(entry)) {
      const lawMs = this.laws.dueAt(entry, this.seenAtMs(entry))
      return lawMs === null || keepUntilMs === null
        ? (lawMs ?? keepUntilMs)
        : Math.min(lawMs, keepUntilMs)
    }
    const leaseMs = entry.leaseExpired ? null : entry.leaseUntilMs
    if (leaseMs === null || keepUntilMs === null) return leaseMs ?? keepUntilMs
    return Math.min(leaseMs, keepUntilMs)
  }

  /** When an entry may be forgotten, or null for those that are registered. */
  private forgetAt(entry: Entry): number | null {
    if (entry.lifecycle === 'gone') return this.seenAtMs(entry) + GONE_KEEP_MS
    const isProvisional = entry.lifecycle === 'unknown' && entry.instance !== null
    return isProvisional ? this.seenAtMs(entry) + UNREGISTERED_KEEP_MS : null
  }
}

function tooMany(): Applied {
  const detail = `this partition holds ${ENTRIES_MAX} instances already; use more partitions`
  return { ok: false, reason: 'too_many', detail }
}

function byName(a: Entry, b: Entry): number {
  return compareText(a.service, b.service) || compareText(a.instance ?? '', b.instance ?? '')
}

function leaseEndsBy(entry: Entry, horizonMs: number): boolean {
  return entry.leaseUntilMs !== null && !entry.leaseExpired && entry.leaseUntilMs <= horizonMs
}
