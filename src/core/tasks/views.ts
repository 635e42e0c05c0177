// The compacted view of health: a record per instance and per service when its health, its routing
// or its findings change, and at most once a second while only its figures do.
import { instanceId, type InstanceId, serviceId, type ServiceId } from '../../contracts/ids.ts'
import type { Health, HealthView } from '../../contracts/records.ts'
import { viewKey } from '../../contracts/view-key.ts'
import type { Overlay } from '../decision/healing.ts'
import { HEALTH_TABLE } from '../health/health-table.ts'
import {
  type Climb,
  climb,
  climbOf,
  NO_CLIMB,
  TRAFFIC_PERCENT,
  TRAFFIC_TABLE,
} from '../health/traffic.ts'
import { assert } from '../kernel/assert.ts'
import { DueQueue, type Queued } from '../kernel/due-queue.ts'
import { FORM_JUDGEMENT, type ImageReader, type ImageWriter } from '../kernel/image.ts'
import { compareText } from '../kernel/order.ts'
import type { Output } from '../kernel/step.ts'
import {
  figuresText,
  idOrNull,
  loadTelling,
  saveTelling,
  type Share,
  stateText,
  type Telling,
  weightIn,
  windowRecord,
  windowsOf,
} from './telling.ts'

/** Figures alone are told at most this often per key. */
export const FIGURES_EVERY_MS = 1_000
/**
 * From BEHAVIOUR_WINDOWS on, those of an instance that is healthy, with nothing said against it and
 * no incident: its figures decide nothing, and the service's own, told each second, are what people
 * watch. Ten thousand instances that serve would else be ten thousand records a second.
 */
export const CALM_FIGURES_EVERY_MS = 10_000
/** Share of its normal traffic by health (S0-23). */
const WEIGHT_PERCENT: Readonly<Record<Health, number>> = {
  healthy: 100,
  unstable: 30,
  unhealthy: 0,
  unknown: 30,
}

interface Words {
  /** Everything but figures and words. */
  state: string
  figures: string
}

interface News {
  readonly words: Words
  readonly share: Share
}

/** What was told of a key last. */
export interface Told extends Queued, Words {
  readonly key: string
  readonly service: ServiceId
  readonly instance: InstanceId | null
  version: number
  atMs: number
  /** Figures that wait for their second to be over; before BEHAVIOUR_WINDOWS. */
  pending: Telling | null
  /** It is looked at anew when its time is over; from BEHAVIOUR_WINDOWS on. */
  waits: boolean
  everyMs: number
  /** Its way back to full traffic; null: it is on none, by the behaviour that told it last. */
  climb: Climb | null
  /** Log time at which time alone takes it a step up, or null. */
  climbMs: number | null
}

export class Views {
  private readonly told = new Map<string, Told>()
  private readonly services = new Map<string, { health: Health; sinceMs: number }>()
  private readonly queue = new DueQueue<Told>(figuresDueMs)
  private outputs: Output[] = []

  /**
   * Tells what is new about a key, now or when its second is over. What waits is told as it is told
   * of here.
   */
  tell(telling: Telling, nowMs: number): void {
    const told = this.told.get(viewKey(telling.service, telling.instance))
    if (told === undefined) {
      this.begin(telling, nowMs)
      return
    }
    const news = newsOf(told, telling, nowMs)
    const { state, figures } = news.words
    told.pending = null
    told.waits = false
    if (told.state === state && told.figures === figures) return
    if (told.state === state && nowMs < told.atMs + FIGURES_EVERY_MS) {
      told.pending = telling
      this.queue.note(told)
      return
    }
    this.write(told, telling, news, nowMs)
  }

  /**
   * Tells what is new about a key at once when it is more than figures, else has it wait. Whether
   * figures are new is asked when their time is over, of what they are then.
   */
  tellOrWait(telling: Telling, nowMs: number): Told {
    const told = this.told.get(viewKey(telling.service, telling.instance))
    if (told === undefined) return this.begin(telling, nowMs)
    const share = shareOf(told, telling, nowMs)
    const state = stateText(telling, share)
    if (told.state !== state) {
      this.write(told, telling, { share, words: { state, figures: figuresText(telling) } }, nowMs)
    } else this.wait(told)
    if (told.climbMs !== null) this.queue.note(told)
    return told
  }

  /** There may be new figures. */
  wait(told: Told): void {
    if (told.waits) return
    told.pending = null
    told.waits = true
    this.queue.note(told)
  }

  /** Since when a service has had this health. */
  serviceSince(service: ServiceId, health: Health, nowMs: number): number {
    const held = this.services.get(service)
    if (held?.health === health) return held.sinceMs
    this.services.set(service, { health, sinceMs: nowMs })
    return nowMs
  }

  /** Nothing more is known of the key. */
  end(service: ServiceId, instance: InstanceId | null): void {
    const key = viewKey(service, instance)
    if (instance === null) this.services.delete(service)
    const told = this.told.get(key)
    if (told === undefined) return
    this.told.delete(key)
    told.pending = null
    told.waits = false
    told.climbMs = null
    this.outputs.push({ topic: 'health', key, body: null })
  }

  /**
   * Records due now, in order of key. `anew`: what is to be told of one that waits; null: all of
   * them go on waiting.
   */
  take(nowMs: number, anew: ((told: Told) => Telling) | null): readonly Output[] {
    const due: Told[] = []
    if (anew !== null) this.queue.take(nowMs, due)
    for (const told of due) {
      if (told.pending !== null) this.tell(told.pending, nowMs)
      else if (anew !== null) this.tellWaiting(told, anew(told), nowMs)
    }
    const taken = this.outputs.sort((a, b) => compareText(a.key, b.key))
    this.outputs = []
    return taken
  }

  /** Log time before `belowMs` at which figures that wait are due, or null. */
  nextMs(belowMs: number = Number.POSITIVE_INFINITY): number | null {
    return this.queue.earliest(belowMs)
  }

  /** After `take`. */
  save(to: ImageWriter): void {
    assert(this.outputs.length === 0, 'an image has no untold views')
    to.int(this.told.size)
    for (const told of this.told.values()) {
      to.text(told.service).textOrNull(told.instance).int(told.version).number(told.atMs)
      to.text(told.state).text(told.figures).flag(told.waits).number(told.everyMs)
      to.flag(told.pending !== null)
      if (told.pending !== null) saveTelling(told.pending, to)
      if (to.form >= FORM_JUDGEMENT) saveClimb(told, to)
    }
    to.int(this.services.size)
    for (const [service, { health, sinceMs }] of this.services) {
      to.text(service).text(health).number(sinceMs)
    }
  }

  /** Into an empty one. */
  load(from: ImageReader): void {
    for (let left = from.count(); left > 0; left--) {
      const service = serviceId(from.text())
      const instance = idOrNull(from.textOrNull(), instanceId)
      const told: Told = {
        key: viewKey(service, instance),
        service,
        instance,
        version: from.int(),
        atMs: from.number(),
        state: from.text(),
        figures: from.text(),
        waits: from.flag(),
        everyMs: from.number(),
        pending: from.flag() ? loadTelling(from) : null,
        climb: null,
        climbMs: null,
        queuedMs: Number.POSITIVE_INFINITY,
      }
      if (from.form >= FORM_JUDGEMENT) loadClimb(told, from)
      this.told.set(told.key, told)
      this.queue.note(told)
    }
    for (let left = from.count(); left > 0; left--) {
      this.services.set(from.text(), { health: from.oneOf(HEALTH_TABLE), sinceMs: from.number() })
    }
  }

  private begin(telling: Telling, nowMs: number): Told {
    const { service, instance } = telling
    const key = viewKey(service, instance)
    // Written out: of spread objects each gets a hidden class of its own, for as long as it lives.
    const told: Told = {
      key,
      service,
      instance,
      version: 0,
      atMs: nowMs,
      state: '',
      figures: '',
      waits: false,
      everyMs: FIGURES_EVERY_MS,
      pending: null,
      climb: NO_CLIMB,
      climbMs: null,
      queuedMs: Number.POSITIVE_INFINITY,
    }
    this.told.set(key, told)
    this.write(told, telling, newsOf(told, telling, nowMs), nowMs)
    return told
  }

  private tellWaiting(told: Told, telling: Telling, nowMs: number): void {
    told.waits = false
    const news = newsOf(told, telling, nowMs)
    const { state, figures } = news.words
    if (told.state !== state || told.figures !== figures) this.write(told, telling, news, nowMs)
    if (told.climbMs !== null) this.queue.note(told)
  }

  private write(told: Told, telling: Telling, { words, share }: News, nowMs: number): void {
    const { state, figures } = words
    told.pending = null
    told.waits = false
    told.everyMs = isCalm(telling) ? CALM_FIGURES_EVERY_MS : FIGURES_EVERY_MS
    told.state = state
    told.figures = figures
    told.atMs = nowMs
    told.version += 1
    const { key } = told
    const { service, instance, incarnation, health, reason, guard, signals } = telling
    const { climbing, score } = telling
    const body: HealthView = {
      service,
      instance,
      incarnation,
      health,
      since_ms: telling.sinceMs,
      reason,
      routable: share.routable,
      weight_percent: share.weightPercent,
      guard,
      windows: windowsOf(telling).map(windowRecord),
      signals,
      incident_id: telling.incidentId,
      at_ms: told.atMs,
      version: told.version,
    }
    const flapping = climbing === null ? null : { flapping: climbing.flapping }
    const scored = score === null ? null : { score }
    this.outputs.push({ topic: 'health', key, body: { ...body, ...flapping, ...scored } })
    if (told.climbMs !== null) this.queue.note(told)
  }
}

/**
 * Traffic for a health, with what the guards say about it. Nobody routes to one that is not ready.
 */
export function routing(
  health: Health,
  ready: boolean,
  { routable, maxPercent = null }: Pick<Overlay, 'routable'> & Partial<Overlay>,
): { readonly routable: boolean; readonly weightPercent: number } {
  const isRoutable = ready && (routable ?? health !== 'unhealthy')
  if (!isRoutable) return { routable: false, weightPercent: 0 }
  // Kept by a guard although it is sick: it gets the reduced share.
  const weight = WEIGHT_PERCENT[health]
  const weightPercent = weight === 0 ? WEIGHT_PERCENT.unstable : weight
  return { routable: true, weightPercent: Math.min(weightPercent, maxPercent ?? 100) }
}

function figuresDueMs({ atMs, pending, waits, everyMs, climbMs }: Told): number | null {
  if (pending !== null) return atMs + FIGURES_EVERY_MS
  const figuresMs = waits ? atMs + everyMs : null
  if (climbMs === null || figuresMs === null) return climbMs ?? figuresMs
  return Math.min(climbMs, figuresMs)
}

/** How much traffic it gets now; notes in `told` where it is on its way. */
function shareOf(told: Told, telling: Telling, nowMs: number): Share {
  const { climbing } = telling
  if (climbing === null) {
    told.climb = null
    told.climbMs = null
    return telling
  }
  const from = told.climb ?? climbOf(weightIn(told.state), nowMs)
  const { climb: at, nextMs } = climb(from, climbing, nowMs)
  told.climb = at
  told.climbMs = nextMs
  return { routable: at.traffic !== 'none', weightPercent: TRAFFIC_PERCENT[at.traffic] }
}

function newsOf(told: Told, telling: Telling, nowMs: number): News {
  const share = shareOf(told, telling, nowMs)
  return { share, words: { state: stateText(telling, share), figures: figuresText(telling) } }
}

function saveClimb({ climb: at, climbMs }: Told, to: ImageWriter): void {
  to.flag(at !== null)
  if (at !== null) to.text(at.traffic).number(at.sinceMs).flag(at.slow)
  to.numberOrNull(climbMs)
}

function loadClimb(told: Told, from: ImageReader): void {
  if (from.flag()) {
    const traffic = from.oneOf(TRAFFIC_TABLE)
    told.climb = { traffic, sinceMs: from.number(), slow: from.flag() }
  }
  told.climbMs = from.numberOrNull()
}

function isCalm({ instance, health, guard, signals, incidentId }: Telling): boolean {
  const isSpokenOf = signals.length > 0 || guard !== null || incidentId !== null
  return instance !== null && health === 'healthy' && !isSpokenOf
}
