// Everything a run needs, standing: three brokers, workers as users start them, each behind a relay
// of its own, and the agents behind another.
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { healstream, MAIN } from '../cli/command.ts'
import { Operator } from '../kafka/operator.ts'
import { FaultProxy } from '../support/fault-proxy.ts'
import { startKafka, type TestKafka } from '../support/kafka/cluster.ts'
import { tsArgv } from '../support/ts.ts'
import { Child } from './child.ts'

const PARTITIONS = 6
const PREFIX = 'nemesis.'
const READY_MS = 90_000
/** Kafka's own requests to end a transaction carry their verdict in the last byte. */
const TAGGED_FROM_VERSION = 3

export interface StageOptions {
  readonly folder: string
  readonly seed: number
  readonly workers: number
  /** Default: a cluster of its own, which ends with it. */
  readonly kafka?: TestKafka
  readonly prefix?: string
  readonly partitions?: number
  /** How each worker is started at first. */
  readonly launch?: Launch
  /** Hears every event of every worker. */
  readonly tell?: (event: WorkerEvent) => void
}

/** How a worker is started, beyond what a user does. */
export interface Launch {
  /** A program that starts it, such as `prlimit`, with its arguments. */
  readonly wrap?: readonly string[]
  readonly nodeArgs?: readonly string[]
  readonly env?: Readonly<Record<string, string>>
  /** More arguments of `healstream worker`. */
  readonly args?: readonly string[]
}

/** A log line of a worker. */
export interface WorkerEvent {
  readonly worker: string
  readonly atMs: number
  readonly event: string
  readonly fields: Readonly<Record<string, unknown>>
}

interface WorkerPlace extends Pick<StageOptions, 'folder' | 'tell'> {
  readonly name: string
  readonly link: FaultProxy
  readonly prefix: string
}

/** A worker and its way to the brokers. */
export class Worker {
  readonly child: Child
  readonly link: FaultProxy
  readonly #place: WorkerPlace
  readonly #tasks = new Map<string, string>()
  /** Commits that it said it does not know the end of. */
  inDoubt = 0
  readonly failures = new Map<string, number>()
  /** Tasks that stopped and called for a person: nothing done here is a reason for that. */
  readonly stopped: string[] = []

  constructor(place: WorkerPlace) {
    const { name, folder, link } = place
    this.#place = place
    this.link = link
    this.child = new Child(name, join(folder, `${name}.log`), (line) => this.#hear(line))
  }

  /** Service tasks that it says it runs. */
  get running(): number {
    if (!this.child.isAlive) return 0
    return [...this.#tasks].filter(([task, state]) => /^s\d+$/.test(task) && state === 'Running')
      .length
  }

  start({ wrap = [], nodeArgs = [], env = {}, args = [] }: Launch = {}): void {
    this.#tasks.clear()
    const { prefix } = this.#place
    const argv = [...wrap, process.execPath, ...nodeArgs, MAIN, 'worker']
    argv.push('--brokers', this.link.brokers.join(','))
    argv.push('--prefix', prefix, '--group', `${prefix}workers`, ...args)
    this.child.start({ argv, env })
  }

  #hear(line: string): void {
    if (!line.startsWith('{')) return
    const { event, fields } = JSON.parse(line)
    this.#place.tell?.({ worker: this.child.name, atMs: Date.now(), event, fields })
    if (event === 'task_state') {
      if (fields.to === 'Closed') this.#tasks.delete(fields.task)
      else this.#tasks.set(fields.task, fields.to)
    }
    if (event !== 'task_failed' && event !== 'task_stopped') return
    const reason = String(fields.reason)
    if (event === 'task_stopped') this.stopped.push(`${fields.task}: ${reason.slice(0, 300)}`)
    if (reason.includes('IN_DOUBT')) this.inDoubt++
    const key = `${event} ${reason.replaceAll(/\d+/g, '#').slice(0, 100)}`
    this.failures.set(key, (this.failures.get(key) ?? 0) + 1)
  }
}

interface AgentsPlace extends Pick<StageOptions, 'folder' | 'seed'> {
  readonly link: FaultProxy
  readonly prefix: string
  readonly partitions: number
}

export class Agents {
  readonly child: Child
  readonly link: FaultProxy
  readonly #place: AgentsPlace
  #life = 0

  constructor(place: AgentsPlace) {
    this.#place = place
    this.link = place.link
    this.child = new Child('agents', join(place.folder, 'agents.log'), () => undefined)
  }

  start(): void {
    const { folder, seed, prefix, partitions } = this.#place
    const { brokers } = this.link
    const life = ++this.#life
    const what = { brokers, prefix, partitions, folder, life, seed }
    this.child.start({ argv: tsArgv('test/nemesis/agents.ts', JSON.stringify(what)) })
  }
}

type Parts = Pick<Stage, 'kafka' | 'operator' | 'workers' | 'agents' | 'prefix' | 'partitions'> & {
  readonly ownsKafka: boolean
}

export class Stage {
  readonly kafka: TestKafka
  readonly operator: Operator
  readonly workers: readonly Worker[]
  readonly agents: Agents
  readonly prefix: string
  readonly group: string
  readonly partitions: number
  readonly #ownsKafka: boolean
  /** Requests to commit whose answer the worker never got, as seen on the wire. */
  inDoubt = 0

  private constructor(parts: Parts) {
    this.kafka = parts.kafka
    this.operator = parts.operator
    this.workers = parts.workers
    this.agents = parts.agents
    this.prefix = parts.prefix
    this.group = `${parts.prefix}workers`
    this.partitions = parts.partitions
    this.#ownsKafka = parts.ownsKafka
    for (const { link } of this.workers)
      link.onUnanswered('EndTxn', (request) => {
        if (asksToCommit(request)) this.inDoubt++
      })
  }

  static async open(options: StageOptions): Promise<Stage> {
    const { folder, seed, tell, prefix = PREFIX, partitions = PARTITIONS } = options
    const kafka = options.kafka ?? (await startKafka({ nodes: 3, own: true }))
    const where = ['--brokers', kafka.brokers.join(','), '--prefix', prefix]
    const shape = ['--partitions', String(partitions), '--replicas', '3', '--dev']
    const { code, stderr } = await healstream(['init', ...where, ...shape])
    if (code !== 0) throw new Error(`healstream init failed: ${stderr}`)
    const workers: Worker[] = []
    for (let i = 1; i <= options.workers; i++) {
      const link = await FaultProxy.start(kafka.brokers)
      workers.push(new Worker({ name: `worker-${i}`, folder, link, prefix, ...(tell && { tell }) }))
    }
    const link = await FaultProxy.start(kafka.brokers)
    const agents = new Agents({ folder, seed, link, prefix, partitions })
    const operator = await Operator.connect(kafka.brokers)
    const ownsKafka = options.kafka === undefined
    const stage = new Stage({ kafka, operator, workers, agents, prefix, partitions, ownsKafka })
    for (const worker of workers) worker.start(options.launch)
    agents.start()
    try {
      await stage.untilRunning()
    } catch (error) {
      await stage.close()
      throw error
    }
    return stage
  }

  /** Every task runs somewhere. */
  async untilRunning(limitMs: number = READY_MS): Promise<void> {
    for (const endMs = performance.now() + limitMs; ; ) {
      const running = this.workers.reduce((sum, worker) => sum + worker.running, 0)
      if (running >= this.partitions) return
      if (performance.now() > endMs)
        throw new Error(`${running} of ${this.partitions} tasks run after ${limitMs} ms`)
      await sleep(50)
    }
  }

  /** Every broker up and in sync. */
  async untilWhole(limitMs: number): Promise<boolean> {
    for (const endMs = performance.now() + limitMs; performance.now() < endMs; ) {
      if (await this.operator.isWhole().catch(() => false)) return true
      await sleep(250)
    }
    return false
  }

  async close(): Promise<void> {
    await Promise.all([...this.workers, this.agents].map(({ child }) => child.kill()))
    await Promise.all([...this.workers, this.agents].map(({ link }) => link.close()))
    if (!this.#ownsKafka) await this.operator.deleteTopics(this.prefix).catch(() => undefined)
    await this.operator.close().catch(() => undefined)
    if (this.#ownsKafka) await this.kafka.stop()
  }
}

function asksToCommit(request: Buffer): boolean {
  const at = request.readInt16BE(6) >= TAGGED_FROM_VERSION ? -2 : -1
  return request.at(at) === 1
}
