// Load for the bench of the windows: a fleet whose instances each send a delta of ten requests a
// second, in the windows alone, and the ruler that keeps the same in another way.
import sketches from '@datadog/sketches-js'
import { gridOf } from '../dist/core/window/grid.js'
import { Windows } from '../dist/core/window/window.js'

const INSTANCES_PER_SERVICE = 100
const DELTAS = 4_096
const REQUESTS = 10
const START_SEC = 1_800_000_000
/** A second more than the longest window and its oldest decade. */
export const FULL_SECS = 330
export const PANES = 60

/** CPU time of this process so far, ms: what others do on the machine is not counted. */
export function cpuMs() {
  const { user, system } = process.cpuUsage()
  return (user + system) / 1_000
}

/**
 * Deltas of ten latencies each, lognormal around 20 ms (σ 0.7), a tenth of them with an error.
 * @param {() => number} next
 */
export function drawDeltas(next) {
  const grid = gridOf(4)
  return Array.from({ length: DELTAS }, () => {
    const samples = Array.from({ length: REQUESTS }, () => {
      const normal = Math.sqrt(-2 * Math.log(1 - next())) * Math.cos(2 * Math.PI * next())
      return Math.max(1, Math.round(20_000 * Math.exp(0.7 * normal)))
    })
    /** @type {Map<number, number>} */
    const byIndex = new Map()
    for (const us of samples) {
      const index = grid.indexOf(us)
      byIndex.set(index, (byIndex.get(index) ?? 0) + 1)
    }
    const sorted = [...byIndex].sort(([a], [b]) => a - b)
    return {
      samples,
      n: REQUESTS,
      errors: next() < 0.1 ? 1 : 0,
      scale: 4,
      zeros: 0,
      buckets: sorted.length,
      bucketIndex: Int32Array.from(sorted, ([index]) => index),
      bucketCount: Float64Array.from(sorted, ([, count]) => count),
    }
  })
}

/** @typedef {ReturnType<typeof drawDeltas>} Deltas */

/** Windows of a fleet, driven second by second by kept numbers of rows, as a task does it. */
export class Fleet {
  /** @param {number} instances @param {Deltas} deltas */
  constructor(instances, deltas) {
    this.instances = instances
    this.deltas = deltas
    this.windows = new Windows({ graceMs: 60_000 })
    this.sec = START_SEC
    this.windows.advance(this.sec * 1_000)
    this.rows = new Int32Array(instances)
    this.services = new Int32Array(instances)
    for (let i = 0; i < instances; i++) {
      const service = `service-${Math.floor(i / INSTANCES_PER_SERVICE)}`
      this.rows[i] = this.windows.instanceRow(service, `${service}-7f9c4d8b6-x${i}`)
      this.services[i] = this.windows.serviceRow(service)
    }
    this.when = { eventMs: 0, appendMs: 0 }
    this.turn = 0
    this.changed = 0
  }

  /**
   * Deltas of a part of the fleet in the second under way.
   * @param {number} from @param {number} to
   */
  add(from, to) {
    const { windows, rows, services, deltas, when } = this
    const startMs = this.sec * 1_000
    for (let i = from; i < to; i++) {
      when.eventMs = startMs + ((i * 37) % 1_000)
      when.appendMs = when.eventMs + 500
      const delta = deltas[this.turn++ % DELTAS]
      if (delta !== undefined) windows.add(rows[i] ?? 0, services[i] ?? 0, delta, when)
    }
  }

  /** The second is over: panes leave, and who changed is asked for. */
  tick() {
    this.sec += 1
    this.windows.advance(this.sec * 1_000)
    this.windows.takeChangedRows(() => {
      this.changed += 1
    })
  }

  /** @param {number} seconds */
  run(seconds) {
    for (let i = 0; i < seconds; i++) {
      this.add(0, this.instances)
      this.tick()
    }
    return seconds * this.instances
  }

  /** P99 of every instance once. @param {10_000 | 60_000 | 300_000} span */
  query(span) {
    let sum = 0
    for (let i = 0; i < this.instances; i++) sum += this.windows.p99Us(this.rows[i] ?? 0, span)
    return sum
  }
}

/** The 60-s window of each instance as a ring of DDSketches (1 %), one a second. */
export class SketchRing {
  /** @param {number} instances @param {Deltas} deltas */
  constructor(instances, deltas) {
    this.instances = instances
    this.deltas = deltas
    this.rings = Array.from({ length: instances }, () => Array.from({ length: PANES }, newSketch))
    this.sec = 0
    this.turn = 0
  }

  /** @param {number} seconds */
  run(seconds) {
    for (let i = 0; i < seconds; i++) {
      const place = this.sec++ % PANES
      for (const ring of this.rings) {
        const sketch = newSketch()
        for (const us of this.deltas[this.turn++ % DELTAS]?.samples ?? []) sketch.accept(us)
        ring[place] = sketch
      }
    }
    return seconds * this.instances
  }

  query() {
    let sum = 0
    for (const ring of this.rings) {
      const all = newSketch()
      for (const sketch of ring) all.merge(sketch)
      sum += all.getValueAtQuantile(0.99)
    }
    return sum
  }
}

function newSketch() {
  return new sketches.DDSketch({ relativeAccuracy: 0.01 })
}
