// A service instance and the agent beside it, as far as a task can tell them: what they send each
// second, what they send when something breaks, and what the agent does with a command. Time
// and the way to the log are the driver's; no chance.
import type { Command } from '../../contracts/records.ts'
import {
  breaker,
  type BreakerWords,
  connection,
  delta,
  heartbeat,
  probe,
  processEvent,
  result,
  serviceEvent,
  type Who,
} from './records.ts'
import { Tells } from './tells.ts'
import type { Voice } from './voice.ts'

/** What an action comes to. */
export type ActOutcome =
  | 'helps'
  | 'is in vain'
  | 'fails'
  | 'is not answered'
  | 'is answered twice'
  | 'is refused'

export interface Schedule {
  readonly driver: Voice
  /** Runs `act` after `afterMs`. */
  in(afterMs: number, act: () => void): void
  /** Where an agent sits. */
  hostOf(agent: string): string | null
  /** Publishes version `to` anew as the one after `from`; false: another one is in force. */
  rollBack(name: string, from: number, to: number): boolean
  /** As many instances as that, of a service. */
  scale(service: string, replicas: number): void
}

const NORMAL_US = 20_000
/** The fast probe: three failures 100 ms apart, each waiting up to 200 ms when nobody answers. */
const PROBE_REFUSED_MS = 300
const PROBE_TIMEOUT_MS = 500
/** Actions that start nothing anew. */
const QUICK: ReadonlySet<string> = new Set([
  'deregister',
  'diagnose',
  'rollback_config',
  'scale',
  'shift_traffic',
])
const QUICK_MS = 60
/** A version after any other of an incarnation that is over. */
const LATER = 1_000

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
  /** Its agent sends heartbeats. */
  beats: boolean = true
  /** Every record is sent twice. */
  twice: boolean = false
  /** Counts reach the log this much later. */
  lateMs: number = 0
  /** By action as it stands on the wire; what is not said helps. */
  readonly outcomes: Map<string, ActOutcome> = new Map()
  restartMs: number = 800
  agent: string
  host: string | null = null
  appVersion: string | null = null
  zone: string | null = null
  lifecycle: 'standby' | null = null
  metadata: Readonly<Record<string, string>> = {}
  inFlight: number | null = null
  /** Its data is broken: no process gets well with it. */
  corrupted: boolean = false
  /** What it tells beside requests. */
  tells: Tells = new Tells()
  private readonly schedule: Schedule
  private version = 1
  private inHand = false
  private verdict: 'unknown' | 'up' | 'down' = 'unknown'

  constructor(schedule: Schedule, service: string, instance: string) {
    this.schedule = schedule
    this.service = service
    this.instance = instance
    this.agent = `agent-of-${instance}`
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
    const latencyUs = this.tells.latencyUs(this.latencyUs, nowMs)
    const bare = delta({ ...this.who(nowMs), ok: counts - failed, failed, latencyUs })
    const record = this.tells.onto(bare, nowMs)
    const send = (): void => this.send(() => this.schedule.driver.telemetry(record))
    if (this.lateMs === 0) send()
    else this.schedule.in(this.lateMs, send)
    const state = this.inHand ? 'restarting' : this.verdict
    if (!this.beats) return
    this.send((atMs) =>
      this.schedule.driver.signal(
        heartbeat({
          ...this.who(atMs),
          level: 2,
          state,
          config: this.tells.configVersion,
          configHash: this.tells.configHash,
          ...(this.inFlight === null ? {} : { inFlight: this.inFlight }),
        }),
      ),
    )
  }

  tellBreaker(name: string, state: BreakerWords['state']): void {
    this.send((atMs) => this.driver.signal(breaker({ ...this.who(atMs), name, state })))
  }

  /** The agent of `other` probes it once a second, for as long as that one speaks. */
  seenFrom(other: SimInstance): void {
    const agent = `agent-of-${other.instance}`
    const look = (): void => {
      const verdict = this.process === 'up' ? 'up' : 'down'
      other.send((atMs) =>
        this.driver.signal(probe({ ...this.who(atMs), agent, verdict, local: false })),
      )
      this.schedule.in(1_000, look)
    }
    look()
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

  /** What the agent does with a command (S0-43). */
  obey(command: Command): void {
    const { action, target } = command
    // Another agent starts it: the one it had is gone with its host.
    if (action === 'reschedule') this.moveTo(target.agent)
    const outcome = this.outcomes.get(action) ?? 'helps'
    if (!this.speaks || outcome === 'is not answered') return
    const answer = { ...this.who(0), commandId: command.command_id, action }
    const before = this.incarnation
    const lives = { before, after: before }
    if (outcome === 'is refused') {
      const refused = { outcome: 'refused', refusal: 'unsupported' } as const
      this.in(5, () => this.driver.result(result({ ...answer, ...lives, ...refused })))
      return
    }
    this.in(20, () => this.driver.result(result({ ...answer, ...lives, outcome: 'started' })))
    const isQuick = QUICK.has(action)
    const end = (): void => this.finish(command, { answer, before, outcome })
    this.schedule.in(isQuick ? QUICK_MS : this.restartMs, end)
    if (!isQuick) this.inHand = true
  }

  private finish(
    command: Command,
    at: { answer: Who & { commandId: string }; before: number; outcome: ActOutcome },
  ): void {
    const { answer, before, outcome } = at
    const isQuick = QUICK.has(command.action)
    if (!isQuick) this.inHand = false
    if (outcome === 'fails') {
      const failed = { outcome: 'failed', detail: 'the process did not start' } as const
      this.send(() => this.driver.result(result({ ...answer, ...failed, before })))
      return
    }
    if (!this.carryOut(command)) {
      const moved = { outcome: 'refused', refusal: 'version_moved', before } as const
      this.send(() => this.driver.result(result({ ...answer, ...moved })))
      return
    }
    if (!isQuick) this.beginAnew(outcome)
    const lives = { before, after: this.incarnation }
    const tell = (): void =>
      this.driver.result(result({ ...answer, ...lives, outcome: 'succeeded' }))
    this.send(tell)
    if (outcome === 'is answered twice') this.in(40, tell)
    if (!isQuick) this.in(30, () => this.tellProbe(this.process === 'up' ? 'up' : 'down'))
  }

  /** What is done besides starting it anew; false: it is refused. */
  private carryOut({ action, args, target }: Command): boolean {
    if (action === 'restore') this.corrupted = false
    if (action === 'migrate') this.host = `${this.host ?? 'host'}-new`
    if (action === 'rollback_app') this.appVersion = args['to'] ?? 'the one before'
    if (action === 'scale') this.schedule.scale(this.service, Number(args['replicas']))
    if (action === 'rollback_config') {
      const { name = '', from, to } = args
      return this.schedule.rollBack(name, Number(from), Number(to))
    }
    if (action !== 'deregister') return true
    const version = target.incarnation === this.incarnation ? this.version + 1 : LATER
    this.send((atMs) => {
      const failed = { ...this.who(atMs), incarnation: target.incarnation }
      this.driver.serviceEvent(serviceEvent({ ...failed, action: 'deregister', version }))
    })
    return true
  }

  beginAnew(outcome: ActOutcome): void {
    this.incarnation += 1
    this.version = 1
    this.process = 'up'
    this.tells = new Tells()
    this.verdict = 'unknown'
    if (outcome !== 'is in vain' && !this.corrupted) this.heal()
    this.send((atMs) => this.driver.signal(processEvent({ ...this.who(atMs), event: 'started' })))
    this.register()
    if (this.corrupted) this.crash('SIGABRT')
  }

  private moveTo(agent: string): void {
    this.host = this.schedule.hostOf(agent)
    this.agent = agent
    this.speaks = true
  }

  private get driver(): Voice {
    return this.schedule.driver
  }

  private who(atMs: number): Who & { atMs: number } {
    const { service, instance, incarnation } = this
    const atOwnMs = atMs + this.tells.clockMs
    return { service, instance, incarnation, agent: this.agent, atMs: atOwnMs }
  }

  private register(): void {
    this.announce('register')
  }

  private announce(action: 'register' | 'deregister'): void {
    const { version } = this
    this.send((atMs) =>
      this.driver.serviceEvent(
        serviceEvent({
          ...this.who(atMs),
          action,
          version,
          host: this.host,
          appVersion: this.appVersion,
          ...(this.zone === null ? {} : { zone: this.zone }),
          metadata: this.metadata,
          ...(this.lifecycle === null ? {} : { lifecycle: this.lifecycle }),
        }),
      ),
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
