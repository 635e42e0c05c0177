// `windows`: deltas a second of CPU time that service tasks fold and judge, without a socket:
// admitted and decoded deltas into their instances and three windows, everybody who changed judged
// each second, incidents decided on (behaviour 3, defaults). Rulers: the like the plain way, JSON
// and a Map of objects (bench/plain-service.mjs); ten times as many instances in twelve tasks; the
// windows alone; a ring of 60 DDSketches per instance (60-s window only, no service). Besides:
// bytes of the windows per instance against that ring, time of a P99, heap per delta, and the
// longest pause at 100,000 instances while images are taken.
import { monitorEventLoopDelay, PerformanceObserver } from 'node:perf_hooks'
import { setTimeout } from 'node:timers/promises'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { ImageWriter } from '../dist/core/kernel/image.js'
import { median, random, round } from './figures.mjs'
import { FoldTasks } from './fold-load.mjs'
import { PlainService } from './plain-service.mjs'
import { cpuMs, drawDeltas, Fleet, FULL_SECS, PANES, SketchRing } from './windows-load.mjs'

const RING_INSTANCES = 300
const ROUND_DELTAS = 600_000
const SLICE = 1_000
/** Of the process with ten times as many instances. */
const TASKS = 12
const SAMPLES = 10
/** After as long nobody counts as one that changed while its windows were nearly empty. */
const STEADY_SECS = 670
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

/** Deltas of a contender a second of CPU time. @param {() => number} run answers their number */
function perSecond(run) {
  // What the one before left behind is collected, and what a collection makes cold is warmed, at
  // nobody's expense.
  gc()
  run()
  const start = cpuMs()
  const deltas = run()
  return (1_000 * deltas) / (cpuMs() - start)
}

/** @param {number} instances */
const roundSeconds = (instances) => Math.max(1, Math.round(ROUND_DELTAS / instances))

/** The sender's work is not counted. @param {PlainService} service @param {number} seconds */
function plainPerSecond(service, seconds) {
  let ms = 0
  for (let i = 0; i < seconds; i++) {
    const texts = service.messages()
    const start = cpuMs()
    service.second(texts)
    ms += cpuMs() - start
  }
  return (1_000 * seconds * service.size) / ms
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
function heapPerDelta(
  /** @type {{ instances: number, run: (seconds: number) => number }} */ fleet,
) {
  const all = Array.from({ length: 5 }, () => {
    gc()
    const before = process.memoryUsage().heapUsed
    const deltas = fleet.run(Math.max(1, Math.round(30_000 / fleet.instances)))
    return (process.memoryUsage().heapUsed - before) / deltas
  })
  return all.sort((a, b) => a - b)[2] ?? Number.NaN
}

/** Takes an image; @returns CPU milliseconds and bytes. */
function imageOf(/** @type {{ windows: Fleet['windows'] }} */ { windows }) {
  const start = cpuMs()
  const writer = new ImageWriter()
  windows.save(writer)
  const pieces = writer.pieces()
  const ms = cpuMs() - start
  return { ms, bytes: pieces.reduce((sum, piece) => sum + piece.length, 0), pieces }
}

/**
 * Runs tasks in slices with the event loop in between, an image of the windows now and then.
 * `slice`: longest CPU time in which a thousand deltas were folded; `tick`: that of a second's
 * eviction in one task; `judge`: that in which the second was judged in one; `loop`: longest delay
 * of the event loop by the clock, which others on the machine lengthen; `gc`: longest collection.
 */
async function pauses(/** @type {FoldTasks} */ { tasks }) {
  let longestGc = 0
  const observer = new PerformanceObserver((list) => {
    for (const { duration } of list.getEntries()) longestGc = Math.max(longestGc, duration)
  })
  observer.observe({ entryTypes: ['gc'] })
  const delay = monitorEventLoopDelay({ resolution: 1 })
  delay.enable()
  const longest = { slice: 0, tick: 0, judge: 0, image: 0 }
  /** @type {unknown} */
  let held = null
  const timed = async (/** @type {keyof typeof longest} */ what, /** @type {() => void} */ run) => {
    const start = cpuMs()
    run()
    longest[what] = Math.max(longest[what], cpuMs() - start)
    await new Promise((resolve) => setImmediate(resolve))
  }
  for (let sec = 0; sec < PAUSE_SECS; sec++) {
    for (const task of tasks) {
      const { instances } = task
      await timed('tick', () => task.begin())
      for (let from = 0; from < instances; from += SLICE)
        await timed('slice', () => task.fold(from, Math.min(from + SLICE, instances)))
      await timed('judge', () => task.judge())
      if (sec % IMAGE_EVERY_SECS !== 0) continue
      await timed('image', () => {
        held = imageOf(task.state).pieces
      })
    }
  }
  delay.disable()
  observer.disconnect()
  if (held === null) throw new Error('no image was taken')
  const figures = { ...longest, gc: longestGc, loop: delay.max / 1e6 }
  return Object.fromEntries(Object.entries(figures).map(([name, ms]) => [name, round(ms)]))
}

/** The first one of all is that of the round that warms up. @param {readonly number[]} all */
function told(all) {
  const samples = all.slice(1).map((figure) => round(figure))
  return { min: Math.min(...samples), median: round(median(samples)), samples }
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
  const { made: ring, bytes: ringBytes } = await weighed(() => {
    const one = new SketchRing(RING_INSTANCES, deltas)
    one.run(PANES + 1)
    return one
  })
  const image = imageOf(fleet)
  const tasks = new FoldTasks(few, 1, deltas)
  tasks.run(STEADY_SECS)
  const heap = heapPerDelta(tasks)
  const many = new FoldTasks(10 * few, TASKS, deltas)
  many.run(FULL_SECS)
  gc()
  const pausesMs = await pauses(many)
  const plain = new PlainService(few, deltas)
  plainPerSecond(plain, PANES + 1)
  /** @type {Record<string, () => number>} */
  const contenders = {
    subject: () => perSecond(() => tasks.run(roundSeconds(few))),
    json: () => plainPerSecond(plain, Math.ceil(roundSeconds(few) / 6)),
    tenfold: () => perSecond(() => many.run(roundSeconds(10 * few))),
    windows: () => perSecond(() => fleet.run(roundSeconds(few))),
    ddsketch: () => perSecond(() => ring.run(roundSeconds(6 * RING_INSTANCES))),
  }
  /** @type {Map<string, number[]>} */
  const figures = new Map(Object.keys(contenders).map((who) => [who, []]))
  return {
    /** @param {string} who */
    measure: (who) => {
      const figure = contenders[who]?.() ?? Number.NaN
      figures.get(who)?.push(figure)
      return figure
    },
    raw: () => ({
      instances: few,
      deltasPerSecond: {
        [few]: told(figures.get('subject') ?? []),
        [10 * few]: told(figures.get('tenfold') ?? []),
      },
      ...tasks.figures(),
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
  rulers: ['json', 'tenfold', 'windows', 'ddsketch'],
  pairs: SAMPLES,
  open,
}
