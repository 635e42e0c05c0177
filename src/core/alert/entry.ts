// One alert: a condition of one instance (or service) from its first sign to some minutes after its
// end, and what of it was told (S0-52).
//
//  calm ─condition─► pending ─held for `for`─► firing ─ceased for `keep`─► over ─► forgotten
//                       │ ceased                 ▲                          │
//                       ▼                        └── again within 5 min ────┘  count + 1
//                      calm
//
// Who fires again within five minutes of its end is the same alert with a higher count, and from
// then on ends only after five calm minutes: a thousand repeats are one alert with count 1,000.
import type { Alert, Tier } from '../../contracts/records.ts'
import type { ImageReader, ImageValue, ImageWriter } from '../kernel/image.ts'
import type { Queued } from '../kernel/due-queue.ts'

/** An alert that comes back within this is the one that was. */
export const REPEAT_MS = 300_000
/** What is not known any more still fires for so long. */
export const STALE_MS = 300_000
/** What fires is told again so often, whether anything is new or not. */
export const REFRESH_MS = 300_000
/** A count that has doubled is told, but not sooner than this. */
export const NEWS_MS = 10_000

/** What is told of an alert besides its state; labels are what it is known by. */
export interface Card {
  readonly rule: string
  readonly tier: Tier
  readonly labels: Readonly<Record<string, string>>
  readonly annotations: Readonly<Record<string, string>>
  readonly title: string
  readonly summary: string
  readonly runbook: string | null
  readonly incidentId: string | null
  readonly route: string
  readonly group: string
  readonly policy: string | null
  readonly policyVersion: number
}

export interface Entry extends Queued {
  readonly fingerprint: string
  /** `viewKey` of service and instance. */
  readonly subject: string
  readonly service: string
  readonly instance: string | null
  /** Of its rule, or of what else it comes from. */
  readonly source: string
  card: Card
  /** Since when the condition has held while it does not fire for that, or null. */
  pendingMs: number | null
  firing: boolean
  /** First firing of this count. */
  sinceMs: number
  /** Since when the condition has not held while it fires, or null; for how long it fires on. */
  clearMs: number | null
  holdMs: number
  /** When it ended last, or null. */
  endedMs: number | null
  count: number
  /** The condition ends by itself then, or null. */
  untilMs: number | null
  told: { readonly state: Alert['state']; readonly count: number; readonly atMs: number } | null
}

export function newEntry(
  at: Pick<Entry, 'fingerprint' | 'subject' | 'service' | 'instance' | 'source' | 'card'>,
): Entry {
  return {
    ...at,
    queuedMs: Number.POSITIVE_INFINITY,
    pendingMs: null,
    firing: false,
    sinceMs: 0,
    clearMs: null,
    holdMs: 0,
    endedMs: null,
    count: 0,
    untilMs: null,
    told: null,
  }
}

/** The condition holds. */
export function holdsNow(entry: Entry, nowMs: number, forMs: number): void {
  if (entry.firing && entry.clearMs === null) return
  entry.pendingMs ??= nowMs
  if (nowMs - entry.pendingMs < forMs) return
  const isRepeat = entry.firing || (entry.endedMs !== null && nowMs - entry.endedMs <= REPEAT_MS)
  if (!isRepeat) entry.sinceMs = nowMs
  entry.count = isRepeat ? entry.count + 1 : 1
  entry.firing = true
  entry.pendingMs = null
  entry.clearMs = null
}

/** The condition does not hold, or (`holdMs` of STALE_MS) it is not known whether it does. */
export function ceases(entry: Entry, nowMs: number, holdMs: number): void {
  entry.pendingMs = null
  if (!entry.firing) return
  entry.holdMs = Math.max(holdMs, entry.count > 1 ? REPEAT_MS : 0)
  entry.clearMs ??= nowMs
  endIfCalm(entry, nowMs)
}

/** What time alone does. */
export function age(entry: Entry, nowMs: number): void {
  if (entry.untilMs !== null && nowMs >= entry.untilMs) {
    entry.untilMs = null
    ceases(entry, nowMs, 0)
  }
  if (entry.pendingMs === null) endIfCalm(entry, nowMs)
}

function endIfCalm(entry: Entry, nowMs: number): void {
  const { firing, clearMs, holdMs } = entry
  if (!firing || clearMs === null || nowMs < clearMs + holdMs) return
  entry.firing = false
  entry.clearMs = null
  entry.endedMs = nowMs
}

/** Whether nothing of it is needed any more: it is over, people know, and it may not come back. */
export function isForgotten(entry: Entry, nowMs: number): boolean {
  if (entry.firing || entry.pendingMs !== null) return false
  if (entry.told !== null && entry.told.state === 'firing') return false
  return entry.endedMs === null || nowMs - entry.endedMs > REPEAT_MS
}

/** What is to be told of it now, or null. */
export function newsOf(
  { firing, count, told, pendingMs }: Entry,
  nowMs: number,
  isInhibited: boolean,
): 'firing' | 'refresh' | 'resolved' | null {
  if (!firing) return told?.state === 'firing' && pendingMs === null ? 'resolved' : null
  if (told === null || told.state !== 'firing') return isInhibited ? null : 'firing'
  if (count >= 2 * told.count && nowMs - told.atMs >= NEWS_MS) return 'firing'
  if (nowMs - told.atMs < REFRESH_MS) return null
  return count > told.count ? 'firing' : 'refresh'
}

/** Log time at which time alone may do something, or null. `forMs` of its rule. */
export function dueMs(entry: Entry, forMs: number): number | null {
  const { firing, told, count } = entry
  const times = [entry.untilMs]
  if (entry.pendingMs !== null) times.push(entry.pendingMs + forMs)
  else if (firing && entry.clearMs !== null) times.push(entry.clearMs + entry.holdMs)
  if (firing && told?.state === 'firing') {
    times.push(told.atMs + REFRESH_MS)
    if (count >= 2 * told.count) times.push(told.atMs + NEWS_MS)
  }
  // Who may come back at any moment is not forgotten meanwhile.
  const isCalm = !firing && entry.pendingMs === null
  if (isCalm && entry.endedMs !== null) times.push(entry.endedMs + REPEAT_MS + 1)
  let least: number | null = null
  for (const atMs of times) if (atMs !== null) least = Math.min(least ?? atMs, atMs)
  return least
}

export function saveEntry(entry: Entry, to: ImageWriter): void {
  const { told, card } = entry
  to.text(entry.fingerprint).text(entry.subject).text(entry.service).textOrNull(entry.instance)
  to.text(entry.source)
  to.text(card.rule).text(card.tier).value(card.labels).value(card.annotations)
  to.text(card.title).text(card.summary).textOrNull(card.runbook).textOrNull(card.incidentId)
  to.text(card.route).text(card.group).textOrNull(card.policy).int(card.policyVersion)
  to.numberOrNull(entry.pendingMs).flag(entry.firing).number(entry.sinceMs)
  to.numberOrNull(entry.clearMs).number(entry.holdMs).numberOrNull(entry.endedMs)
  to.int(entry.count).numberOrNull(entry.untilMs)
  to.flag(told !== null)
  if (told !== null) to.text(told.state).int(told.count).number(told.atMs)
}

const TIERS: Readonly<Record<Tier, true>> = { high: true, medium: true, low: true }
const STATES: Readonly<Record<Alert['state'], true>> = {
  unknown: true,
  firing: true,
  resolved: true,
}

export function loadEntry(from: ImageReader): Entry {
  const at = {
    fingerprint: from.text(),
    subject: from.text(),
    service: from.text(),
    instance: from.textOrNull(),
    source: from.text(),
    card: loadCard(from),
  }
  return {
    ...newEntry(at),
    pendingMs: from.numberOrNull(),
    firing: from.flag(),
    sinceMs: from.number(),
    clearMs: from.numberOrNull(),
    holdMs: from.number(),
    endedMs: from.numberOrNull(),
    count: from.int(),
    untilMs: from.numberOrNull(),
    told: from.flag()
      ? { state: from.oneOf(STATES), count: from.int(), atMs: from.number() }
      : null,
  }
}

function loadCard(from: ImageReader): Card {
  return {
    rule: from.text(),
    tier: from.oneOf(TIERS),
    labels: texts(from.value()),
    annotations: texts(from.value()),
    title: from.text(),
    summary: from.text(),
    runbook: from.textOrNull(),
    incidentId: from.textOrNull(),
    route: from.text(),
    group: from.text(),
    policy: from.textOrNull(),
    policyVersion: from.int(),
  }
}

function texts(value: ImageValue): Readonly<Record<string, string>> {
  if (typeof value !== 'object' || value === null) return {}
  return Object.fromEntries(
    Object.entries(value).flatMap(([name, text]) => {
      return typeof text === 'string' ? [[name, text] as const] : []
    }),
  )
}
