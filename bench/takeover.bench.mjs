// `takeover`: how long tasks stand when their worker goes, on a real broker with two workers as
// users start them, twelve partitions and 10,000 instances with three full windows, every one of
// them a delta a second. From the last committed step of a task to the next, by the broker's clock;
// the figure of a round is that of the task that stood longest. Subject: kill -9 of one worker, the
// other follows its tasks. Rulers: `stopped`, one asked to end (SIGTERM); `cold`, both killed and
// started again, so that everything is restored from snapshots. `assigned…` in the answer: from the
// moment a worker was given the tasks until they run. Deltas come once a second, so that a second
// between two steps is nothing.
import { randomBytes } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { systemClock } from '../dist/runtime/clock.js'
import { initCluster } from '../dist/runtime/init.js'
import { TOPICS } from '../dist/contracts/topics.js'
import { cluster } from './brokers.mjs'
import { quantile, round } from './figures.mjs'
import { startScript } from './idle-process.mjs'
import { openLog } from './own-log.mjs'
import { Journals } from './takeover-journals.mjs'
import { BenchWorker } from './takeover-worker.mjs'

const PARTITIONS = 12
const FULL = { instances: 10_000, seconds: 310 }
const QUICK = { instances: 1_000, seconds: 20 }
const LIMIT_MS = 120_000
const LOOK_MS = 100
/** After tasks have moved, until each worker follows the other's again. */
const CALM_MS = 8_000

/** @typedef {{ gapsMs: number[], assignedMs: number[] }} Seen */

class TakeoverStand {
  /** @type {readonly BenchWorker[]} */
  #workers
  #journals
  #turn = 0
  /** @type {Map<string, Seen>} */
  #seen = new Map()

  /** @param {readonly BenchWorker[]} workers @param {Journals} journals */
  constructor(workers, journals) {
    this.#workers = workers
    this.#journals = journals
  }

  /** @param {string} who @returns {Promise<number>} longest gap of a task, s */
  async measure(who) {
    await this.#calm()
    const victims = who === 'cold' ? this.#workers : [this.#next()]
    const tasks = victims.flatMap((worker) => worker.running())
    const atMs = Date.now()
    const ended = victims.map((worker) => worker.end(who === 'stopped' ? 'SIGTERM' : 'SIGKILL'))
    if (who === 'cold') {
      await Promise.all(ended)
      for (const worker of victims) worker.start()
    }
    const givenMs = await this.#goOn(tasks, atMs)
    await Promise.all(ended)
    if (who !== 'cold') for (const worker of victims) worker.start()
    const { gapsMs, assignedMs } = this.#seen.get(who) ?? { gapsMs: [], assignedMs: [] }
    const gaps = tasks.map((task) => this.#journals.longestGap(task, atMs))
    gapsMs.push(...gaps)
    for (const task of tasks) {
      const since = this.#workers.map((worker) => worker.runsSince(task))
      assignedMs.push(Math.max(...since) - givenMs)
    }
    this.#seen.set(who, { gapsMs, assignedMs })
    const worst = Math.max(...gaps) / 1_000
    console.error(`${who}: ${tasks.length} tasks, the longest stood ${worst.toFixed(1)} s`)
    return worst
  }

  #next() {
    const worker = this.#workers[this.#turn++ % this.#workers.length]
    if (worker === undefined) throw new Error('there is no worker')
    return worker
  }

  /** Every worker runs tasks, and has for some time. */
  async #calm() {
    await this.#until('every worker runs tasks', () =>
      this.#workers.every((worker) => worker.running().length > 0),
    )
    await sleep(CALM_MS)
  }

  /**
   * Waits until every one of the tasks was given to somebody anew and has committed since; when
   * they were given, epoch ms.
   * @param {readonly number[]} tasks @param {number} atMs
   */
  async #goOn(tasks, atMs) {
    let givenMs = 0
    await this.#until('all tasks go on', () => {
      givenMs = Math.max(...this.#workers.map(({ assignedMs }) => assignedMs))
      const isBack = (/** @type {number} */ task) =>
        this.#journals.firstAfter(task, givenMs) !== null
      return givenMs > atMs && tasks.every(isBack)
    })
    return givenMs
  }

  /** @param {string} what @param {() => boolean} holds */
  async #until(what, holds) {
    for (const endMs = performance.now() + LIMIT_MS; !holds(); await sleep(LOOK_MS))
      if (performance.now() > endMs)
        throw new Error([`never: ${what}`, ...this.#workers.map(({ words }) => words)].join('\n'))
  }

  raw() {
    const figures = [...this.#seen].map(([who, { gapsMs, assignedMs }]) => [
      who === 'subject' ? 'killed' : who,
      {
        tasks: gapsMs.length,
        gap_p50_ms: round(quantile(gapsMs, 0.5)),
        gap_p99_ms: round(quantile(gapsMs, 0.99)),
        assigned_p50_ms: round(quantile(assignedMs, 0.5)),
        assigned_p99_ms: round(quantile(assignedMs, 0.99)),
      },
    ])
    return Object.fromEntries(figures)
  }
}

/** @param {import('./run.mjs').How} how @returns {Promise<import('./run.mjs').Stand>} */
async function open(how) {
  const size = how.quick ? QUICK : FULL
  const kafka = await cluster(how, 1)
  const prefix = `bench${randomBytes(3).toString('hex')}.`
  // The past comes with the times it had.
  const config = { 'message.timestamp.type': 'CreateTime' }
  await kafka.createTopics([{ topic: `${prefix}telemetry`, partitions: PARTITIONS, config }])
  const log = openLog(kafka.brokers)
  await initCluster(log, { clock: systemClock, prefix, partitions: PARTITIONS })
  const at = { brokers: kafka.brokers, prefix, partitions: PARTITIONS }
  const load = await startScript('takeover-load.mjs', { ...at, ...size, seed: how.seed })
  const args = ['--brokers', kafka.brokers.join(','), '--prefix', prefix, '--group', `${prefix}w`]
  const workers = [new BenchWorker(args), new BenchWorker(args)]
  for (const worker of workers) worker.start()
  const journals = new Journals(kafka.brokers, prefix, PARTITIONS)
  const stand = new TakeoverStand(workers, journals)
  return {
    measure: (who) => stand.measure(who),
    raw: () => ({ ...size, partitions: PARTITIONS, ...stand.raw() }),
    async close() {
      await Promise.all(workers.map((worker) => worker.end('SIGKILL')))
      await load.stop()
      await journals.close()
      await kafka.deleteTopics(TOPICS.map(({ kind }) => prefix + kind))
      await log.close()
      await kafka.stop()
    },
  }
}

/** @type {import('./run.mjs').Bench} */
export const bench = {
  unit: 's',
  rulers: ['stopped', 'cold'],
  smallerIsBetter: true,
  pairsMin: 3,
  open,
}
