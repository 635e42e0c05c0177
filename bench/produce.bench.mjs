// `produce`: records of 200 bytes a second by the idempotent producer, batches of 100 to four
// partitions, a stream of sends for each, every answer awaited. Ruler: kafkajs' idempotent producer
// with the same records in the same streams.
import { randomBytes } from 'node:crypto'
import { cluster } from './brokers.mjs'
import { contend } from './contender.mjs'
import { median, round } from './figures.mjs'

const SHAPE = { partitions: 4, recordBytes: 200, batch: 100 }
const FULL = { warmUp: 300, batches: 3_000 }
const QUICK = { warmUp: 30, batches: 200 }

/** @param {import('./run.mjs').How} how */
async function open(how) {
  const sizes = { ...SHAPE, ...(how.quick ? QUICK : FULL) }
  const kafka = await cluster(how, 1)
  const topic = `bench-produce-${randomBytes(4).toString('hex')}`
  await kafka.createTopics([{ topic, partitions: SHAPE.partitions }])
  /** @type {Map<string, number[]>} */
  const cpu = new Map()
  return {
    /** @param {string} who */
    async measure(who) {
      const file = who === 'subject' ? 'produce-own.mjs' : 'produce-kafkajs.mjs'
      const figures = await contend(file, { brokers: kafka.brokers, topic, ...sizes })
      const { perSecond = Number.NaN, cpuUs = Number.NaN } = figures
      cpu.set(who, [...(cpu.get(who) ?? []), cpuUs])
      return perSecond
    },
    raw() {
      const own = [...cpu].map(([who, all]) => [who, round(median(all.slice(1)))])
      return { cpu_us_per_record: Object.fromEntries(own), ...sizes }
    },
    async close() {
      await kafka.deleteTopics([topic])
      await kafka.stop()
    },
  }
}

/** @type {import('./run.mjs').Bench} */
export const bench = { unit: 'records/s', rulers: ['kafkajs'], target: 2, open }
