// What the fleet task knows of the service tasks: the newest observation of each, which agents are
// expected, and how many of them are missing. Too many missing at once is blindness: then nothing
// is known about the fleet, and nothing disruptive is done (reliability.md I20).
import type { GroupCount, Observation, ServiceCount } from '../../contracts/records.ts'
import { FORM_JUDGEMENT, type ImageReader, type ImageWriter } from '../kernel/image.ts'
import { type Picture, pictureOf } from './picture.ts'

/** An observation older than this says nothing any more: one is due every ten seconds. */
export const FRESH_MS = 15_000
/** An agent unheard for so much longer than the newest one is not expected any more. */
export const KEEP_MS = 600_000

/** When a fleet is blind (DESIGN.md section 7, default guards). */
export interface BlindLimits {
  /** At least so many are missing, */
  readonly blindMissingMin: number
  /** and more than this share of those expected, */
  readonly blindShareMax: number
  /** each for so long. */
  readonly blindAfterMs: number
}

export interface Sight {
  readonly expected: number
  readonly seen: number
  readonly blind: boolean
}

/** In the order of an image. */
const COUNTS = [
  'instances',
  'healthy',
  'unstable',
  'unhealthy',
  'unknown',
  'routable',
  'n',
  'errors',
] as const

/** As it was told; names are not checked again here. */
type Count = Omit<ServiceCount, 'service' | 'groups'> & {
  readonly service: string
  readonly groups: readonly GroupCount[]
}

interface Vector {
  gen: number
  seq: number
  atMs: number
  services: readonly Count[]
  reporters: readonly { readonly agent: string; readonly last_ms: number }[]
}

export class Watch {
  private readonly partitions: number
  private readonly vectors = new Map<number, Vector>()
  /** Counts of health have changed since the last pulse. */
  changed: boolean = false

  constructor(partitions: number) {
    this.partitions = partitions
  }

  /** Takes in an observation; false for an older gen or seq, which changes nothing. */
  hear(partition: number, observation: Observation): boolean {
    const { gen, seq, at_ms: atMs, reporters } = observation
    const services = observation.services.map((one) => ({ ...one, groups: one.groups ?? [] }))
    const held = this.vectors.get(partition)
    if (held !== undefined && (gen < held.gen || seq <= held.seq)) return false
    if (held === undefined || !areAlike(held.services, services)) this.changed = true
    this.vectors.set(partition, { gen, seq, atMs, services, reporters })
    return true
  }

  /** Every task was heard of a moment before `asOfMs`. */
  isFresh(asOfMs: number): boolean {
    if (this.vectors.size < this.partitions) return false
    for (const { atMs } of this.vectors.values()) if (asOfMs - atMs > FRESH_MS) return false
    return true
  }

  /** The fleet as it was told last. */
  picture(): Picture {
    return pictureOf([...this.vectors.values()].flatMap(({ services }) => services))
  }

  /** Some service deviates. */
  isTroubled(): boolean {
    for (const { services } of this.vectors.values()) {
      if (services.some(({ onset_ms: onsetMs }) => onsetMs !== null)) return true
    }
    return false
  }

  /**
   * An agent is missing when no task had heard it for `blindAfterMs` as its observation was made.
   */
  sight({ blindMissingMin, blindShareMax, blindAfterMs }: BlindLimits): Sight {
    const agents = new Map<string, { lastMs: number; silentMs: number }>()
    let newestMs = 0
    for (const { atMs, reporters } of this.vectors.values()) {
      for (const { agent, last_ms: lastMs } of reporters) {
        newestMs = Math.max(newestMs, lastMs)
        const before = agents.get(agent)
        if (before !== undefined && before.lastMs >= lastMs) continue
        agents.set(agent, { lastMs, silentMs: atMs - lastMs })
      }
    }
    let expected = 0
    let missing = 0
    for (const { lastMs, silentMs } of agents.values()) {
      if (newestMs - lastMs > KEEP_MS) continue
      expected += 1
      if (silentMs >= blindAfterMs) missing += 1
    }
    const blind = missing >= blindMissingMin && missing > blindShareMax * expected
    return { expected, seen: expected - missing, blind }
  }

  save(to: ImageWriter): void {
    const vectors = [...this.vectors].sort(([a], [b]) => a - b)
    to.flag(this.changed).int(vectors.length)
    for (const [partition, { gen, seq, atMs, services, reporters }] of vectors) {
      to.int(partition).number(gen).number(seq).number(atMs)
      to.int(services.length)
      for (const service of services) saveCount(service, to)
      to.int(reporters.length)
      for (const { agent, last_ms: lastMs } of reporters) to.text(agent).number(lastMs)
    }
  }

  /** Into an empty one. */
  load(from: ImageReader): void {
    this.changed = from.flag()
    const vectors = from.list((): [number, Vector] => [
      from.int(),
      {
        gen: from.number(),
        seq: from.number(),
        atMs: from.number(),
        services: from.list(() => loadCount(from)),
        reporters: from.list(() => ({ agent: from.text(), last_ms: from.number() })),
      },
    ])
    for (const [partition, vector] of vectors) this.vectors.set(partition, vector)
  }
}

/** Health of the services is the same; their traffic may differ. */
function areAlike(a: readonly Count[], b: readonly Count[]): boolean {
  return a.map(healthText).join('\n') === b.map(healthText).join('\n')
}

function healthText(count: Count): string {
  const { service, instances, healthy, unstable, unhealthy, unknown, routable } = count
  const parts = [instances, healthy, unstable, unhealthy, unknown, routable, count.onset_ms ?? '']
  return `${service}|${parts.join('|')}`
}

function saveCount(count: Count, to: ImageWriter): void {
  to.text(count.service)
  for (const field of COUNTS) to.number(count[field])
  to.numberOrNull(count.p99_us).numberOrNull(count.onset_ms)
  const zones = Object.entries(count.sick_by_zone)
  to.int(zones.length)
  for (const [zone, sick] of zones) to.text(zone).number(sick)
  if (to.form < FORM_JUDGEMENT) return
  to.int(count.groups.length)
  for (const group of count.groups) {
    to.text(group.zone).text(group.app_version).int(group.instances).int(group.healthy)
    to.int(group.sick).int(group.recent).numberOrNull(group.newest_ms).int(group.in_hand)
    to.int(group.unheard).int(group.sick_unheard).int(group.recent_unheard)
  }
}

function loadCount(from: ImageReader): Count {
  return {
    service: from.text(),
    instances: from.number(),
    healthy: from.number(),
    unstable: from.number(),
    unhealthy: from.number(),
    unknown: from.number(),
    routable: from.number(),
    n: from.number(),
    errors: from.number(),
    p99_us: from.numberOrNull(),
    onset_ms: from.numberOrNull(),
    sick_by_zone: Object.fromEntries(
      from.list((): [string, number] => [from.text(), from.number()]),
    ),
    groups: from.form < FORM_JUDGEMENT ? [] : from.list(() => loadGroup(from)),
  }
}

function loadGroup(from: ImageReader): GroupCount {
  return {
    zone: from.text(),
    app_version: from.text(),
    instances: from.int(),
    healthy: from.int(),
    sick: from.int(),
    recent: from.int(),
    newest_ms: from.numberOrNull(),
    in_hand: from.int(),
    unheard: from.int(),
    sick_unheard: from.int(),
    recent_unheard: from.int(),
  }
}
