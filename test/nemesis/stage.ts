// Everything a run needs, standing: three brokers, workers as users start them, each behind a relay
// of its own, and the agents behind another.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { Operator } from '../kafka/operator.ts'
import { FaultProxy } from '../support/fault-proxy.ts'
import { startKafka, type TestKafka } from '../support/kafka/cluster.ts'
import { tsArgv } from '../support/ts.ts'
import { Child } from './child.ts'

const CLI = fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url))
export const PARTITIONS = 6
const PREFIX = 'nemesis.'
const READY_MS = 90_000
/** Kafka's own requests to end a transaction carry their verdict in the last byte. */
const TAGGED_FROM_VERSION = 3

export interface StageOptions {
  readonly folder: string
  readonly seed: number
  readonly workers: number
}

/** A worker and its way to the brokers. */
export class Worker {
  readonly child: Child
  readonly link: FaultProxy
  readonly #tasks = new Map<string, string>()
  /** Commits that it said it does not know the end of. */
  inDoubt = 0
  readonly failures = new Map<string, number>()
  /** Tasks that stopped and called for a person: nothing done here is a reason for that. */
  readonly stopped: string[] = []

  constructor(name: string, folder: string, link: FaultProxy) {
    this.link = link
    this.child = new Child(name, join(folder, `${name}.log`), (line) => this.#hear(line))
  }

  get running(): number {
    return [...this.#tasks].filter(([task, state]) => /^s\d+$/.test(task) && state === 'Running')
      .length
  }

  start(): void {
    this.#tasks.clear()
    const argv = [process.execPath, CLI, 'worker', '--brokers', this.link.brokers.join(',')]
    argv.push('--prefix', PREFIX, '--group', `${PREFIX}workers`)
    this.child.start({ argv })
  }

  #hear(line: string): void {
    if (!line.startsWith('{')) return
    const { event, fields } = JSON.parse(line)
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

export class Agents {
  readonly child: Child
  readonly link: FaultProxy
  readonly #options: StageOptions
  #life = 0

  constructor(options: StageOptions, link: FaultProxy) {
    this.#options = options
    this.link = link
    this.child = new Child('agents', join(options.folder, 'agents.log'), () => undefined)
  }

  start(): void {
    const { folder, seed } = this.#options
    const { brokers } = this.link
    const life = ++this.#life
    const what = { brokers, prefix: PREFIX, partitions: PARTITIONS, folder, life, seed }
    this.child.start({ argv: tsArgv('test/nemesis/agents.ts', JSON.stringify(what)) })
  }
}

export class Stage {
  readonly kafka: TestKafka
  readonly operator: Operator
  readonly workers: readonly Worker[]
  readonly agents: Agents
  readonly prefix: string = PREFIX
  readonly group: string = `${PREFIX}workers`
  /** Requests to commit whose answer the worker never got, as seen on the wire. */
  inDoubt = 0

  private constructor(parts: Pick<Stage, 'kafka' | 'operator' | 'workers' | 'agents'>) {
    this.kafka = parts.kafka
    this.operator = parts.operator
    this.workers = parts.workers
    this.agents = parts.agents
    for (const { link } of this.workers)
      link.onUnanswered('EndTxn', (request) => {
        if (asksToCommit(request)) this.inDoubt++
      })
  }

  static async open(options: StageOptions): Promise<Stage> {
    const kafka = await startKafka({ nodes: 3, own: true })
    await cli(
      ['init', '--brokers', kafka.brokers.join(','), '--prefix', PREFIX],
      ['--partitions', String(PARTITIONS), '--replicas', '3', '--dev'],
    )
    const workers: Worker[] = []
    for (let i = 1; i <= options.workers; i++)
      workers.push(new Worker(`worker-${i}`, options.folder, await FaultProxy.start(kafka.brokers)))
    const agents = new Agents(options, await FaultProxy.start(kafka.brokers))
    const operator = await Operator.connect(kafka.brokers)
    const stage = new Stage({ kafka, operator, workers, agents })
    for (const worker of workers) worker.start()
    agents.start()
    await stage.untilRunning()
    return stage
  }

  /** Every task runs somewhere. */
  async untilRunning(limitMs: number = READY_MS): Promise<void> {
    for (const endMs = performance.now() + limitMs; ; ) {
      const running = this.workers.reduce((sum, worker) => sum + worker.running, 0)
      if (running >= PARTITIONS) return
      if (performance.now() > endMs)
        throw new Error(`${running} of ${PARTITIONS} tasks run after ${limitMs} ms`)
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
    await this.operator.close().catch(() => undefined)
    await this.kafka.stop()
  }
}

function asksToCommit(request: Buffer): boolean {
  const at = request.readInt16BE(6) >= TAGGED_FROM_VERSION ? -2 : -1
  return request.at(at) === 1
}

/** One command of the product; its output only matters when it fails. */
async function cli(command: readonly string[], more: readonly string[]): Promise<void> {
  const child = spawn(process.execPath, [CLI, ...command, ...more], {
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let said = ''
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('utf8').on('data', (text: string) => {
      said += text
    })
  const [code] = await once(child, 'close')
  if (code !== 0) throw new Error(`healstream ${command[0]} failed: ${said}`)
}
