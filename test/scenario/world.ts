// The world of a scenario: instances, people and a task core, moved by one queue of virtual time.
// The core is called when something was appended and when it asked to be woken, and never
// otherwise.
import type { Serde } from '../../src/adapters/serde/serde.ts'
import { BEHAVIOUR_FLEET } from '../../src/core/fleet/term.ts'
import { BEHAVIOUR_LATEST } from '../../src/core/kernel/behaviour.ts'
import { CoreDriver, type DriverOptions, START_MS } from '../support/core-driver.ts'
import { operator, policy } from '../support/records.ts'
import { SimFleet } from './fleet.ts'
import { type Schedule, SimInstance } from './instance.ts'
import type { OperatorRecord, PolicyKind, PolicyRecord } from '../../src/contracts/records.ts'
import { serviceId } from '../../src/contracts/ids.ts'

interface Due {
  readonly atMs: number
  readonly order: number
  readonly act: () => void
}

/** From an append to the step that reads it. */
const READ_MS = 3
const TICK_MS = 1_000

export class World implements Schedule {
  readonly driver: CoreDriver
  readonly instances = new Map<string, SimInstance>()
  /** null: by a behaviour that knows nothing of it. */
  readonly fleet: SimFleet | null
  private readonly queue: Due[] = []
  private order = 0
  private obeyed = 0
  private asleep = false
  private readonly versions = new Map<string, number>()
  private readonly configs = new Map<string, { service: string; texts: readonly string[] }>()

  constructor(serde: Serde, options: DriverOptions = {}) {
    this.driver = new CoreDriver(serde, options)
    const behaviour = options.behaviour ?? BEHAVIOUR_LATEST
    this.fleet = behaviour < BEHAVIOUR_FLEET ? null : new SimFleet(this, serde, options)
  }

  in(afterMs: number, act: () => void): void {
    this.order += 1
    this.queue.push({ atMs: this.driver.nowMs + afterMs, order: this.order, act })
  }

  /**
   * Registers instances `name-1` … `name-count`, each with an agent of its own, and lets traffic
   * flow.
   */
  addService(name: string, count: number): void {
    for (let i = 1; i <= count; i++) this.addInstance(name, i)
  }

  private addInstance(service: string, i: number): void {
    const one = new SimInstance(this, service, `${service}-${i}`)
    this.instances.set(one.instance, one)
    // Agents tick at their own moments of a second.
    this.in(i * 37, () => {
      one.begin()
      this.tick(one)
    })
  }

  /** A document of people, in its next version. */
  apply(kind: PolicyKind, name: string, document: unknown): void {
    this.say(policy({ kind, name, version: this.nextVersion(kind, name), document }))
  }

  remove(kind: PolicyKind, name: string): void {
    const version = this.nextVersion(kind, name)
    this.say(policy({ kind, name, version, deleted: true }))
  }

  hostOf(agent: string): string | null {
    return [...this.instances.values()].find((one) => one.agent === agent)?.host ?? null
  }

  /** A configuration that instances of a service run with; `bad …` makes them err. */
  configure(name: string = '', service: string = '', text: string = ''): void {
    const texts = this.configs.get(name)?.texts ?? []
    this.configs.set(name, { service, texts: [...texts, text] })
    this.apply('AgentConfig', name, { text })
    for (const one of this.instances.values()) {
      if (one.service !== service) continue
      if (text.startsWith('bad')) one.failedPercent = 60
      else one.heal()
    }
  }

  rollBack(name: string, to: string | undefined): void {
    const held = this.configs.get(name)
    const before = held?.texts.at(to === undefined ? -2 : Number(to) - 1)
    if (held !== undefined && before !== undefined) this.configure(name, held.service, before)
  }

  scale(service: string, replicas: number): void {
    const own = [...this.instances.values()].filter((one) => one.service === service)
    for (let i = own.length + 1; i <= replicas; i++) this.addInstance(service, i)
  }

  hold(service: string): void {
    const scope = { fleet: false, service: serviceId(service), instance: null, policy: null }
    this.word(operator({ id: `hold-${service}`, kind: 'hold', scope }))
  }

  release(service: string): void {
    const id = `release-${service}`
    this.word(operator({ id, kind: 'release', refers_to: `hold-${service}` }))
  }

  /** Everything stops: agents and tasks. */
  stop(): void {
    this.asleep = true
    for (const one of this.instances.values()) one.speaks = false
    this.fleet?.stop()
  }

  /** Everything goes on; what lies there unread is read behind. */
  start(): void {
    this.asleep = false
    for (const one of this.instances.values()) one.speaks = true
    this.driver.step({ behind: true })
    this.fleet?.start()
  }

  runUntil(sinceStartMs: number): void {
    const endMs = START_MS + sinceStartMs
    for (;;) {
      const due = this.next()
      const wakeMs = this.asleep ? null : this.driver.last.wakeAtMs
      const fleetMs = this.fleet?.wakeAtMs ?? endMs
      const atMs = Math.min(due?.atMs ?? endMs, wakeMs ?? endMs, fleetMs)
      if (atMs >= endMs) break
      if (fleetMs <= atMs) this.fleetSteps(atMs)
      else if (due !== undefined && due.atMs <= atMs) this.happen(atMs)
      else this.step(atMs)
    }
    this.driver.nowMs = endMs
  }

  /** A document goes to every partition, and so to every task. */
  private say(record: PolicyRecord): void {
    this.driver.policy(record)
    this.fleet?.policy(record)
  }

  /** A word of a person goes to every task. */
  word(record: OperatorRecord): void {
    this.driver.operator(record)
    this.fleet?.operator(record)
  }

  private fleetSteps(atMs: number): void {
    this.driver.nowMs = Math.max(this.driver.nowMs, atMs)
    this.fleet?.step(atMs)
  }

  /** All that is due now happens, and is read together a moment later. */
  private happen(atMs: number): void {
    this.driver.nowMs = atMs
    for (let due = this.next(); due !== undefined && due.atMs <= atMs; due = this.next()) {
      this.queue.splice(this.queue.indexOf(due), 1)
      due.act()
    }
    this.step(atMs + READ_MS)
  }

  private step(atMs: number): void {
    this.driver.nowMs = Math.max(atMs, this.driver.nowMs)
    if (this.asleep) return
    this.driver.step()
    this.fleet?.listen()
    const commands = this.driver.bodies('commands')
    for (const command of commands.slice(this.obeyed)) {
      this.instances.get(command.target.instance)?.obey(command)
    }
    this.obeyed = commands.length
  }

  private next(): Due | undefined {
    let first: Due | undefined
    for (const due of this.queue) {
      const isFirst =
        first === undefined ||
        due.atMs < first.atMs ||
        (due.atMs === first.atMs && due.order < first.order)
      if (isFirst) first = due
    }
    return first
  }

  private tick(one: SimInstance): void {
    one.tick()
    this.in(TICK_MS, () => this.tick(one))
  }

  private nextVersion(kind: PolicyKind, name: string): number {
    const key = `${kind}/${name}`
    const version = (this.versions.get(key) ?? 0) + 1
    this.versions.set(key, version)
    return version
  }
}
