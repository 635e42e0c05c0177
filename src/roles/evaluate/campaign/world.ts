// One simulated installation: a hundred services of three to seven instances each, spread over
// three zones and the hosts there, the tasks that look after them, and people who have told them
// once, in one configuration, to act (mode enforce; everything else as it comes).
import type { Serde } from '../../../adapters/serde/serde.ts'
import type { Command, PolicyRecord } from '../../../contracts/records.ts'
import type { Output } from '../../../core/kernel/step.ts'
import { Random } from '../../simulate/random.ts'
import { policy } from '../../simulate/records.ts'
import { Calendar } from './calendar.ts'
import { Cluster } from './cluster.ts'
import { Host } from './host.ts'
import { SimInstance } from './instance.ts'

export const START_MS = 1_800_000_000_000
export const ZONES = ['zone-a', 'zone-b', 'zone-c'] as const
const SERVICES = 100
const HOSTS_PER_ZONE = 40
const PARTITIONS = 4
/** From a commit to the agent that reads it. */
const COMMAND_MS = 100

/** All that a person has said, for every run of a campaign. */
export const SAID: readonly PolicyRecord[] = [
  policy('restart-sick', 'HealPolicy', 1, {
    match: { services: ['*'] },
    mode: 'enforce',
    trigger: 'health == "unhealthy"',
    action: 'restart_instance',
  }),
]

export interface Service {
  readonly name: string
  readonly members: readonly Member[]
}

export interface Member {
  readonly instance: SimInstance
  readonly host: Host
}

export interface Acted {
  readonly atMs: number
  readonly command: Command
  readonly member: Member
}

export class World {
  readonly calendar: Calendar = new Calendar(START_MS)
  readonly cluster: Cluster
  readonly hosts: readonly Host[]
  readonly services: readonly Service[]
  /** Every command, as it was decided. */
  readonly acted: Acted[] = []
  readonly #byName = new Map<string, Member>()

  constructor(serde: Serde, seed: number, output?: (output: Output) => void) {
    const random = new Random(`healstream campaign ${seed}`)
    const { calendar } = this
    const listener = {
      command: (command: Command): void => this.#command(command),
      ...(output === undefined ? {} : { output }),
    }
    this.cluster = new Cluster(calendar, serde, { partitions: PARTITIONS, listener })
    const { cluster } = this
    this.hosts = ZONES.flatMap((zone) =>
      Array.from({ length: HOSTS_PER_ZONE }, (_, i) => {
        const name = `host-${zone.at(-1)}${i + 1}`
        return new Host({ name, zone, calendar, cluster, random: random.fork(name) })
      }),
    )
    this.services = Array.from({ length: SERVICES }, (_, i) =>
      this.#service(`service-${i + 1}`, random.fork(`service ${i}`)),
    )
    for (const record of SAID) cluster.apply(record)
    const phases = random.fork('phases')
    for (const host of this.hosts) calendar.in(phases.int(1, 1_000), () => host.begin())
  }

  get sinceStartMs(): number {
    return this.calendar.nowMs - START_MS
  }

  runUntil(sinceStartMs: number): void {
    while (this.sinceStartMs < sinceStartMs) {
      this.calendar.advance()
      this.cluster.step()
    }
  }

  #service(name: string, random: Random): Service {
    const zone = random.int(0, ZONES.length - 1)
    const size = random.int(3, 7)
    const rate = random.between(5, 60)
    const latencyUs = random.between(3_000, 120_000)
    const errorShare = random.chance(0.2) ? random.between(0, 0.005) : 0
    const members = Array.from({ length: size }, (_, i): Member => {
      const host = this.#hostIn((zone + i) % ZONES.length, name, random)
      const id = `${name}-${i + 1}`
      const spec = { service: name, name: id, zone: host.zone, rate, latencyUs, errorShare }
      const instance = new SimInstance(spec, random.fork(id))
      host.instances.push(instance)
      const member = { instance, host }
      this.#byName.set(id, member)
      return member
    })
    return { name, members }
  }

  /** One that has none of this service yet. */
  #hostIn(zone: number, service: string, random: Random): Host {
    const there = this.hosts.slice(zone * HOSTS_PER_ZONE, (zone + 1) * HOSTS_PER_ZONE)
    const free = there.filter(({ instances }) =>
      instances.every(({ spec }) => spec.service !== service),
    )
    return random.pick(free)
  }

  #command(command: Command): void {
    const member = this.#byName.get(command.target.instance)
    if (member === undefined) throw new Error(`a command for ${command.target.instance}`)
    this.acted.push({ atMs: this.calendar.nowMs, command, member })
    this.calendar.in(COMMAND_MS, () => member.host.obey(command, member.instance))
  }
}
