// How each fault of the way that telemetry takes begins and ends in a world. None of them touches a
// service: whoever acts because of one does harm.
import type { Random } from '../../simulate/random.ts'
import type { TopicKind } from '../../../contracts/topics.ts'
import type { Host } from './host.ts'
import type { TelemetryFault } from './plan.ts'
import type { Trouble } from './path.ts'
import { type World, ZONES } from './world.ts'

type End = () => void

/** Begins it; the answer ends it. */
export function begin(fault: TelemetryFault, world: World, random: Random): End {
  const { hosts, cluster } = world
  const host = hosts[fault.at % hosts.length]
  const lane = cluster.tasks[fault.at % cluster.tasks.length]
  const { calendar } = world
  const all = (some: readonly Host[], make: () => Trouble): End => {
    const put = some.map((one): End => {
      const trouble = make()
      one.path.add(trouble)
      return () => one.path.remove(trouble)
    })
    return () => put.forEach((take) => take())
  }
  const untilMs = calendar.nowMs + fault.forMs
  const cut = (): Trouble => ({ pass: () => [untilMs - calendar.nowMs + random.int(0, 500)] })
  const late = (mostMs: number) => (): Trouble => ({ pass: () => [random.int(0, mostMs)] })
  const inZone = hosts.filter(({ zone }) => zone === ZONES[fault.at % ZONES.length])
  switch (fault.kind) {
    case 'zone cut off':
      return all(inZone, cut)
    case 'zone late':
      return all(inZone, late(2_000 + 18_000 * fault.degree))
    case 'broker slow':
      return all(hosts, late(500 + 9_500 * fault.degree))
    case 'broker down':
      return all(hosts, cut)
    case 'reader of a task stuck':
      return stuck(lane, world)
    case 'reader of the fleet task stuck':
      return stuck(cluster.fleet, world)
    case 'fleet task gone':
      cluster.fleet.stopped = true
      return () => void (cluster.fleet.stopped = false)
    default:
      return host === undefined ? () => undefined : beginAt(host, fault, { world, random, cut })
  }
}

interface At {
  readonly world: World
  readonly random: Random
  readonly cut: () => Trouble
}

function beginAt(host: Host, fault: TelemetryFault, { world, random, cut }: At): End {
  const { degree } = fault
  const on = (trouble: Trouble): End => {
    host.path.add(trouble)
    return () => host.path.remove(trouble)
  }
  const lost = (topic: TopicKind): Trouble => ({
    pass: (of) => (of === topic && random.chance(0.2 + 0.8 * degree) ? [] : [0]),
  })
  switch (fault.kind) {
    case 'agent dead':
      host.speaks = false
      return () => void (host.speaks = true)
    case 'agent cut off':
      return on(cut())
    case 'counts lost':
      return on(lost('telemetry'))
    case 'signals lost':
      return on(lost('signals'))
    case 'late and out of order':
      return on({ pass: () => [random.int(0, 500 + 19_500 * degree)] })
    case 'twice':
      return on({ pass: () => [0, random.int(0, 10_000 * degree)] })
    case 'clock wrong':
      host.skewMs = Math.round((random.chance(0.5) ? 1 : -1) * (2_000 + 3_600_000 * degree ** 4))
      return () => void (host.skewMs = 0)
    case 'ledger lost':
      host.forget()
      return () => undefined
    case 'garbage':
      for (const { spec } of host.instances)
        for (const topic of ['telemetry', 'signals', 'results'] as const)
          world.cluster.append(topic, spec.service, random.bytes(random.int(0, 60)))
      return () => undefined
    default:
      return wrongProbe(host, fault, random)
  }
}

/** A prober, here or elsewhere, sees what is not so, and sees it right again at the end. */
function wrongProbe(host: Host, { kind }: TelemetryFault, random: Random): End {
  if (host.instances.length === 0) return () => undefined
  const one = random.pick(host.instances)
  const local = kind === 'local probe wrong'
  host.tellVerdict(one, 'down', { why: 'timeout', local })
  return () => {
    if (one.serves) host.tellVerdict(one, 'up', { local })
  }
}

function stuck(
  lane: World['cluster']['fleet'] | undefined,
  { calendar }: Pick<World, 'calendar'>,
): End {
  if (lane === undefined) return () => undefined
  lane.stuckSinceMs = calendar.nowMs
  return () => void (lane.stuckSinceMs = null)
}
