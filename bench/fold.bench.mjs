// `fold`: deltas a second that the core of a service task takes, folds into its windows and judges,
// without a log: real Avro in real record batches, twelve tasks on one core, every instance one
// delta of ten requests a second, one step per task and second of log time, so that every instance
// is judged once for each of its deltas. Subject: 10,000 instances and a reader that catches up.
// Rulers: 100,000 instances, and 10,000 with a reader that is at the end of the log, which tells
// figures as well. The last line also tells nanoseconds and heap bytes for a delta, and the longest
// pause of the collector.
import { createHash } from 'node:crypto'
import { PerformanceObserver, performance } from 'node:perf_hooks'
import { getHeapStatistics } from 'node:v8'
import { createSerde } from '../dist/adapters/serde/serde.js'
import { INPUT_TOPICS } from '../dist/contracts/topics.js'
import { BEHAVIOUR_WINDOWS } from '../dist/core/kernel/behaviour.js'
import { createServiceCore } from '../dist/core/tasks/service-task.js'
import { DeltaFleet, FLEET_START_MS } from './delta-fleet.mjs'
import { round } from './figures.mjs'

const TASKS = 12
/** Log time that fills the windows, and that one measurement takes. */
const FILL_SECONDS = 310
const QUICK_FILL_SECONDS = 70
const CONTENDERS = {
  subject: { instances: 10_000, behind: true, seconds: 20 },
  at_the_end: { instances: 10_000, behind: false, seconds: 20 },
  instances_100k: { instances: 100_000, behind: true, seconds: 3 },
}

/** @typedef {keyof typeof CONTENDERS} Contender */

/** @param {Uint8Array} bytes */
const sha256 = (bytes) => createHash('sha256').update(bytes).digest()

/** All tasks of a fleet, stepped second by second. */
class World {
  #second = 0
  #fleet
  #cores
  #offsets = new Float64Array(TASKS)
  #behind
  deltas = 0
  tookMs = 0
  heapBytes = 0
  heapDeltas = 0
  outputs = 0

  /**
   * @param {import('./delta-fleet.mjs').Serde} serde
   * @param {{ instances: number, behind: boolean, seed: number }} how
   */
  constructor(serde, { instances, behind, seed }) {
    this.#behind = behind
    this.#fleet = new DeltaFleet(serde, { instances, tasks: TASKS, seed })
    this.#cores = Array.from({ length: TASKS }, (_, partition) =>
      createServiceCore(
        {
          clusterId: 'bench',
          taskId: `s${partition}`,
          partition,
          partitionCount: TASKS,
          behaviour: BEHAVIOUR_WINDOWS,
          scale: 4,
          sha256,
          decoder: serde,
        },
        null,
      ),
    )
  }

  /** @param {number} seconds */
  run(seconds) {
    for (let i = 0; i < seconds; i++) {
      for (let task = 0; task < TASKS; task++) this.#step(task)
      this.#second++
    }
  }

  /** @param {number} task */
  #step(task) {
    const batches = this.#fleet.batches(task, this.#second)
    const deltas = batches.reduce((sum, batch) => sum + batch.recordCount, 0)
    const nowMs = FLEET_START_MS + 1_000 * this.#second + 1_950
    const asOf = Object.fromEntries(INPUT_TOPICS.map((topic) => [topic, nowMs]))
    const from = this.#offsets[task] ?? 0
    this.#offsets[task] = from + deltas
    const slice = {
      topic: /** @type {const} */ ('telemetry'),
      partition: task,
      from,
      to: from + deltas,
      /** @param {import('../dist/contracts/record.js').RecordVisitor} visitor */
      visit: (visitor) => {
        for (const batch of batches) batch.visit(visitor)
      },
    }
    const step = { seq: this.#second + 1, nowMs, behind: this.#behind, asOf, slices: [slice] }
    const heap = getHeapStatistics().used_heap_size
    const start = performance.now()
    const outcome = this.#cores[task]?.step(step)
    this.tookMs += performance.now() - start
    const grown = getHeapStatistics().used_heap_size - heap
    // After a collection in between the difference says nothing.
    if (grown >= 0) {
      this.heapBytes += grown
      this.heapDeltas += deltas
    }
    this.deltas += deltas
    this.outputs += outcome?.outputs.length ?? 0
  }

  reset() {
    Object.assign(this, { deltas: 0, tookMs: 0, heapBytes: 0, heapDeltas: 0, outputs: 0 })
  }
}

/** @param {import('./run.mjs').How} how @returns {Promise<import('./run.mjs').Stand>} */
async function open({ quick, seed }) {
  const serde = await createSerde()
  let longestMs = 0
  const observer = new PerformanceObserver((list) => {
    for (const { duration } of list.getEntries()) longestMs = Math.max(longestMs, duration)
  })
  /** @type {Map<string, World>} */
  const worlds = new Map()
  /** @type {Record<string, unknown>} */
  const told = {}
  /** @param {Contender} who */
  const worldOf = (who) => {
    const held = worlds.get(who)
    if (held !== undefined) return held
    const world = new World(serde, { ...CONTENDERS[who], seed })
    world.run(quick ? QUICK_FILL_SECONDS : FILL_SECONDS)
    worlds.set(who, world)
    return world
  }
  return {
    measure: async (name) => {
      const who = /** @type {Contender} */ (name)
      const world = worldOf(who)
      world.reset()
      longestMs = 0
      observer.observe({ entryTypes: ['gc'] })
      world.run(CONTENDERS[who].seconds)
      await new Promise((resolve) => setTimeout(resolve, 20))
      observer.disconnect()
      told[who] = {
        nsPerDelta: round((1e6 * world.tookMs) / world.deltas),
        heapBytesPerDelta: round(world.heapBytes / world.heapDeltas),
        longestGcMs: round(longestMs),
        outputsPerDelta: round(world.outputs / world.deltas),
      }
      return (1_000 * world.deltas) / world.tookMs
    },
    raw: () => ({ last: told, rssMb: Math.round(process.memoryUsage.rss() / 2 ** 20) }),
  }
}

/** @type {import('./run.mjs').Bench} */
export const bench = {
  unit: 'deltas/s',
  rulers: ['instances_100k', 'at_the_end'],
  open,
}
