// The agent as a library: starts the instances it is told of, then runs its modules beside them,
// each supervised by itself. In the demo it lives in the process of the run; nothing here depends
// on that.
import { HsError } from '../../contracts/failure.ts'
import { viewKey } from '../../contracts/view-key.ts'
import { endOrphan, ProcessDriver } from '../../adapters/drivers/process.ts'
import { networkProbe } from '../../adapters/http/probe.ts'
import { BrokerClock } from '../../runtime/agent/broker-clock.ts'
import { folderToken } from '../../runtime/agent/intake-token.ts'
import { Ledger } from '../../runtime/agent/ledger.ts'
import { PROFILES, type ProbeTry } from '../../runtime/agent/probe.ts'
import { Publisher } from '../../runtime/agent/publisher.ts'
import { type Module, supervise } from '../../runtime/agent/supervise.ts'
import { beats } from './beats.ts'
import { Collector } from './collector.ts'
import { Executor } from './executor.ts'
import { Instance, LEASE_TTL_MS } from './instance.ts'
import type { AgentInstance, AgentOptions, IntakeAddress } from './options.ts'
import { pastIncarnations } from './past.ts'
import { probing } from './probing.ts'

export interface StartedInstance {
  readonly service: string
  readonly instance: string
  readonly pid: number | null
  readonly incarnation: number
  /** Its health answered; false with a sentence why in `detail`. */
  readonly answered: boolean
  readonly detail: string
}

export interface AgentHandle {
  readonly intake: IntakeAddress
  readonly epoch: number
  /** How each start went, in the order of the options. */
  readonly started: readonly StartedInstance[]
  /** Processes that run now, by instance id; null = none. */
  pids(): ReadonlyMap<string, number | null>
  /** The last lines an instance wrote; foreign text. */
  output(instance: string): string
  /**
   * Ends the instances and everything the agent started, says so to the log, gives the folder back.
   */
  stop(): Promise<void>
}

const HEARTBEAT_MS = 1_000
const NOTICE_CHARS = 200
const FLUSH_MS = 2_000
const HEALTH_TIMEOUT_MS = 1_000

/**
 * Errors: HS_LEDGER_LOCKED, HS_LEDGER_CORRUPT, HS_LEDGER_FOREIGN, HS_PORT_IN_USE, HS_CONFIG,
 * LogError. An instance that does not start is no error: see `started`.
 */
export async function startAgent(options: AgentOptions): Promise<AgentHandle> {
  const { clusterId, agentId, stateDir: folder, clock } = options
  for (const { instance, healthPath } of options.instances)
    if (!/^\/[\x21-\x7e]*$/.test(healthPath))
      throw new HsError('HS_CONFIG', `the health path of ${instance} is no path: it begins with /`)
  const ledger = Ledger.open({ folder, clusterId, agentId, newEpoch: clock.nowMs() })
  let agent: RunningAgent
  try {
    agent = new RunningAgent(options, ledger)
  } catch (error) {
    ledger.close()
    throw error
  }
  try {
    return await agent.start()
  } catch (error) {
    await agent.stop()
    throw error
  }
}

class RunningAgent {
  readonly #options: AgentOptions
  readonly #ledger: Ledger
  readonly #publisher: Publisher
  readonly #instances: readonly Instance[]
  readonly #collector: Collector
  readonly #executor: Executor
  readonly #probe: ProbeTry
  readonly #token: string
  readonly #stop = new AbortController()
  #modules: readonly Promise<void>[] = []
  #stopped: Promise<void> | null = null

  constructor(options: AgentOptions, ledger: Ledger) {
    const { log, clock, instruments, earlyFlush = true } = options
    this.#options = options
    this.#ledger = ledger
    this.#probe = options.probe ?? networkProbe(clock)
    const brokerClock = new BrokerClock(clock)
    this.#token = folderToken(options.stateDir)
    const producer = log.producer()
    const agent = options.agentId
    this.#publisher = new Publisher({ ...options, producer, brokerClock, ledger, agent })
    this.#instances = options.instances.map((spec) => this.#instance(spec))
    const instances = this.#instances
    const probe = this.#probe
    const token = this.#token
    this.#collector = new Collector({ instances, clock, instruments, probe, token, earlyFlush })
    this.#executor = new Executor({
      options,
      instances,
      ledger,
      publisher: this.#publisher,
      brokerClock,
      retire: (instance) => this.#collector.retire(instance),
      signal: this.#stop.signal,
    })
  }

  async start(): Promise<AgentHandle> {
    const { instruments, agentId } = this.#options
    for (const detail of this.#ledger.notes)
      instruments.emit('agent_notice', { code: 'ledger', detail })
    await this.#collector.open()
    await this.#executor.open()
    const past = await this.#past()
    const starts = await Promise.all(this.#instances.map((one) => this.#startOne(one, past)))
    this.#executor.settle()
    this.#modules = this.#startModules()
    instruments.emit('process_started', { role: 'agent', detail: agentId })
    return {
      intake: this.#intake(),
      epoch: this.#ledger.epoch,
      started: starts,
      pids: () => new Map(this.#instances.map(({ spec, driver }) => [spec.instance, driver.pid()])),
      output: (id) =>
        this.#instances.find(({ spec }) => spec.instance === id)?.driver.output() ?? '',
      stop: () => this.stop(),
    }
  }

  stop(): Promise<void> {
    this.#stopped ??= this.#end()
    return this.#stopped
  }

  async #end(): Promise<void> {
    for (const one of this.#instances) if (!one.held) one.hold()
    this.#stop.abort()
    await Promise.all(this.#modules)
    await this.#executor.idle()
    await Promise.all(this.#instances.map(({ driver }) => driver.stop()))
    for (const one of this.#instances)
      if (one.registered) void one.announce('deregister', 'the agent was stopped')
    await this.#collector.close()
    await this.#publisher.close(FLUSH_MS)
    this.#executor.savePositions()
    this.#ledger.close()
  }

  #intake(): IntakeAddress {
    return { host: '127.0.0.1', port: this.#collector.port, token: this.#token }
  }

  #instance(spec: AgentInstance): Instance {
    const { clock, exitSignal = false } = this.#options
    const { host, port, healthPath: path } = spec
    const target = { protocol: 'http', host, port, path } as const
    const driver = new ProcessDriver({
      command: () => spec.command(this.#intake()),
      clock,
      healthy: async () => (await this.#probe(target, HEALTH_TIMEOUT_MS)).reason === 'ok',
      graceMs: spec.graceMs,
      startTimeoutMs: spec.startTimeoutMs,
    })
    const instance = new Instance({
      options: this.#options,
      spec,
      driver,
      ledger: this.#ledger,
      publisher: this.#publisher,
    })
    driver.onExit(({ pid, exitCode, signal, expected }) => {
      if (expected || !exitSignal) return
      const process = { event: 'exited', pid, exit_code: exitCode, signal } as const
      void instance.signal('process', { process })
    })
    return instance
  }

  /** Incarnations that hs.registry knows, where the ledger knows none. */
  async #past(): Promise<ReadonlyMap<string, number>> {
    const services = this.#instances
      .filter(({ spec }) => this.#ledger.instance(spec.service, spec.instance) === null)
      .map(({ spec }) => spec.service)
    return services.length === 0
      ? new Map<string, number>()
      : await pastIncarnations({ ...this.#options, services })
  }

  async #startOne(one: Instance, past: ReadonlyMap<string, number>): Promise<StartedInstance> {
    const { service, instance } = one.spec
    const last = this.#ledger.instance(service, instance)
    if (last?.pid !== null && last?.start !== null && last !== null) endOrphan(last.pid, last.start)
    one.incarnation = Math.max(one.incarnation, past.get(viewKey(service, instance)) ?? 0)
    const { answered, detail, pidAfter: pid } = await one.driver.start(this.#stop.signal)
    if (answered) void one.announce('register')
    one.release()
    return { service, instance, pid, incarnation: one.incarnation, answered, detail }
  }

  #startModules(): readonly Promise<void>[] {
    const {
      clock,
      earlyFlush = true,
      probeProfile = 'fast',
      heartbeatMs = HEARTBEAT_MS,
      leaseTtlMs = LEASE_TTL_MS,
    } = this.#options
    const instances = this.#instances
    const profile = PROFILES[probeProfile]
    const probe = this.#probe
    const modules: readonly (readonly [name: string, run: Module])[] = [
      ['collector', (signal) => this.#collector.run(signal)],
      ['prober', (signal) => probing({ instances, profile, probe, clock, earlyFlush }, signal)],
      ['executor', (signal) => this.#executor.run(signal)],
      ['beats', (signal) => beats({ instances, clock, heartbeatMs, leaseTtlMs }, signal)],
    ]
    const onCrash = (name: string, error: unknown): void => this.#crashed(name, error)
    return modules.map(([name, run]) => supervise({ name, run, clock, onCrash }, this.#stop.signal))
  }

  #crashed(module: string, error: unknown): void {
    const reason = error instanceof Error ? error.message : String(error)
    this.#options.instruments.emit('agent_module_failed', { module, reason })
    const detail = `${module}: ${reason}`.slice(0, NOTICE_CHARS)
    void this.#instances[0]?.signal('agent', { agent_notice: { code: 'module_restarted', detail } })
  }
}
