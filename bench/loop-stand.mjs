// What the `loop` benches measure, on the embedded log and over brokers: faults of every subject at
// moments drawn from the seed, each healed before the next, and the pings of a ruler. Guards that
// would keep an instance from being healed over and over are set aside by loop.policies.yaml.
import { setTimeout as sleep } from 'node:timers/promises'
import { quantile, random, round } from './figures.mjs'
import { breakOne, until } from './loop-fault.mjs'
import { startFleet } from './loop-fleet.mjs'

/**
 * @typedef {import('./loop-fault.mjs').Fault} Fault
 * @typedef {import('./loop-fleet.mjs').Subject} Subject
 * @typedef {{ faults: number, pings: number, warmUp: number }} Size of a round
 * @typedef {{
 *   log: import('./loop-log.mjs').BenchLog,
 *   subjects: ReadonlyMap<string, Subject>,
 *   ping: { name: string, times: (count: number) => Promise<readonly number[]>,
 *     stop: () => Promise<void> },
 *   size: Size,
 *   seed: number,
 * }} Setting `subjects` by contender; `ping` answers with milliseconds
 */

/** Deltas, heartbeats and commits have a period of a second: faults fall anywhere in it. */
const PHASE_MS = 1_000
/** What a subject's figures are called in the answer. @type {Readonly<Record<string, string>>} */
const TITLES = {
  'early-flush': 'early_flush',
  'probe-alone': 'probe_only',
  'exit-signal': 'with_exit_signal',
}

/** @param {string} name @param {readonly number[]} times */
function spread(name, times) {
  return {
    [`${name}_p50_ms`]: round(quantile(times, 0.5)),
    [`${name}_p99_ms`]: round(quantile(times, 0.99)),
  }
}

/** @param {readonly Fault[]} faults */
function figuresOf(faults) {
  /** @type {Record<string, number>} */
  const detectors = {}
  for (const { detector } of faults) detectors[detector] = (detectors[detector] ?? 0) + 1
  const times = (/** @type {'commandMs' | 'polledMs' | 'crossingMs' | 'healedMs'} */ which) =>
    faults.map((fault) => fault[which])
  return {
    faults: faults.length,
    ...spread('command', times('commandMs')),
    ...spread('polled', times('polledMs')),
    ...spread('crossing', times('crossingMs')),
    ...spread('healed', times('healedMs')),
    detectors,
  }
}

class LoopStand {
  /** @type {Fault[]} */
  #faults = []
  /** @type {number[]} */
  #pings = []
  #begun = 0
  #healed = 0
  #fleet
  #setting
  #next
  /** @type {Set<string>} */
  #warm = new Set()

  /** @param {import('./loop-fleet.mjs').Fleet} fleet @param {Setting} setting */
  constructor(fleet, setting) {
    this.#fleet = fleet
    this.#setting = setting
    this.#next = random(setting.seed)
  }

  /** p50 of a round; the first round of each is not kept. @param {string} who */
  async measure(who) {
    const isKept = this.#warm.has(who)
    this.#warm.add(who)
    if (who === this.#setting.ping.name) return await this.#ping(isKept)
    const subject = this.#setting.subjects.get(who)
    if (subject === undefined) throw new Error(`nobody is called ${who}`)
    return await this.#break(subject, isKept)
  }

  raw() {
    const { log, subjects, seed } = this.#setting
    const figures = [...subjects.values()].map(({ name }) => [
      TITLES[name],
      figuresOf(this.#faults.filter(({ subject }) => subject === name)),
    ])
    const crossings = this.#faults.map(({ crossingMs }) => crossingMs)
    return {
      log: log.demo.name,
      seed,
      ...Object.fromEntries(figures),
      pings: this.#pings.length,
      ...spread('ping', this.#pings),
      ...spread('crossing', crossings),
      missed_faults: this.#begun - this.#healed,
      stray_commands: this.#faults.reduce((sum, { stray }) => sum + stray, 0),
    }
  }

  async close() {
    await this.#setting.ping.stop()
    await this.#fleet.stop()
  }

  /** @param {boolean} isKept */
  async #ping(isKept) {
    const times = await this.#setting.ping.times(this.#setting.size.pings)
    if (isKept) this.#pings.push(...times)
    return quantile(times, 0.5)
  }

  /** @param {Subject} subject @param {boolean} isKept */
  async #break(subject, isKept) {
    const count = isKept ? this.#setting.size.faults : this.#setting.size.warmUp
    const found = []
    for (let i = 0; i < count; i++) {
      await sleep(this.#next() * PHASE_MS)
      this.#begun++
      found.push(await breakOne(this.#fleet, subject, this.#next() < 0.5 ? 1 : 2))
      this.#healed++
    }
    if (isKept) this.#faults.push(...found)
    const times = found.map(({ commandMs }) => commandMs)
    return quantile(times, 0.5)
  }
}

/** Errors: the instances do not become healthy. @param {Setting} setting */
export async function openStand(setting) {
  console.log(`seed ${setting.seed}; guards and policy: bench/loop.policies.yaml`)
  const fleet = await startFleet([...setting.subjects.values()], setting.log)
  const stand = new LoopStand(fleet, setting)
  for (const signal of ['SIGINT', 'SIGTERM'])
    process.once(signal, () => void stand.close().finally(() => process.exit(130)))
  if ((await until(() => fleet.isWell() || null)) !== null) return stand
  await stand.close()
  throw new Error('the instances do not become healthy')
}
