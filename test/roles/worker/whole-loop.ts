// The whole loop on the embedded log, nothing of it replaced: real core, codec, worker, agent and
// services in processes of their own, with a hand on the worker's way to the log, and a reader of
// its own for what was said.
import { get } from 'node:http'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createMemoryLog, type MemoryLog } from '../../../src/adapters/memory/memory-log.ts'
import type { Transport } from '../../../src/adapters/client/protocol.ts'
import { createSerde, type Serde } from '../../../src/adapters/serde/serde.ts'
import { agentId, clusterId } from '../../../src/contracts/ids.ts'
import type { PolicyRecord } from '../../../src/contracts/records.ts'
import { topicName } from '../../../src/contracts/topics.ts'
import { createFleetCore } from '../../../src/core/tasks/fleet-task.ts'
import { createServiceCore } from '../../../src/core/tasks/service-task.ts'
import { type AgentHandle, startAgent } from '../../../src/roles/agent/agent.ts'
import type { AgentInstance } from '../../../src/roles/agent/options.ts'
import { readStory, type StoryRecord } from '../../../src/roles/demo/story.ts'
import { startWorker, type WorkerHandle } from '../../../src/roles/worker/worker.ts'
import { systemClock } from '../../../src/runtime/clock.ts'
import { initCluster } from '../../../src/runtime/init.ts'
import { SILENT } from '../../../src/runtime/instruments.ts'
import { type ChainedEntry, readJournal } from '../../../src/runtime/journal.ts'
import type { LogPort } from '../../../src/runtime/ports.ts'
import { policy } from '../../support/records.ts'

const CLUSTER = clusterId('whole-loop')
const PREFIX = 'hs.'
const HOST = '127.0.0.1'
const TRAFFIC_MS = 40

const DOCUMENTS: readonly (readonly [PolicyRecord['kind'], object])[] = [
  ['HealPolicy', { mode: 'enforce', trigger: 'health == "unhealthy"', action: 'restart_instance' }],
  ['GuardSet', { cooldownMs: '20s', serviceIntervalMs: '10s', warmUpMs: '20s', verifyMs: '15s' }],
]

/** A worker, and how to make it vanish. */
export interface LoopWorker {
  readonly handle: WorkerHandle
  /** As kill -9: from now on nothing of it reaches the log; it has not left its group. */
  drop(): void
}

export interface LoopAgent extends AgentHandle {
  /** As kill -9: its services end with it, the log hears nothing of it any more. */
  kill(): Promise<void>
}

export class WholeLoop {
  readonly story: StoryRecord[] = []
  readonly #log: MemoryLog
  readonly #serde: Serde
  readonly #folder: string = mkdtempSync(join(tmpdir(), 'healstream-loop-'))
  readonly #stop = new AbortController()
  readonly #endings: (() => Promise<void>)[] = []
  #reading: Promise<void> = Promise.resolve()

  private constructor(log: MemoryLog, serde: Serde) {
    this.#log = log
    this.#serde = serde
  }

  static async begin(): Promise<WholeLoop> {
    const loop = new WholeLoop(createMemoryLog({ clusterId: CLUSTER }), await createSerde())
    await initCluster(loop.#log, { clock: systemClock, partitions: 1, dev: true })
    await loop.#applyPolicies()
    loop.#reading = loop.#read()
    return loop
  }

  /** `onEndTxn` is told of every transaction that the log has ended and the worker not heard of. */
  async worker(
    onEndTxn: (worker: { drop(): void }) => void = () => undefined,
  ): Promise<LoopWorker> {
    let dropped = false
    const drop = (): void => {
      dropped = true
    }
    const lost = <T>(): Promise<T> => new Promise(() => undefined)
    const transport = (inner: Transport): Transport => {
      return async (api, request, limits) => {
        if (dropped) return await lost()
        const answer = await inner(api, request, limits)
        if (api === 'endTxn') onEndTxn({ drop })
        return dropped ? await lost() : answer
      }
    }
    const log = this.#log.broker.connect({ transport })
    const handle = await startWorker({
      log,
      decoder: this.#serde,
      encoder: this.#serde,
      createCore: createServiceCore,
      createFleetCore,
      clock: systemClock,
      instruments: SILENT,
    })
    this.#endings.push(async () => {
      // One that hears nothing any more is let go of by its connection.
      if (dropped) await log.close()
      await handle.stop()
    })
    return { handle, drop }
  }

  /** `folder`: of the agent; another one is another epoch. */
  async agent(instances: readonly AgentInstance[], folder: string = 'agent'): Promise<LoopAgent> {
    const log = this.#log.broker.connect()
    const handle = await startAgent({
      log,
      encoder: this.#serde,
      decoder: this.#serde,
      clock: systemClock,
      instruments: SILENT,
      prefix: PREFIX,
      partitions: 1,
      clusterId: CLUSTER,
      agentId: agentId('agent-1'),
      stateDir: join(this.#folder, folder),
      instances,
    })
    this.#endings.push(() => handle.stop())
    const kill = async (): Promise<void> => {
      await log.close()
      await handle.stop()
    }
    return { ...handle, kill }
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
    this.#endings.push(async () => clearInterval(timer))
  }

  async journal(): Promise<readonly ChainedEntry[]> {
    const entries: ChainedEntry[] = []
    const at = { topic: topicName('journal', PREFIX), partition: 0 }
    for await (const entry of readJournal(this.#log, at)) entries.push(entry)
    return entries
  }

  async end(): Promise<void> {
    await Promise.all(this.#endings.map((ending) => ending()))
    this.#stop.abort()
    await this.#reading
    await this.#log.close()
    rmSync(this.#folder, { recursive: true, force: true })
  }

  async #applyPolicies(): Promise<void> {
    const producer = this.#log.producer()
    await producer.send(
      DOCUMENTS.map(([kind, rest]) => {
        const name = `loop-${kind.toLowerCase()}`
        const spec = { match: { services: ['stock'] }, ...rest }
        const document = { apiVersion: 'healstream.io/v1', kind, metadata: { name }, spec }
        return {
          topic: topicName('policies', PREFIX),
          partition: 0,
          key: Buffer.from(name),
          value: this.#serde.encode('policies', policy({ name, kind, document })),
          timestampMs: Date.now(),
        }
      }),
    )
    await producer.close()
  }

  async #read(): Promise<void> {
    const log: LogPort = this.#log.broker.connect()
    const source = { log, decoder: this.#serde, prefix: PREFIX, partitions: 1 }
    for await (const record of readStory(source, this.#stop.signal)) this.story.push(record)
    await log.close()
  }
}
