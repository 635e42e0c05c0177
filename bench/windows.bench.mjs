// `windows`: deltas a second of CPU time that the three windows take: counted on arrival, taken
// away on eviction, decades merged, every instance and service. Rulers: the same at ten times as
// many instances, in twelve tasks, and a ring of 60 DDSketches per instance (60-s window only, no
// service). Besides: bytes per instance against that ring, time of a P99, heap per delta, and the
// longest pause at 100,000 instances while images are taken.
import { monitorEventLoopDelay, PerformanceObserver } from 'node:perf_hooks'
import { setTimeout } from 'node:timers/promises'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { ImageWriter } from '../dist/core/kernel/image.js'
import { random, round } from './figures.mjs'
import { cpuMs, drawDeltas, Fleet, FULL_SECS, PANES, SketchRing, Tasks } from './windows-load.mjs'

const RING_INSTANCES = 300
const ROUND_DELTAS = 400_000
const SLICE = 1_000
/** Of the process with ten times as many instances. */
const TASKS = 12
const PAUSE_SECS = 25
const IMAGE_EVERY_SECS = 7

setFlagsFromString('--expose-gc')
/** @type {() => void} */
const gc = runInNewContext('gc')

/**
 * Bytes in use after a full collection: heap and, outside of it, the typed arrays, which a thread
 * of its own gives back a little later.
 */
async function bytesInUse() {
  gc()
  await setTimeout(300)
  gc()
  const { heapUsed, external } = process.memoryUsage()
  return heapUsed + external
}

/**
 * What `make` holds, by instance.
 * @template {{ instances: number }} T @param {() => T} make
 * @returns {Promise<{ made: T, bytes: number }>}
 */
async function weighed(make) {
  const before = await bytesInUse()
  const made = make()
  return { made, bytes: ((await bytesInUse()) - before) / made.instances }
}

/** @param {{ instances: number, run: (seconds: number) => number }} contender */
function perSecond(contender) {
  const seconds = Math.max(1, Math.round(ROUND_DELTAS / contender.instances))
  const start = cpuMs()
  const deltas = contender.run(seconds)
  return (1_000 * deltas) / (cpuMs() - start)
}

/** @param {number} count @param {() => number} ask */
function nanosEach(count, ask) {
  const all = Array.from({ length: 9 }, () => {
    const start = cpuMs()
    if (!(ask() > 0)) throw new Error('a P99 is missing')
    return ((cpuMs() - start) * 1e6) / count
  })
  return all.sort((a, b) => a - b)[4] ?? Number.NaN
}

/** Heap that a delta leaves behind, bytes: so few deltas that nothing is collected meanwhile. */
function heapPerDelta(/** @type {Fleet} */ fleet) {
  const all = Array.from({ length: 5 }, () => {
    gc()
    const before = process.memoryUsage().heapUsed
    const deltas = fleet.run(Math.max(1, Math.round(30_000 / fleet.instances)))
    return (process.memoryUsage().heapUsed - before) / deltas
  })
  return all.sort((a, b) => a - b)[2] ?? Number.NaN
}

/** Takes an image; @returns CPU milliseconds and bytes. */
function imageOf(/** @type {Fleet} */ fleet) {
  const start = cpuMs()
  const writer = new ImageWriter()
  fleet.windows.save(writer)
  const pieces = writer.pieces()
  const ms = cpuMs() - start
  return { ms, bytes: pieces.reduce((sum, piece) => sum + piece.length, 0), pieces }
}

/**
 * Runs a fleet in slices with the event loop in between, an image now and then. `slice`: longest
 * CPU time of one slice (a thousand deltas, or a second's eviction); `loop`: longest delay of the
 * event loop by the clock, which others on the machine lengthen; `gc`: longest collection.
 */
async function pauses(/** @type {Tasks} */ { fleets }) {
  let longestGc = 0
  const observer = new PerformanceObserver((list) => {
    for (const { duration } of list.getEntries()) longestGc = Math.max(longestGc, duration)
  })
  observer.observe({ entryTypes: ['gc'] })
  const delay = monitorEventLoopDelay({ resolution: 1 })
  delay.enable()
  let slice = 0
  let tick = 0
  let image = 0
  /** @type {unknown} */
  let held = null
  const breathe = () => new Promise((resolve) => setImmediate(resolve))
  for (let sec = 0; sec < PAUSE_SECS; sec++) {
    for (const fleet of fleets) {
      for (let from = 0; from < fleet.instances; from += SLICE) {
        const start = cpuMs()
        fleet.add(from, Math.min(from + SLICE, fleet.instances))
        slice = Math.max(slice, cpuMs() - start)
        await breathe()
      }
      if (sec % IMAGE_EVERY_SECS === 0) {
        const taken = imageOf(fleet)
        image = Math.max(image, taken.ms)
        held = taken.pieces
        await breathe()
      }
      const start = cpuMs()
      fleet.tick()
      tick = Math.max(tick, cpuMs() - start)
      await breathe()
    }
  }
  delay.disable()
  observer.disconnect()
  if (held === null) throw new Error('no image was taken')
  const figures = { slice, tick, image, gc: longestGc, loop: delay.max / 1e6 }
  return Object.fromEntries(Object.entries(figures).map(([name, ms]) => [name, round(ms)]))
}

/** @param {import('./run.mjs').How} how */
async function open({ quick, seed }) {
  const deltas = drawDeltas(random(seed))
  const few = quick ? 1_000 : 10_000
  const { made: fleet, bytes } = await weighed(() => {
    const one = new Fleet(few, deltas)
    one.run(FULL_SECS)
    return one
  })
  const heap = heapPerDelta(fleet)
  const many = new Tasks(10 * few, TASKS, deltas)
  many.run(FULL_SECS)
  gc()
  const pausesMs = await pauses(many)
  const { made: ring, bytes: ringBytes } = await weighed(() => {
    const one = new SketchRing(RING_INSTANCES, deltas)
    one.run(PANES + 1)
    return one
  })
  const image = imageOf(fleet)
  /** @type {Record<string, Fleet | Tasks | SketchRing>} */
  const contenders = { subject: fleet, tenfold: many, ddsketch: ring }
  return {
    /** @param {string} who */
    measure: (who) => perSecond(contenders[who] ?? fleet),
    raw: () => ({
      instances: few,
      bytesPerInstance: Math.round(bytes),
      ddsketchBytesPerInstance: Math.round(ringBytes),
      bytesRatio: round(ringBytes / bytes),
      imageBytesPerInstance: Math.round(image.bytes / few),
      imageMs: round(image.ms),
      heapBytesPerDelta: round(heap),
      p99Ns: Object.fromEntries(
        /** @type {const} */ ([10_000, 60_000, 300_000]).map((span) => [
          span,
          round(nanosEach(few, () => fleet.query(span))),
        ]),
      ),
      ddsketchP99Ns: round(nanosEach(RING_INSTANCES, () => ring.query())),
      pausesMsTenfold: pausesMs,
    }),
  }
}

/** @type {import('./run.mjs').Bench} */
export const bench = {
  unit: 'deltas/s',
  rulers: ['ddsketch', 'tenfold'],
  open,
}
