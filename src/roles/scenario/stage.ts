// What a script plays on: services with their instances, documents in their versions, words of
// people. How time passes, and who judges, is up to those that extend it.
import { serviceId } from '../../contracts/ids.ts'
import type { OperatorRecord, PolicyKind, PolicyRecord } from '../../contracts/records.ts'
import { type Schedule, SimInstance } from './instance.ts'
import { operator, policy } from './records.ts'
import type { Voice } from './voice.ts'

const TICK_MS = 1_000
/** Agents tick at their own moments of a second. */
const APART_MS = 37

export abstract class Stage implements Schedule {
  abstract readonly driver: Voice
  readonly instances: Map<string, SimInstance> = new Map()
  private readonly versions = new Map<string, number>()
  private readonly configs = new Map<string, { service: string; texts: readonly string[] }>()

  /** Runs `act` after `afterMs`. */
  abstract in(afterMs: number, act: () => void): void

  /** The fleet task's owner dies, or another takes it up. */
  abstract fleetTask(what: 'stops' | 'runs'): void

  /** Every task stops, or goes on with what lies there unread. */
  protected abstract tasks(what: 'stop' | 'run'): void

  /** The incident of the instance that was told of last, or null. */
  abstract incidentOf(instance: string): string | null

  /** A document goes to every partition, and so to every task. */
  protected say(record: PolicyRecord): void {
    this.driver.policy(record)
  }

  /** A word of a person goes to every task. */
  word(record: OperatorRecord): void {
    this.driver.operator(record)
  }

  /**
   * Registers instances `name-1` … `name-count`, each with an agent of its own, and lets traffic
   * flow.
   */
  addService(name: string, count: number): void {
    for (let i = 1; i <= count; i++) this.addInstance(name, i)
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

  rollBack(name: string, from: number, to: number): boolean {
    const held = this.configs.get(name)
    const before = held?.texts[to - 1]
    if (held === undefined || before === undefined) return false
    const now = held.texts.length
    // Done before, and only the answer was lost.
    if (now === from + 1 && held.texts[from] === before) return true
    if (now === from) this.configure(name, held.service, before)
    return now === from
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
    for (const one of this.instances.values()) one.speaks = false
    this.tasks('stop')
  }

  /** Everything goes on. */
  start(): void {
    for (const one of this.instances.values()) one.speaks = true
    this.tasks('run')
  }

  private addInstance(service: string, i: number): void {
    const one = new SimInstance(this, service, `${service}-${i}`)
    this.instances.set(one.instance, one)
    this.in(i * APART_MS, () => {
      one.begin()
      this.tick(one)
    })
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
