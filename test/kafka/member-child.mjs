// A member of a group in a process of its own, to be killed, stopped or kept busy. Says its events
// as JSON lines; takes `block MS` (the main loop stands still) and `leave` on its standard input.
//   member-child.mjs '{"brokers": […], "group": …, "tasks": 6, …times of JoinOptions}'
import { createInterface } from 'node:readline'

const built = (path) => import(new URL(`../../dist/${path}`, import.meta.url).href)
const { createKafkaLog } = await built('adapters/kafka/kafka-log.js')
const { systemClock } = await built('runtime/clock.js')
const { brokers, tasks, ...times } = JSON.parse(process.argv[2] ?? '{}')
const all = Array.from({ length: tasks }, (_, task) => task)
const log = createKafkaLog({ brokers, clock: systemClock })
const membership = log.join({
  ...times,
  metadata: () => new Uint8Array(1),
  assign: (members) => {
    const ids = members.map(({ memberId }) => memberId).sort()
    const share = { standby: [], coming: [], behaviour: 1, format: 2 }
    const owned = (i) => all.filter((task) => task % ids.length === i)
    return new Map(ids.map((id, i) => [id, { ...share, tasks: owned(i) }]))
  },
})
const say = (said) => process.stdout.write(`${JSON.stringify(said)}\n`)

createInterface({ input: process.stdin }).on('line', (line) => {
  const [verb, ms] = line.split(' ')
  if (verb === 'leave') {
    log.close().then(() => process.exit(0))
    return
  }
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, Number(ms))
  say({ kind: 'unblocked' })
})

try {
  for (;;) say(await membership.next())
} catch (error) {
  say({ kind: 'failed', code: error.code })
}
