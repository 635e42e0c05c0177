// `idle`: the share of a core that processes take which have nothing to do, on three brokers.
// Subject: a worker with twelve partitions. Beside it, in the same window: a worker that knows a
// hundred instances which have fallen silent, an agent with one quiet instance, and the ruler, a
// kafkajs consumer with a connection to each broker. All are the real commands, each a process.
import { randomBytes } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { TOPICS, topicName } from '../dist/contracts/topics.js'
import { cluster } from './brokers.mjs'
import { contend, output } from './contender.mjs'
import { median, round } from './figures.mjs'
import { startRole, startScript } from './idle-process.mjs'

const NODES = 3
const PARTITIONS = 12
const FULL = { windowMs: 60_000, settleMs: 15_000, ticks: 5 }
const QUICK = { windowMs: 5_000, settleMs: 5_000, ticks: 3 }
const MAIN = fileURLToPath(new URL('../dist/cli/main.js', import.meta.url))
const SERVICE = fileURLToPath(new URL('./idle-service.mjs', import.meta.url))

async function freePort() {
  const server = createServer()
  await new Promise((resolve) => server.listen(0, '127.0.0.1', () => resolve(null)))
  const address = server.address()
  await new Promise((resolve) => server.close(resolve))
  return typeof address === 'object' && address !== null ? address.port : 0
}

/** @param {string} folder */
async function agentFile(folder) {
  const port = await freePort()
  const file = join(folder, 'agent.yaml')
  const command = [process.execPath, SERVICE, String(port)]
  const agent = {
    id: 'agent-quiet',
    stateDir: join(folder, 'agent'),
    instances: [{ service: 'quiet', instance: 'quiet-1', port, healthPath: '/health', command }],
  }
  // JSON is YAML.
  writeFileSync(file, JSON.stringify({ agent }))
  return file
}

/** @param {import('./run.mjs').How} how */
async function open(how) {
  const sizes = how.quick ? QUICK : FULL
  const kafka = await cluster(how, NODES)
  const folder = mkdtempSync(join(tmpdir(), 'healstream-bench-'))
  const tail = randomBytes(4).toString('hex')
  const quietTopic = `bench-idle-${tail}`
  await kafka.createTopics([{ topic: quietTopic, partitions: PARTITIONS }])
  const prefixes = ['worker', 'silent', 'agent'].map((name) => `bench-${name}-${tail}.`)
  const [alone = '', silent = '', beside = ''] = prefixes
  const at = (/** @type {string} */ prefix) => [
    `--brokers=${kafka.brokers.join(',')}`,
    `--prefix=${prefix}`,
  ]
  for (const prefix of prefixes)
    await output(
      [process.execPath, MAIN, 'init', `--partitions=${PARTITIONS}`, ...at(prefix)],
      60_000,
    )
  const group = (/** @type {string} */ prefix) => `--group=${prefix}workers`
  const processes = {
    subject: await startRole('worker', [...at(alone), group(alone)]),
    worker_silent: await startRole('worker', [...at(silent), group(silent)]),
    agent: await startRole('agent', [...at(beside), `--config=${await agentFile(folder)}`]),
    kafkajs: await startScript('idle-kafkajs.mjs', { brokers: kafka.brokers, topic: quietTopic }),
  }
  const task = { brokers: kafka.brokers, prefix: silent, partitions: PARTITIONS }
  await contend('idle-silent.mjs', { ...task, ticks: sizes.ticks })
  await sleep(sizes.settleMs)
  const shares = new Shares(processes, sizes.windowMs)
  return {
    /** @param {string} who */
    measure: (who) => shares.measure(who),
    raw: () => shares.figures(),
    async close() {
      await Promise.all(Object.values(processes).map((one) => one.stop()))
      const own = prefixes.flatMap((prefix) => TOPICS.map(({ kind }) => topicName(kind, prefix)))
      await kafka.deleteTopics([quietTopic, ...own])
      await kafka.stop()
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

/** All processes over the same window, which the first of a round that is asked for opens. */
class Shares {
  #processes
  #windowMs
  /** @type {Map<string, number[]>} */
  #all = new Map()
  /** Of the round under way, not asked for yet. @type {Map<string, number>} */
  #round = new Map()

  /**
   * @param {Readonly<Record<string, import('./idle-process.mjs').Metered>>} processes
   * @param {number} windowMs
   */
  constructor(processes, windowMs) {
    this.#processes = processes
    this.#windowMs = windowMs
  }

  /** @param {string} who */
  async measure(who) {
    if (!this.#round.has(who)) await this.#open()
    const share = this.#round.get(who) ?? Number.NaN
    this.#round.delete(who)
    return share
  }

  /** The first window is not kept. */
  figures() {
    const of = (/** @type {string} */ who) => round(median((this.#all.get(who) ?? []).slice(1)))
    return {
      worker: of('subject'),
      worker_silent: of('worker_silent'),
      agent: of('agent'),
      targets: { worker: 0.01, worker_silent: 0.02, agent: 0.01 },
      partitions: PARTITIONS,
      brokers: NODES,
      windowMs: this.#windowMs,
    }
  }

  async #open() {
    const entries = Object.entries(this.#processes)
    const before = await Promise.all(entries.map(([, one]) => one.cpuUs()))
    const startMs = performance.now()
    await sleep(this.#windowMs)
    const after = await Promise.all(entries.map(([, one]) => one.cpuUs()))
    const windowUs = (performance.now() - startMs) * 1_000
    for (const [i, [who]] of entries.entries()) {
      const share = ((after[i] ?? 0) - (before[i] ?? 0)) / windowUs
      this.#round.set(who, share)
      this.#all.set(who, [...(this.#all.get(who) ?? []), share])
    }
  }
}

/** @type {import('./run.mjs').Bench} */
export const bench = {
  unit: 'of a core',
  rulers: ['kafkajs'],
  smallerIsBetter: true,
  pairs: 2,
  pairsMin: 1,
  open,
}
