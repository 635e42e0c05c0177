// The compacted view of health: a record per instance and per service when its health, its routing
// or its findings change, and at most once a second while only its figures do.
import {
  incidentId,
  instanceId,
  type InstanceId,
  serviceId,
  type ServiceId,
} from '../../contracts/ids.ts'
import type { Health, HealthView, WindowFigures } from '../../contracts/records.ts'
import { viewKey } from '../../contracts/view-key.ts'
import type { Overlay } from '../decision/healing.ts'
import { HEALTH_TABLE } from '../health/health-table.ts'
import { assert } from '../kernel/assert.ts'
import { DueQueue, type Queued } from '../kernel/due-queue.ts'
import type { Figures } from '../kernel/facts.ts'
import type { ImageReader, ImageWriter } from '../kernel/image.ts'
import { compareText } from '../kernel/order.ts'
import type { Output } from '../kernel/step.ts'

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

export interface Others {
  readonly short: Figures
  readonly long: Figures
}

/** What is to be told of a key. */
export interface Telling {
  readonly service: ServiceId
  readonly instance: InstanceId | null
  readonly incarnation: number
  readonly health: Health
  readonly sinceMs: number
  readonly reason: string
  readonly routable: boolean
  readonly weightPercent: number
  readonly guard: string | null
  /** The window that judges. */
  readonly window: Figures
  /** The shorter and the longer one; null: by a behaviour that does not tell them. */
  readonly others: Others | null
  readonly signals: readonly string[]
  readonly incidentId: HealthView['incident_id']
}

interface Words {
  /** Everything but figures and words. */
  state: string
  figures: string
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
    const words = wordsOf(telling)
    const { state, figures } = words
    told.pending = null
    told.waits = false
    if (told.state === state && told.figures === figures) return
    if (told.state === state && nowMs < told.atMs + FIGURES_EVERY_MS) {
      told.pending = telling
      this.queue.note(told)
      return
    }
    this.write(told, telling, words, nowMs)
  }

  /**
   * Tells what is new about a key at once when it is more than figures, else has it wait. Whether
   * figures are new is asked when their time is over, of what they are then.
   */
  tellOrWait(telling: Telling, nowMs: number): Told {
    const told = this.told.get(viewKey(telling.service, telling.instance))
    if (told === undefined) return this.begin(telling, nowMs)
    const state = stateText(telling)
    if (told.state === state) this.wait(told)
    else this.write(told, telling, { state, figures: figuresText(telling) }, nowMs)
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
        queuedMs: Number.POSITIVE_INFINITY,
      }
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
      queuedMs: Number.POSITIVE_INFINITY,
    }
    this.told.set(key, told)
    this.write(told, telling, wordsOf(telling), nowMs)
    return told
  }

  private tellWaiting(told: Told, telling: Telling, nowMs: number): void {
    told.waits = false
    const words = wordsOf(telling)
    const isNew = told.state !== words.state || told.figures !== words.figures
    if (isNew) this.write(told, telling, words, nowMs)
  }

  private write(told: Told, telling: Telling, { state, figures }: Words, nowMs: number): void {
    told.pending = null
    told.waits = false
    told.everyMs = isCalm(telling) ? CALM_FIGURES_EVERY_MS : FIGURES_EVERY_MS
    told.state = state
    told.figures = figures
    told.atMs = nowMs
    told.version += 1
    const { key } = told
    const { service, instance, incarnation, health, reason, routable, guard, signals } = telling
    const body: HealthView = {
      service,
      instance,
      incarnation,
      health,
      since_ms: telling.sinceMs,
      reason,
      routable,
      weight_percent: telling.weightPercent,
      guard,
      windows: windowsOf(telling).map(windowRecord),
      signals,
      incident_id: telling.incidentId,
      at_ms: told.atMs,
      version: told.version,
    }
    this.outputs.push({ topic: 'health', key, body })
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

function figuresDueMs({ atMs, pending, waits, everyMs }: Told): number | null {
  if (pending !== null) return atMs + FIGURES_EVERY_MS
  return waits ? atMs + everyMs : null
}

function isCalm({ instance, health, guard, signals, incidentId }: Telling): boolean {
  const isSpokenOf = signals.length > 0 || guard !== null || incidentId !== null
  return instance !== null && health === 'healthy' && !isSpokenOf
}

/** In order of their spans. */
function windowsOf({ window, others }: Telling): readonly Figures[] {
  return others === null ? [window] : [others.short, window, others.long]
}

function windowRecord(window: Figures): WindowFigures {
  return {
    span_ms: window.spanMs,
    n: window.n,
    errors: window.errors,
    success_rate: window.successRate,
    p99_us: window.p99Us,
    max_us: window.maxUs,
  }
}

function wordsOf(telling: Telling): Words {
  return { state: stateText(telling), figures: figuresText(telling) }
}

function stateText(telling: Telling): string {
  const { incarnation, health, sinceMs, routable, weightPercent, guard, incidentId } = telling
  const parts = [incarnation, health, sinceMs, routable, weightPercent, guard, incidentId]
  return `${parts.join('|')}|${telling.signals.join(',')}`
}

function figuresText(telling: Telling): string {
  const parts = windowsOf(telling).map(({ n, errors, p99Us, maxUs }) => {
    return `${n}|${errors}|${p99Us ?? ''}|${maxUs}`
  })
  return parts.join('|')
}

function saveTelling(telling: Telling, to: ImageWriter): void {
  to.text(telling.service).textOrNull(telling.instance).number(telling.incarnation)
  to.text(telling.health).number(telling.sinceMs).text(telling.reason)
  to.flag(telling.routable).number(telling.weightPercent).textOrNull(telling.guard)
  saveFigures(telling.window, to)
  to.flag(telling.others !== null)
  if (telling.others !== null)
    saveFigures(telling.others.long, saveFigures(telling.others.short, to))
  to.texts(telling.signals).textOrNull(telling.incidentId)
}

function loadTelling(from: ImageReader): Telling {
  return {
    service: serviceId(from.text()),
    instance: idOrNull(from.textOrNull(), instanceId),
    incarnation: from.number(),
    health: from.oneOf(HEALTH_TABLE),
    sinceMs: from.number(),
    reason: from.text(),
    routable: from.flag(),
    weightPercent: from.number(),
    guard: from.textOrNull(),
    window: loadFigures(from),
    others: from.flag() ? { short: loadFigures(from), long: loadFigures(from) } : null,
    signals: from.texts(),
    incidentId: idOrNull(from.textOrNull(), incidentId),
  }
}

function idOrNull<T>(text: string | null, id: (text: string) => T): T | null {
  return text === null ? null : id(text)
}

function saveFigures({ spanMs, n, errors, ...rest }: Figures, to: ImageWriter): ImageWriter {
  to.int(spanMs).number(n).number(errors)
  return to.numberOrNull(rest.successRate).numberOrNull(rest.p99Us).number(rest.maxUs)
}

function loadFigures(from: ImageReader): Figures {
  return {
    spanMs: from.int(),
    n: from.number(),
    errors: from.number(),
    successRate: from.numberOrNull(),
    p99Us: from.numberOrNull(),
    maxUs: from.number(),
  }
}
