// `loop-kafka`: the loop of `loop` through one real broker: milliseconds from a real `kill -9` to
// the visible command, p50 of a round. Callers are not instrumented, so their deltas do not count.
// Rulers: the fast probe profile alone; a plain two-hop ping by kafkajs over the same broker.
import { randomBytes } from 'node:crypto'
import { cluster } from './brokers.mjs'
import { contend } from './contender.mjs'
import { onBrokers } from './loop-log.mjs'
import { openStand } from './loop-stand.mjs'

const PING = 'kafkajs_ping'
/** By contender. @type {import('./loop-stand.mjs').Setting['subjects']} */
const SUBJECTS = new Map([
  ['subject', { name: 'early-flush', earlyFlush: true, exitSignal: false }],
  ['probe_alone', { name: 'probe-alone', earlyFlush: false, exitSignal: false }],
])
const FULL = { faults: 40, pings: 80, warmUp: 3 }
const QUICK = { faults: 1, pings: 10, warmUp: 1 }

/** @param {import('./run.mjs').How} how */
async function open(how) {
  const kafka = await cluster(how, 1)
  const tail = randomBytes(4).toString('hex')
  const topics = [`bench-ping-${tail}`, `bench-pong-${tail}`]
  await kafka.createTopics(topics.map((topic) => ({ topic, partitions: 1 })))
  const ping = {
    name: PING,
    /** In a process of its own: its client is never quite idle. @param {number} count */
    async times(count) {
      const task = { brokers: kafka.brokers, topics, count }
      const { times = [] } = await contend('loop-ping-kafkajs.mjs', task)
      return times
    },
    async stop() {
      await kafka.deleteTopics(topics)
    },
  }
  const log = onBrokers(kafka.brokers)
  const size = how.quick ? QUICK : FULL
  const stand = await openStand({ log, subjects: SUBJECTS, ping, size, seed: how.seed })
  return {
    /** @param {string} who */
    measure: (who) => stand.measure(who),
    raw: () => ({ ...stand.raw(), targets: TARGETS }),
    async close() {
      await stand.close()
      await kafka.stop()
    },
  }
}

const TARGETS = {
  'early_flush.command_p99_ms': 300,
  'probe_only.command_p99_ms': 600,
  crossing_p99_ms: 100,
}

/** @type {import('./run.mjs').Bench} */
export const bench = {
  unit: 'ms',
  rulers: ['probe_alone', PING],
  smallerIsBetter: true,
  open,
}
