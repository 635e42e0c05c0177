// What goes wrong in a run, all of it drawn from the seed before the run begins, so that it stays
// the same whatever the tasks make of it. Three experiments:
//   mixed       faults of the way that telemetry takes, and among them real faults of single
//               instances, which a restart cures
//   shared      faults that several instances have in common: a bad version, a dependency, more
//               than a fifth of a service; no restart cures them
//   zone        the same of a whole zone
import type { Random } from '../../simulate/random.ts'
import { type IllnessKind, ILLNESSES } from './instance.ts'

export const EXPERIMENTS = ['mixed', 'shared', 'zone'] as const
export type Experiment = (typeof EXPERIMENTS)[number]

/** Of the way of one agent. */
export const HOST_TROUBLES = [
  'agent dead',
  'agent cut off',
  'counts lost',
  'signals lost',
  'late and out of order',
  'twice',
  'clock wrong',
  'local probe wrong',
  'remote probe wrong',
  'ledger lost',
  'garbage',
] as const
/** Of all agents of a zone, or of all there are; or of a task. */
export const WIDE_TROUBLES = [
  'zone cut off',
  'zone late',
  'broker slow',
  'broker down',
  'reader of a task stuck',
  'fleet task gone',
  'reader of the fleet task stuck',
] as const

export type TroubleKind = (typeof HOST_TROUBLES)[number] | (typeof WIDE_TROUBLES)[number]

const WIDE: readonly TroubleKind[] = WIDE_TROUBLES

export function isWide(kind: TroubleKind): boolean {
  return WIDE.includes(kind)
}

export interface TelemetryFault {
  readonly what: 'telemetry'
  readonly kind: TroubleKind
  readonly atMs: number
  readonly forMs: number
  /** Host, zone or task, by its number. */
  readonly at: number
  /** How bad, from 0 to 1. */
  readonly degree: number
}

export interface SingleFault {
  readonly what: 'single'
  readonly kind: IllnessKind
  readonly atMs: number
  readonly service: number
  readonly member: number
  readonly failed: number
  readonly latencyUs: number
}

export const SHARED = ['version', 'dependency', 'share', 'zone'] as const
export type SharedKind = (typeof SHARED)[number]

export interface SharedFault {
  readonly what: 'shared'
  readonly kind: SharedKind
  readonly illness: IllnessKind
  /** A zone may lose its agents too. */
  readonly withAgents: boolean
  readonly failed: number
  readonly latencyUs: number
  readonly atMs: number
  readonly forMs: number
  readonly victims: readonly {
    readonly service: number
    readonly member: number
    readonly afterMs: number
  }[]
}

export type Fault = TelemetryFault | SingleFault | SharedFault

/** What a plan has to know of the world. */
export interface Ground {
  readonly hosts: number
  readonly zones: number
  readonly tasks: number
  /** Of each member of each service its host and zone. */
  readonly services: readonly (readonly { readonly host: number; readonly zone: number }[])[]
}

export const WARM_MS = 60_000
/** A single fault that is not cured by then is not healed. */
export const HEAL_MS = 180_000

/** Runs of each experiment that make a whole campaign; continuous integration takes one of each. */
export const RUNS_WHOLE = 20
/** So many of each in one run. */
export const PER_RUN = { telemetry: 500, single: 30, shared: 45, zone: 5 } as const
const TELEMETRY_EVERY_MS = 1_000
const SINGLE_EVERY_MS = 15_000
const SHARED_EVERY_MS = 16_000
const ZONE_EVERY_MS = 200_000
const WIDE_SHARE = 0.02
/** Between two faults of the same service, and of troubles of a host around a real fault. */
const SERVICE_REST_MS = 480_000
const HOST_REST_MS = 10_000
const HOST_KEEP_MS = 60_000

export function planOf(experiment: Experiment, random: Random, ground: Ground): readonly Fault[] {
  if (experiment === 'mixed') return mixedPlan(random, ground)
  const draw = random.fork('plan')
  if (experiment === 'zone')
    return Array.from({ length: PER_RUN.zone }, (_, i) =>
      zoneFault(draw, ground, WARM_MS + i * ZONE_EVERY_MS),
    )
  const rest = new Rest(SERVICE_REST_MS)
  return Array.from({ length: PER_RUN.shared }, (_, i) =>
    sharedFault(draw, ground, { atMs: WARM_MS + i * SHARED_EVERY_MS, rest }),
  )
}

/** Who has been used until when. */
class Rest {
  readonly #restMs: number
  readonly #until = new Map<number, number>()

  constructor(restMs: number) {
    this.#restMs = restMs
  }

  isFree(one: number, atMs: number): boolean {
    return (this.#until.get(one) ?? 0) + this.#restMs <= atMs || !this.#until.has(one)
  }

  use(one: number, untilMs: number): void {
    this.#until.set(one, Math.max(untilMs, this.#until.get(one) ?? 0))
  }
}

function mixedPlan(random: Random, ground: Ground): readonly Fault[] {
  const singles = singleFaults(random.fork('single'), ground)
  const kept = singles.map(({ service, member, atMs }) => {
    return { atMs, host: ground.services[service]?.[member]?.host ?? 0 }
  })
  const draw = random.fork('telemetry')
  const wideRest = new Rest(HOST_REST_MS)
  const faults: Fault[] = [...singles]
  for (let i = 0; i < PER_RUN.telemetry; i++) {
    const atMs = WARM_MS + i * TELEMETRY_EVERY_MS + draw.int(0, TELEMETRY_EVERY_MS)
    const degree = draw.next()
    const wide = draw.chance(WIDE_SHARE) && wideRest.isFree(0, atMs)
    const forMs = Math.round(2_000 + draw.between(0, 1) * draw.between(0, wide ? 60_000 : 90_000))
    if (wide) {
      wideRest.use(0, atMs + forMs)
      const kind = draw.pick(WIDE_TROUBLES)
      const at = draw.int(0, (kind.startsWith('zone') ? ground.zones : ground.tasks) - 1)
      faults.push({ what: 'telemetry', kind, atMs, forMs, at, degree })
      continue
    }
    const kind = draw.pick(HOST_TROUBLES)
    const at = hostFor(draw, { atMs, forMs, hosts: ground.hosts, kept })
    faults.push({ what: 'telemetry', kind, atMs, forMs, at, degree })
  }
  return faults.sort((a, b) => a.atMs - b.atMs)
}

interface Wanted {
  readonly atMs: number
  readonly forMs: number
  readonly hosts: number
  readonly kept: readonly { readonly atMs: number; readonly host: number }[]
}

/** One beside which nothing real is wrong or about to be. */
function hostFor(random: Random, { atMs, forMs, hosts, kept }: Wanted): number {
  for (;;) {
    const host = random.int(0, hosts - 1)
    const clashes = kept.some((one) => {
      const isBefore = atMs + forMs + HOST_REST_MS < one.atMs
      return one.host === host && !isBefore && atMs < one.atMs + HOST_KEEP_MS
    })
    if (!clashes) return host
  }
}

function singleFaults(random: Random, { services }: Ground): readonly SingleFault[] {
  const rest = new Rest(SERVICE_REST_MS)
  return Array.from({ length: PER_RUN.single }, (_, i): SingleFault => {
    const atMs = WARM_MS + i * SINGLE_EVERY_MS + random.int(0, SINGLE_EVERY_MS)
    const service = freeService(random, services.length, (one) => rest.isFree(one, atMs))
    rest.use(service, atMs)
    const member = random.int(0, (services[service]?.length ?? 1) - 1)
    const kind = random.pick(ILLNESSES)
    return { what: 'single', kind, atMs, service, member, ...badness(random) }
  })
}

function badness(random: Random): { readonly failed: number; readonly latencyUs: number } {
  return { failed: random.between(0.3, 1), latencyUs: random.between(2_000_000, 10_000_000) }
}

function freeService(
  random: Random,
  services: number,
  isFree: (service: number) => boolean,
): number {
  for (let tries = 0; tries < 10_000; tries++) {
    const service = random.int(0, services - 1)
    if (isFree(service)) return service
  }
  throw new RangeError('no service is free for another fault')
}

interface Moment {
  readonly atMs: number
  readonly rest: Rest
}

function sharedFault(random: Random, { services }: Ground, { atMs, rest }: Moment): SharedFault {
  const kind = random.pick(['version', 'dependency', 'share'] as const)
  const forMs = random.int(45_000, 150_000)
  const take = (sizeMin: number): number => {
    const isFree = (one: number): boolean =>
      rest.isFree(one, atMs) && (services[one]?.length ?? 0) >= sizeMin
    const service = freeService(random, services.length, isFree)
    rest.use(service, atMs + forMs)
    return service
  }
  const head = { what: 'shared', kind, atMs, forMs, withAgents: false, ...badness(random) } as const
  const membersOf = (service: number): number => services[service]?.length ?? 0
  if (kind === 'dependency') {
    const victims = Array.from({ length: random.int(2, 5) }, () => take(2)).flatMap((service) =>
      Array.from({ length: membersOf(service) }, (_, member) => {
        return { service, member, afterMs: random.int(0, 5_000) }
      }),
    )
    return { ...head, illness: random.pick(['errors', 'slow'] as const), victims }
  }
  const service = take(5)
  const size = membersOf(service)
  const share = kind === 'version' ? random.between(0.3, 1) : random.between(0.25, 0.8)
  const count = Math.max(2, Math.round(share * size))
  const spanMs = kind === 'version' ? 25_000 : 10_000
  const first = random.int(0, size - 1)
  const victims = Array.from({ length: count }, (_, i) => {
    return { service, member: (first + i) % size, afterMs: random.int(0, spanMs) }
  })
  return { ...head, illness: random.pick(ILLNESSES), victims }
}

/** Three to ten of ten services in the zone suffer. */
function zoneFault(random: Random, { services, zones }: Ground, atMs: number): SharedFault {
  const zone = random.int(0, zones - 1)
  const share = random.between(0.3, 1)
  const victims = services.flatMap((members, service) =>
    random.chance(share)
      ? members.flatMap((one, member) =>
          one.zone === zone ? [{ service, member, afterMs: random.int(0, 4_000) }] : [],
        )
      : [],
  )
  const forMs = random.int(45_000, 120_000)
  const withAgents = random.chance(0.2)
  const illness = withAgents ? 'crash' : random.pick(ILLNESSES)
  const head = { what: 'shared', kind: 'zone', illness, withAgents, atMs, forMs, victims } as const
  return { ...head, ...badness(random) }
}
