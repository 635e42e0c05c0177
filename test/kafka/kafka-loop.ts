// The whole loop on real brokers, nothing of it replaced: workers in processes of their own, agent
// with the process driver and projector here, each with a client of its own to the log, services as
// processes; and a reader of its own for what was said.
import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { get } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { createKafkaLog } from '../../src/adapters/kafka/kafka-log.ts'
import { agentId, clusterId } from '../../src/contracts/ids.ts'
import type { PolicyRecord } from '../../src/contracts/records.ts'
import { type AgentHandle, startAgent } from '../../src/roles/agent/agent.ts'
import type { AgentInstance } from '../../src/roles/agent/options.ts'
import { readStory, type StoryRecord } from '../../src/roles/demo/story.ts'
import { type Projector, startProjector } from '../../src/roles/projector/projector.ts'
import { systemClock } from '../../src/runtime/clock.ts'
import { SILENT } from '../../src/runtime/instruments.ts'
import type { LogPort } from '../../src/runtime/ports.ts'
import { policy } from '../support/records.ts'
import { until, WorkerRig } from './worker-rig.ts'

const CHILD = fileURLToPath(new URL('worker-child.mjs', import.meta.url))
const HOST = '127.0.0.1'
const TRAFFIC_MS = 40
/** How long a killed worker keeps its tasks. */
export const SESSION_MS = 1_500

/** Restart what is unhealthy; guards that only look at how often are set to seconds. */
const DOCUMENTS: readonly (readonly [PolicyRecord['kind'], object])[] = [
  ['HealPolicy', { mode: 'enforce', trigger: 'health == "unhealthy"', action: 'restart_instance' }],
  ['GuardSet', { cooldownMs: '20s', serviceIntervalMs: '1s', warmUpMs: '20s', verifyMs: '15s' }],
]

/** A worker in a process of its own. */
export interface ChildWorker {
  /** Partitions of the tasks that run. */
  running(): readonly number[]
  reasons(): readonly (string | null)[]
  kill9(): Promise<void>
}

interface Said {
  readonly ready: boolean
  readonly tasks: readonly { partition: number; state: string; reason: string | null }[]
}

export class KafkaLoop {
  readonly rig: WorkerRig
  readonly story: StoryRecord[] = []
  readonly #brokers: readonly string[]
  readonly #folder: string = mkdtempSync(join(tmpdir(), 'healstream-loop-'))
  readonly #stop = new AbortController()
  readonly #endings: (() => unknown)[] = []
  #reading: Promise<void> = Promise.resolve()

  private constructor(rig: WorkerRig, brokers: readonly string[]) {
    this.rig = rig
    this.#brokers = brokers
  }

  static async begin(brokers: readonly string[], partitions: number): Promise<KafkaLoop> {
    const rig = await WorkerRig.begin({ kafka: { brokers }, partitions })
    const loop = new KafkaLoop(rig, brokers)
    await loop.#applyPolicies()
    loop.#reading = loop.#read()
    return loop
  }

  /** Returns when it is in its group, whatever it was given. */
  async worker(): Promise<ChildWorker> {
    const { prefix, group } = this.rig
    const options = {
      kafka: { brokers: this.#brokers },
      prefix,
      group,
      sessionTimeoutMs: SESSION_MS,
      heartbeatMs: 250,
    }
    const child = spawn(process.execPath, [CHILD, JSON.stringify(options)], {
      stdio: ['pipe', 'pipe', 'inherit'],
    })
    const exited = once(child, 'exit')
    let said: Said = { ready: false, tasks: [] }
    createInterface({ input: child.stdout }).on('line', (line) => {
      said = JSON.parse(line)
    })
    const kill9 = async (): Promise<void> => {
      child.kill('SIGKILL')
      await exited
    }
    this.#endings.push(kill9)
    await until('the worker is in its group', () => said.ready || hasEnded(child), 20_000)
    assert.ok(!hasEnded(child), 'the worker has ended')
    return {
      running: () =>
        said.tasks.filter(({ state }) => state === 'Running').map(({ partition }) => partition),
      reasons: () => said.tasks.map(({ reason }) => reason),
      kill9,
    }
  }

  async agent(instances: readonly AgentInstance[]): Promise<AgentHandle> {
    const { prefix, partitions, serde } = this.rig
    const log = this.#connect()
    const agent = await startAgent({
      log,
      encoder: serde,
      decoder: serde,
      clock: systemClock,
      instruments: SILENT,
      prefix,
      partitions,
      clusterId: clusterId(await log.clusterId()),
      agentId: agentId('agent-1'),
      stateDir: join(this.#folder, 'agent'),
      instances,
    })
    this.#endings.push(() => agent.stop())
    return agent
  }

  projector(): Projector {
    const { prefix, partitions, serde } = this.rig
    const projector = startProjector({
      log: this.#connect(),
      decoder: serde,
      clock: systemClock,
      instruments: SILENT,
      prefix,
      partitions,
    })
    this.#endings.push(() => projector.stop())
    return projector
  }

  /** Customers, until the end. */
  traffic(ports: readonly number[]): void {
    const ask = (port: number): void => {
      const request = get({ host: HOST, port, path: '/stock/apple', agent: false, timeout: 1_000 })
      request.on('response', (answer) => answer.resume())
      request.on('timeout', () => request.destroy())
      request.on('error', () => undefined)
    }
    const timer = setInterval(() => ports.forEach(ask), TRAFFIC_MS)
    this.#endings.push(() => clearInterval(timer))
  }

  /** Commands sent for an instance, and how each of its incidents ended, so far. */
  told(instance: string): {
    commands: number
    results: readonly string[]
    ends: readonly string[]
  } {
    const of = this.story.filter((record) => {
      if (record.kind === 'incident') return record.event.instance === instance
      if (record.kind === 'command') return record.command.target.instance === instance
      return record.kind === 'result' && record.result.instance === instance
    })
    const ended = new Map<string, string>()
    for (const record of of)
      if (record.kind === 'incident') ended.set(record.event.incident_id, record.event.state)
    return {
      commands: of.filter(({ kind }) => kind === 'command').length,
      results: of.flatMap((record) => (record.kind === 'result' ? [record.result.outcome] : [])),
      ends: [...ended.values()],
    }
  }

  async end(): Promise<void> {
    for (const ending of this.#endings.toReversed()) await ending()
    this.#stop.abort()
    await this.#reading
    await this.rig.end()
    rmSync(this.#folder, { recursive: true, force: true })
  }

  /** A client of its own, as another process has. */
  #connect(): LogPort {
    const log = createKafkaLog({ brokers: this.#brokers, clock: systemClock })
    this.#endings.push(() => log.close())
    return log
  }

  async #applyPolicies(): Promise<void> {
    const { log, serde, partitions } = this.rig
    const producer = log.producer()
    for (let partition = 0; partition < partitions; partition++)
      await producer.send(
        DOCUMENTS.map(([kind, rest]) => {
          const name = `loop-${kind.toLowerCase()}`
          const spec = { match: { services: ['stock'] }, ...rest }
          const document = { apiVersion: 'healstream.io/v1', kind, metadata: { name }, spec }
          return {
            topic: this.rig.topic('policies'),
            partition,
            key: Buffer.from(name),
            value: serde.encode('policies', policy({ name, kind, document })),
            timestampMs: Date.now(),
          }
        }),
      )
    await producer.close()
  }

  async #read(): Promise<void> {
    const { serde, prefix, partitions } = this.rig
    const log = createKafkaLog({ brokers: this.#brokers, clock: systemClock })
    const source = { log, decoder: serde, prefix, partitions }
    for await (const record of readStory(source, this.#stop.signal)) this.story.push(record)
    await log.close()
  }
}

const hasEnded = (child: ChildProcess): boolean =>
  child.exitCode !== null || child.signalCode !== null
