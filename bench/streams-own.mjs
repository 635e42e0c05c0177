// Subject of the `streams` bench: our engine with the peer's job, from the first record to the
// last, as the peer measures itself: the closing commit is not in it.
import { readFileSync } from 'node:fs'
import { performance } from 'node:perf_hooks'
import { setInterval } from 'node:timers'
import { systemClock } from '../dist/runtime/clock.js'
import { SILENT } from '../dist/runtime/instruments.js'
import { startWorker } from '../dist/roles/worker/worker.js'
import { createSerde } from '../dist/adapters/serde/serde.js'
import { answer, task } from './contender.mjs'
import { cpuUs, rate } from './marks.mjs'
import { openLog } from './own-log.mjs'
import { createJobCore, jobEncoder, taken } from './streams-core.mjs'

const { brokers, prefix, records } = task()
const LOOK_MS = 5
/** The first quarter is left out of the warm figures. */
const WARM = 0.25

const serde = await createSerde()
const worker = await startWorker({
  log: openLog(brokers),
  decoder: serde,
  encoder: jobEncoder(serde),
  createCore: createJobCore,
  clock: systemClock,
  instruments: SILENT,
  prefix,
  group: `bench-${prefix}`,
  standbys: 0,
})
/** @type {import('./marks.mjs').Mark[]} */
const marks = []
const mark = () => {
  marks.push({ records: taken.records, atMs: performance.now(), cpu: process.cpuUsage() })
}
const timer = setInterval(() => {
  if (marks.length === 0 && taken.records > 0) mark()
  if (marks.length === 1 && taken.records >= WARM * records) mark()
  if (taken.records < records) return
  clearInterval(timer)
  mark()
  void end()
}, LOOK_MS)

async function end() {
  const [first, warm, last] = marks
  if (first === undefined || warm === undefined || last === undefined) throw new Error('no marks')
  await worker.stop()
  const peak = /VmHWM:\s+(\d+)/.exec(readFileSync('/proc/self/status', 'utf8'))?.[1] ?? 'NaN'
  answer({
    records: taken.records,
    perSecond: rate(first, last),
    warmPerSecond: rate(warm, last),
    cpuUs: cpuUs(first, last),
    warmCpuUs: cpuUs(warm, last),
    rssMb: Number(peak) / 1_024,
  })
}
