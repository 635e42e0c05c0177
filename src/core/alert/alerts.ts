// The stage that tells people (S0-23, S0-52, S3-14, S2-44): judges rules over what is new of
// instances, follows incidents by what the audit says of them, keeps one alert per condition and
// target, and puts on hs.alerts what is news. Nobody is looked at of whom nothing is new; time
// comes through `nextMs`.
import { eventId } from '../../contracts/ids.ts'
import type { IncidentEvent, Tier } from '../../contracts/records.ts'
import { viewKey } from '../../contracts/view-key.ts'
import { TIERS } from '../../contracts/alert-tiers.ts'
import { holds } from '../../contracts/alert-expression.ts'
import { canonical, hex } from '../kernel/canonical.ts'
import { DueQueue } from '../kernel/due-queue.ts'
import type { ImageReader, ImageWriter } from '../kernel/image.ts'
import { compareText } from '../kernel/order.ts'
import type { CoreContext, OutputOf } from '../kernel/step.ts'
import type { Notification } from '../plan/notification.ts'
import { incidentCard, notificationCard, OVERFLOW, overflowCard, ruleCard } from './card.ts'
import {
  age,
  ceases,
  dueMs,
  type Entry,
  holdsNow,
  isForgotten,
  loadEntry,
  newEntry,
  newsOf,
  REPEAT_MS,
  saveEntry,
  STALE_MS,
} from './entry.ts'
import { conditionsOf } from './incidents.ts'
import { endsNotification, isNotification, notificationKey } from './notifications.ts'
import { type AlertFacts, metricOf } from './metric.ts'
import { outputOf } from './output.ts'
import { type PolicyInForce, type ReadyRule, type Ruleset, rulesetOf } from './ruleset.ts'

/** Alerts told in one step; the others follow in the next ones. */
const TOLD_MAX = 256
/** Alerts kept at a time; further ones are not begun, which is told by an alert of its service. */
export const ALERTS_MAX = 20_000

/** One step, as this stage sees it. */
export interface AlertStep {
  readonly nowMs: number
  readonly stepSeq: number
  /** Not caught up: nothing is told. */
  readonly behind: boolean
  /** Nothing is heard of anybody: nothing new is known, and nothing is over. */
  readonly blind: boolean
  /** Of each service, those of whom anything is new. */
  readonly services: readonly {
    readonly service: string
    readonly due?: readonly AlertFacts[]
  }[]
  /** Keys of those that have left. */
  readonly left: readonly string[]
  /** What the audit said in this step, in order. */
  readonly events: readonly IncidentEvent[]
  /** Whom plans want told. */
  readonly notifications: readonly Notification[]
  readonly find: (service: string, instance: string) => AlertFacts | null
}

interface Judged {
  readonly facts: AlertFacts
  readonly set: Ruleset
  readonly nowMs: number
}

export class Alerts {
  private readonly context: CoreContext
  private readonly max: number
  private readonly policies: () => readonly PolicyInForce[]
  /** In the order they began. */
  private readonly entries = new Map<string, Entry>()
  private readonly bySubject = new Map<string, Entry[]>()
  /** Of each service, how many fire by tier, and which entries it has. */
  private readonly services = new Map<string, Set<Entry>>()
  /** Those of plans. */
  private readonly notified = new Set<Entry>()
  private readonly queue = new DueQueue<Entry>((entry) => dueMs(entry, this.forMs(entry)))
  private readonly sets = new Map<string, Ruleset>()
  /** May have news. */
  private touched = new Set<Entry>()

  /** `policies`: alert policies in force, in order of name; `max`: alerts kept at a time. */
  constructor(
    context: CoreContext,
    policies: () => readonly PolicyInForce[],
    max: number = ALERTS_MAX,
  ) {
    this.context = context
    this.max = max
    this.policies = policies
  }

  /** Policies are others than before: rules are asked for again. */
  rulesChanged(): void {
    this.sets.clear()
    for (const entry of this.entries.values()) this.touch(entry)
  }

  rulesOf(service: string): Ruleset {
    let set = this.sets.get(service)
    if (set === undefined) {
      set = rulesetOf(service, this.policies())
      this.sets.set(service, set)
    }
    return set
  }

  /** Log time before `belowMs` at which this stage has to be asked, or null. */
  nextMs(belowMs: number): number | null {
    return this.queue.earliest(belowMs)
  }

  /** Alerts that wait to be told, whatever comes. */
  get hasUntold(): boolean {
    return this.touched.size > 0
  }

  step(step: AlertStep): readonly OutputOf<'alerts'>[] {
    this.timers(step)
    if (!step.blind)
      for (const { service, due = [] } of step.services) {
        if (due.length === 0) continue
        const set = this.rulesOf(service)
        for (const facts of due) this.judge({ facts, set, nowMs: step.nowMs })
      }
    // First: an event of the same step may end what it was about.
    for (const one of step.notifications) this.notify(one, step.nowMs)
    for (const event of step.events) this.hear(event, step.nowMs)
    for (const key of step.left) this.leave(key, step.nowMs)
    return this.tell(step)
  }

  private timers({ nowMs, blind, find }: AlertStep): void {
    const due: Entry[] = []
    this.queue.take(nowMs, due)
    for (const entry of inOrder(due)) {
      const { service, instance } = entry
      const facts = instance === null || blind ? null : find(service, instance)
      if (facts !== null) this.judge({ facts, set: this.rulesOf(service), nowMs })
      // Of whom nothing is known the condition does not hold without a break.
      else if (isOfRule(entry)) entry.pendingMs = null
      age(entry, nowMs)
      this.touch(entry)
    }
  }

  /** All rules of one instance. Only those that hold, or have an alert, cost more than a look. */
  private judge({ facts, set, nowMs }: Judged): void {
    const held = this.bySubject.get(facts.key)
    const isGone = facts.lifecycle === 'gone'
    for (const ready of set.rules) {
      const value = isGone ? null : valueFor(ready, facts)
      if (value === null || !holds(ready.rule.expression, value)) {
        const entry = held?.find(({ source }) => source === ready.key)
        if (entry === undefined) continue
        ceases(entry, nowMs, value === null && !isGone ? STALE_MS : ready.rule.keepMs)
        this.touch(entry)
        continue
      }
      const card = ruleCard(ready, { facts, set, value })
      const entry = this.entryOf(ready.key, facts, card)
      if (entry === null) {
        this.drop(facts.service, set, nowMs)
        continue
      }
      holdsNow(entry, nowMs, ready.rule.forMs)
      entry.card = card
      this.touch(entry)
    }
    if (held === undefined) return
    for (const entry of held) {
      if (!isOfRule(entry) || set.rules.some(({ key }) => key === entry.source)) continue
      // Its rule is no longer in force.
      ceases(entry, nowMs, 0)
      this.touch(entry)
    }
  }

  private notify(told: Notification, nowMs: number): void {
    const { service, instance } = told
    const at = { key: viewKey(service, instance), service, instance }
    const set = this.rulesOf(service)
    const card = notificationCard(told, set)
    const entry = this.entryOf(notificationKey(told), at, card)
    if (entry === null) return this.drop(service, set, nowMs)
    holdsNow(entry, nowMs, 0)
    entry.card = card
    this.touch(entry)
  }

  private hear(event: IncidentEvent, nowMs: number): void {
    const set = this.rulesOf(event.service)
    const subject = viewKey(event.service, event.instance)
    for (const entry of this.notified) {
      if (entry.card.incidentId !== event.incident_id) continue
      if (!endsNotification(entry.source, event)) continue
      ceases(entry, nowMs, 0)
      this.touch(entry)
    }
    for (const { name, tier, isOn, untilMs } of conditionsOf(event, nowMs)) {
      if (!isOn) {
        const entry = this.bySubject.get(subject)?.find(({ source }) => source === name)
        if (entry === undefined) continue
        ceases(entry, nowMs, 0)
        this.touch(entry)
        continue
      }
      const card = incidentCard(name, { event, tier, set })
      const { service, instance } = event
      const entry = this.entryOf(name, { key: subject, service, instance }, card)
      if (entry === null) {
        this.drop(service, set, nowMs)
        continue
      }
      holdsNow(entry, nowMs, 0)
      entry.card = card
      entry.untilMs = untilMs
      this.touch(entry)
    }
  }

  /** Conditions of an instance that has left hold no longer; that it has left may be one itself. */
  private leave(key: string, nowMs: number): void {
    for (const entry of this.bySubject.get(key) ?? []) {
      if (entry.untilMs !== null) continue
      ceases(entry, nowMs, 0)
      this.touch(entry)
    }
  }

  private touch(entry: Entry): void {
    this.touched.add(entry)
    this.queue.note(entry)
  }

  /** null: there are too many. */
  private entryOf(
    source: string,
    at: { readonly key: string; readonly service: string; readonly instance: string | null },
    card: Entry['card'],
  ): Entry | null {
    const held = this.bySubject.get(at.key)?.find((entry) => entry.source === source)
    if (held !== undefined) return held
    if (this.entries.size >= this.max && source !== OVERFLOW) return null
    const { clusterId, sha256 } = this.context
    const { service, instance } = at
    const identity = canonical([clusterId, service, instance, source])
    const fingerprint = hex(sha256(identity)).slice(0, 16)
    const entry = newEntry({ fingerprint, subject: at.key, service, instance, source, card })
    this.add(entry)
    return entry
  }

  /** One that is not begun: counted, and told as an alert of its service. */
  private drop(service: string, set: Ruleset, nowMs: number): void {
    const at = { key: viewKey(service, null), service, instance: null }
    const entry = this.entryOf(OVERFLOW, at, overflowCard(service, set, this.max))
    if (entry === null) return
    if (entry.firing && entry.clearMs === null) entry.count += 1
    else holdsNow(entry, nowMs, 0)
    entry.untilMs = nowMs + REPEAT_MS
    this.touch(entry)
  }

  private add(entry: Entry): void {
    this.entries.set(entry.fingerprint, entry)
    if (isNotification(entry.source)) this.notified.add(entry)
    const ofSubject = this.bySubject.get(entry.subject)
    if (ofSubject === undefined) this.bySubject.set(entry.subject, [entry])
    else ofSubject.push(entry)
    const ofService = this.services.get(entry.service)
    if (ofService === undefined) this.services.set(entry.service, new Set([entry]))
    else ofService.add(entry)
  }

  private remove(entry: Entry): void {
    this.entries.delete(entry.fingerprint)
    this.notified.delete(entry)
    const left = this.bySubject.get(entry.subject)?.filter((other) => other !== entry) ?? []
    if (left.length > 0) this.bySubject.set(entry.subject, left)
    else this.bySubject.delete(entry.subject)
    const ofService = this.services.get(entry.service)
    ofService?.delete(entry)
    if (ofService?.size === 0) this.services.delete(entry.service)
    // Whatever the queue still has of it is due never.
    entry.endedMs = null
    entry.untilMs = null
    this.touched.delete(entry)
  }

  private tell({ nowMs, stepSeq, behind }: AlertStep): readonly OutputOf<'alerts'>[] {
    if (behind || this.touched.size === 0) return []
    this.withConsequences()
    const outputs: OutputOf<'alerts'>[] = []
    const fires = new Map<string, ReadonlySet<Tier>>()
    const news = [...this.touched].sort(byGravity)
    for (const entry of news) {
      if (outputs.length >= TOLD_MAX) break
      this.touched.delete(entry)
      const what = newsOf(entry, nowMs, this.isInhibited(entry, fires))
      if (what !== null) {
        const state = what === 'resolved' ? 'resolved' : 'firing'
        entry.told = { state, count: entry.count, atMs: nowMs }
        const place = [this.context.clusterId, this.context.taskId, stepSeq, entry.fingerprint]
        const id = eventId(`alert-${hex(this.context.sha256(canonical(place))).slice(0, 24)}`)
        outputs.push(outputOf(entry, { id, state, refresh: what === 'refresh', nowMs }))
      }
      if (isForgotten(entry, nowMs)) this.remove(entry)
      else this.queue.note(entry)
    }
    return outputs
  }

  /** Others of a service whose alerts were touched may be inhibited no longer. */
  private withConsequences(): void {
    for (const service of new Set([...this.touched].map((entry) => entry.service)))
      for (const entry of this.services.get(service) ?? [])
        if (entry.firing && entry.told?.state !== 'firing') this.touched.add(entry)
  }

  /** A graver alert of the same service makes it needless (S0-52). */
  private isInhibited({ card, service }: Entry, fires: Map<string, ReadonlySet<Tier>>): boolean {
    const { inhibit } = this.rulesOf(service)
    const by = inhibit.flatMap((one): Tier[] => {
      return one.suppresses.includes(card.tier) ? [one.by] : []
    })
    if (by.length === 0) return false
    let firing = fires.get(service)
    if (firing === undefined) {
      firing = this.tiersOf(service)
      fires.set(service, firing)
    }
    return by.some((tier) => firing.has(tier))
  }

  /** Tiers of which an alert of the service fires. */
  private tiersOf(service: string): ReadonlySet<Tier> {
    const tiers = new Set<Tier>()
    for (const { firing, card } of this.services.get(service) ?? [])
      if (firing) tiers.add(card.tier)
    return tiers
  }

  private forMs({ source, service }: Entry): number {
    return this.rulesOf(service).rules.find(({ key }) => key === source)?.rule.forMs ?? 0
  }

  save(to: ImageWriter): void {
    to.int(this.entries.size)
    for (const entry of this.entries.values()) saveEntry(entry, to)
  }

  load(from: ImageReader): void {
    for (let left = from.count(); left > 0; left--) {
      const entry = loadEntry(from)
      this.add(entry)
      this.touch(entry)
    }
  }
}

/** Keys of rules are JSON; what else an alert comes from has a name. */
function isOfRule({ source }: Entry): boolean {
  return source.startsWith('[')
}

/** null: it is not known, or this rule is not for this instance. */
function valueFor({ rule }: ReadyRule, facts: AlertFacts): number | null {
  const { metric, matchers } = rule.expression
  for (const { label, isEqual, value } of matchers) {
    const has =
      label === 'service' ? facts.service : label === 'instance' ? facts.instance : facts.zone
    if (((has ?? '') === value) !== isEqual) return null
  }
  return metricOf(facts, metric)
}

/** The gravest first, should there be more than can be told in one step. */
function byGravity(a: Entry, b: Entry): number {
  const graver = TIERS.indexOf(a.card.tier) - TIERS.indexOf(b.card.tier)
  return graver === 0 ? compareText(a.fingerprint, b.fingerprint) : graver
}

function inOrder(entries: readonly Entry[]): readonly Entry[] {
  return entries.toSorted((a, b) => compareText(a.fingerprint, b.fingerprint))
}
