// A worker in a process of its own, to be killed. Says its state as JSON lines when it changes;
// ends by itself when its standard input does.
//   worker-child.mjs '{"kafka": {"brokers": […]}, "prefix": …, "group": …}'
import { setInterval } from 'node:timers'

const built = (path) => import(new URL(`../../dist/${path}`, import.meta.url).href)
const { createKafkaLog } = await built('adapters/kafka/kafka-log.js')
const { createSerde } = await built('adapters/serde/serde.js')
const { createServiceCore } = await built('core/tasks/service-task.js')
const { createFleetCore } = await built('core/tasks/fleet-task.js')
const { startWorker } = await built('roles/worker/worker.js')
const { systemClock } = await built('runtime/clock.js')
const { SILENT } = await built('runtime/instruments.js')

const { kafka, ...names } = JSON.parse(process.argv[2] ?? '{}')
const serde = await createSerde()
const handle = await startWorker({
  log: createKafkaLog({ ...kafka, clock: systemClock }),
  decoder: serde,
  encoder: serde,
  createCore: createServiceCore,
  createFleetCore,
  clock: systemClock,
  instruments: SILENT,
  ...names,
})
let said = ''
setInterval(() => {
  const { ready, tasks } = handle.status()
  const state = {
    ready,
    tasks: tasks.map(({ partition, state, reason }) => ({ partition, state, reason })),
  }
  const line = JSON.stringify(state)
  if (line !== said) process.stdout.write(`${line}\n`)
  said = line
}, 20)
process.stdin.on('end', () => process.exit(0)).resume()
