// Subject of the `worker` bench: a worker as it runs for users (reader, admission, windows of 10,
// 60 and 300 s, judgement, journal, commits), from the first delta to the last, in a process of its
// own.
import { readFileSync } from 'node:fs'
import { PerformanceObserver, performance } from 'node:perf_hooks'
import { createSerde } from '../dist/adapters/serde/serde.js'
import { createFleetCore } from '../dist/core/tasks/fleet-task.js'
import { createServiceCore } from '../dist/core/tasks/service-task.js'
import { startWorker } from '../dist/roles/worker/worker.js'
import { systemClock } from '../dist/runtime/clock.js'
import { answer, task } from './contender.mjs'
import { cpuUs, rate } from './marks.mjs'
import { openLog } from './own-log.mjs'

const { brokers, prefix, records } = task()
/** The first part is left out of the warm figures. */
const WARM = 0.25

/** @type {import('./marks.mjs').Mark[]} */
const marks = []
let stepped = 0
let commits = 0
let longestGcMs = 0
new PerformanceObserver((list) => {
  for (const { duration } of list.getEntries()) longestGcMs = Math.max(longestGcMs, duration)
}).observe({ entryTypes: ['gc'] })

const worker = await startWorker({
  log: openLog(brokers),
  decoder: await createSerde(),
  encoder: await createSerde(),
  createCore: createServiceCore,
  createFleetCore,
  clock: systemClock,
  instruments: { emit: (kind, fields) => heard(kind, fields) },
  prefix,
  group: `bench-${prefix}`,
  standbys: 0,
})

function mark() {
  marks.push({ records: stepped, atMs: performance.now(), cpu: process.cpuUsage() })
}

/**
 * @param {import('../dist/runtime/instruments.js').EventKind} kind
 * @param {import('../dist/runtime/instruments.js').EventFields} fields
 */
function heard(kind, { task: name, records: count }) {
  if (kind === 'task_commit') commits++
  if (kind !== 'task_step' || name === 'fleet' || typeof count !== 'number') return
  if (marks.length === 0 && count > 0) mark()
  stepped += count
  if (marks.length === 1 && stepped >= WARM * records) mark()
  if (marks.length !== 2 || stepped < records) return
  mark()
  void end()
}

async function end() {
  const [first, warm, last] = marks
  if (first === undefined || warm === undefined || last === undefined) throw new Error('no marks')
  const stopped = commits
  await worker.stop()
  const peak = /VmHWM:\s+(\d+)/.exec(readFileSync('/proc/self/status', 'utf8'))?.[1] ?? 'NaN'
  answer({
    records: stepped,
    perSecond: rate(first, last),
    warmPerSecond: rate(warm, last),
    cpuUs: cpuUs(first, last),
    warmCpuUs: cpuUs(warm, last),
    rssMb: Number(peak) / 1_024,
    commits: stopped,
    longestGcMs,
  })
}
