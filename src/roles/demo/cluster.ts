// The demo's cluster: a log (embedded, or real Kafka) with codec, one worker, one projector, one
// notifier and the endpoint, all in this process, each with a client of its own to the log.
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import type { HttpServer } from '../../adapters/http/server.ts'
import { createInstruments } from '../../adapters/observability/instruments.ts'
import type { Observability } from '../../adapters/observability/instruments.ts'
import { createSerde } from '../../adapters/serde/serde.ts'
import { HsError } from '../../contracts/failure.ts'
import type { ClusterId } from '../../contracts/ids.ts'
import { createFleetCore } from '../../core/tasks/fleet-task.ts'
import { createServiceCore } from '../../core/tasks/service-task.ts'
import { systemClock } from '../../runtime/clock.ts'
import { initCluster } from '../../runtime/init.ts'
import type { Clock } from '../../runtime/ports.ts'
import { type NotifierHandle, startNotifier } from '../notifier/notifier.ts'
import { type Parts, reach } from '../parts/parts.ts'
import { startEndpoint } from '../parts/running-role.ts'
import { PolicyStore } from '../projector/policy-store.ts'
import { startProjector } from '../projector/projector.ts'
import type { Projector } from '../projector/projector.ts'
import type { ReadModel } from '../projector/read-model.ts'
import { Reasons } from '../projector/reasons.ts'
import { readingRoutes } from '../projector/routes.ts'
import { startWorker } from '../worker/worker.ts'
import type { WorkerHandle } from '../worker/worker.ts'
import type { DemoLog } from './demo-log.ts'

export interface ClusterOptions {
  readonly log: DemoLog
  /** 0 = a free one. */
  readonly port: number
  readonly token: string
  readonly logLevel: 'debug' | 'info' | 'warn' | 'error' | 'silent'
  /** Takes the lines of the console sink that every alert goes to. */
  readonly alert: (line: string) => void
}

/** Somebody sits before it: brokers that do not answer are told of after this. */
const REACH_MS = 10_000
const READY_MS = 60_000
const LOOK_MS = 50
const SCREEN = 'screen'
const POLICIES = fileURLToPath(new URL('../../../examples/demo/policies.yaml', import.meta.url))

export class Cluster {
  readonly parts: Parts
  readonly log: DemoLog
  private readonly observability: Observability
  private readonly alert: (line: string) => void
  private readonly projector: Projector
  private worker: WorkerHandle | null = null
  private notifier: NotifierHandle | null = null
  private server: HttpServer | null = null
  private genesis = false
  private stopped = false
  private fatal: HsError | null = null

  private constructor(parts: Parts, options: ClusterOptions, observability: Observability) {
    const { log, alert } = options
    this.parts = parts
    this.log = log
    this.alert = alert
    this.observability = observability
    this.projector = startProjector({ ...parts, log: log.connect('projector') })
  }

  /** Projector and endpoint; no topic exists yet. Errors: HS_PORT_IN_USE; LogError. */
  static async start(options: ClusterOptions): Promise<Cluster> {
    const { log } = options
    const serde = await createSerde()
    const observability = createInstruments({
      level: options.logLevel,
      pretty: true,
      secrets: [options.token],
    })
    const own = log.connect('demo')
    const parts: Parts = {
      log: own,
      encoder: serde,
      decoder: serde,
      clock: systemClock,
      instruments: observability.instruments,
      prefix: log.prefix,
      partitions: log.partitions,
      clusterId: await reach(own, observability.instruments, REACH_MS),
    }
    const cluster = new Cluster(parts, options, observability)
    try {
      await cluster.listen(options)
    } catch (error) {
      await cluster.stop()
      throw error
    }
    return cluster
  }

  get url(): string {
    return this.server?.url ?? ''
  }

  get clock(): Clock {
    return this.parts.clock
  }

  get model(): ReadModel {
    return this.projector.model
  }

  hasGenesis(): boolean {
    return this.genesis
  }

  /** Topics and genesis; `created` is false when they were there before. */
  async init(): Promise<{ readonly clusterId: ClusterId; readonly created: boolean }> {
    const { log, clock, prefix, partitions } = this.parts
    const report = await initCluster(log, { clock, prefix, partitions, dev: true })
    this.genesis = true
    return { clusterId: report.clusterId, created: report.begun > 0 }
  }

  /** Errors: HS_NO_GENESIS before `init`. */
  async run(): Promise<void> {
    const worker = await startWorker({
      ...this.parts,
      log: this.log.connect('worker'),
      group: this.log.group,
      createCore: createServiceCore,
      createFleetCore,
      onFatal: (error) => {
        this.fatal = error
      },
    })
    this.worker = worker
    // Asked to stop while it was starting.
    if (this.stopped) await worker.stop()
    else this.notifier = this.startNotifier()
  }

  /** Until every task runs. Errors: HS_INTERNAL after a minute. */
  async ready(signal: AbortSignal): Promise<void> {
    const until = this.clock.monotonicMs() + READY_MS
    for (let why = this.notReady(); why.length > 0; why = this.notReady()) {
      if (this.clock.monotonicMs() > until) {
        const found = `not ready after ${READY_MS / 1_000} s: ${why.join('; ')}`
        const fix =
          'Start again with --log-level info; when the machine is busy, when it is less so.'
        throw new HsError('HS_INTERNAL', found, { fix })
      }
      await this.clock.sleep(LOOK_MS, signal)
    }
  }

  /** Why the worker cannot go on, or null. */
  problem(): HsError | null {
    return this.fatal
  }

  /** Applies the demo's policies as a user would: through the endpoint. Errors: HS_INTERNAL. */
  async applyPolicies(token: string): Promise<void> {
    const text = readFileSync(POLICIES, 'utf8')
    const answer = await fetch(`${this.url}/v1/policies`, {
      method: 'POST',
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
      body: JSON.stringify({ text, file: 'examples/demo/policies.yaml', author: 'demo' }),
    })
    if (!answer.ok)
      throw new HsError('HS_INTERNAL', `the demo's policies are refused: ${await answer.text()}`)
  }

  async stop(): Promise<void> {
    this.stopped = true
    await this.server?.close()
    await this.notifier?.stop()
    await this.worker?.stop()
    await this.projector.stop()
  }

  /** Every alert to the screen, at once. */
  private startNotifier(): NotifierHandle {
    const routes = { page: [SCREEN], ticket: [SCREEN], digest: [SCREEN] }
    return startNotifier({
      ...this.parts,
      log: this.log.connect('notifier'),
      settings: { sinks: [{ name: SCREEN, kind: 'console', groupWait: 0 }], routes },
      group: this.log.group,
      say: this.alert,
    })
  }

  private async listen({ port, token }: ClusterOptions): Promise<void> {
    const source = { ...this.parts, log: this.log.connect('endpoint') }
    const routes = readingRoutes({
      source,
      views: this.projector,
      policies: new PolicyStore({ ...source, views: this.projector }),
      reasons: new Reasons(source),
      init: () => this.init(),
      hasGenesis: () => this.genesis,
    })
    const notReady = (): readonly string[] => this.notReady()
    const metrics = (): Promise<string> => this.observability.metricsText()
    this.server = await startEndpoint({ port, token, routes, notReady, metrics })
  }

  private notReady(): readonly string[] {
    if (!this.genesis) return ['cluster: no genesis, run `healstream init`']
    const worker = this.worker?.status()
    const fatal = this.fatal === null ? [] : [`worker: ${this.fatal.message}`]
    const tasks = worker?.ready === true ? [] : ['worker: not every task runs']
    return [...fatal, ...tasks, ...this.projector.notReady()]
  }
}
