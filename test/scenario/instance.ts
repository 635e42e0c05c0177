// A service instance and the agent beside it, as far as a task can tell them: what they send each
// second, what they send when something breaks, and what the agent does with a command. Virtual
// time; no chance.
import type { Command } from '../../src/contracts/records.ts'
import type { CoreDriver } from '../support/core-driver.ts'
import {
  connection,
  delta,
  heartbeat,
  probe,
  processEvent,
  result,
  serviceEvent,
  type Who,
} from '../support/records.ts'

/** What a restart comes to. */
export type RestartOutcome =
  | 'helps'
  | 'is in vain'
  | 'fails'
  | 'is not answered'
  | 'is answered twice'

export interface Schedule {
  readonly driver: CoreDriver
  /** Runs `act` after `afterMs`. */
  in(afterMs: number, act: () => void): void
}

const NORMAL_US = 20_000
/** The fast probe: three failures 100 ms apart, each waiting up to 200 ms when nobody answers. */
const PROBE_REFUSED_MS = 300
const PROBE_TIMEOUT_MS = 500

export class SimInstance {
  readonly service: string
  readonly instance: string
  incarnation: number = 1
  /** The process runs; a hung one runs and answers nothing. */
  process: 'up' | 'down' | 'hung' = 'up'
  /** Requests per second. */
  rate: number = 10
  failedPercent: number = 0
  latencyUs: number = NORMAL_US
  /** The agent reaches the log. */
  speaks: boolean = true
  /** Every record is sent twice. */
  twice: boolean = false
  /** Counts reach the log this much later. */
  lateMs: number = 0
  restart: RestartOutcome = 'helps'
  restartMs: number = 800
  private readonly schedule: Schedule
  private version = 1
  private inHand = false
  private verdict: 'unknown' | 'up' | 'down' = 'unknown'

  constructor(schedule: Schedule, service: string, instance: string) {
    this.schedule = schedule
    this.service = service
    this.instance = instance
  }

  begin(): void {
    this.register()
    this.tellProbe('up')
  }

  /** Once a second: counts, and a heartbeat that goes on while the process is down. */
  tick(): void {
    const { nowMs } = this.schedule.driver
    const counts = this.process === 'up' && !this.inHand ? this.rate : 0
    const failed = Math.round((counts * this.failedPercent) / 100)
    const latencyUs = this.latencyUs
    const record = delta({ ...this.who(nowMs), ok: counts - failed, failed, latencyUs })
    const send = (): void => this.send(() => this.schedule.driver.telemetry(record))
    if (this.lateMs === 0) send()
    else this.schedule.in(this.lateMs, send)
    const state = this.inHand ? 'restarting' : this.verdict
    this.send((atMs) =>
      this.schedule.driver.signal(heartbeat({ ...this.who(atMs), level: 2, state })),
    )
  }

  crash(by: string): void {
    this.process = 'down'
    this.in(5, (atMs) => this.driver.signal(connection({ ...this.who(atMs), event: 'refused' })))
    this.in(12, (atMs) =>
      this.driver.signal(processEvent({ ...this.who(atMs), event: 'exited', by })),
    )
    this.schedule.in(PROBE_REFUSED_MS, () => this.tellProbe('down'))
  }

  hang(): void {
    this.process = 'hung'
    this.schedule.in(PROBE_TIMEOUT_MS, () => this.tellProbe('down'))
  }

  heal(): void {
    if (this.process !== 'up') this.in(100, () => this.tellProbe('up'))
    this.process = 'up'
    this.failedPercent = 0
    this.latencyUs = NORMAL_US
  }

  leave(): void {
    this.version += 1
    this.announce('deregister')
    this.speaks = false
  }

  /** Counts that an earlier incarnation left behind. */
  sendOldCounts(): void {
    this.incarnation -= 1
    this.send((atMs) => this.driver.telemetry(delta({ ...this.who(atMs), failed: 200 })))
    this.send((atMs) => this.driver.signal(probe({ ...this.who(atMs), verdict: 'down' })))
    this.incarnation += 1
  }

  /** Out of its spool: what went wrong long ago, and was over long ago. */
  sendOldTroubles(agoMs: number): void {
    this.send((nowMs) => {
      const old = { ...this.who(nowMs - agoMs), lane: 'backlog' } as const
      this.driver.signal(connection({ ...old, event: 'refused' }))
      this.driver.signal(processEvent({ ...old, event: 'exited', by: 'SIGSEGV' }))
      this.driver.signal(probe({ ...old, verdict: 'down' }))
      if (agoMs < 60_000) this.driver.signal(probe({ ...old, atMs: old.atMs + 1, verdict: 'up' }))
      this.driver.telemetry(delta({ ...old, failed: 20 }))
    })
  }

  /** An answer to a command that nobody has open. */
  sendOldResult(): void {
    const lives = { before: this.incarnation - 1, after: this.incarnation }
    const answer = {
      ...this.who(0),
      commandId: '0'.repeat(32),
      outcome: 'failed',
      ...lives,
    } as const
    this.send(() => this.driver.result(result(answer)))
  }

  /** What the agent does with a command. */
  obey(command: Command): void {
    if (!this.speaks || this.restart === 'is not answered') return
    const answer = { ...this.who(0), commandId: command.command_id, action: command.action }
    const lives = { before: this.incarnation, after: this.incarnation }
    this.in(20, () => this.driver.result(result({ ...answer, ...lives, outcome: 'started' })))
    this.schedule.in(this.restartMs, () => this.finish(answer, lives.before))
    this.inHand = true
  }

  private finish(answer: Who & { commandId: string }, before: number): void {
    this.inHand = false
    if (this.restart === 'fails') {
      const failed = { outcome: 'failed', detail: 'the process did not start' } as const
      this.send(() => this.driver.result(result({ ...answer, ...failed, before })))
      return
    }
    this.incarnation += 1
    this.version = 1
    this.process = 'up'
    this.verdict = 'unknown'
    if (this.restart !== 'is in vain') this.heal()
    this.send((atMs) => this.driver.signal(processEvent({ ...this.who(atMs), event: 'started' })))
    this.register()
    const lives = { before, after: this.incarnation }
    const tell = (): void =>
      this.driver.result(result({ ...answer, ...lives, outcome: 'succeeded' }))
    this.send(tell)
    if (this.restart === 'is answered twice') this.in(40, tell)
    this.in(30, () => this.tellProbe('up'))
  }

  private get driver(): CoreDriver {
    return this.schedule.driver
  }

  private who(atMs: number): Who & { atMs: number } {
    const { service, instance, incarnation } = this
    return { service, instance, incarnation, agent: `agent-of-${instance}`, atMs }
  }

  private register(): void {
    this.announce('register')
  }

  private announce(action: 'register' | 'deregister'): void {
    const { version } = this
    this.send((atMs) =>
      this.driver.serviceEvent(serviceEvent({ ...this.who(atMs), action, version })),
    )
  }

  private tellProbe(verdict: 'up' | 'down'): void {
    this.verdict = verdict
    const reason = verdict === 'up' ? 'ok' : this.process === 'hung' ? 'timeout' : 'refused'
    this.send((atMs) => this.driver.signal(probe({ ...this.who(atMs), verdict, reason })))
  }

  private in(afterMs: number, act: (atMs: number) => void): void {
    this.schedule.in(afterMs, () => this.send(act))
  }

  private send(act: (atMs: number) => void): void {
    if (!this.speaks) return
    if (this.twice) this.driver.twice(() => act(this.driver.nowMs))
    else act(this.driver.nowMs)
  }
}
