// The fleet task of a scenario: its core beside that of the service task, their records carried
// between them as the log would, each a moment late.
import type { Serde } from '../../src/adapters/serde/serde.ts'
import type { OperatorRecord, PolicyRecord } from '../../src/contracts/records.ts'
import { taskKey } from '../../src/core/fleet/term.ts'
import { createFleetCore } from '../../src/core/tasks/fleet-task.ts'
import { CoreDriver, type DriverOptions, type Written } from '../support/core-driver.ts'

/** From a commit of one task to the step of the other. */
const CARRY_MS = 40

export interface FleetWorld {
  readonly driver: CoreDriver
  in(afterMs: number, act: () => void): void
}

export class SimFleet {
  readonly driver: CoreDriver
  private readonly world: FleetWorld
  /** Its owner is alive. */
  private runs = true
  private gen = 1
  private heard = 0
  private said = 0

  constructor(world: FleetWorld, serde: Serde, options: DriverOptions) {
    this.world = world
    this.driver = new CoreDriver(serde, {
      ...options,
      core: createFleetCore,
      taskId: 'fleet',
      inputs: ['policies', 'operator', 'observations'],
    })
  }

  policy(record: PolicyRecord): void {
    this.at()
    this.driver.policy(record)
  }

  operator(record: OperatorRecord): void {
    this.at()
    this.driver.operator(record)
  }

  stop(): void {
    this.runs = false
  }

  /** Its next owner goes on where the journal ends. */
  start(): void {
    this.runs = true
    this.gen += 1
  }

  /** Log time at which it wants a step, or null. */
  get wakeAtMs(): number | null {
    return this.runs ? this.driver.last.wakeAtMs : null
  }

  step(atMs: number): void {
    if (!this.runs) return
    this.driver.nowMs = Math.max(atMs, this.driver.nowMs)
    this.driver.step()
    const { written } = this.driver
    const said = written.slice(this.said)
    this.said = written.length
    if (said.length > 0) this.world.in(CARRY_MS, () => this.tell(said))
  }

  /** Takes up what the service task has written since it was last asked. */
  listen(): void {
    const { written } = this.world.driver
    const observations = written.slice(this.heard).flatMap((output) => {
      return output.topic === 'observations' && output.body !== null ? [output.body] : []
    })
    this.heard = written.length
    if (observations.length === 0) return
    this.world.in(CARRY_MS, () => {
      this.at()
      for (const body of observations) {
        this.driver.append('observations', { ...body, gen: 1 }, taskKey(body.task))
      }
      this.step(this.world.driver.nowMs)
    })
  }

  private tell(said: readonly Written[]): void {
    for (const output of said) {
      if (output.topic !== 'fleet' || output.body === null) continue
      const { body } = output
      this.world.driver.append('fleet', { ...body, gen: this.gen }, taskKey(body.task))
    }
  }

  private at(): void {
    this.driver.nowMs = Math.max(this.driver.nowMs, this.world.driver.nowMs)
  }
}
