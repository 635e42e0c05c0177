// A scenario in virtual time: its stage on a bare task core, moved by one queue. The core is called
// when something was appended and when it asked to be woken, and never otherwise.
import type { Serde } from '../../src/adapters/serde/serde.ts'
import type { OperatorRecord, PolicyRecord } from '../../src/contracts/records.ts'
import { BEHAVIOUR_FLEET } from '../../src/core/fleet/term.ts'
import { BEHAVIOUR_LATEST } from '../../src/core/kernel/behaviour.ts'
import { Stage } from '../../src/roles/scenario/stage.ts'
import { CoreDriver, type DriverOptions, START_MS } from '../support/core-driver.ts'
import { SimFleet } from './fleet.ts'

interface Due {
  readonly atMs: number
  readonly order: number
  readonly act: () => void
}

/** From an append to the step that reads it. */
const READ_MS = 3

export class World extends Stage {
  override readonly driver: CoreDriver
  /** null: by a behaviour that knows nothing of it. */
  readonly fleet: SimFleet | null
  private readonly queue: Due[] = []
  private order = 0
  private obeyed = 0
  private asleep = false

  constructor(serde: Serde, options: DriverOptions = {}) {
    super()
    this.driver = new CoreDriver(serde, options)
    const behaviour = options.behaviour ?? BEHAVIOUR_LATEST
    this.fleet = behaviour < BEHAVIOUR_FLEET ? null : new SimFleet(this, serde, options)
  }

  override in(afterMs: number, act: () => void): void {
    this.order += 1
    this.queue.push({ atMs: this.driver.nowMs + afterMs, order: this.order, act })
  }

  override fleetTask(what: 'stops' | 'runs'): void {
    if (what === 'stops') this.fleet?.stop()
    else this.fleet?.start()
  }

  override incidentOf(name: string): string | null {
    const events = this.driver.bodies('incidents')
    return events.findLast(({ instance }) => instance === name)?.incident_id ?? null
  }

  override word(record: OperatorRecord): void {
    super.word(record)
    this.fleet?.operator(record)
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

  protected override say(record: PolicyRecord): void {
    super.say(record)
    this.fleet?.policy(record)
  }

  protected override tasks(what: 'stop' | 'run'): void {
    this.asleep = what === 'stop'
    // What lies there unread is read behind.
    if (what === 'run') this.driver.step({ behind: true })
    this.fleetTask(what === 'stop' ? 'stops' : 'runs')
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
}
