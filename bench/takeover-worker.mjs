// A worker of the `takeover` bench: the command that users start, in one place, with what it says.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { METER } from './idle-process.mjs'

const MAIN = fileURLToPath(new URL('../dist/cli/main.js', import.meta.url))

export class BenchWorker {
  #argv
  /** @type {import('node:child_process').ChildProcess | null} */
  #child = null
  /** @type {Map<string, string>} state by task */
  #states = new Map()
  /** @type {Map<string, number>} since when they run, epoch ms */
  #since = new Map()
  /** @type {string[]} */
  #last = []
  /** When it was given tasks last, epoch ms. */
  assignedMs = 0

  /** @param {readonly string[]} args */
  constructor(args) {
    this.#argv = ['--import', METER, MAIN, 'worker', ...args]
  }

  start() {
    this.#states.clear()
    this.#since.clear()
    const child = spawn(process.execPath, this.#argv, { stdio: ['pipe', 'ignore', 'pipe'] })
    this.#child = child
    createInterface({ input: child.stderr }).on('line', (line) => this.#hear(line))
  }

  /** Partitions of the service tasks that it says it runs. */
  running() {
    const all = [...this.#states].filter(
      ([task, state]) => /^s\d+$/.test(task) && state === 'Running',
    )
    return all.map(([task]) => Number(task.slice(1)))
  }

  /** Since when it runs the task of a partition, epoch ms; 0: it does not. */
  runsSince(/** @type {number} */ partition) {
    return this.#states.get(`s${partition}`) === 'Running'
      ? (this.#since.get(`s${partition}`) ?? 0)
      : 0
  }

  /** @param {NodeJS.Signals} signal */
  async end(signal) {
    const child = this.#child
    if (child === null || child.exitCode !== null || child.signalCode !== null) return
    const gone = once(child, 'exit')
    child.kill(signal)
    await gone
    this.#states.clear()
  }

  /** The last it said, for an error. */
  get words() {
    return this.#last.join('\n')
  }

  /** @param {string} line */
  #hear(line) {
    this.#last = [...this.#last.slice(-20), line]
    if (!line.startsWith('{')) return
    const { event, fields, timestamp } = JSON.parse(line)
    if (event === 'group_assigned') this.assignedMs = Date.parse(timestamp)
    if (event !== 'task_state') return
    this.#states.set(fields.task, fields.to)
    if (fields.to === 'Running') this.#since.set(fields.task, Date.parse(timestamp))
  }
}
