// What the modules of an agent share about one instance: its life (incarnation), its driver, and
// whether our own hand is on it. Also the records that speak of it.
import { randomUUID } from 'node:crypto'
import { eventId } from '../../contracts/ids.ts'
import type { Flush, Gauges, ServiceAction, ServiceEvent, Signal } from '../../contracts/records.ts'
import { DeltaAggregator, tickStart } from '../../runtime/agent/delta.ts'
import type { Driver } from '../../runtime/agent/driver.ts'
import type { ConfigLine } from '../../runtime/agent/intake-protocol.ts'
import { GaugeSampler } from '../../runtime/agent/gauges.ts'
import { type Ledger, LedgerWriteError } from '../../runtime/agent/ledger.ts'
import { processStart } from '../../runtime/agent/proc.ts'
import type { Publisher } from '../../runtime/agent/publisher.ts'
import type { Clock } from '../../runtime/ports.ts'
import type { AgentInstance, AgentOptions } from './options.ts'

/** Default of the lease (S0-08). */
export const LEASE_TTL_MS = 30_000

type SignalPart = Partial<
  Pick<Signal, 'heartbeat' | 'probe' | 'connection' | 'process' | 'agent_notice'>
>

export interface InstanceDeps {
  readonly options: AgentOptions
  readonly spec: AgentInstance
  readonly driver: Driver
  readonly ledger: Ledger
  readonly publisher: Publisher
}

export class Instance {
  readonly spec: AgentInstance
  readonly driver: Driver
  readonly counts: DeltaAggregator
  readonly gauges: GaugeSampler = new GaugeSampler()
  /** Rises with every process we start. */
  incarnation: number
  /** Verdict of the prober, for the business state of the heartbeat. */
  verdict: 'unknown' | 'up' | 'down' = 'unknown'
  /** The configuration its process says it runs with. */
  config: ConfigLine | null = null
  /** The newest process, running or not. */
  pid: number | null = null
  readonly #deps: InstanceDeps
  readonly #clock: Clock
  #held = true
  #version = 0
  #registered = false
  #refusedTold = false

  constructor(deps: InstanceDeps) {
    this.#deps = deps
    this.spec = deps.spec
    this.driver = deps.driver
    this.#clock = deps.options.clock
    this.counts = new DeltaAggregator({ earlyFlush: deps.options.earlyFlush ?? true })
    this.driver.onStart((pid) => this.#begin(pid))
    this.incarnation = deps.ledger.instance(this.spec.service, this.spec.instance)?.incarnation ?? 0
  }

  /** Our own hand starts or ends the process: nothing seen now says anything about the service. */
  get held(): boolean {
    return this.#held
  }

  get registered(): boolean {
    return this.#registered
  }

  /** Takes the instance in hand; what was counted so far is sent, what comes meanwhile waits. */
  hold(): void {
    this.sendEarly()
    this.counts.clear()
    this.#held = true
  }

  release(): void {
    this.#held = false
  }

  /**
   * Notes a process that we have started: a new incarnation, on the disk before anybody hears of
   * it.
   */
  #begin(pid: number): void {
    this.pid = pid
    this.incarnation += 1
    this.#version = 0
    this.#registered = false
    this.#refusedTold = false
    this.verdict = 'unknown'
    this.config = null
    const { service, instance } = this.spec
    const { incarnation } = this
    const start = processStart(pid)
    try {
      this.#deps.ledger.append({ t: 'instance', service, instance, incarnation, pid, start })
    } catch (error) {
      // The service goes on; what needs the disk (commands) is refused until it takes entries
      // again.
      if (!(error instanceof LedgerWriteError)) throw error
    }
  }

  /** Tells the registry; `register` once per incarnation, when the instance has answered. */
  announce(action: ServiceAction, reason: string | null = null): Promise<boolean> {
    const { options, publisher } = this.#deps
    const { spec } = this
    if (action === 'register') this.#registered = true
    this.#version += 1
    const ends = action === 'deregister'
    const event: Omit<ServiceEvent, 'agent' | 'epoch' | 'seq'> = {
      service_name: spec.service,
      action,
      cluster_id: options.clusterId,
      timestamp: this.#clock.nowMs(),
      event_id: eventId(randomUUID()),
      instance_id: spec.instance,
      incarnation: this.incarnation,
      version: this.#version,
      lifecycle: ends ? 'gone' : 'ready',
      lease_ttl_ms: ends ? null : (options.leaseTtlMs ?? LEASE_TTL_MS),
      host: spec.host,
      port: spec.port,
      health_path: spec.healthPath,
      zone: spec.zone ?? null,
      app_version: spec.appVersion ?? null,
      path: [options.clusterId],
      vector: {},
      origin: null,
      metadata: {},
      reason,
    }
    return publisher.serviceEvent(event)
  }

  signal(kind: Signal['kind'], part: SignalPart): Promise<boolean> {
    return this.#deps.publisher.signal({
      service: this.spec.service,
      instance: this.spec.instance,
      incarnation: this.incarnation,
      at_ms: this.#clock.nowMs(),
      kind,
      heartbeat: null,
      probe: null,
      connection: null,
      process: null,
      breaker: null,
      agent_notice: null,
      ...part,
    })
  }

  /** A refused local connection, told once until the instance has answered again. */
  refused(): void {
    if (this.#refusedTold || this.#held) return
    this.#refusedTold = true
    const connection = { event: 'refused', local: true, port: this.spec.port } as const
    void this.signal('connection', { connection })
  }

  answered(): void {
    this.#refusedTold = false
  }

  /**
   * Sends what the tick that began at `tickStartMs` counted, unless our own hand is on the
   * instance.
   */
  sendTick(tickStartMs: number, pid: number | null): void {
    const gauges = pid === null ? null : this.gauges.sample(pid, this.#clock.monotonicMs())
    this.#send('tick', tickStartMs, gauges)
  }

  /** Sends what was counted so far, before the tick has ended. */
  sendEarly(): void {
    this.#send('early', tickStart(this.#clock.nowMs()), null)
  }

  #send(flush: Flush, tickStartMs: number, gauges: Gauges | null): void {
    if (this.#held) return
    const at = { atMs: this.#clock.monotonicMs(), tickStartMs }
    // Whether one that probes do not reach works is asked of its counts; none is an answer too.
    const isNews = flush === 'tick' && this.verdict === 'down'
    const body = this.counts.take(flush, at, gauges, isNews)
    if (body === null) return
    const { service, instance } = this.spec
    const { incarnation } = this
    void this.#deps.publisher.telemetry({ ...body, service, instance, incarnation })
  }
}
