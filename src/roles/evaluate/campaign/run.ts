// One run: a world, a plan, and what became of it. Truth lies with the instances, so that what the
// tasks believe counts for nothing.
import type { Serde } from '../../../adapters/serde/serde.ts'
import type { Output } from '../../../core/kernel/step.ts'
import { Random } from '../../simulate/random.ts'
import type { Illness } from './instance.ts'
import {
  type Experiment,
  type Fault,
  type Ground,
  HEAL_MS,
  isWide,
  planOf,
  type SharedFault,
  type SingleFault,
  type TelemetryFault,
} from './plan.ts'
import { begin } from './troubles.ts'
import { type Acted, type Member, START_MS, World, ZONES } from './world.ts'

/** What went other than it should, with all that is needed to see it again. */
export interface Miss {
  readonly experiment: Experiment
  readonly seed: number
  /** Since the begin of the run. */
  readonly atMs: number
  readonly what: string
}

export interface Tally {
  /** Faults of the way that telemetry takes. */
  readonly telemetry: number
  /** Commands for instances with which nothing was wrong. */
  readonly harmful: number
  readonly single: number
  readonly healed: number
  /** From fault to cure, of those healed, in order of time. */
  readonly healMs: readonly number[]
  readonly shared: number
  /** Shared faults in which more than one instance was restarted, */
  readonly manyInAll: number
  /** and those in which more than one of the same service was. */
  readonly manyOfService: number
  readonly commands: number
  readonly simulatedMs: number
  readonly misses: readonly Miss[]
}

export interface RunOptions {
  readonly experiment: Experiment
  readonly seed: number
  readonly serde: Serde
  readonly output?: (output: Output, sinceStartMs: number) => void
  readonly fault?: (fault: Fault) => void
}

/** After the last fault. */
const TAIL_MS = 30_000
/** A command that was decided this soon after its reason was gone is no harm. */
const GRACE_MS = 5_000
/** A trouble may have been the reason of what was decided so long after it. */
const AFTER_MS = 15_000

interface Mutable {
  harmful: number
  healed: number
  readonly healMs: number[]
  manyInAll: number
  manyOfService: number
  readonly misses: Miss[]
}

export class Run {
  readonly world: World
  readonly plan: readonly Fault[]
  readonly #options: RunOptions
  readonly #random: Random
  /** Until when an instance is known to be ill; Infinity: still. */
  readonly #illUntil = new Map<string, number>()
  readonly #tally: Mutable = {
    harmful: 0,
    healed: 0,
    healMs: [],
    manyInAll: 0,
    manyOfService: 0,
    misses: [],
  }
  #seen = 0
  /** Faults that are not over. */
  #open = 0

  constructor(options: RunOptions) {
    const { experiment, seed, serde, output } = options
    this.#options = options
    const tell = (said: Output): void => output?.(said, this.world.sinceStartMs)
    this.world = new World(serde, seed, tell)
    this.#random = new Random(`healstream campaign ${experiment} ${seed}`)
    this.plan = planOf(experiment, this.#random, groundOf(this.world))
  }

  /** Runs the whole plan. */
  play(): Tally {
    const { world } = this
    let endMs = 0
    this.#open = this.plan.length
    for (const fault of this.plan)
      world.calendar.at(START_MS + fault.atMs, () => this.#begin(fault))
    for (let atMs = 1_000; this.#open > 0 || atMs <= endMs + TAIL_MS; atMs += 1_000) {
      if (this.#open > 0) endMs = atMs
      world.runUntil(atMs)
      this.#lookAtCommands()
    }
    const count = (what: Fault['what']): number => this.plan.filter((f) => f.what === what).length
    return {
      ...this.#tally,
      telemetry: count('telemetry'),
      single: count('single'),
      shared: count('shared'),
      commands: world.acted.length,
      simulatedMs: world.sinceStartMs,
    }
  }

  #begin(fault: Fault): void {
    this.#options.fault?.(fault)
    if (fault.what === 'telemetry') this.#disturb(fault)
    else if (fault.what === 'single') this.#hurt(fault)
    else this.#hurtMany(fault)
  }

  #disturb(fault: TelemetryFault): void {
    const end = begin(fault, this.world, this.#random.fork(`trouble ${fault.atMs}`))
    this.world.calendar.in(fault.forMs, () => {
      end()
      this.#open--
    })
  }

  #hurt(fault: SingleFault): void {
    const { calendar } = this.world
    const member = this.#member(fault)
    const { kind, failed, latencyUs } = fault
    const illness: Illness = { kind, failed, latencyUs, curable: true }
    const name = member.instance.spec.name
    this.#illUntil.set(name, Number.POSITIVE_INFINITY)
    member.host.fall(member.instance, illness)
    const beganMs = calendar.nowMs
    const look = (): void => {
      const tookMs = calendar.nowMs - beganMs
      if (member.instance.illness !== illness) {
        this.#tally.healed++
        this.#tally.healMs.push(tookMs)
        this.#over(name)
      } else if (tookMs >= HEAL_MS) {
        this.#miss(fault.atMs, `${name}: ${kind} was not healed in ${HEAL_MS / 1_000} s`)
        member.host.recover(member.instance)
        this.#over(name)
      } else calendar.in(500, look)
    }
    look()
  }

  #over(name: string): void {
    this.#illUntil.set(name, this.world.calendar.nowMs)
    this.#open--
  }

  #hurtMany(fault: SharedFault): void {
    const { calendar, acted } = this.world
    const { kind, illness, failed, latencyUs, withAgents } = fault
    const from = acted.length
    const members = fault.victims.map((victim) => this.#member(victim))
    for (const [i, member] of members.entries()) {
      const { instance, host } = member
      const old = instance.appVersion
      calendar.in(fault.victims[i]?.afterMs ?? 0, () => {
        this.#illUntil.set(instance.spec.name, Number.POSITIVE_INFINITY)
        if (kind === 'version') host.deploy(instance, `${old}-next`)
        host.fall(instance, { kind: illness, failed, latencyUs, curable: false })
        if (withAgents) host.speaks = false
      })
      calendar.in(fault.forMs, () => {
        host.speaks = true
        this.#illUntil.set(instance.spec.name, calendar.nowMs)
        host.recover(instance)
        if (kind === 'version') host.deploy(instance, old)
      })
    }
    calendar.in(fault.forMs + TAIL_MS - 1_000, () => this.#judgeMany(fault, members, from))
  }

  #judgeMany(fault: SharedFault, members: readonly Member[], from: number): void {
    this.#open--
    const names = new Set(members.map(({ instance }) => instance.spec.name))
    const restarted = new Map<string, string>()
    for (const { command, member } of this.world.acted.slice(from)) {
      const { name, service } = member.instance.spec
      if (names.has(name) && command.action === 'restart') restarted.set(name, service)
    }
    if (restarted.size <= 1) return
    this.#tally.manyInAll++
    const ofService = new Set(restarted.values()).size < restarted.size
    if (ofService) this.#tally.manyOfService++
    const of = `${fault.kind} (${fault.illness}) of ${members.length} instances`
    const which = ofService ? ', several of one service' : ''
    this.#miss(fault.atMs, `${of}: restarted ${[...restarted.keys()].join(', ')}${which}`)
  }

  #lookAtCommands(): void {
    const { acted } = this.world
    for (; this.#seen < acted.length; this.#seen++) {
      const one = acted[this.#seen]
      if (one !== undefined) this.#judge(one)
    }
  }

  /** Shared faults are judged by how many they made us restart, also after they were over. */
  #judge({ atMs, command, member }: Acted): void {
    const { name } = member.instance.spec
    if (this.#options.experiment !== 'mixed') return
    if (atMs <= (this.#illUntil.get(name) ?? 0) + GRACE_MS) return
    this.#tally.harmful++
    const at = atMs - START_MS
    const why = this.#troublesAt(at, this.world.hosts.indexOf(member.host)).join(', ')
    this.#miss(at, `${command.action} of ${name}, with which nothing was wrong (${why})`)
  }

  /** What was wrong with the way of its telemetry, then or a moment before. */
  #troublesAt(atMs: number, host: number): readonly string[] {
    return this.plan.flatMap((fault) => {
      if (fault.what !== 'telemetry') return []
      const isOn = fault.atMs <= atMs && atMs <= fault.atMs + fault.forMs + AFTER_MS
      const isHere = isWide(fault.kind) || fault.at === host
      return isOn && isHere ? [fault.kind] : []
    })
  }

  #miss(atMs: number, what: string): void {
    const { experiment, seed } = this.#options
    this.#tally.misses.push({ experiment, seed, atMs, what })
  }

  #member({ service, member }: { readonly service: number; readonly member: number }): Member {
    const found = this.world.services[service]?.members[member]
    if (found === undefined) throw new RangeError(`service ${service} has no member ${member}`)
    return found
  }
}

function groundOf({ hosts, services, cluster }: World): Ground {
  const zones: readonly string[] = ZONES
  return {
    hosts: hosts.length,
    zones: zones.length,
    tasks: cluster.tasks.length,
    services: services.map(({ members }) =>
      members.map(({ host }) => ({ host: hosts.indexOf(host), zone: zones.indexOf(host.zone) })),
    ),
  }
}
