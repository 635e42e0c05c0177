// `loop`: milliseconds from a real `kill -9` to the visible command that heals it, on the embedded
// log, p50 of a round. Subject: the agent that tells of a refused connection at once (early flush).
// Rulers: the fast probe profile alone; a plain two-hop ping over the same log. Beside them the
// subject with the driver's exit signal. Faults fall at moments drawn from a printed seed, so that
// every phase of probe, tick and commit comes, and each is healed before the next. Guards that
// would keep an instance from being healed over and over are set aside by loop.policies.yaml.
import { setTimeout as sleep } from 'node:timers/promises'
import { quantile, random, round } from './figures.mjs'
import { breakOne, until } from './loop-fault.mjs'
import { startFleet } from './loop-fleet.mjs'
import { startPing } from './loop-ping.mjs'

/**
 * @typedef {import('./loop-fault.mjs').Fault} Fault
 * @typedef {import('./loop-fleet.mjs').Subject} Subject
 */

/** By contender. @type {ReadonlyMap<string, Subject>} */
const SUBJECTS = new Map([
  ['subject', { name: 'early-flush', earlyFlush: true, exitSignal: false }],
  ['probe_alone', { name: 'probe-alone', earlyFlush: false, exitSignal: false }],
  ['exit_signal', { name: 'exit-signal', earlyFlush: true, exitSignal: true }],
])
const PING = 'two_hop_ping'
const FULL = { faults: 20, pings: 80, warmUp: 3 }
const QUICK = { faults: 1, pings: 10, warmUp: 1 }
/** Deltas, heartbeats and commits have a period of a second: faults fall anywhere in it. */
const PHASE_MS = 1_000

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
  #pinger
  #how
  #size
  #next
  /** @type {Set<string>} */
  #warm = new Set()

  /**
   * @param {import('./loop-fleet.mjs').Fleet} fleet
   * @param {Awaited<ReturnType<typeof startPing>>} pinger @param {import('./run.mjs').How} how
   */
  constructor(fleet, pinger, how) {
    this.#fleet = fleet
    this.#pinger = pinger
    this.#how = how
    this.#size = how.quick ? QUICK : FULL
    this.#next = random(how.seed)
  }

  /** p50 of a round; the first round of each is not kept. @param {string} who */
  async measure(who) {
    const isKept = this.#warm.has(who)
    this.#warm.add(who)
    if (who === PING) return await this.#ping(isKept)
    const subject = SUBJECTS.get(who)
    if (subject === undefined) throw new Error(`nobody is called ${who}`)
    return await this.#break(subject, isKept)
  }

  raw() {
    const of = (/** @type {string} */ name) =>
      figuresOf(this.#faults.filter(({ subject }) => subject === name))
    const crossings = this.#faults.map(({ crossingMs }) => crossingMs)
    return {
      log: 'memory',
      seed: this.#how.seed,
      early_flush: of('early-flush'),
      probe_only: of('probe-alone'),
      with_exit_signal: of('exit-signal'),
      pings: this.#pings.length,
      ...spread('ping', this.#pings),
      ...spread('crossing', crossings),
      missed_faults: this.#begun - this.#healed,
      stray_commands: this.#faults.reduce((sum, { stray }) => sum + stray, 0),
    }
  }

  async close() {
    await this.#pinger.stop()
    await this.#fleet.stop()
  }

  /** @param {boolean} isKept */
  async #ping(isKept) {
    const times = []
    for (let i = 0; i < this.#size.pings; i++) times.push(await this.#pinger.ping())
    if (isKept) this.#pings.push(...times)
    return quantile(times, 0.5)
  }

  /** @param {Subject} subject @param {boolean} isKept */
  async #break(subject, isKept) {
    const count = isKept ? this.#size.faults : this.#size.warmUp
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

/** @param {import('./run.mjs').How} how */
async function open(how) {
  console.log(`seed ${how.seed}; guards and policy: bench/loop.policies.yaml`)
  const fleet = await startFleet([...SUBJECTS.values()])
  const stand = new LoopStand(fleet, await startPing(fleet.broker), how)
  for (const signal of ['SIGINT', 'SIGTERM'])
    process.once(signal, () => void stand.close().finally(() => process.exit(130)))
  if ((await until(() => fleet.isWell() || null)) !== null) return stand
  await stand.close()
  throw new Error('the instances do not become healthy')
}

export const bench = {
  unit: 'ms',
  rulers: ['probe_alone', PING, 'exit_signal'],
  smallerIsBetter: true,
  open,
}
