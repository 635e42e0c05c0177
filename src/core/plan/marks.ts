// What our hand has set on the routing of instances: isolated, draining, a weight, or under an act.
// It lies over the raw health and never changes it; each mark is its incident's, and taking it away
// restores exactly what was before (S2-46, S0-46, C-21).
import {
  incidentId,
  type IncidentId,
  instanceId,
  type InstanceId,
  serviceId,
  type ServiceId,
} from '../../contracts/ids.ts'
import { viewKey } from '../../contracts/view-key.ts'
import type { ImageReader, ImageWriter } from '../kernel/image.ts'

/** `hand`: a command for it is under way, or its effect not seen yet. */
export type MarkKind = 'hand' | 'isolate' | 'drain' | 'set_weight'
const KINDS: Readonly<Record<MarkKind, true>> = {
  hand: true,
  isolate: true,
  drain: true,
  set_weight: true,
}

export interface Mark {
  readonly owner: IncidentId
  readonly service: ServiceId
  readonly instance: InstanceId
  readonly kind: MarkKind
  /** Share of its normal traffic that is left, 0 to 100. */
  readonly percent: number
  /** Requests in flight as its heartbeats have said since; null: they have not. */
  inFlight: number | null
}

/** By `viewKey` of the instance, one of each owner. */
export type Marks = Map<string, readonly Mark[]>

export function setMark(marks: Marks, mark: Mark): void {
  const key = viewKey(mark.service, mark.instance)
  const others = (marks.get(key) ?? []).filter(({ owner }) => owner !== mark.owner)
  marks.set(key, [...others, mark])
}

/** Takes away what the incident has set, on one instance or on all; returns what it was. */
export function release(
  marks: Marks,
  owner: IncidentId,
  instance: InstanceId | null,
): readonly Mark[] {
  const released: Mark[] = []
  for (const [key, held] of marks) {
    const left = held.filter((mark) => {
      const isIt = mark.owner === owner && (instance === null || mark.instance === instance)
      if (isIt) released.push(mark)
      return !isIt
    })
    if (left.length === held.length) continue
    if (left.length === 0) marks.delete(key)
    else marks.set(key, left)
  }
  return released
}

/** Share of its normal traffic that is left to the instance; null: nothing is set. */
export function leftPercent(marks: Marks, key: string): number | null {
  if (marks.size === 0) return null
  const held = marks.get(key)
  return held === undefined ? null : Math.min(...held.map(({ percent }) => percent))
}

export function markOf(marks: Marks, key: string, owner: IncidentId): Mark | null {
  return marks.get(key)?.find((mark) => mark.owner === owner) ?? null
}

/** A heartbeat of the instance has told how much is in flight. */
export function noteInFlight(marks: Marks, key: string, inFlight: number): void {
  for (const mark of marks.get(key) ?? []) if (mark.kind === 'drain') mark.inFlight = inFlight
}

export function saveMarks(marks: Marks, to: ImageWriter): void {
  const all = [...marks.values()].flat()
  to.int(all.length)
  for (const { owner, service, instance, kind, percent, inFlight } of all) {
    to.text(owner).text(service).text(instance).text(kind).number(percent).numberOrNull(inFlight)
  }
}

export function loadMarks(from: ImageReader): Marks {
  const marks: Marks = new Map()
  const all = from.list<Mark>(() => ({
    owner: incidentId(from.text()),
    service: serviceId(from.text()),
    instance: instanceId(from.text()),
    kind: from.oneOf(KINDS),
    percent: from.number(),
    inFlight: from.numberOrNull(),
  }))
  for (const mark of all) setMark(marks, mark)
  return marks
}
