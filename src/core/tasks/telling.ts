// What is to be told of an instance or a service, in words that are compared with what was told
// last, and its part of an image.
import {
  incidentId,
  instanceId,
  type InstanceId,
  serviceId,
  type ServiceId,
} from '../../contracts/ids.ts'
import type { Health, HealthScore, HealthView, WindowFigures } from '../../contracts/records.ts'
import { HEALTH_TABLE } from '../health/health-table.ts'
import type { TrafficInput } from '../health/traffic.ts'
import type { Figures } from '../kernel/facts.ts'
import type { ImageReader, ImageWriter } from '../kernel/image.ts'

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
  /** What its share of traffic follows from, step by step; null: it follows from health alone. */
  readonly climbing: Climbing | null
  /** null: there is nothing to make it of. */
  readonly score: HealthScore | null
}

/** Place of the share of traffic in a `stateText`. */
const WEIGHT_AT = 4

/** From BEHAVIOUR_JUDGEMENT on, of an instance. */
export interface Climbing extends TrafficInput {
  /** It came and went too often of late (S3-01). */
  readonly flapping: boolean
}

/** Whether it gets traffic, and how much. */
export interface Share {
  readonly routable: boolean
  readonly weightPercent: number
}

/** In order of their spans. */
export function windowsOf({ window, others }: Telling): readonly Figures[] {
  return others === null ? [window] : [others.short, window, others.long]
}

export function windowRecord(window: Figures): WindowFigures {
  return {
    span_ms: window.spanMs,
    n: window.n,
    errors: window.errors,
    success_rate: window.successRate,
    p99_us: window.p99Us,
    max_us: window.maxUs,
  }
}

/** The share of traffic in a `stateText`. */
export function weightIn(state: string): number {
  return Number(state.split('|')[WEIGHT_AT] ?? 0)
}

/** Everything but figures and words. */
export function stateText(telling: Telling, { routable, weightPercent }: Share): string {
  const { incarnation, health, sinceMs, guard, incidentId } = telling
  const parts = [incarnation, health, sinceMs, routable, weightPercent, guard, incidentId]
  return `${parts.join('|')}|${telling.signals.join(',')}`
}

export function figuresText(telling: Telling): string {
  const parts = windowsOf(telling).map(({ n, errors, p99Us, maxUs }) => {
    return `${n}|${errors}|${p99Us ?? ''}|${maxUs}`
  })
  if (telling.score !== null) parts.push(String(telling.score.score))
  return parts.join('|')
}

export function saveTelling(telling: Telling, to: ImageWriter): void {
  to.text(telling.service).textOrNull(telling.instance).number(telling.incarnation)
  to.text(telling.health).number(telling.sinceMs).text(telling.reason)
  to.flag(telling.routable).number(telling.weightPercent).textOrNull(telling.guard)
  saveFigures(telling.window, to)
  to.flag(telling.others !== null)
  if (telling.others !== null)
    saveFigures(telling.others.long, saveFigures(telling.others.short, to))
  to.texts(telling.signals).textOrNull(telling.incidentId)
}

export function loadTelling(from: ImageReader): Telling {
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
    climbing: null,
    score: null,
  }
}

export function idOrNull<T>(text: string | null, id: (text: string) => T): T | null {
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
