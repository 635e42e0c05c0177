// The demo's cluster: the embedded log with codec, one worker, one projector and the endpoint, all
// in this process, each with a connection of its own to the log.
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { healthRoutes } from '../../adapters/http/health-routes.ts'
import { startHttpServer } from '../../adapters/http/server.ts'
import type { HttpServer } from '../../adapters/http/server.ts'
import { createMemoryLog } from '../../adapters/memory/memory-log.ts'
import type { MemoryLog } from '../../adapters/memory/memory-log.ts'
import { createInstruments } from '../../adapters/observability/instruments.ts'
import type { Observability } from '../../adapters/observability/instruments.ts'
import { createSerde } from '../../adapters/serde/serde.ts'
import type { Serde } from '../../adapters/serde/serde.ts'
import { HsError } from '../../contracts/failure.ts'
import { clusterId } from '../../contracts/ids.ts'
import type { ClusterId } from '../../contracts/ids.ts'
import { DEFAULT_PARTITIONS, DEFAULT_PREFIX } from '../../contracts/topics.ts'
import { createServiceCore } from '../../core/tasks/service-task.ts'
import { systemClock } from '../../runtime/clock.ts'
import { initCluster } from '../../runtime/init.ts'
import type { Instruments } from '../../runtime/instruments.ts'
import type { Clock, LogPort } from '../../runtime/ports.ts'
import { PolicyStore } from '../projector/policy-store.ts'
import { startProjector } from '../projector/projector.ts'
import type { Projector } from '../projector/projector.ts'
import type { ReadModel } from '../projector/read-model.ts'
import { readingRoutes } from '../projector/routes.ts'
import { startWorker } from '../worker/worker.ts'
import type { WorkerHandle } from '../worker/worker.ts'

export interface ClusterOptions {
  /** 0 = a free one. */
  readonly port: number
  readonly token: string
  readonly logLevel: 'debug' | 'info' | 'warn' | 'error' | 'silent'
}

/** What every role on this cluster is handed. */
export interface ClusterParts {
  readonly log: LogPort
  readonly encoder: Serde
  readonly decoder: Serde
  readonly clock: Clock
  readonly instruments: Instruments
  readonly prefix: string
  readonly partitions: number
  readonly clusterId: ClusterId
}

const POLICIES = fileURLToPath(new URL('../../../examples/demo/policies.yaml', import.meta.url))

export class Cluster {
  readonly parts: ClusterParts
  private readonly log: MemoryLog
  private readonly observability: Observability
  private readonly projector: Projector
  private worker: WorkerHandle | null = null
  private server: HttpServer | null = null
  private genesis = false
  private fatal: HsError | null = null

  private constructor(parts: ClusterParts, log: MemoryLog, observability: Observability) {
    this.parts = parts
    this.log = log
    this.observability = observability
    this.projector = startProjector({ ...parts, log: log.broker.connect() })
  }

  /** Log, projector and endpoint; no topic exists yet. Errors: HS_PORT_IN_USE. */
  static async start(options: ClusterOptions): Promise<Cluster> {
    const log = createMemoryLog()
    const serde = await createSerde()
    const observability = createInstruments({
      level: options.logLevel,
      pretty: true,
      secrets: [options.token],
    })
    const parts: ClusterParts = {
      log,
      encoder: serde,
      decoder: serde,
      clock: systemClock,
      instruments: observability.instruments,
      prefix: DEFAULT_PREFIX,
      partitions: DEFAULT_PARTITIONS,
      clusterId: clusterId(await log.clusterId()),
    }
    const cluster = new Cluster(parts, log, observability)
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

  /** Another client of the log, as if from another process. */
  connect(): LogPort {
    return this.log.broker.connect()
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
    this.worker = await startWorker({
      ...this.parts,
      log: this.log.broker.connect(),
      createCore: createServiceCore,
      onFatal: (error) => {
        this.fatal = error
      },
    })
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
    await this.server?.close()
    await this.worker?.stop()
    await this.projector.stop()
    await this.log.close()
  }

  private async listen({ port, token }: ClusterOptions): Promise<void> {
    const { encoder, clock, prefix, partitions } = this.parts
    const log = this.log.broker.connect()
    const shared = { log, clock, prefix, partitions }
    const routes = readingRoutes({
      source: { ...shared, decoder: this.parts.decoder },
      model: this.model,
      policies: new PolicyStore({ ...shared, encoder, model: this.model }),
      init: () => this.init(),
      hasGenesis: () => this.genesis,
    })
    const health = healthRoutes({
      notReady: () => this.notReady(),
      metrics: () => this.observability.metricsText(),
    })
    this.server = await startHttpServer({ port, token, routes: [...health, ...routes] })
  }

  private notReady(): readonly string[] {
    if (!this.genesis) return ['cluster: no genesis, run `healstream init`']
    const worker = this.worker?.status()
    const fatal = this.fatal === null ? [] : [`worker: ${this.fatal.message}`]
    const tasks = worker?.ready === true ? [] : ['worker: not every task runs']
    return [...fatal, ...tasks, ...this.projector.notReady()]
  }
}
