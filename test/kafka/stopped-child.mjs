// A worker in a process of its own, to be stopped and kept busy. Says what happens to it as JSON
// lines with the time of the machine's monotonic clock; takes `block MS` (the main loop stands
// still) and `stop` (as SIGTERM does) on its standard input, and ends with it.
//   stopped-child.mjs '{"kafka": {"brokers": […]}, "prefix": …, "group": …}'
import { createInterface } from 'node:readline'

const built = (path) => import(new URL(`../../dist/${path}`, import.meta.url).href)
const { createKafkaLog } = await built('adapters/kafka/kafka-log.js')
const { createSerde } = await built('adapters/serde/serde.js')
const { createServiceCore } = await built('core/tasks/service-task.js')
const { createFleetCore } = await built('core/tasks/fleet-task.js')
const { startWorker } = await built('roles/worker/worker.js')
const { systemClock } = await built('runtime/clock.js')

const SAID = ['task_step', 'task_commit', 'group_lost', 'group_assigned', 'task_state']
const say = (kind, fields) => {
  const atMs = Number(process.hrtime.bigint()) / 1e6
  process.stdout.write(`${JSON.stringify({ atMs, kind, ...fields })}\n`)
}
const { kafka, ...names } = JSON.parse(process.argv[2] ?? '{}')
const serde = await createSerde()
const handle = await startWorker({
  log: createKafkaLog({ ...kafka, clock: systemClock }),
  decoder: serde,
  encoder: serde,
  createCore: createServiceCore,
  createFleetCore,
  clock: systemClock,
  instruments: { emit: (kind, fields) => SAID.includes(kind) && say(kind, fields) },
  ...names,
})
createInterface({ input: process.stdin })
  .on('line', (line) => {
    if (line === 'stop') {
      handle.stop().then(() => process.exit(0))
      return
    }
    const ms = Number(line.split(' ')[1])
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms)
    say('unblocked', {})
  })
  .on('close', () => process.exit(0))
