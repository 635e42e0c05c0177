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

interface Told extends Queued {
  readonly key: string
  version: number
  atMs: number
  /** Everything but figures and words. */
  state: string
  figures: string
  /** Figures that wait for their second to be over. */
  pending: Telling | null
}

export class Views {
  private readonly told = new Map<string, Told>()
  private readonly services = new Map<string, { health: Health; sinceMs: number }>()
  private readonly queue = new DueQueue<Told>(figuresDueMs)
  private outputs: Output[] = []

  /** Tells what is new about a key, now or when its second is over. */
  tell(telling: Telling, nowMs: number): void {
    const key = viewKey(telling.service, telling.instance)
    const state = stateText(telling)
    const figures = figuresText(telling)
    const told = this.told.get(key)
    if (told === undefined) {
      const first = { key, version: 0, atMs: nowMs, state, figures, pending: null }
      const told: Told = { ...first, queuedMs: Number.POSITIVE_INFINITY }
      this.told.set(key, told)
      this.write(told, telling)
      return
    }
    told.pending = null
    if (told.state === state && told.figures === figures) return
    if (told.state === state && nowMs < told.atMs + FIGURES_EVERY_MS) {
      told.pending = telling
      this.queue.note(told)
      return
    }
    told.state = state
    told.figures = figures
    told.atMs = nowMs
    this.write(told, telling)
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
    this.outputs.push({ topic: 'health', key, body: null })
  }

  /** Records due now, in order of key. */
  take(nowMs: number): readonly Output[] {
    const due: Told[] = []
    this.queue.take(nowMs, due)
    for (const { pending } of due) if (pending !== null) this.tell(pending, nowMs)
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
    for (const [key, { version, atMs, state, figures, pending }] of this.told) {
      to.text(key)
        .int(version)
        .number(atMs)
        .text(state)
        .text(figures)
        .flag(pending !== null)
      if (pending !== null) saveTelling(pending, to)
    }
    to.int(this.services.size)
    for (const [service, { health, sinceMs }] of this.services) {
      to.text(service).text(health).number(sinceMs)
    }
  }

  /** Into an empty one. */
  load(from: ImageReader): void {
    for (let left = from.count(); left > 0; left--) {
      const told: Told = {
        key: from.text(),
        version: from.int(),
        atMs: from.number(),
        state: from.text(),
        figures: from.text(),
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

  private write(told: Told, telling: Telling): void {
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
  { routable }: Pick<Overlay, 'routable'>,
): { readonly routable: boolean; readonly weightPercent: number } {
  const isRoutable = ready && (routable ?? health !== 'unhealthy')
  if (!isRoutable) return { routable: false, weightPercent: 0 }
  // Kept by a guard although it is sick: it gets the reduced share.
  const weight = WEIGHT_PERCENT[health]
  return { routable: true, weightPercent: weight === 0 ? WEIGHT_PERCENT.unstable : weight }
}

function figuresDueMs({ atMs, pending }: Told): number | null {
  return pending === null ? null : atMs + FIGURES_EVERY_MS
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
